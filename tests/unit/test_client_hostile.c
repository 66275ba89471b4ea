/* A daemon that is broken, or is not Bobbin at all: every answer is checked before it is believed.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

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

#define KEY "default", "key", 3

/* Calls whose results need no memory. */
static bobbin_status call_plain(bobbin *b, const char *method)
{
    static const bobbin_check checks[2] = {{BOBBIN_CHECK_ABSENT, {"a", 1}, {NULL, 0}, 0},
                                           {BOBBIN_CHECK_ABSENT, {"b", 1}, {NULL, 0}, 0}};
    uint64_t n, m;
    int64_t i;
    bool flag;
    if (strcmp(method, "ttl") == 0)
        return bobbin_ttl(b, KEY, &i);
    if (strcmp(method, "increment") == 0)
        return bobbin_increment(b, KEY, 1, &i);
    if (strcmp(method, "count") == 0)
        return bobbin_count(b, "default", &n, &m);
    if (strcmp(method, "atomic") == 0)
        return bobbin_atomic(b, "default", checks, 2, NULL, 0, &flag, NULL);
    if (strcmp(method, "watch") == 0)
        return bobbin_watch(b, "default", NULL, &n);
    if (strcmp(method, "unwatch") == 0)
        return bobbin_unwatch(b, 1, &flag);
    return bobbin_backup(b, "/tmp/backup", NULL);
}

/* Make one call of a kind, throwing its result away. */
static bobbin_status call(bobbin *b, const char *method)
{
    static const bobbin_string two_keys[] = {{"a", 1}, {"b", 1}};
    bobbin_status status;
    if (strcmp(method, "ping") == 0)
        return bobbin_ping(b);
    if (strcmp(method, "attach") == 0)
        return bobbin_attach(b, "app");
    if (strcmp(method, "set") == 0)
        return bobbin_set(b, "default", "key", 3, "value", 5);
    if (strcmp(method, "exists") == 0) {
        bool exists;
        return bobbin_exists(b, "default", "key", 3, &exists);
    }
    if (strcmp(method, "get") == 0) {
        void *value = NULL;
        size_t len;
        status = bobbin_get(b, "default", "key", 3, &value, &len);
        bobbin_free(value);
    } else if (strcmp(method, "keys") == 0) {
        bobbin_key_page *page = NULL;
        status = bobbin_keys(b, "default", NULL, &page);
        bobbin_key_page_free(page);
    } else if (strcmp(method, "list") == 0) {
        bobbin_app_list *list = NULL;
        status = bobbin_app_list_get(b, &list);
        bobbin_app_list_free(list);
    } else if (strcmp(method, "status") == 0) {
        bobbin_app_status *s = NULL;
        status = bobbin_app_status_get(b, "app", &s);
        bobbin_app_status_free(s);
    } else if (strcmp(method, "entries") == 0) {
        bobbin_entry_page *page = NULL;
        status = bobbin_entries(b, "default", NULL, &page);
        bobbin_entry_page_free(page);
    } else if (strcmp(method, "get_many") == 0) {
        bobbin_values *values = NULL;
        status = bobbin_get_many(b, "default", two_keys, 2, &values);
        bobbin_values_free(values);
    } else if (strcmp(method, "swap") == 0) {
        void *current = NULL;
        size_t len;
        bool swapped;
        status = bobbin_swap(b, KEY, NULL, 0, "v", 1, &swapped, &current, &len);
        bobbin_free(current);
    } else if (strcmp(method, "stats") == 0) {
        bobbin_stats *s = NULL;
        status = bobbin_stats_get(b, NULL, &s);
        bobbin_stats_free(s);
    } else {
        status = call_plain(b, method);
    }
    return status;
}

#define APP_WITH(components)                                                                       \
    "{\"name\": \"a\", \"directory\": \"/a\", \"wanted\": \"running\", "                           \
    "\"components\": " components "}"
#define COMPONENT_WITH(field) APP_WITH("[{\"id\": \"c\", \"state\": \"running\", " field "}]")

static const struct {
    const char *method;
    const char *result;
} wrong[] = {
    {"ping", "nil"},
    {"ping", "\"pang\""},
    {"ping", "b\"pong\""},
    {"set", "[1, 1]"},
    {"set", "[[], 1]"},
    {"exists", "[nil, 1]"},
    {"exists", "[1, 1]"},
    {"get", "[\"str\", 1]"},
    {"get", "[1, 1]"},
    {"get", "[[b\"value\"], 1]"},
    {"keys", "[nil, 1]"},
    {"keys", "[[], 1]"},
    {"keys", "[[[]], 1]"},
    {"keys", "[[[], nil, nil], 1]"},
    {"keys", "[[nil, nil], 1]"},
    {"keys", "[[{}, nil], 1]"},
    {"keys", "[[[\"a\", 1], nil], 1]"},
    {"keys", "[[[b\"a\"], nil], 1]"},
    {"keys", "[[[[\"a\"]], nil], 1]"},
    {"keys", "[[[\"a\"], 5], 1]"},
    {"keys", "[[[\"a\"], \"cursor\"], 1]"},
    {"set", "nil"},
    {"set", "[nil]"},
    {"set", "[nil, nil]"},
    {"set", "[nil, -1]"},
    {"set", "[nil, 1, 1]"},
    {"get", "b\"value\""},
    {"get", "[b\"value\"]"},
    {"get", "[b\"value\", \"1\"]"},
    {"keys", "[[\"a\"], nil]"},
    {"keys", "[[[\"a\"], nil], nil]"},
    {"ttl", "[0, 1]"},
    {"ttl", "[-2, 1]"},
    {"ttl", "[true, 1]"},
    {"increment", "[nil, 1]"},
    {"increment", "[\"1\", 1]"},
    {"increment", "[b\"12345678\", 1]"},
    {"count", "[1, 1]"},
    {"count", "[[1], 1]"},
    {"count", "[[1, -1], 1]"},
    {"count", "[[nil, 1], 1]"},
    {"atomic", "[true, 1]"},
    {"atomic", "[[true], 1]"},
    {"atomic", "[[true, 0], 1]"},
    {"atomic", "[[false, nil], 1]"},
    {"atomic", "[[false, -1], 1]"},
    {"atomic", "[[false, 2], 1]"},
    {"atomic", "[[nil, nil], 1]"},
    {"swap", "[true, 1]"},
    {"swap", "[[true, b\"value\"], 1]"},
    {"swap", "[[false, \"value\"], 1]"},
    {"swap", "[[false, 1], 1]"},
    {"swap", "[[false, b\"value\"], nil]"},
    {"get_many", "[nil, 1]"},
    {"get_many", "[[], 1]"},
    {"get_many", "[[nil], 1]"},
    {"get_many", "[[nil, nil, nil], 1]"},
    {"get_many", "[[nil, \"value\"], 1]"},
    {"get_many", "[[b\"a\", 1], 1]"},
    {"get_many", "[[b\"a\", b\"b\"], nil]"},
    {"entries", "[nil, 1]"},
    {"entries", "[[[\"a\", b\"v\"], nil], 1]"},
    {"entries", "[[[[\"a\"]], nil], 1]"},
    {"entries", "[[[[\"a\", \"v\"]], nil], 1]"},
    {"entries", "[[[[b\"a\", b\"v\"]], nil], 1]"},
    {"entries", "[[[[\"a\", nil]], nil], 1]"},
    {"entries", "[[[1, 2, 3, 4, 5, 6, 7, 8], nil], 1]"},
    {"entries", "[[[[\"a\", b\"v\"]], 5], 1]"},
    {"entries", "[[[[\"a\", b\"v\"]], b\"next\"], nil]"},
    {"watch", "nil"},
    {"watch", "-1"},
    {"watch", "[1, 1]"},
    {"unwatch", "nil"},
    {"unwatch", "[true, 1]"},
    {"backup", "nil"},
    {"backup", "{}"},
    {"backup", "{\"bytes\": 1, \"pages\": 1}"},
    {"backup", "{\"bytes\": -1, \"pages\": 1, \"commit\": 1}"},
    {"backup", "{\"bytes\": 1, \"pages\": nil, \"commit\": 1}"},
    {"stats", "nil"},
    {"stats", "[]"},
    {"stats", "{1: 2}"},
    {"stats", "{\"a\": {1: 2}}"},
    {"attach", "{\"version\": \"1\", \"stores\": [], \"protocol\": 1, \"limits\": 1}"},
    {"attach", "{\"version\": \"1\", \"stores\": [], \"protocol\": 1, \"limits\": {1: 2}}"},
    {"attach", "nil"},
    {"attach", "[]"},
    {"attach", "{}"},
    {"attach", "{\"version\": \"1\", \"protocol\": 1}"},
    {"attach", "{\"version\": \"1\", \"stores\": []}"},
    {"attach", "{\"protocol\": 1, \"stores\": []}"},
    {"attach", "{\"version\": \"1\", \"stores\": [], \"protocol\": 2}"},
    {"attach", "{\"version\": \"1\", \"stores\": [], \"protocol\": \"1\"}"},
    {"attach", "{\"version\": \"1\", \"stores\": [1], \"protocol\": 1}"},
    {"attach", "{\"version\": \"1\", \"stores\": [\"a\", nil], \"protocol\": 1}"},
    {"attach", "{\"version\": \"1\", \"stores\": \"a\", \"protocol\": 1}"},
    {"attach", "{\"version\": nil, \"stores\": [], \"protocol\": 1}"},
    {"attach", "{\"version\": \"1\", \"stores\": [], \"protocol\": 1, \"app\": 1}"},
    {"attach", "{\"version\": \"1\", \"stores\": [], \"protocol\": 1, 5: 1}"},
    {"list", "nil"},
    {"list", "{}"},
    {"list", "[nil]"},
    {"list", "[1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"},
    {"list", "[" APP_WITH("[]") ", \"a long enough thing that is no map\"]"},
    {"status", "nil"},
    {"status", "{}"},
    {"status", APP_WITH("nil")},
    {"status", APP_WITH("{}")},
    {"status", APP_WITH("[nil, nil, nil]")},
    {"status", APP_WITH("[\"a long enough thing that is no map\"]")},
    {"status", APP_WITH("[{\"id\": \"without a state\"}]")},
    {"status", APP_WITH("[{\"state\": \"without an id\"}]")},
    {"status", APP_WITH("[{1: 2, \"id\": \"c\", \"state\": \"\"}]")},
    {"status", COMPONENT_WITH("\"reason\": nil")},
    {"status", COMPONENT_WITH("\"since\": nil")},
    {"status", COMPONENT_WITH("\"since\": \"now\"")},
    {"status", COMPONENT_WITH("\"pid\": -1")},
    {"status", COMPONENT_WITH("\"pid\": 4294967296")},
    {"status", COMPONENT_WITH("\"exit_code\": 4294967296")},
    {"status", COMPONENT_WITH("\"exit_code\": true")},
    {"status", COMPONENT_WITH("\"exit_signal\": -2")},
    {"status", COMPONENT_WITH("\"restarts\": -1")},
    {"status", COMPONENT_WITH("\"restarts\": nil")},
    {"status", "{\"name\": 1, \"directory\": \"/a\", \"wanted\": \"\", \"components\": []}"},
    {"status", "{\"directory\": \"/a\", \"wanted\": \"\", \"components\": []}"},
    {"status", "{\"name\": \"a\", \"wanted\": \"\", \"components\": []}"},
    {"status", "{\"name\": \"a\", \"directory\": \"/a\", \"components\": []}"},
    {"status", "{\"name\": \"a\", \"directory\": \"/a\", \"wanted\": \"\"}"},
};

#define WRONG_COUNT (int)(sizeof(wrong) / sizeof(wrong[0]))

START_TEST(result_of_a_wrong_shape)
{
    peer_result(&p, wrong[_i].result);
    bobbin_status status = call(p.b, wrong[_i].method);
    ck_assert_msg(status == BOBBIN_BAD_RESPONSE, "%s %s: %d", wrong[_i].method, wrong[_i].result,
                  status);
    char *text = strdup(bobbin_error(p.b));
    ck_assert_str_ne(text, "");
    /* The connection is over, for the same reason. */
    ck_assert_int_eq(bobbin_ping(p.b), BOBBIN_BAD_RESPONSE);
    ck_assert_str_eq(bobbin_error(p.b), text);
    free(text);
}
END_TEST

/* One of each kind that the library understands. */
static const struct {
    const char *method;
    const char *result;
} right[] = {
    {"ping", "\"pong\""},
    {"set", "[nil, 1]"},
    {"exists", "[true, 1]"},
    {"get", "[b\"value\", 1]"},
    {"keys", "[[[\"a\", \"b\"], b\"b\"], 1]"},
    {"attach", PEER_SESSION},
    {"attach", "{\"version\": \"1\", \"stores\": [], \"protocol\": 1, \"limits\": {\"key\": 1}}"},
    {"ttl", "[-1, 1]"},
    {"increment", "[-5, 1]"},
    {"count", "[[1, 1], 1]"},
    {"atomic", "[[false, 1], 1]"},
    {"swap", "[[false, b\"value\"], 1]"},
    {"get_many", "[[nil, b\"value\"], 1]"},
    {"entries", "[[[[\"a\", b\"v\"], [\"b\", b\"\"]], b\"next\"], 1]"},
    {"watch", "7"},
    {"unwatch", "true"},
    {"backup", "{\"bytes\": 1, \"pages\": 1, \"commit\": 1}"},
    {"stats", "{\"a\": 1, \"b\": {\"c\": \"text\", \"d\": true}}"},
    {"list", "[" APP_WITH("[]") ", " COMPONENT_WITH("\"pid\": 5, \"exit_code\": nil") "]"},
    {"status", COMPONENT_WITH("\"pid\": 5, \"reason\": \"because\", \"since\": 1")},
};

#define RIGHT_COUNT (int)(sizeof(right) / sizeof(right[0]))

START_TEST(results_of_the_right_shape)
{
    peer_result(&p, right[_i].result);
    ck_assert_int_eq(call(p.b, right[_i].method), BOBBIN_OK);
}
END_TEST

/* The answer to the second request, as bytes. */
static void answer_bytes(struct buffer *b, const char *result)
{
    buffer_init(b);
    message_write_result(b, 2);
    peer_encode(b, result);
}

START_TEST(closed_at_every_byte)
{
    struct buffer b;
    answer_bytes(&b, right[_i].result);
    for (size_t len = 0; len < b.len; len++) {
        struct peer q;
        peer_setup(&q);
        peer_write(&q, b.data, len);
        /* Half of them just stop talking, the others are gone before the request is written. */
        if (len % 2 == 0) {
            shutdown(q.fd, SHUT_WR);
        } else {
            close(q.fd);
            q.fd = -1;
        }
        ck_assert_int_eq(call(q.b, right[_i].method), BOBBIN_DISCONNECTED);
        ck_assert_ptr_nonnull(strstr(bobbin_error(q.b), "closed the connection"));
        ck_assert((len > 0) == (strstr(bobbin_error(q.b), "in the middle") != NULL));
        ck_assert_int_eq(bobbin_ping(q.b), BOBBIN_DISCONNECTED);
        peer_teardown(&q);
    }
    buffer_fini(&b);
}
END_TEST

/* Whatever a single byte of the answer is changed to, the call returns: well, or with a failure and
 * a text. What it must never do the sanitizers tell. */
START_TEST(one_byte_changed)
{
    static const uint8_t changes[] = {0x00, 0x90, 0xc0, 0xc1, 0xc6, 0xcf, 0xdd, 0xff};
    struct buffer b;
    answer_bytes(&b, right[_i].result);
    for (size_t i = 0; i < b.len * sizeof(changes); i++) {
        struct peer q;
        uint8_t *byte = &b.data[i / sizeof(changes)];
        uint8_t original = *byte;
        *byte = changes[i % sizeof(changes)];
        peer_setup(&q);
        peer_write(&q, b.data, b.len);
        shutdown(q.fd, SHUT_WR);
        bobbin_status status = call(q.b, right[_i].method);
        ck_assert((status == BOBBIN_OK) == (bobbin_error(q.b)[0] == '\0'));
        peer_teardown(&q);
        *byte = original;
    }
    buffer_fini(&b);
}
END_TEST

static const struct {
    const char *bytes;
    size_t len;
} garbage[] = {
#define G(s)                                                                                       \
    {                                                                                              \
        s, sizeof(s) - 1                                                                           \
    }
    G("\xc1"), /* reserved */
    G("\xc0"), /* not an array */
    G("HTTP/1.1 400 Bad Request\r\n\r\n"),
    G("\x90"),                                 /* an empty message */
    G("\x94\x01\x02\xc0"                       /* an answer with an array … */
      "\xdd\xff\xff\xff\xff"),                 /* … of four thousand million */
    G("\x94\x01\x02\xc0\xc6\xff\xff\xff\xff"), /* or as many bytes */
    G("\x94\x01\x02\xc0\xdf\xff\xff\xff\xff"), /* or a map of them */
    G("\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\xc0"),
    G("\x94\x01\x63\xc0\xc0"), /* to a request that was never made */
    G("\x94\x01\x01\xc0\xc0"), /* to one that is answered already */
    G("\x94\x01\xff\xc0\xc0"), /* to number -1 */
    G("\x94\x01\xcf\x00\x00\x00\x01\x00\x00\x00\x02\xc0\xc0"), /* to number 2 + 2^32 */
    G("\x94\x00\x02\xa4ping\x90"),                             /* a request */
    G("\x94\x03\x02\xc0\xc0"),                                 /* no kind of message */
    G("\x93\x01\x02\xc0"),                                     /* without result */
    G("\x95\x01\x02\xc0\xc0\xc0"),                             /* with two */
    G("\x94\x01\x02\xa5wrong\xc0"),                            /* an error that is no pair */
    G("\x94\x01\x02\x92\x01\x02\xc0"),
    G("\x94\x01\x02\x91\xa5other\xc0"),
    G("\x93\x02\xc0\x90"), /* a notification without name */
#undef G
};

#define GARBAGE_COUNT (int)(sizeof(garbage) / sizeof(garbage[0]))

START_TEST(garbage_ends_the_connection)
{
    peer_write(&p, garbage[_i].bytes, garbage[_i].len);
    ck_assert_int_eq(bobbin_ping(p.b), BOBBIN_BAD_RESPONSE);
    ck_assert_str_ne(bobbin_error(p.b), "");
    ck_assert_int_eq(bobbin_set(p.b, "s", "k", 1, "v", 1), BOBBIN_BAD_RESPONSE);
    /* The other side is told, too. */
    char byte;
    peer_expect(&p, "[\"ping\", []]");
    ck_assert_int_eq(recv(p.fd, &byte, 1, 0), 0);
}
END_TEST

START_TEST(garbage_as_greeting)
{
    struct peer q;
    int fd = peer_pair(&q);
    peer_send(&q, "[1, 1, nil, [\"not a session\"]]");
    ck_assert_int_eq(bobbin_connect_fd(fd, &q.b), BOBBIN_BAD_RESPONSE);
    ck_assert_str_eq(bobbin_error(q.b), "the daemon's answer is wrong: session is not a map");
    ck_assert_str_eq(bobbin_server_version(q.b), "");
    ck_assert_ptr_null(bobbin_stores(q.b)[0]);
    peer_teardown(&q);

    fd = peer_pair(&q);
    peer_send(&q, "[1, 1, [\"shutting-down\", \"the daemon is stopping\"], nil]");
    ck_assert_int_eq(bobbin_connect_fd(fd, &q.b), BOBBIN_SHUTTING_DOWN);
    ck_assert_str_eq(bobbin_error(q.b), "the daemon is stopping");
    peer_teardown(&q);
}
END_TEST

START_TEST(strings_with_a_nul_are_refused)
{
    static const char with_nul[] = "\x94\x01\x02\xc0\x83\xa7version\xa3"
                                   "a\0b\xa8protocol\x01\xa6stores\x90";
    peer_write(&p, with_nul, sizeof(with_nul) - 1);
    ck_assert_int_eq(bobbin_attach(p.b, "app"), BOBBIN_BAD_RESPONSE);
}
END_TEST

START_TEST(keys_may_hold_any_byte)
{
    static const char page[] = "\x94\x01\x02\xc0\x92\x92\x92\xa3"
                               "a\0b\xa2\xff\xfe\xc4\x02\0\xff\x01";
    bobbin_key_page *keys;
    peer_write(&p, page, sizeof(page) - 1);
    ck_assert_int_eq(bobbin_keys(p.b, "default", NULL, &keys), BOBBIN_OK);
    ck_assert_uint_eq(keys->keys[0].len, 3);
    ck_assert_int_eq(memcmp(keys->keys[0].data, "a\0b", 4), 0);
    ck_assert_int_eq(memcmp(keys->keys[1].data, "\xff\xfe", 3), 0);
    ck_assert_int_eq(memcmp(keys->cursor.data, "\0\xff", 3), 0);
    bobbin_key_page_free(keys);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("hostile");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, result_of_a_wrong_shape, 0, WRONG_COUNT);
    tcase_add_loop_test(tc, results_of_the_right_shape, 0, RIGHT_COUNT);
    tcase_add_loop_test(tc, closed_at_every_byte, 0, RIGHT_COUNT);
    tcase_add_loop_test(tc, one_byte_changed, 0, RIGHT_COUNT);
    tcase_add_loop_test(tc, garbage_ends_the_connection, 0, GARBAGE_COUNT);
    tcase_add_test(tc, garbage_as_greeting);
    tcase_add_test(tc, strings_with_a_nul_are_refused);
    tcase_add_test(tc, keys_may_hold_any_byte);

    Suite *s = suite_create("client hostile");
    suite_add_tcase(s, tc);
    SRunner *sr = srunner_create(s);
    srunner_run_all(sr, CK_NORMAL);
    int failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
