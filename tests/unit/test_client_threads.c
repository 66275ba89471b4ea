/* Threads, each with a handle of its own, at the same time: what the header promises. Worth most
 * when it is built with ThreadSanitizer. */
#include <check.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/test_client_peer.h"

enum { THREADS = 6, ROUNDS = 60, PIPELINE = 20 };

/* increment: the delta; watch: a watch and a change right away; anything else: an error. */
static void handle(const struct message *m, struct buffer *out)
{
    struct reader r = m->params;
    msgpack_packer pk;
    int64_t delta = 0;
    pack_init(&pk, out);
    if (slice_equals(m->method, "increment")) {
        reader_skip(&r);
        reader_skip(&r);
        reader_int(&r, &delta);
        message_write_result(out, m->id);
        msgpack_pack_array(&pk, 2);
        msgpack_pack_int64(&pk, delta);
        msgpack_pack_int64(&pk, delta + 1);
    } else if (slice_equals(m->method, "watch")) {
        message_write_result(out, m->id);
        msgpack_pack_int(&pk, 1);
        message_write_notification(out, "changed");
        peer_encode(out, "[1, 1, \"key\", \"set\", b\"value\"]");
    } else {
        message_write_error(out, m->id, ERR_BUSY, "not now");
    }
}

/* One thread's part; failures are told by the text, which the main thread checks. */
struct worker {
    pthread_t thread;
    struct server server;
    int fd;
    int number;
    int completed;
    char wrong[600];
};

static void worker_fail(struct worker *w, const char *what, const char *why)
{
    snprintf(w->wrong, sizeof(w->wrong), "thread %d: %s: %s", w->number, what, why);
}

static void on_result(void *arg, const bobbin_result *result)
{
    struct worker *w = arg;
    if (result->status != BOBBIN_OK || result->number != w->number)
        worker_fail(w, "increment", result->error);
    w->completed++;
}

static bobbin_status pipeline(struct worker *w, bobbin *b)
{
    const bobbin_request q = {
        .kind = BOBBIN_REQUEST_INCREMENT, .store = "default", .key = {"n", 1}, .delta = w->number};
    bobbin_status status = BOBBIN_OK;
    for (int i = 0; i < PIPELINE && status == BOBBIN_OK; i++)
        status = bobbin_submit(b, &q, 60000, on_result, w, NULL);
    while (status == BOBBIN_OK && bobbin_pending(b) > 0) {
        struct pollfd p = {.fd = bobbin_fd(b), .events = bobbin_events(b)};
        poll(&p, 1, bobbin_timeout(b));
        status = bobbin_process(b, p.revents);
    }
    return status;
}

static bobbin_status round_trip(struct worker *w, bobbin *b)
{
    bobbin_change *c = NULL;
    uint64_t id;
    int64_t value = -1;
    bool exists;
    bobbin_status status = bobbin_increment(b, "default", "n", 1, w->number, &value);
    if (status == BOBBIN_OK && value != w->number)
        worker_fail(w, "increment", "the value is another thread's");
    if (status == BOBBIN_OK && bobbin_exists(b, "default", "n", 1, &exists) != BOBBIN_BUSY)
        worker_fail(w, "exists", bobbin_status_name(BOBBIN_BUSY));
    if (status == BOBBIN_OK)
        status = bobbin_watch(b, "default", NULL, &id);
    if (status == BOBBIN_OK)
        status = bobbin_next_change(b, 60000, &c);
    if (status == BOBBIN_OK && (c == NULL || strcmp(c->value.data, "value") != 0))
        worker_fail(w, "change", "there is none");
    bobbin_change_free(c);
    return status != BOBBIN_OK ? status : pipeline(w, b);
}

static void *worker_main(void *arg)
{
    struct worker *w = arg;
    bobbin *b;
    bobbin_status status = bobbin_connect_fd(w->fd, &b);
    for (int i = 0; i < ROUNDS && status == BOBBIN_OK; i++)
        status = round_trip(w, b);
    if (status != BOBBIN_OK)
        worker_fail(w, "round", bobbin_error(b));
    bobbin_close(b);
    return NULL;
}

START_TEST(handles_of_their_own)
{
    static struct worker workers[THREADS];
    for (int i = 0; i < THREADS; i++) {
        struct worker *w = &workers[i];
        w->number = i + 1;
        w->server.handle = handle;
        w->fd = server_start(&w->server);
    }
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&workers[i].thread, NULL, worker_main, &workers[i]), 0);
    for (int i = 0; i < THREADS; i++) {
        ck_assert_int_eq(pthread_join(workers[i].thread, NULL), 0);
        server_join(&workers[i].server);
    }
    for (int i = 0; i < THREADS; i++) {
        ck_assert_str_eq(workers[i].wrong, "");
        ck_assert_int_eq(workers[i].completed, ROUNDS * PIPELINE);
    }
}
END_TEST

/* One call over a handle that another thread made and will use again. */
static void *borrow_main(void *arg)
{
    int64_t value = 0;
    bobbin_status status = bobbin_increment(arg, "default", "n", 1, 7, &value);
    return status == BOBBIN_OK && value == 7 ? arg : NULL;
}

START_TEST(handle_that_changes_hands)
{
    struct server server = {.handle = handle};
    bobbin *b;
    ck_assert_int_eq(bobbin_connect_fd(server_start(&server), &b), BOBBIN_OK);
    for (int i = 0; i < 10; i++) {
        pthread_t thread;
        void *ret;
        ck_assert_int_eq(pthread_create(&thread, NULL, borrow_main, b), 0);
        ck_assert_int_eq(pthread_join(thread, &ret), 0);
        ck_assert_ptr_eq(ret, b);
        ck_assert_uint_eq(bobbin_last_commit(b), 8);
        ck_assert_ptr_eq(borrow_main(b), b);
    }
    bobbin_close(b);
    server_join(&server);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("threads");
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, handles_of_their_own);
    tcase_add_test(tc, handle_that_changes_hands);

    Suite *s = suite_create("client threads");
    suite_add_tcase(s, tc);
    SRunner *sr = srunner_create(s);
    srunner_run_all(sr, CK_NORMAL);
    int failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
