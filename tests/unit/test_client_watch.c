/* Watching: changes that arrive between answers, wait in the handle, overflow it, and end. */
#include <check.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/lib/handle.h"
#include "tests/unit/test_client_peer.h"

static struct peer p;
static uint64_t id;

#define assert_ok(call)                                                                            \
    do {                                                                                           \
        bobbin_status status_ = (call);                                                            \
        ck_assert_msg(status_ == BOBBIN_OK, #call ": %s", bobbin_error(p.b));                      \
    } while (0)

/* Connected, with watch 5 over everything. */
static void setup(void)
{
    peer_setup(&p);
    peer_result(&p, "5");
    assert_ok(bobbin_watch(p.b, "default", NULL, &id));
    ck_assert_uint_eq(id, 5);
    peer_expect(&p, "[\"watch\", [\"default\", {}]]");
}

static void teardown(void)
{
    peer_teardown(&p);
}

static void ping(void)
{
    peer_result(&p, "\"pong\"");
    assert_ok(bobbin_ping(p.b));
    peer_expect(&p, "[\"ping\", []]");
}

/* The next change as text, which belongs to this function. */
static const char *next(void)
{
    static const char *const kinds[] = {"set", "delete", "expire", "overflow"};
    static char text[200];
    bobbin_change *c = NULL;
    assert_ok(bobbin_next_change(p.b, 0, &c));
    if (c == NULL)
        return "nothing";
    snprintf(text, sizeof(text), "%d %d %s %s %s", (int)c->watch, (int)c->commit, kinds[c->kind],
             c->key.data != NULL ? c->key.data : "-", c->value.data != NULL ? c->value.data : "-");
    bobbin_change_free(c);
    return text;
}

START_TEST(watch_sends_what_it_is_about)
{
    const bobbin_string keys[] = {{"a", 1}, {"b", 1}};
    const bobbin_watch_options by_key = {.keys = keys, .key_count = 2, .values = true};
    const bobbin_watch_options by_prefix = {
        .prefix = "pre", .prefix_len = 3, .has_since = true, .since = 0};
    peer_result(&p, "6");
    assert_ok(bobbin_watch(p.b, "default", &by_key, &id));
    peer_expect(&p, "[\"watch\", [\"default\", {\"keys\": [\"a\", \"b\"], \"values\": true}]]");
    ck_assert_uint_eq(id, 6);
    peer_error(&p, "compacted", "");
    ck_assert_int_eq(bobbin_watch(p.b, "default", &by_prefix, &id), BOBBIN_COMPACTED);
    peer_expect(&p, "[\"watch\", [\"default\", {\"prefix\": \"pre\", \"since\": 0}]]");
    ck_assert_uint_eq(id, 6);
}
END_TEST

START_TEST(changes_between_answers_wait)
{
    peer_send(&p, "[2, \"changed\", [5, 1, \"a\", \"set\", b\"one\"]]");
    ping();
    peer_send(&p, "[2, \"changed\", [5, 2, \"a\", \"delete\", nil]]");
    peer_send(&p, "[2, \"news\", [{\"of\": [\"a newer daemon\"]}]]");
    peer_send(&p, "[2, \"changed\", [5, 2, \"\", \"expire\", nil]]");
    peer_send(&p, "[2, \"changed\", [7, 2, \"not ours\", \"set\", nil]]");
    ping();
    peer_send(&p, "[2, \"changed\", [5, 3, \"b\", \"set\", nil]]");
    ck_assert_str_eq(next(), "5 1 set a one");
    ck_assert_str_eq(next(), "5 2 delete a -");
    ck_assert_str_eq(next(), "5 2 expire  -");
    ck_assert_str_eq(next(), "5 3 set b -");
    ck_assert_str_eq(next(), "nothing");
}
END_TEST

START_TEST(next_change_waits_as_told)
{
    bobbin_change *c = NULL;
    int64_t start = core_now_ms();
    assert_ok(bobbin_next_change(p.b, 30, &c));
    ck_assert_ptr_null(c);
    ck_assert_int_ge(core_now_ms() - start, 30);
    peer_send(&p, "[2, \"changed\", [5, 1, \"a\", \"set\", b\"\"]]");
    assert_ok(bobbin_next_change(p.b, -1, &c));
    ck_assert_str_eq(c->value.data, "");
    bobbin_change_free(c);
}
END_TEST

START_TEST(changes_outlive_the_connection)
{
    bobbin_change *c;
    peer_send(&p, "[2, \"changed\", [5, 1, \"a\", \"set\", nil]]");
    peer_send(&p, "[2, \"changed\", [5, 2, \"b\", \"set\", nil]]");
    close(p.fd);
    p.fd = -1;
    ck_assert_str_eq(next(), "5 1 set a -");
    ck_assert_str_eq(next(), "5 2 set b -");
    ck_assert_int_eq(bobbin_next_change(p.b, -1, &c), BOBBIN_DISCONNECTED);
    ck_assert_str_eq(bobbin_error(p.b), "the daemon closed the connection");
}
END_TEST

START_TEST(unwatch_drops_what_waits)
{
    bool existed = false;
    peer_result(&p, "6");
    assert_ok(bobbin_watch(p.b, "default", NULL, &id));
    peer_send(&p, "[2, \"changed\", [5, 1, \"a\", \"set\", nil]]");
    peer_send(&p, "[2, \"changed\", [6, 1, \"a\", \"set\", nil]]");
    peer_result(&p, "\"pong\"");
    assert_ok(bobbin_ping(p.b));
    /* Told before the daemon heard that it is over. */
    peer_send(&p, "[2, \"changed\", [5, 2, \"b\", \"set\", nil]]");
    peer_result(&p, "true");
    assert_ok(bobbin_unwatch(p.b, 5, &existed));
    ck_assert(existed);
    ck_assert_str_eq(next(), "6 1 set a -");
    ck_assert_str_eq(next(), "nothing");
    peer_result(&p, "false");
    assert_ok(bobbin_unwatch(p.b, 5, &existed));
    ck_assert(!existed);
    peer_result(&p, "true");
    assert_ok(bobbin_unwatch(p.b, 6, NULL));
}
END_TEST

START_TEST(overflow_of_the_daemon_ends_the_watch)
{
    peer_send(&p, "[2, \"changed\", [5, 8, \"a\", \"set\", nil]]");
    peer_send(&p, "[2, \"overflow\", [5, 8]]");
    peer_send(&p, "[2, \"overflow\", [5, 9]]");
    peer_send(&p, "[2, \"changed\", [5, 9, \"b\", \"set\", nil]]");
    ck_assert_str_eq(next(), "5 8 set a -");
    ck_assert_str_eq(next(), "5 8 overflow - -");
    ck_assert_str_eq(next(), "nothing");
}
END_TEST

START_TEST(queue_is_bounded)
{
    bool existed = true;
    size_t most = 0;
    assert_ok(bobbin_set_queue_limit(p.b, 4096));
    for (int i = 0; i < 200; i++) {
        char text[100];
        /* Two changes in each commit. */
        snprintf(text, sizeof(text), "[2, \"changed\", [5, %d, \"key %d\", \"set\", b\"value\"]]",
                 10 + i / 2, i);
        peer_send(&p, text);
    }
    /* What does not fit ends the watch, for the daemon, too; calls work all the same. */
    peer_result(&p, "\"pong\"");
    assert_ok(bobbin_ping(p.b));
    peer_expect(&p, "[\"ping\", []]");
    most = p.b->watches.waiting;
    ck_assert_uint_gt(most, 2048);
    ck_assert_uint_le(most, 4096 + 200);
    p.id++; /* taken by the library's own request */
    peer_send(&p, "[1, 4, nil, true]");
    peer_result(&p, "false");
    assert_ok(bobbin_unwatch(p.b, 6, &existed));
    peer_expect(&p, "[\"unwatch\", [5]]");
    peer_expect(&p, "[\"unwatch\", [6]]");

    int changes = 0;
    const char *text;
    while (strstr(text = next(), " set ") != NULL)
        changes++;
    int commit = -1;
    ck_assert_int_gt(changes, 10);
    ck_assert_int_eq(sscanf(text, "5 %d overflow", &commit), 1);
    /* Everything up to there has been told; nothing is skipped by going on from there. */
    ck_assert_int_eq(commit, 10 + changes / 2 - 1);
    ck_assert_str_eq(next(), "nothing");
    ck_assert_uint_eq(p.b->watches.waiting, 0);
}
END_TEST

START_TEST(one_change_may_always_wait)
{
    char text[1000];
    assert_ok(bobbin_set_queue_limit(p.b, 0));
    snprintf(text, sizeof(text), "[2, \"changed\", [5, 1, \"a\", \"set\", b\"%0500d\"]]", 7);
    peer_send(&p, text);
    peer_result(&p, "\"pong\"");
    assert_ok(bobbin_ping(p.b));
    bobbin_change *c;
    assert_ok(bobbin_next_change(p.b, 0, &c));
    ck_assert_uint_eq(c->value.len, 500);
    bobbin_change_free(c);
}
END_TEST

static const char *const wrong[] = {
    "[2, \"changed\", []]",
    "[2, \"changed\", [5, 1, \"a\", \"set\"]]",
    "[2, \"changed\", [5, 1, \"a\", \"set\", nil, nil]]",
    "[2, \"changed\", [-5, 1, \"a\", \"set\", nil]]",
    "[2, \"changed\", [5, \"1\", \"a\", \"set\", nil]]",
    "[2, \"changed\", [5, 1, b\"a\", \"set\", nil]]",
    "[2, \"changed\", [5, 1, nil, \"set\", nil]]",
    "[2, \"changed\", [5, 1, \"a\", \"rename\", nil]]",
    "[2, \"changed\", [5, 1, \"a\", nil, nil]]",
    "[2, \"changed\", [5, 1, \"a\", \"set\", \"str\"]]",
    "[2, \"changed\", [5, 1, \"a\", \"set\", 1]]",
    "[2, \"changed\", [5, 1, \"a\", \"delete\", b\"value\"]]",
    "[2, \"overflow\", []]",
    "[2, \"overflow\", [5]]",
    "[2, \"overflow\", [5, nil]]",
    "[2, \"overflow\", [nil, 5]]",
    "[2, \"overflow\", [5, 5, 5]]",
};

START_TEST(notification_of_a_wrong_shape)
{
    bobbin_change *c = NULL;
    peer_send(&p, wrong[_i]);
    ck_assert_int_eq(bobbin_next_change(p.b, 1000, &c), BOBBIN_BAD_RESPONSE);
    ck_assert_str_ne(bobbin_error(p.b), "");
    ck_assert_int_eq(bobbin_ping(p.b), BOBBIN_BAD_RESPONSE);
}
END_TEST

START_TEST(watch_that_nobody_waits_for_is_refused)
{
    assert_ok(bobbin_set_timeout(p.b, 5));
    ck_assert_int_eq(bobbin_watch(p.b, "default", NULL, &id), BOBBIN_TIMED_OUT);
    assert_ok(bobbin_set_timeout(p.b, 0));
    peer_expect(&p, "[\"watch\", [\"default\", {}]]");
    peer_result(&p, "6");
    peer_send(&p, "[2, \"changed\", [6, 1, \"a\", \"set\", nil]]");
    ck_assert_str_eq(next(), "nothing");
    p.id++;
    ck_assert_str_eq(next(), "nothing");
    peer_expect(&p, "[\"unwatch\", [6]]");
    peer_send(&p, "[1, 4, nil, true]");
    ping();
    ck_assert_str_eq(next(), "nothing");
}
END_TEST

/* What the callback was given. */
static char told[1000];

static void on_change(void *arg, const bobbin_change *c)
{
    size_t len = strlen(told);
    ck_assert_ptr_eq(arg, &p);
    ck_assert_int_eq(bobbin_ping(p.b), BOBBIN_MISUSE);
    snprintf(told + len, sizeof(told) - len, "%d:%s ", (int)c->commit,
             c->key.data != NULL ? c->key.data : "overflow");
}

START_TEST(callback_is_given_changes_in_order)
{
    bobbin_change *c;
    peer_send(&p, "[2, \"changed\", [5, 1, \"a\", \"set\", nil]]");
    ping();
    assert_ok(bobbin_on_change(p.b, on_change, &p));
    ck_assert_str_eq(told, "");
    ck_assert_int_eq(bobbin_timeout(p.b), 0);
    assert_ok(bobbin_process(p.b, 0));
    ck_assert_str_eq(told, "1:a ");
    ck_assert_int_eq(bobbin_timeout(p.b), -1);
    ck_assert_int_eq(bobbin_next_change(p.b, 0, &c), BOBBIN_MISUSE);

    peer_send(&p, "[2, \"changed\", [5, 2, \"b\", \"set\", nil]]");
    peer_send(&p, "[2, \"overflow\", [5, 2]]");
    ping();
    ck_assert_str_eq(told, "1:a 2:b 2:overflow ");
    assert_ok(bobbin_on_change(p.b, NULL, NULL));
    ck_assert_str_eq(next(), "nothing");
}
END_TEST

static void on_change_unwatch(void *arg, const bobbin_change *c)
{
    const bobbin_request unwatch = {.kind = BOBBIN_REQUEST_UNWATCH, .watch = c->watch};
    ++*(int *)arg;
    ck_assert_int_eq(bobbin_submit(p.b, &unwatch, 0, NULL, NULL, NULL), BOBBIN_OK);
}

START_TEST(callback_may_end_its_watch)
{
    int calls = 0;
    for (int i = 0; i < 3; i++)
        peer_send(&p, "[2, \"changed\", [5, 1, \"a\", \"set\", nil]]");
    ping();
    assert_ok(bobbin_on_change(p.b, on_change_unwatch, &calls));
    /* One that waits, then one that arrives. */
    peer_send(&p, "[2, \"changed\", [5, 2, \"b\", \"set\", nil]]");
    peer_result(&p, "true");
    while (bobbin_pending(p.b) > 0 || calls == 0)
        assert_ok(bobbin_process(p.b, POLLIN | POLLOUT));
    ck_assert_int_eq(calls, 1);
    peer_expect(&p, "[\"unwatch\", [5]]");
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("watch");
    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, watch_sends_what_it_is_about);
    tcase_add_test(tc, changes_between_answers_wait);
    tcase_add_test(tc, next_change_waits_as_told);
    tcase_add_test(tc, changes_outlive_the_connection);
    tcase_add_test(tc, unwatch_drops_what_waits);
    tcase_add_test(tc, overflow_of_the_daemon_ends_the_watch);
    tcase_add_test(tc, queue_is_bounded);
    tcase_add_test(tc, one_change_may_always_wait);
    tcase_add_loop_test(tc, notification_of_a_wrong_shape, 0,
                        (int)(sizeof(wrong) / sizeof(wrong[0])));
    tcase_add_test(tc, watch_that_nobody_waits_for_is_refused);
    tcase_add_test(tc, callback_is_given_changes_in_order);
    tcase_add_test(tc, callback_may_end_its_watch);

    Suite *s = suite_create("client watch");
    suite_add_tcase(s, tc);
    SRunner *sr = srunner_create(s);
    srunner_run_all(sr, CK_NORMAL);
    int failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
