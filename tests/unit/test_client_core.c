/* The non-blocking core: many requests under way, completed in any order, exactly once each. */
#include <check.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client/lib/request.h"
#include "tests/unit/test_client_peer.h"

static struct peer p;
static struct core core;

/* What one request came to. */
struct outcome {
    int completions;
    bobbin_status status;
    int64_t number; /* the result, if it is one */
    char text[512];
    int order; /* of completion among all */
};

static int completions;

static void on_reply(void *arg, const struct reply *reply)
{
    struct outcome *o = arg;
    o->completions++;
    o->order = ++completions;
    if (reply->failure != NULL) {
        o->status = reply->failure->status;
        snprintf(o->text, sizeof(o->text), "%s", reply->failure->text);
        return;
    }
    struct reader r = reply->result;
    o->status = BOBBIN_OK;
    if (reader_int(&r, &o->number) != 0)
        o->number = -1;
}

static void setup(void)
{
    core_init(&core);
    core_open(&core, peer_pair(&p));
}

static void teardown(void)
{
    core_fini(&core);
    if (p.fd >= 0)
        close(p.fd);
}

static uint32_t submit(uint32_t timeout_ms, struct outcome *o)
{
    struct request r;
    struct failure f = {0};
    uint32_t id = 0;
    *o = (struct outcome){0};
    request_begin(&r, &core, "ping", 0);
    ck_assert_int_eq(core_submit(&r, timeout_ms, on_reply, o, &id, &f), BOBBIN_OK);
    return id;
}

/* Write what can be written and read what is there. */
static bobbin_status process(void)
{
    struct pollfd pf = {.fd = core.fd, .events = core_events(&core)};
    ck_assert_int_ge(poll(&pf, 1, 0), 0);
    return core_process(&core, pf.revents);
}

static void answer(uint32_t id, long long number)
{
    char text[100];
    snprintf(text, sizeof(text), "[1, %u, nil, %lld]", id, number);
    peer_send(&p, text);
}

START_TEST(answers_come_in_any_order)
{
    enum { COUNT = 500 };
    static struct outcome o[COUNT];
    uint32_t ids[COUNT];
    for (int i = 0; i < COUNT; i++)
        ids[i] = submit(0, &o[i]);
    ck_assert_int_eq(core_events(&core), POLLIN | POLLOUT);
    ck_assert_int_eq(process(), BOBBIN_OK);
    ck_assert_int_eq(core_events(&core), POLLIN);
    ck_assert_int_eq(core_timeout(&core), -1);
    for (int i = 0; i < COUNT; i++)
        peer_expect(&p, "[\"ping\", []]");
    /* 7 and 500 share no divisor: every request once, none in turn. */
    for (int i = 0; i < COUNT; i++) {
        answer(ids[i * 7 % COUNT], i);
        /* Many at a time, but not more than a socket takes. */
        if (i % 50 == 49)
            ck_assert_int_eq(process(), BOBBIN_OK);
    }
    ck_assert_int_eq(completions, COUNT);
    for (int i = 0; i < COUNT; i++) {
        ck_assert_int_eq(o[i * 7 % COUNT].completions, 1);
        ck_assert_int_eq(o[i * 7 % COUNT].number, i);
        ck_assert_int_eq(o[i * 7 % COUNT].order, i + 1);
    }
}
END_TEST

START_TEST(one_byte_at_a_time)
{
    struct outcome o;
    struct buffer b;
    buffer_init(&b);
    uint32_t id = submit(0, &o);
    message_write_result(&b, id);
    peer_encode(&b, "-70000");
    process();
    for (size_t i = 0; i < b.len; i++) {
        ck_assert_int_eq(o.completions, 0);
        peer_write(&p, b.data + i, 1);
        ck_assert_int_eq(process(), BOBBIN_OK);
    }
    ck_assert_int_eq(o.completions, 1);
    ck_assert_int_eq(o.number, -70000);
    buffer_fini(&b);
}
END_TEST

START_TEST(cancelled_request_is_not_completed)
{
    struct outcome o, other;
    uint32_t id = submit(0, &o);
    uint32_t other_id = submit(0, &other);
    ck_assert(core_cancel(&core, id));
    ck_assert(!core_cancel(&core, id));
    ck_assert(!core_cancel(&core, 99));
    answer(id, 1);
    answer(other_id, 2);
    ck_assert_int_eq(process(), BOBBIN_OK);
    ck_assert_int_eq(o.completions, 0);
    ck_assert_int_eq(other.number, 2);
    /* The one answer that was still to be ignored has come. */
    answer(id, 1);
    ck_assert_int_eq(process(), BOBBIN_BAD_RESPONSE);
}
END_TEST

START_TEST(deadline_completes_one_and_keeps_the_rest)
{
    struct outcome late, patient;
    uint32_t late_id = submit(1, &late);
    uint32_t patient_id = submit(60000, &patient);
    ck_assert_int_le(core_timeout(&core), 1);
    process();
    while (late.completions == 0) {
        ck_assert_int_ge(poll(NULL, 0, core_timeout(&core)), 0);
        ck_assert_int_eq(core_process(&core, 0), BOBBIN_OK);
    }
    ck_assert_int_eq(late.status, BOBBIN_TIMED_OUT);
    ck_assert_int_gt(core_timeout(&core), 1000);
    answer(late_id, 1);
    answer(patient_id, 2);
    ck_assert_int_eq(process(), BOBBIN_OK);
    ck_assert_int_eq(late.completions, 1);
    ck_assert_int_eq(patient.completions, 1);
    ck_assert_int_eq(patient.number, 2);
    ck_assert_int_eq(core_timeout(&core), -1);
}
END_TEST

START_TEST(close_completes_everything)
{
    struct outcome o[3];
    struct request r;
    struct failure f = {0};
    for (int i = 0; i < 3; i++)
        submit(0, &o[i]);
    core_fini(&core);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(o[i].completions, 1);
        ck_assert_int_eq(o[i].status, BOBBIN_DISCONNECTED);
    }
    core_init(&core);
    request_begin(&r, &core, "ping", 0);
    ck_assert_int_eq(core_submit(&r, 0, on_reply, &o[0], NULL, &f), BOBBIN_DISCONNECTED);
    ck_assert_str_eq(f.text, "not connected");
}
END_TEST

START_TEST(peer_that_closes_ends_everything_once)
{
    struct outcome o[2];
    submit(0, &o[0]);
    submit(0, &o[1]);
    process();
    close(p.fd);
    p.fd = -1;
    while (process() == BOBBIN_OK)
        ;
    ck_assert_int_eq(core.failure.status, BOBBIN_DISCONNECTED);
    ck_assert_int_eq(core_events(&core), 0);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(o[i].completions, 1);
        ck_assert_int_eq(o[i].status, BOBBIN_DISCONNECTED);
        ck_assert_str_eq(o[i].text, "the daemon closed the connection");
    }
}
END_TEST

START_TEST(last_words_are_heard)
{
    struct outcome o[2];
    char text[100];
    uint32_t id = submit(0, &o[0]);
    submit(0, &o[1]);
    snprintf(text, sizeof(text), "[1, %u, [\"too-large\", \"that was too much\"], nil]", id);
    peer_send(&p, text);
    close(p.fd);
    p.fd = -1;
    /* The first write finds nobody to read it, but what was said before is still there. */
    while (core_process(&core, POLLOUT) == BOBBIN_OK)
        ck_assert_int_eq(core_timeout(&core), 0);
    ck_assert_int_eq(o[0].status, BOBBIN_TOO_LARGE);
    ck_assert_str_eq(o[0].text, "that was too much");
    ck_assert_int_eq(o[1].status, BOBBIN_DISCONNECTED);
}
END_TEST

START_TEST(notifications_are_passed_over)
{
    struct outcome o;
    uint32_t id = submit(0, &o);
    peer_send(&p, "[2, \"changed\", [1, {\"a\": [2]}]]");
    answer(id, 5);
    ck_assert_int_eq(process(), BOBBIN_OK);
    ck_assert_int_eq(o.number, 5);
}
END_TEST

/* Submits the next request from the completion of the one before. */
static struct outcome chained;
static void on_first(void *arg, const struct reply *reply)
{
    *(int *)arg += reply->failure == NULL;
    submit(0, &chained);
}

START_TEST(completion_may_submit)
{
    struct request r;
    struct failure f = {0};
    uint32_t id;
    int first = 0;
    request_begin(&r, &core, "ping", 0);
    ck_assert_int_eq(core_submit(&r, 0, on_first, &first, &id, &f), BOBBIN_OK);
    answer(id, 1);
    process();
    ck_assert_int_eq(first, 1);
    answer(id + 1, 2);
    process();
    ck_assert_int_eq(chained.number, 2);
}
END_TEST

START_TEST(too_large_a_request_leaves_no_trace)
{
    static const size_t sizes[] = {LIMIT_MESSAGE, (size_t)5 << 30, SIZE_MAX / 2, SIZE_MAX};
    struct request r;
    struct failure f = {0};
    struct outcome before, o = {0}, after;
    uint32_t id = submit(0, &before);
    size_t len = core.out.len;
    char *bytes = calloc(1, LIMIT_MESSAGE);
    for (size_t i = 0; i < 4; i++) {
        request_begin(&r, &core, "set", 3);
        request_cstr(&r, "default");
        request_str(&r, "", sizes[i]);
        request_bin(&r, bytes, i == 0 ? LIMIT_MESSAGE : SIZE_MAX);
        ck_assert_int_eq(core_submit(&r, 0, on_reply, &o, NULL, &f), BOBBIN_TOO_LARGE);
        ck_assert_ptr_nonnull(strstr(f.text, "33554432"));
        ck_assert_uint_eq(core.out.len, len);
        ck_assert_uint_lt(core.out.cap, 1 << 20);
    }
    uint32_t after_id = submit(0, &after);
    answer(id, 1);
    answer(after_id, 2);
    ck_assert_int_eq(process(), BOBBIN_OK);
    ck_assert_int_eq(before.number, 1);
    ck_assert_int_eq(after.number, 2);
    ck_assert_int_eq(o.completions, 0);
    free(bytes);
}
END_TEST

START_TEST(largest_request_fits_exactly)
{
    struct request r;
    struct failure f = {0};
    char *bytes = calloc(1, LIMIT_MESSAGE);
    request_begin(&r, &core, "x", 1);
    size_t overhead = request_size(&r) + 5;
    request_bin(&r, bytes, LIMIT_MESSAGE - overhead);
    ck_assert_uint_eq(request_size(&r), LIMIT_MESSAGE);
    ck_assert_int_eq(core_submit(&r, 0, NULL, NULL, NULL, &f), BOBBIN_OK);
    size_t len = core.out.len;
    request_begin(&r, &core, "x", 1);
    request_bin(&r, bytes, LIMIT_MESSAGE - overhead + 1);
    ck_assert_int_eq(core_submit(&r, 0, NULL, NULL, NULL, &f), BOBBIN_TOO_LARGE);
    ck_assert_uint_eq(core.out.len, len);
    free(bytes);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("core");
    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, answers_come_in_any_order);
    tcase_add_test(tc, one_byte_at_a_time);
    tcase_add_test(tc, cancelled_request_is_not_completed);
    tcase_add_test(tc, deadline_completes_one_and_keeps_the_rest);
    tcase_add_test(tc, close_completes_everything);
    tcase_add_test(tc, peer_that_closes_ends_everything_once);
    tcase_add_test(tc, last_words_are_heard);
    tcase_add_test(tc, notifications_are_passed_over);
    tcase_add_test(tc, completion_may_submit);
    tcase_add_test(tc, too_large_a_request_leaves_no_trace);
    tcase_add_test(tc, largest_request_fits_exactly);

    Suite *s = suite_create("client core");
    suite_add_tcase(s, tc);
    SRunner *sr = srunner_create(s);
    srunner_run_all(sr, CK_NORMAL);
    int failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
