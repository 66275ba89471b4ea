/* Big values, slow peers and both directions at once, against a daemon in a thread. */
#include <check.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client/lib/handle.h"
#include "tests/unit/test_client_peer.h"

#define BIG (15u << 20)

static struct server server;
static bobbin *b;

static void start(void (*handle)(const struct message *m, struct buffer *out), size_t step)
{
    server = (struct server){.handle = handle, .step = step};
    ck_assert_int_eq(bobbin_connect_fd(server_start(&server), &b), BOBBIN_OK);
}

static void stop(void)
{
    bobbin_close(b);
    server_join(&server);
}

/* Bytes that differ from place to place. */
static char *make_value(size_t len)
{
    char *value = malloc(len);
    ck_assert_ptr_nonnull(value);
    for (size_t i = 0; i < len; i++)
        value[i] = (char)(i * 31 + (i >> 8));
    return value;
}

/* get: the value of the last set; anything else: nil. */
static void store_one(const struct message *m, struct buffer *out)
{
    static struct buffer stored;
    struct reader r = m->params;
    struct slice value;
    msgpack_packer pk;
    pack_init(&pk, out);
    message_write_result(out, m->id);
    msgpack_pack_array(&pk, 2);
    if (slice_equals(m->method, "get")) {
        pack_slice_bin(&pk, (struct slice){(char *)stored.data, stored.len});
        msgpack_pack_int(&pk, 1);
        return;
    }
    if (slice_equals(m->method, "set")) {
        ck_assert_int_eq(reader_skip(&r), 0);
        ck_assert_int_eq(reader_skip(&r), 0);
        ck_assert_int_eq(reader_bytes(&r, &value), 0);
        buffer_clear(&stored);
        ck_assert_int_eq(buffer_append(&stored, value.data, value.len), 0);
    } else {
        buffer_fini(&stored);
    }
    msgpack_pack_nil(&pk);
    msgpack_pack_int(&pk, 2);
}

START_TEST(big_values_there_and_back)
{
    char *value = make_value(BIG);
    void *got;
    size_t len;
    start(store_one, 0);
    ck_assert_int_eq(bobbin_set(b, "default", "big", 3, value, BIG), BOBBIN_OK);
    ck_assert_int_eq(bobbin_get(b, "default", "big", 3, &got, &len), BOBBIN_OK);
    ck_assert_uint_eq(len, BIG);
    ck_assert_int_eq(memcmp(got, value, BIG), 0);
    bobbin_free(got);
    /* What a big value needed is given back. */
    ck_assert_uint_le(b->core.in.cap, 256 << 10);
    ck_assert_uint_le(b->core.out.cap, 256 << 10);
    ck_assert_int_eq(bobbin_delete(b, "default", "big", 3), BOBBIN_OK);
    stop();
    free(value);
}
END_TEST

START_TEST(huge_request_is_refused_here)
{
    char *value = calloc(1, 33 << 20);
    start(store_one, 0);
    ck_assert_int_eq(bobbin_set(b, "default", "k", 1, value, 33 << 20), BOBBIN_TOO_LARGE);
    ck_assert_ptr_nonnull(strstr(bobbin_error(b), "33554432"));
    ck_assert_int_eq(bobbin_set(b, "default", "k", 1, value, (size_t)1 << 40), BOBBIN_TOO_LARGE);
    ck_assert_int_eq(bobbin_set(b, "default", "k", 1, "v", 1), BOBBIN_OK);
    ck_assert_int_eq(bobbin_delete(b, "default", "k", 1), BOBBIN_OK);
    stop();
    free(value);
}
END_TEST

static void pages(const struct message *m, struct buffer *out)
{
    message_write_result(out, m->id);
    peer_encode(out, "[[[\"alpha\", \"beta\", \"gamma\"], b\"gamma\"], 9]");
}

START_TEST(byte_by_byte_from_a_slow_daemon)
{
    start(pages, 1);
    for (int i = 0; i < 20; i++) {
        bobbin_key_page *page;
        ck_assert_int_eq(bobbin_keys(b, "default", NULL, &page), BOBBIN_OK);
        ck_assert_uint_eq(page->count, 3);
        ck_assert_str_eq(page->keys[2].data, "gamma");
        bobbin_key_page_free(page);
    }
    stop();
}
END_TEST

/* A result as big as the request that asked for it. */
static void echo(const struct message *m, struct buffer *out)
{
    struct reader r = m->params;
    struct slice value;
    msgpack_packer pk;
    pack_init(&pk, out);
    ck_assert_int_eq(reader_bytes(&r, &value), 0);
    message_write_result(out, m->id);
    pack_slice_bin(&pk, value);
}

static void on_echo(void *arg, const struct reply *reply)
{
    struct reader r = reply->result;
    struct slice value;
    ck_assert_ptr_null(reply->failure);
    ck_assert_int_eq(reader_bytes(&r, &value), 0);
    ck_assert_uint_eq(value.len, 1 << 20);
    ++*(int *)arg;
}

/* The daemon reads the next request only when the answer before is written: whoever does not read
 * while writing waits for ever. */
START_TEST(both_directions_full)
{
    enum { COUNT = 24 };
    char *value = make_value(1 << 20);
    int answers = 0;
    start(echo, 0);
    for (int i = 0; i < COUNT; i++) {
        struct request r;
        struct failure f = {0};
        request_begin(&r, &b->core, "echo", 1);
        request_bin(&r, value, 1 << 20);
        ck_assert_int_eq(core_submit(&r, 0, on_echo, &answers, NULL, &f), BOBBIN_OK);
    }
    while (answers < COUNT) {
        struct pollfd p = {.fd = b->core.fd, .events = core_events(&b->core)};
        ck_assert_int_eq(poll(&p, 1, 30000), 1);
        ck_assert_int_eq(core_process(&b->core, p.revents), BOBBIN_OK);
    }
    stop();
    free(value);
}
END_TEST

/* 128 MiB in one answer. */
static void huge(const struct message *m, struct buffer *out)
{
    msgpack_packer pk;
    pack_init(&pk, out);
    message_write_result(out, m->id);
    if (slice_equals(m->method, "ping")) {
        pack_cstr(&pk, "pong");
        return;
    }
    msgpack_pack_array(&pk, 2);
    msgpack_pack_bin(&pk, LIMIT_RESULT);
    ck_assert_int_eq(buffer_reserve(out, LIMIT_RESULT), 0);
    memset(out->data + out->len, 'x', LIMIT_RESULT);
    out->len += LIMIT_RESULT;
    msgpack_pack_int(&pk, 3);
}

START_TEST(largest_answer)
{
    void *value;
    size_t len;
    start(huge, 0);
    ck_assert_int_eq(bobbin_get(b, "default", "k", 1, &value, &len), BOBBIN_OK);
    ck_assert_uint_eq(len, LIMIT_RESULT);
    ck_assert_int_eq(((char *)value)[LIMIT_RESULT - 1], 'x');
    bobbin_free(value);
    ck_assert_uint_le(b->core.in.cap, 256 << 10);
    ck_assert_int_eq(bobbin_ping(b), BOBBIN_OK);
    stop();
}
END_TEST

/* Says nothing to the first request, and answers both after the second. */
static void late(const struct message *m, struct buffer *out)
{
    if (m->id == 2)
        return;
    for (uint32_t id = 2; id <= m->id; id++) {
        message_write_result(out, id);
        peer_encode(out, "\"pong\"");
    }
}

START_TEST(call_that_timed_out_leaves_a_usable_handle)
{
    start(late, 0);
    ck_assert_int_eq(bobbin_set_timeout(b, 20), BOBBIN_OK);
    ck_assert_int_eq(bobbin_ping(b), BOBBIN_TIMED_OUT);
    ck_assert_str_eq(bobbin_error(b), "the daemon did not answer in time");
    ck_assert_int_eq(bobbin_set_timeout(b, 0), BOBBIN_OK);
    ck_assert_int_eq(bobbin_ping(b), BOBBIN_OK);
    stop();
}
END_TEST

/* Signals arrive all the time while values travel. */
static volatile sig_atomic_t signals;

static void on_signal(int signal)
{
    (void)signal;
    signals = signals + 1;
}

START_TEST(signals_interrupt_nothing)
{
    struct sigaction sa = {.sa_handler = on_signal};
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
    struct itimerspec often = {{0, 200000}, {0, 200000}};
    timer_t timer;
    char *value = make_value(BIG);
    void *got;
    size_t len;
    sigset_t set;
    ck_assert_int_eq(sigaction(SIGUSR1, &sa, NULL), 0);
    /* All of them are for the client: the daemon's thread is made with the signal blocked. */
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    ck_assert_int_eq(pthread_sigmask(SIG_BLOCK, &set, NULL), 0);
    start(store_one, 0);
    ck_assert_int_eq(pthread_sigmask(SIG_UNBLOCK, &set, NULL), 0);
    ck_assert_int_eq(timer_create(CLOCK_MONOTONIC, &event, &timer), 0);
    ck_assert_int_eq(timer_settime(timer, 0, &often, NULL), 0);
    ck_assert_int_eq(bobbin_set(b, "default", "big", 3, value, BIG), BOBBIN_OK);
    ck_assert_int_eq(bobbin_get(b, "default", "big", 3, &got, &len), BOBBIN_OK);
    timer_delete(timer);
    ck_assert_int_gt(signals, 0);
    ck_assert_int_eq(memcmp(got, value, BIG), 0);
    bobbin_free(got);
    ck_assert_int_eq(bobbin_delete(b, "default", "big", 3), BOBBIN_OK);
    stop();
    free(value);
}
END_TEST

START_TEST(peer_that_goes_away_raises_no_signal)
{
    struct peer p;
    char *value = make_value(1 << 20);
    signal(SIGPIPE, SIG_DFL);
    peer_setup(&p);
    close(p.fd);
    p.fd = -1;
    ck_assert_int_eq(bobbin_set(p.b, "default", "k", 1, value, 1 << 20), BOBBIN_DISCONNECTED);
    ck_assert_int_eq(bobbin_set(p.b, "default", "k", 1, "v", 1), BOBBIN_DISCONNECTED);
    peer_teardown(&p);
    free(value);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("transfer");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, big_values_there_and_back);
    tcase_add_test(tc, huge_request_is_refused_here);
    tcase_add_test(tc, byte_by_byte_from_a_slow_daemon);
    tcase_add_test(tc, both_directions_full);
    tcase_add_test(tc, largest_answer);
    tcase_add_test(tc, call_that_timed_out_leaves_a_usable_handle);
    tcase_add_test(tc, signals_interrupt_nothing);
    tcase_add_test(tc, peer_that_goes_away_raises_no_signal);

    Suite *s = suite_create("client transfer");
    suite_add_tcase(s, tc);
    SRunner *sr = srunner_create(s);
    srunner_run_all(sr, CK_NORMAL);
    int failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
