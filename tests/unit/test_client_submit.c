/* A handle without blocking: submit, process, callbacks; cancel, deadlines, the end of the
 * connection; and blocking calls in between. */
#include <check.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/lib/handle.h"
#include "tests/unit/test_client_peer.h"

static struct peer p;

static void setup(void)
{
    peer_setup(&p);
}

static void teardown(void)
{
    peer_teardown(&p);
}

/* What one request came to. */
struct outcome {
    int completions;
    int order; /* of completion among all */
    bobbin_result result;
    char text[512]; /* the error, or the value */
};

static int completions;

static void on_result(void *arg, const bobbin_result *result)
{
    struct outcome *o = arg;
    o->completions++;
    o->order = ++completions;
    o->result = *result;
    snprintf(o->text, sizeof(o->text), "%s",
             result->value.data != NULL ? result->value.data : result->error);
}

static const bobbin_request get = {
    .kind = BOBBIN_REQUEST_GET, .store = "default", .key = {"key", 3}};

static uint64_t submit(const bobbin_request *q, uint32_t timeout_ms, struct outcome *o)
{
    uint64_t id = 0;
    *o = (struct outcome){0};
    bobbin_status status = bobbin_submit(p.b, q, timeout_ms, on_result, o, &id);
    ck_assert_msg(status == BOBBIN_OK, "%s", bobbin_error(p.b));
    return id;
}

/* One round of a loop, not waiting for long. */
static bobbin_status process(void)
{
    struct pollfd pf = {.fd = bobbin_fd(p.b), .events = bobbin_events(p.b)};
    ck_assert_int_ge(poll(&pf, 1, 0), 0);
    return bobbin_process(p.b, pf.revents);
}

static void answer(uint64_t id, const char *result)
{
    char text[500];
    snprintf(text, sizeof(text), "[1, %d, nil, %s]", (int)id, result);
    peer_send(&p, text);
}

START_TEST(answers_come_in_any_order)
{
    enum { COUNT = 300 };
    static struct outcome o[COUNT];
    uint64_t ids[COUNT];
    char text[100];
    for (int i = 0; i < COUNT; i++)
        ids[i] = submit(&get, 0, &o[i]);
    ck_assert_uint_eq(bobbin_pending(p.b), COUNT);
    ck_assert_int_eq(bobbin_events(p.b), POLLIN | POLLOUT);
    ck_assert_int_eq(bobbin_timeout(p.b), -1);
    ck_assert_int_eq(process(), BOBBIN_OK);
    ck_assert_int_eq(bobbin_events(p.b), POLLIN);
    for (int i = 0; i < COUNT; i++) {
        int which = i * 7 % COUNT;
        snprintf(text, sizeof(text), "[b\"value %d\", %d]", which, 1000 + which);
        answer(ids[which], text);
        if (i % 50 == 49)
            ck_assert_int_eq(process(), BOBBIN_OK);
    }
    ck_assert_uint_eq(bobbin_pending(p.b), 0);
    for (int i = 0; i < COUNT; i++) {
        struct outcome *one = &o[i * 7 % COUNT];
        snprintf(text, sizeof(text), "value %d", i * 7 % COUNT);
        ck_assert_int_eq(one->completions, 1);
        ck_assert_int_eq(one->order, i + 1);
        ck_assert_int_eq(one->result.status, BOBBIN_OK);
        ck_assert_int_eq(one->result.kind, BOBBIN_REQUEST_GET);
        ck_assert_uint_eq(one->result.id, ids[i * 7 % COUNT]);
        ck_assert_int_eq((int)one->result.commit, 1000 + i * 7 % COUNT);
        ck_assert_str_eq(one->text, text);
    }
}
END_TEST

/* What the lists of a result hold, looked at while they are there. */
static void on_lists(void *arg, const bobbin_result *r)
{
    char *text = arg;
    ck_assert_int_eq(r->status, BOBBIN_OK);
    if (r->values != NULL)
        sprintf(text, "%zu values, %s", r->values->count, r->values->values[1].data);
    if (r->keys != NULL)
        sprintf(text, "%zu keys, %s", r->keys->count, r->keys->keys[0].data);
    if (r->entries != NULL)
        sprintf(text, "%zu entries, %s", r->entries->count, r->entries->entries[0].value.data);
}

START_TEST(lists_are_there_in_the_callback)
{
    const bobbin_string keys[] = {{"a", 1}, {"b", 1}};
    const bobbin_keys_options one = {.limit = 1};
    const bobbin_request many = {
        .kind = BOBBIN_REQUEST_GET_MANY, .store = "s", .keys = keys, .key_count = 2};
    const bobbin_request list = {.kind = BOBBIN_REQUEST_KEYS, .store = "s", .listing = &one};
    const bobbin_request entries = {.kind = BOBBIN_REQUEST_ENTRIES, .store = "s"};
    char texts[3][100] = {"", "", ""};
    uint64_t id;
    ck_assert_int_eq(bobbin_submit(p.b, &many, 0, on_lists, texts[0], &id), BOBBIN_OK);
    answer(id, "[[nil, b\"bee\"], 1]");
    ck_assert_int_eq(bobbin_submit(p.b, &list, 0, on_lists, texts[1], &id), BOBBIN_OK);
    answer(id, "[[[\"key\"], b\"next\"], 1]");
    ck_assert_int_eq(bobbin_submit(p.b, &entries, 0, on_lists, texts[2], &id), BOBBIN_OK);
    answer(id, "[[[[\"key\", b\"value\"]], nil], 1]");
    process();
    ck_assert_str_eq(texts[0], "2 values, bee");
    ck_assert_str_eq(texts[1], "1 keys, key");
    ck_assert_str_eq(texts[2], "1 entries, value");
    peer_expect(&p, "[\"get_many\", [\"s\", [\"a\", \"b\"], {\"commit\": true}]]");
    peer_expect(&p, "[\"keys\", [\"s\", {\"limit\": 1, \"commit\": true}]]");
    peer_expect(&p, "[\"entries\", [\"s\", {\"commit\": true}]]");
}
END_TEST

START_TEST(every_kind_has_its_result)
{
    const bobbin_string key = {"k", 1}, value = {"v", 1};
    const bobbin_check check = {BOBBIN_CHECK_ABSENT, {"k", 1}, {NULL, 0}, 0};
    bobbin_request q = {.store = "s", .key = key, .value = value};
    struct outcome o;
    q.kind = BOBBIN_REQUEST_PING;
    answer(submit(&q, 0, &o), "\"pong\"");
    process();
    ck_assert_int_eq(o.result.status, BOBBIN_OK);
    q.kind = BOBBIN_REQUEST_EXISTS;
    answer(submit(&q, 0, &o), "[true, 1]");
    process();
    ck_assert(o.result.flag);
    q.kind = BOBBIN_REQUEST_TTL;
    answer(submit(&q, 0, &o), "[nil, 1]");
    process();
    ck_assert_int_eq(o.result.number, BOBBIN_TTL_ABSENT);
    q.kind = BOBBIN_REQUEST_COUNT;
    answer(submit(&q, 0, &o), "[[2, 30], 1]");
    process();
    ck_assert_uint_eq(o.result.entry_count, 2);
    ck_assert_uint_eq(o.result.byte_count, 30);
    q.kind = BOBBIN_REQUEST_INCREMENT;
    answer(submit(&q, 0, &o), "[-4, 1]");
    process();
    ck_assert_int_eq(o.result.number, -4);
    q.kind = BOBBIN_REQUEST_SWAP;
    q.ttl_ms = 5;
    answer(submit(&q, 0, &o), "[[false, b\"now\"], 1]");
    process();
    ck_assert(!o.result.flag);
    ck_assert_str_eq(o.text, "now");
    q.kind = BOBBIN_REQUEST_ATOMIC;
    q.checks = &check;
    q.check_count = 1;
    answer(submit(&q, 0, &o), "[[false, 0], 1]");
    process();
    ck_assert(!o.result.flag);
    ck_assert_uint_eq(o.result.failed_check, 0);
    q.kind = BOBBIN_REQUEST_WATCH;
    answer(submit(&q, 0, &o), "12");
    process();
    ck_assert_uint_eq(o.result.watch, 12);
    q.kind = BOBBIN_REQUEST_UNWATCH;
    q.watch = 12;
    answer(submit(&q, 0, &o), "true");
    process();
    ck_assert(o.result.flag);
    ck_assert_uint_eq(bobbin_last_commit(p.b), 1);
}
END_TEST

#define STATUS(name)                                                                               \
    "{\"name\": \"" name "\", \"directory\": \"/d\", \"wanted\": \"running\", \"components\": "    \
    "[{\"id\": \"web\", \"state\": \"running\"}]}"

/* What administration tells, looked at while it is there. */
static void on_admin(void *arg, const bobbin_result *r)
{
    char *text = arg;
    ck_assert_msg(r->status == BOBBIN_OK, "%s", r->error);
    ck_assert_uint_eq(r->commit, 0);
    if (r->status_of_app != NULL)
        sprintf(text, "%s %s", r->status_of_app->name, r->status_of_app->components[0].state);
    else if (r->apps != NULL)
        sprintf(text, "%zu apps, %s", r->apps->count, r->apps->apps[0].name);
    else if (r->stats != NULL)
        sprintf(text, "%s %d", r->stats->items[0].name, (int)r->stats->items[0].number);
    else
        sprintf(text, "done %d", (int)r->backup.bytes);
}

START_TEST(administration_does_not_block_either)
{
    static const struct {
        bobbin_request q;
        const char *answer;
        const char *call;
        const char *expected;
    } each[] = {
        {{.kind = BOBBIN_REQUEST_APP_REGISTER, .app = "/d"},
         STATUS("one"), "[\"app.register\", [\"/d\"]]", "one running"},
        {{.kind = BOBBIN_REQUEST_APP_UNREGISTER, .app = "one"},
         "nil", "[\"app.unregister\", [\"one\"]]", "done 0"},
        {{.kind = BOBBIN_REQUEST_APP_LIST, .app = "ignored"},
         "[" STATUS("two") "]", "[\"app.list\", []]", "1 apps, two"},
        {{.kind = BOBBIN_REQUEST_APP_STATUS, .app = "one", .component = "ignored"},
         STATUS("one"), "[\"app.status\", [\"one\"]]", "one running"},
        {{.kind = BOBBIN_REQUEST_APP_START, .app = "one"},
         STATUS("one"), "[\"app.start\", [\"one\"]]", "one running"},
        {{.kind = BOBBIN_REQUEST_APP_STOP, .app = "one", .component = "web"},
         STATUS("one"), "[\"app.stop\", [\"one\", \"web\"]]", "one running"},
        {{.kind = BOBBIN_REQUEST_STATS}, "{\"apps\": 3}", "[\"stats\", []]", "apps 3"},
        {{.kind = BOBBIN_REQUEST_STATS, .app = "one"},
         "{\"watches\": 4}", "[\"stats\", [\"one\"]]", "watches 4"},
        {{.kind = BOBBIN_REQUEST_DAEMON_UPGRADE},
         "{\"processes\": 3, \"pause_ms\": nil}", "[\"daemon.upgrade\", []]", "processes 3"},
        {{.kind = BOBBIN_REQUEST_CONFIG},
         "{\"file\": nil, \"settings\": {\"threads\": {\"value\": \"16\"}}}", "[\"config\", []]",
         "settings.threads.value 0"},
        {{.kind = BOBBIN_REQUEST_BACKUP, .path = "/copy"},
         "{\"bytes\": 8192, \"pages\": 2, \"commit\": 7}", "[\"store.backup\", [\"/copy\"]]",
         "done 8192"},
    };
    for (size_t i = 0; i < sizeof(each) / sizeof(each[0]); i++) {
        char text[100] = "";
        uint64_t id;
        ck_assert_int_eq(bobbin_submit(p.b, &each[i].q, 0, on_admin, text, &id), BOBBIN_OK);
        process();
        peer_expect(&p, each[i].call);
        answer(id, each[i].answer);
        process();
        ck_assert_str_eq(text, each[i].expected);
    }
}
END_TEST

#define SESSION(app, store)                                                                        \
    "{\"server\": \"bobbind\", \"version\": \"1.2.3\", \"protocol\": 1, \"app\": \"" app "\", "      \
    "\"component\": nil, \"stores\": [\"" store "\"], \"limits\": {\"key\": 9}}"

START_TEST(attaching_does_not_block_either)
{
    const bobbin_request attach = {.kind = BOBBIN_REQUEST_ATTACH, .app = "counter"};
    struct outcome o;
    uint64_t id = submit(&attach, 0, &o);
    process();
    peer_expect(&p, "[\"attach\", [\"counter\"]]");
    ck_assert_ptr_null(bobbin_app(p.b));
    answer(id, SESSION("counter", "default"));
    process();
    ck_assert_int_eq(o.result.status, BOBBIN_OK);
    ck_assert_str_eq(bobbin_app(p.b), "counter");
    ck_assert_str_eq(bobbin_stores(p.b)[0], "default");
    ck_assert_uint_eq(bobbin_limit(p.b, "key"), 9);
    ck_assert_str_eq(p.b->attached, "counter");
    /* Refused or forgotten: all stays as it was. */
    id = submit(&attach, 0, &o);
    answer(id, "[\"no session\"]");
    process();
    ck_assert_int_eq(o.result.status, BOBBIN_BAD_RESPONSE);
    ck_assert_str_eq(bobbin_app(p.b), "counter");
}
END_TEST

START_TEST(cancelled_attach_is_forgotten)
{
    const bobbin_request attach = {.kind = BOBBIN_REQUEST_ATTACH, .app = "counter"};
    struct outcome o;
    uint64_t id = submit(&attach, 0, &o);
    process();
    ck_assert(bobbin_cancel(p.b, id));
    answer(id, SESSION("counter", "default"));
    process();
    ck_assert_int_eq(o.completions, 0);
    ck_assert_ptr_null(bobbin_app(p.b));
    submit(&attach, 1, &o); /* the time-out frees what it holds */
    while (o.completions == 0)
        process();
    ck_assert_int_eq(o.result.status, BOBBIN_TIMED_OUT);
    submit(&attach, 0, &o); /* and so does the end */
    bobbin_close(p.b);
    p.b = NULL;
    ck_assert_int_eq(o.result.status, BOBBIN_DISCONNECTED);
}
END_TEST

START_TEST(cancelled_request_is_not_completed)
{
    struct outcome o, other;
    uint64_t id = submit(&get, 5, &o);
    uint64_t other_id = submit(&get, 0, &other);
    ck_assert(bobbin_cancel(p.b, id));
    ck_assert(!bobbin_cancel(p.b, id));
    ck_assert(!bobbin_cancel(p.b, 99));
    ck_assert(!bobbin_cancel(NULL, id));
    ck_assert_uint_eq(bobbin_pending(p.b), 1);
    ck_assert_int_eq(bobbin_timeout(p.b), -1);
    answer(id, "[b\"late\", 9]");
    answer(other_id, "[b\"value\", 2]");
    ck_assert_int_eq(process(), BOBBIN_OK);
    ck_assert_int_eq(o.completions, 0);
    ck_assert_str_eq(other.text, "value");
    ck_assert_uint_eq(bobbin_last_commit(p.b), 2);
}
END_TEST

START_TEST(deadline_completes_one_and_keeps_the_rest)
{
    struct outcome late, patient;
    uint64_t late_id = submit(&get, 1, &late);
    uint64_t patient_id = submit(&get, 60000, &patient);
    while (late.completions == 0) {
        ck_assert_int_ge(poll(NULL, 0, bobbin_timeout(p.b)), 0);
        ck_assert_int_eq(bobbin_process(p.b, 0), BOBBIN_OK);
    }
    ck_assert_int_eq(late.result.status, BOBBIN_TIMED_OUT);
    ck_assert_str_eq(late.text, "the daemon did not answer in time");
    ck_assert_int_gt(bobbin_timeout(p.b), 1000);
    answer(late_id, "[b\"late\", 1]");
    answer(patient_id, "[nil, 1]");
    ck_assert_int_eq(process(), BOBBIN_OK);
    ck_assert_int_eq(late.completions, 1);
    ck_assert_int_eq(patient.result.status, BOBBIN_OK);
    ck_assert_ptr_null(patient.result.value.data);
}
END_TEST

START_TEST(error_completes_one)
{
    struct outcome o;
    char text[200];
    snprintf(text, sizeof(text), "[1, %d, [\"wrong-type\", \"'key' has 3 bytes\"], nil]",
             (int)submit(&get, 0, &o));
    peer_send(&p, text);
    ck_assert_int_eq(process(), BOBBIN_OK);
    ck_assert_int_eq(o.result.status, BOBBIN_WRONG_TYPE);
    ck_assert_str_eq(o.text, "'key' has 3 bytes");
}
END_TEST

START_TEST(wrong_result_ends_the_connection)
{
    struct outcome wrong, other;
    uint64_t id = submit(&get, 0, &wrong);
    submit(&get, 0, &other);
    answer(id, "b\"without a commit number\"");
    ck_assert_int_eq(process(), BOBBIN_BAD_RESPONSE);
    ck_assert_str_ne(bobbin_error(p.b), "");
    ck_assert_int_eq(wrong.completions, 1);
    ck_assert_int_eq(wrong.result.status, BOBBIN_BAD_RESPONSE);
    ck_assert_int_eq(other.completions, 1);
    ck_assert_int_eq(other.result.status, BOBBIN_BAD_RESPONSE);
    ck_assert_int_eq(bobbin_events(p.b), 0);
    ck_assert_int_ge(bobbin_fd(p.b), 0);
    ck_assert_uint_eq(bobbin_pending(p.b), 0);
    ck_assert_int_eq(bobbin_submit(p.b, &get, 0, on_result, &other, NULL), BOBBIN_BAD_RESPONSE);
    ck_assert_int_eq(other.completions, 1);
}
END_TEST

START_TEST(close_completes_everything)
{
    struct outcome o[3];
    for (int i = 0; i < 3; i++)
        submit(&get, 0, &o[i]);
    bobbin_close(p.b);
    p.b = NULL;
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(o[i].completions, 1);
        ck_assert_int_eq(o[i].result.status, BOBBIN_DISCONNECTED);
        ck_assert_str_eq(o[i].text, "the connection was closed");
    }
}
END_TEST

START_TEST(misuse_is_refused_at_once)
{
    struct outcome o = {0};
    bobbin_request q = get;
    ck_assert_int_eq(bobbin_submit(NULL, &q, 0, on_result, &o, NULL), BOBBIN_MISUSE);
    ck_assert_int_eq(bobbin_submit(p.b, NULL, 0, on_result, &o, NULL), BOBBIN_MISUSE);
    q.key.data = NULL;
    ck_assert_int_eq(bobbin_submit(p.b, &q, 0, on_result, &o, NULL), BOBBIN_MISUSE);
    q = (bobbin_request){.kind = (bobbin_request_kind)99, .store = "s", .key = {"k", 1}};
    ck_assert_int_eq(bobbin_submit(p.b, &q, 0, on_result, &o, NULL), BOBBIN_MISUSE);
    q.kind = BOBBIN_REQUEST_ATTACH;
    ck_assert_int_eq(bobbin_submit(p.b, &q, 0, on_result, &o, NULL), BOBBIN_MISUSE);
    ck_assert_str_eq(bobbin_error(p.b), "the app is NULL");
    q.kind = BOBBIN_REQUEST_BACKUP;
    ck_assert_int_eq(bobbin_submit(p.b, &q, 0, on_result, &o, NULL), BOBBIN_MISUSE);
    ck_assert_str_eq(bobbin_error(p.b), "the path is NULL");
    q.kind = (bobbin_request_kind)-1;
    ck_assert_int_eq(bobbin_submit(p.b, &q, 0, on_result, &o, NULL), BOBBIN_MISUSE);
    ck_assert_int_eq(bobbin_process(NULL, 0), BOBBIN_MISUSE);
    ck_assert_int_eq(bobbin_on_change(NULL, NULL, NULL), BOBBIN_MISUSE);
    ck_assert_int_eq(bobbin_fd(NULL), -1);
    ck_assert_int_eq(bobbin_events(NULL), 0);
    ck_assert_int_eq(bobbin_timeout(NULL), -1);
    ck_assert_uint_eq(bobbin_pending(NULL), 0);
    ck_assert_uint_eq(bobbin_pending(p.b), 0);
    ck_assert_int_eq(bobbin_events(p.b), POLLIN);
    ck_assert_int_eq(o.completions, 0);
}
END_TEST

/* Tries everything that waits, and submits the next request. */
static void on_first(void *arg, const bobbin_result *result)
{
    bobbin_change *c;
    bobbin_stats *stats;
    void *value;
    size_t len;
    ck_assert_int_eq(result->status, BOBBIN_OK);
    ck_assert_int_eq(bobbin_ping(p.b), BOBBIN_MISUSE);
    ck_assert_int_eq(bobbin_get(p.b, "s", "k", 1, &value, &len), BOBBIN_MISUSE);
    ck_assert_int_eq(bobbin_attach(p.b, "app"), BOBBIN_MISUSE);
    ck_assert_int_eq(bobbin_stats_get(p.b, NULL, &stats), BOBBIN_MISUSE);
    ck_assert_int_eq(bobbin_process(p.b, POLLIN), BOBBIN_MISUSE);
    ck_assert_int_eq(bobbin_next_change(p.b, 0, &c), BOBBIN_MISUSE);
    ck_assert_int_eq(bobbin_reconnect(p.b), BOBBIN_MISUSE);
    bobbin_close(p.b);
    submit(&get, 0, arg);
}

START_TEST(callback_may_submit_but_not_wait)
{
    struct outcome second;
    uint64_t id;
    ck_assert_int_eq(bobbin_submit(p.b, &get, 0, on_first, &second, &id), BOBBIN_OK);
    answer(id, "[nil, 1]");
    answer(id + 1, "[b\"second\", 2]");
    process();
    ck_assert_str_eq(second.text, "second");
}
END_TEST

/* Cancels another request from within a callback, also while the connection ends. */
static void on_cancel_other(void *arg, const bobbin_result *result)
{
    const uint64_t *other = arg;
    (void)result;
    ck_assert(bobbin_cancel(p.b, *other));
}

START_TEST(callback_may_cancel_another)
{
    struct outcome o;
    uint64_t other = 0;
    ck_assert_int_eq(bobbin_submit(p.b, &get, 0, on_cancel_other, &other, NULL), BOBBIN_OK);
    other = submit(&get, 0, &o);
    close(p.fd);
    p.fd = -1;
    while (process() == BOBBIN_OK)
        ;
    ck_assert_int_eq(o.completions, 0);
    ck_assert_uint_eq(bobbin_pending(p.b), 0);
}
END_TEST

START_TEST(blocking_calls_in_between)
{
    struct outcome before, after;
    uint64_t id = submit(&get, 0, &before);
    answer(id, "[b\"before\", 1]");
    p.id = (uint32_t)id;
    peer_result(&p, "\"pong\"");
    ck_assert_int_eq(bobbin_ping(p.b), BOBBIN_OK);
    ck_assert_int_eq(before.completions, 1);
    ck_assert_str_eq(before.text, "before");
    id = submit(&get, 0, &after);
    answer(id, "[b\"after\", 1]");
    process();
    ck_assert_str_eq(after.text, "after");
    peer_expect(&p, "[\"get\", [\"default\", \"key\", {\"commit\": true}]]");
    peer_expect(&p, "[\"ping\", []]");
}
END_TEST

START_TEST(nobody_need_listen)
{
    uint64_t id;
    ck_assert_int_eq(bobbin_submit(p.b, &get, 0, NULL, NULL, &id), BOBBIN_OK);
    answer(id, "[b\"value\", 33]");
    process();
    ck_assert_uint_eq(bobbin_last_commit(p.b), 33);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("submit");
    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, answers_come_in_any_order);
    tcase_add_test(tc, lists_are_there_in_the_callback);
    tcase_add_test(tc, every_kind_has_its_result);
    tcase_add_test(tc, administration_does_not_block_either);
    tcase_add_test(tc, attaching_does_not_block_either);
    tcase_add_test(tc, cancelled_attach_is_forgotten);
    tcase_add_test(tc, cancelled_request_is_not_completed);
    tcase_add_test(tc, deadline_completes_one_and_keeps_the_rest);
    tcase_add_test(tc, error_completes_one);
    tcase_add_test(tc, wrong_result_ends_the_connection);
    tcase_add_test(tc, close_completes_everything);
    tcase_add_test(tc, misuse_is_refused_at_once);
    tcase_add_test(tc, callback_may_submit_but_not_wait);
    tcase_add_test(tc, callback_may_cancel_another);
    tcase_add_test(tc, blocking_calls_in_between);
    tcase_add_test(tc, nobody_need_listen);

    Suite *s = suite_create("client submit");
    suite_add_tcase(s, tc);
    SRunner *sr = srunner_create(s);
    srunner_run_all(sr, CK_NORMAL);
    int failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
