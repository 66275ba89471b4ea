/* The blocking calls: what they send, and what they make of good answers and of errors. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/errors.h"
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

#define assert_ok(call)                                                                            \
    do {                                                                                           \
        bobbin_status status_ = (call);                                                            \
        ck_assert_msg(status_ == BOBBIN_OK, #call ": %s", bobbin_error(p.b));                      \
    } while (0)

START_TEST(hello_tells_about_the_daemon)
{
    ck_assert_str_eq(bobbin_server_version(p.b), "1.2.3");
    ck_assert_ptr_null(bobbin_app(p.b));
    ck_assert_ptr_null(bobbin_component(p.b));
    ck_assert_ptr_null(bobbin_stores(p.b)[0]);
    ck_assert_str_eq(bobbin_error(p.b), "");
    ck_assert_int_eq(strncmp(bobbin_address(p.b), "fd ", 3), 0);
    ck_assert_str_eq(bobbin_version(), BOBBIN_VERSION);
}
END_TEST

START_TEST(attach_changes_the_session)
{
    peer_result(&p, "{\"new\": [{\"x\": 1}], \"stores\": [\"default\", \"cache\"], "
                    "\"limits\": {\"key\": 2048, \"odd\": [1], \"value\": 5000000000}, "
                    "\"protocol\": 1, \"version\": \"2\", \"app\": \"counter\", "
                    "\"component\": \"web\"}");
    assert_ok(bobbin_attach(p.b, "/srv/counter"));
    peer_expect(&p, "[\"attach\", [\"/srv/counter\"]]");
    ck_assert_str_eq(bobbin_server_version(p.b), "2");
    ck_assert_str_eq(bobbin_app(p.b), "counter");
    ck_assert_str_eq(bobbin_component(p.b), "web");
    ck_assert_str_eq(bobbin_stores(p.b)[0], "default");
    ck_assert_str_eq(bobbin_stores(p.b)[1], "cache");
    ck_assert_uint_eq(bobbin_limit(p.b, "key"), 2048);
    ck_assert_uint_eq(bobbin_limit(p.b, "value"), 5000000000);
    ck_assert_uint_eq(bobbin_limit(p.b, "odd"), 0);
    ck_assert_uint_eq(bobbin_limit(p.b, NULL), 0);
    ck_assert_ptr_null(bobbin_stores(p.b)[2]);

    peer_error(&p, "no-such-app", "there is no app 'x'");
    ck_assert_int_eq(bobbin_attach(p.b, "x"), BOBBIN_NO_SUCH_APP);
    ck_assert_str_eq(bobbin_app(p.b), "counter");
}
END_TEST

START_TEST(get_tells_nothing_from_empty)
{
    void *value = &p;
    size_t len = 99;
    peer_result(&p, "[b\"hello\", 7]");
    assert_ok(bobbin_get(p.b, "default", "key", 3, &value, &len));
    peer_expect(&p, "[\"get\", [\"default\", \"key\", {\"commit\": true}]]");
    ck_assert_uint_eq(bobbin_last_commit(p.b), 7);
    ck_assert_uint_eq(len, 5);
    ck_assert_str_eq(value, "hello");
    bobbin_free(value);

    peer_result(&p, "[b\"\", 8]");
    assert_ok(bobbin_get(p.b, "default", "", 0, &value, &len));
    peer_expect(&p, "[\"get\", [\"default\", \"\", {\"commit\": true}]]");
    ck_assert_uint_eq(len, 0);
    ck_assert_str_eq(value, "");
    bobbin_free(value);

    peer_result(&p, "[nil, 8]");
    assert_ok(bobbin_get(p.b, "s", "key", 3, &value, &len));
    ck_assert_ptr_null(value);
    ck_assert_uint_eq(len, 0);
}
END_TEST

START_TEST(failed_get_leaves_the_result_alone)
{
    void *value = &p;
    size_t len = 99;
    peer_error(&p, "no-such-store", "no store 'x'");
    ck_assert_int_eq(bobbin_get(p.b, "x", "key", 3, &value, &len), BOBBIN_NO_SUCH_STORE);
    ck_assert_ptr_eq(value, &p);
    ck_assert_uint_eq(len, 99);
    ck_assert_str_eq(bobbin_error(p.b), "no store 'x'");
}
END_TEST

START_TEST(writes_send_what_they_are_given)
{
    bool exists = false;
    peer_result(&p, "[nil, 1]");
    assert_ok(bobbin_set(p.b, "default", "key", 3, "value", 5));
    peer_expect(&p, "[\"set\", [\"default\", \"key\", b\"value\", {\"commit\": true}]]");
    peer_result(&p, "[nil, 1]");
    assert_ok(bobbin_set(p.b, "default", "key", 3, NULL, 0));
    peer_expect(&p, "[\"set\", [\"default\", \"key\", b\"\", {\"commit\": true}]]");
    peer_result(&p, "[nil, 1]");
    assert_ok(bobbin_delete(p.b, "default", "key", 2));
    peer_expect(&p, "[\"delete\", [\"default\", \"ke\", {\"commit\": true}]]");
    peer_result(&p, "[true, 1]");
    assert_ok(bobbin_exists(p.b, "default", "key", 3, &exists));
    peer_expect(&p, "[\"exists\", [\"default\", \"key\", {\"commit\": true}]]");
    ck_assert(exists);
    peer_result(&p, "[false, 1]");
    assert_ok(bobbin_exists(p.b, "default", "key", 3, &exists));
    ck_assert(!exists);
}
END_TEST

START_TEST(ping_is_a_round_trip)
{
    peer_result(&p, "\"pong\"");
    assert_ok(bobbin_ping(p.b));
    peer_expect(&p, "[\"ping\", []]");
}
END_TEST

START_TEST(keys_come_in_pages)
{
    bobbin_key_page *page;
    peer_result(&p, "[[[\"a\", \"\", \"key\"], b\"next\"], 3]");
    assert_ok(bobbin_keys(p.b, "default", NULL, &page));
    peer_expect(&p, "[\"keys\", [\"default\", {\"commit\": true}]]");
    ck_assert_uint_eq(page->count, 3);
    ck_assert_str_eq(page->keys[0].data, "a");
    ck_assert_uint_eq(page->keys[1].len, 0);
    ck_assert_str_eq(page->keys[1].data, "");
    ck_assert_uint_eq(page->keys[2].len, 3);
    ck_assert(page->more);
    ck_assert_str_eq(page->cursor.data, "next");

    bobbin_keys_options options = {.prefix = "pre",
                                   .prefix_len = 3,
                                   .cursor = page->cursor.data,
                                   .cursor_len = page->cursor.len,
                                   .limit = 7,
                                   .reverse = true};
    bobbin_key_page *second;
    peer_result(&p, "[[[], nil], 3]");
    assert_ok(bobbin_keys(p.b, "default", &options, &second));
    peer_expect(&p, "[\"keys\", [\"default\", {\"prefix\": \"pre\", \"cursor\": b\"next\", "
                    "\"limit\": 7, \"reverse\": true, \"commit\": true}]]");
    ck_assert_uint_eq(second->count, 0);
    ck_assert(!second->more);
    ck_assert_ptr_null(second->cursor.data);
    bobbin_key_page_free(second);
    bobbin_key_page_free(page);

    options = (bobbin_keys_options){.limit = 1};
    peer_result(&p, "[[[], b\"\"], 3]");
    assert_ok(bobbin_keys(p.b, "default", &options, &page));
    peer_expect(&p, "[\"keys\", [\"default\", {\"limit\": 1, \"commit\": true}]]");
    ck_assert(page->more);
    ck_assert_str_eq(page->cursor.data, "");
    bobbin_key_page_free(page);
}
END_TEST

#define COMPONENT_RUNNING                                                                          \
    "{\"id\": \"web\", \"state\": \"running\", \"reason\": \"\", \"since\": 1700000000123, "       \
    "\"pid\": 42, \"exit_code\": nil, \"exit_signal\": nil, \"restarts\": 3}"
#define COMPONENT_FAILED                                                                           \
    "{\"later\": {}, \"id\": \"job\", \"state\": \"failed\", \"reason\": \"start limit\", "        \
    "\"since\": 5, \"pid\": nil, \"exit_code\": 1, \"exit_signal\": 9, \"restarts\": 0}"
#define APP(name, components)                                                                      \
    "{\"name\": \"" name "\", \"directory\": \"/srv/" name                                         \
    "\", \"wanted\": \"running\", \"components\": [" components "]}"

START_TEST(app_status_has_all_fields)
{
    bobbin_app_status *s;
    peer_result(&p, APP("shop", COMPONENT_RUNNING ", " COMPONENT_FAILED));
    assert_ok(bobbin_app_status_get(p.b, "shop", &s));
    peer_expect(&p, "[\"app.status\", [\"shop\"]]");
    ck_assert_str_eq(s->name, "shop");
    ck_assert_str_eq(s->directory, "/srv/shop");
    ck_assert_str_eq(s->wanted, "running");
    ck_assert_uint_eq(s->component_count, 2);

    const bobbin_component_status *c = s->components;
    ck_assert_str_eq(c->id, "web");
    ck_assert_str_eq(c->state, "running");
    ck_assert_str_eq(c->reason, "");
    ck_assert_int_eq(c->since_ms, 1700000000123);
    ck_assert_int_eq(c->pid, 42);
    ck_assert_int_eq(c->exit_code, -1);
    ck_assert_int_eq(c->exit_signal, 0);
    ck_assert_uint_eq(c->restarts, 3);
    c++;
    ck_assert_str_eq(c->reason, "start limit");
    ck_assert_int_eq(c->pid, 0);
    ck_assert_int_eq(c->exit_code, 1);
    ck_assert_int_eq(c->exit_signal, 9);
    ck_assert_ptr_null(s->error);
    bobbin_app_status_free(s);

    peer_result(&p, "{\"name\": \"a\", \"directory\": \"/a\", \"wanted\": \"stopped\", "
                    "\"error\": \"spin.toml:3: what\", \"components\": []}");
    assert_ok(bobbin_app_status_get(p.b, "a", &s));
    ck_assert_str_eq(s->error, "spin.toml:3: what");
    bobbin_app_status_free(s);
}
END_TEST

START_TEST(app_list_has_all_apps)
{
    bobbin_app_list *l;
    peer_result(&p, "[" APP("a", "") ", " APP("b", COMPONENT_FAILED) "]");
    assert_ok(bobbin_app_list_get(p.b, &l));
    peer_expect(&p, "[\"app.list\", []]");
    ck_assert_uint_eq(l->count, 2);
    ck_assert_str_eq(l->apps[0].name, "a");
    ck_assert_uint_eq(l->apps[0].component_count, 0);
    ck_assert_str_eq(l->apps[1].components[0].id, "job");
    bobbin_app_list_free(l);

    peer_result(&p, "[]");
    assert_ok(bobbin_app_list_get(p.b, &l));
    ck_assert_uint_eq(l->count, 0);
    bobbin_app_list_free(l);
}
END_TEST

START_TEST(administration_sends_app_and_component)
{
    bobbin_app_status *s;
    peer_result(&p, APP("a", ""));
    assert_ok(bobbin_app_register(p.b, "/srv/a", NULL));
    peer_expect(&p, "[\"app.register\", [\"/srv/a\"]]");
    peer_result(&p, APP("a", COMPONENT_RUNNING));
    assert_ok(bobbin_app_start(p.b, "a", "web", &s));
    peer_expect(&p, "[\"app.start\", [\"a\", \"web\"]]");
    ck_assert_int_eq(s->components[0].pid, 42);
    bobbin_app_status_free(s);
    peer_result(&p, APP("a", ""));
    assert_ok(bobbin_app_stop(p.b, "a", NULL, NULL));
    peer_expect(&p, "[\"app.stop\", [\"a\"]]");
    peer_result(&p, "nil");
    assert_ok(bobbin_app_unregister(p.b, "a"));
    peer_expect(&p, "[\"app.unregister\", [\"a\"]]");
}
END_TEST

static const struct {
    const char *code;
    int status;
} codes[] = {
#define X(id, number, name, text, retry) {name, BOBBIN_##id},
    ERROR_LIST(X)
#undef X
};

#define CODE_COUNT (int)(sizeof(codes) / sizeof(codes[0]))

START_TEST(every_code_has_its_status)
{
    peer_error(&p, codes[_i].code, "this time because of that");
    ck_assert_int_eq(bobbin_delete(p.b, "default", "key", 3), codes[_i].status);
    ck_assert_str_eq(bobbin_error(p.b), "this time because of that");
    ck_assert_str_eq(bobbin_status_name((bobbin_status)codes[_i].status), codes[_i].code);
    peer_error(&p, codes[_i].code, "");
    ck_assert_int_eq(bobbin_delete(p.b, "default", "key", 3), codes[_i].status);
    ck_assert_str_ne(bobbin_error(p.b), "");
    peer_result(&p, "[nil, 1]");
    assert_ok(bobbin_delete(p.b, "default", "key", 3));
}
END_TEST

START_TEST(unknown_codes_are_other_and_texts_printable)
{
    peer_error(&p, "brand-new", "what\n\x1b[31mever\xff \xc2\x85 \xc3\xa4");
    ck_assert_int_eq(bobbin_ping(p.b), BOBBIN_OTHER);
    ck_assert_str_eq(bobbin_error(p.b), "brand-new: what  [31mever?    \xc3\xa4");

    char text[1001];
    for (int i = 0; i < 1000; i += 2)
        memcpy(text + i, "\xc3\xa4", 3);
    peer_error(&p, "other", text);
    ck_assert_int_eq(bobbin_ping(p.b), BOBBIN_OTHER);
    ck_assert_uint_gt(strlen(bobbin_error(p.b)), 400);
    ck_assert(utf8_valid(bobbin_error(p.b), strlen(bobbin_error(p.b))));
    ck_assert_ptr_null(strchr(bobbin_error(p.b), '?'));
    peer_error(&p, "brand-new", text);
    ck_assert_int_eq(bobbin_ping(p.b), BOBBIN_OTHER);
    ck_assert_ptr_null(strchr(bobbin_error(p.b), '?'));
}
END_TEST

START_TEST(misuse_is_said_and_nothing_is_sent)
{
    void *v;
    size_t n;
    bool e;
    bobbin_key_page *page;
    bobbin_keys_options bad = {.prefix_len = 1};
    ck_assert_int_eq(bobbin_get(p.b, NULL, "k", 1, &v, &n), BOBBIN_MISUSE);
    ck_assert_int_eq(bobbin_get(p.b, "s", NULL, 0, &v, &n), BOBBIN_MISUSE);
    ck_assert_str_ne(bobbin_error(p.b), "");
    ck_assert_int_eq(bobbin_get(p.b, "s", "k", 1, NULL, &n), BOBBIN_MISUSE);
    ck_assert_int_eq(bobbin_set(p.b, "s", "k", 1, NULL, 1), BOBBIN_MISUSE);
    ck_assert_int_eq(bobbin_exists(p.b, "s", "k", 1, NULL), BOBBIN_MISUSE);
    ck_assert_int_eq(bobbin_keys(p.b, "s", NULL, NULL), BOBBIN_MISUSE);
    ck_assert_int_eq(bobbin_keys(p.b, "s", &bad, &page), BOBBIN_MISUSE);
    ck_assert_int_eq(bobbin_attach(p.b, NULL), BOBBIN_MISUSE);
    ck_assert_int_eq(bobbin_app_start(p.b, NULL, NULL, NULL), BOBBIN_MISUSE);
    ck_assert_int_eq(bobbin_app_list_get(p.b, NULL), BOBBIN_MISUSE);
    ck_assert_int_eq(bobbin_connect("/x", NULL), BOBBIN_MISUSE);
    ck_assert_int_eq(bobbin_connect_fd(-1, NULL), BOBBIN_MISUSE);
    ck_assert_int_eq(bobbin_ping(NULL), BOBBIN_MISUSE);
    ck_assert_int_eq(bobbin_exists(NULL, "s", "k", 1, &e), BOBBIN_MISUSE);
    ck_assert_int_eq(bobbin_get(NULL, NULL, "k", 1, &v, &n), BOBBIN_MISUSE);
    ck_assert_int_eq(bobbin_set_timeout(NULL, 1), BOBBIN_MISUSE);
    ck_assert_str_eq(bobbin_error(NULL), "out of memory");
    bobbin_close(NULL);
    bobbin_free(NULL);
    bobbin_key_page_free(NULL);
    bobbin_app_status_free(NULL);
    bobbin_app_list_free(NULL);

    peer_result(&p, "\"pong\"");
    assert_ok(bobbin_ping(p.b));
    peer_expect(&p, "[\"ping\", []]");
}
END_TEST

START_TEST(some_statuses_pass)
{
#define X(id, number, name, text, retry) ck_assert(bobbin_status_retriable(BOBBIN_##id) == (retry));
    ERROR_LIST(X)
#undef X
    ck_assert(bobbin_status_retriable(BOBBIN_STALE));
    ck_assert(!bobbin_status_retriable(BOBBIN_OK));
    ck_assert(!bobbin_status_retriable(BOBBIN_DISCONNECTED));
    ck_assert(!bobbin_status_retriable(BOBBIN_TIMED_OUT));
    ck_assert(!bobbin_status_retriable((bobbin_status)-2));
    ck_assert(!bobbin_status_retriable((bobbin_status)16));
}
END_TEST

START_TEST(status_names)
{
    ck_assert_str_eq(bobbin_status_name(BOBBIN_OK), "ok");
    ck_assert_str_eq(bobbin_status_name(BOBBIN_DISCONNECTED), "disconnected");
    ck_assert_str_eq(bobbin_status_name(BOBBIN_TIMED_OUT), "timed-out");
    ck_assert_str_eq(bobbin_status_name((bobbin_status)16), "unknown");
    ck_assert_str_eq(bobbin_status_name((bobbin_status)-1), "unknown");
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("calls");
    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, hello_tells_about_the_daemon);
    tcase_add_test(tc, attach_changes_the_session);
    tcase_add_test(tc, get_tells_nothing_from_empty);
    tcase_add_test(tc, failed_get_leaves_the_result_alone);
    tcase_add_test(tc, writes_send_what_they_are_given);
    tcase_add_test(tc, ping_is_a_round_trip);
    tcase_add_test(tc, keys_come_in_pages);
    tcase_add_test(tc, app_status_has_all_fields);
    tcase_add_test(tc, app_list_has_all_apps);
    tcase_add_test(tc, administration_sends_app_and_component);
    tcase_add_loop_test(tc, every_code_has_its_status, 0, CODE_COUNT);
    tcase_add_test(tc, unknown_codes_are_other_and_texts_printable);
    tcase_add_test(tc, misuse_is_said_and_nothing_is_sent);
    tcase_add_test(tc, some_statuses_pass);
    tcase_add_test(tc, status_names);

    Suite *s = suite_create("client calls");
    suite_add_tcase(s, tc);
    SRunner *sr = srunner_create(s);
    srunner_run_all(sr, CK_NORMAL);
    int failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
