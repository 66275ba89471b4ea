/* Every method of a store through the daemon: what it answers, what it refuses and why. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness.h"
#include "notation.h"
#include "protocol/limits.h"

static struct harness h;
static struct buffer in; /* of the connection that was read last */
static char said[1 << 16];
static int fd;

static void send_request(int to, uint32_t id, const char *method, const char *params)
{
    struct buffer b;
    msgpack_packer pk;
    buffer_init(&b);
    message_write_request(&b, id, method);
    pack_init(&pk, &b);
    notation_pack(&pk, params);
    harness_raw_send(to, b.data, b.len);
    buffer_fini(&b);
}

/* The next answer as text: a result, or "code: text". All that the daemon sends is one answer for
 * one request here, so nothing is left in `in` between connections. */
static const char *answer(int from, uint32_t id)
{
    struct buffer text;
    struct message m;
    ck_assert_msg(harness_raw_receive(from, &in, &m), "closed");
    ck_assert_int_eq(m.kind, MESSAGE_RESPONSE);
    ck_assert_uint_eq(m.id, id);
    if (m.is_error) {
        snprintf(said, sizeof said, "%.*s: %.*s", (int)m.code.len, m.code.data, (int)m.text.len,
                 m.text.data);
        return said;
    }
    buffer_init(&text);
    notation_show(&m.result, &text);
    snprintf(said, sizeof said, "%.*s", (int)text.len, (char *)text.data);
    buffer_fini(&text);
    return said;
}

static const char *ask(int to, const char *method, const char *params)
{
    static uint32_t id;
    send_request(to, ++id, method, params);
    return answer(to, id);
}

#define check(method, params, expected) ck_assert_str_eq(ask(fd, method, params), expected)

/* The same for an error, of whose text the expected is a part. */
#define refused(method, params, code, part)                                                        \
    do {                                                                                           \
        const char *refused_said = ask(fd, method, params);                                        \
        ck_assert_msg(strncmp(refused_said, code ": ", sizeof code + 1) == 0 &&                    \
                          strstr(refused_said, part) != NULL,                                      \
                      "%s", refused_said);                                                         \
    } while (0)

static int attach(void)
{
    int to = harness_raw_connect(&h);
    const char *session = ask(to, "attach", "['app']");
    ck_assert_msg(session[0] == '{', "%s", session);
    return to;
}

static void setup(void)
{
    char dir[160];
    harness_init(&h);
    harness_start(&h);
    harness_register(&h, "app", NULL, dir);
    buffer_init(&in);
    fd = attach();
}

static void teardown(void)
{
    close(fd);
    buffer_fini(&in);
    harness_fini(&h);
}

START_TEST(test_commit)
{
    check("get", "['default', 'a', {'commit': true}]", "[nil, 0]");
    check("set", "['default', 'a', b'1', {'commit': true}]", "[nil, 1]");
    check("set", "['default', 'a', b'2']", "nil");
    check("get", "['default', 'a', {'commit': true}]", "[b'2', 2]");
    check("get", "['default', 'a', {'commit': false}]", "b'2'");
    check("get", "['default', 'a', {'commit': nil}]", "b'2'");
    check("get", "['default', 'a', nil]", "b'2'");
    check("exists", "['default', 'a', {'commit': true}]", "[true, 2]");
    check("ttl", "['default', 'a', {'commit': true}]", "[-1, 2]");
    check("delete", "['default', 'b', {'commit': true}]", "[nil, 2]");
    check("delete", "['default', 'a', {'commit': true}]", "[nil, 3]");
    check("set_many", "['default', [], {'commit': true}]", "[nil, 3]");
    check("delete_many", "['default', ['a', 'b'], {'commit': true}]", "[nil, 3]");
    check("increment", "['default', 'n', 1, {'commit': true}]", "[1, 4]");
    check("swap", "['default', 'n', nil, b'', {'commit': true}]",
          "[[false, b'\\x01\\x00\\x00\\x00\\x00\\x00\\x00\\x00'], 4]");
    check("count", "['default', {'commit': true}]", "[[1, 9], 4]");
    check("keys", "['default', {'commit': true}]", "[[['n'], nil], 4]");
    check("get_many", "['default', ['x'], {'commit': true}]", "[[nil], 4]");
    close(fd);
    ck_assert_int_eq(harness_stop(&h), 0);
    harness_start(&h);
    fd = attach();
    check("set", "['default', 'a', b'1', {'commit': true}]", "[nil, 5]");
}
END_TEST

/* Asks until the entry is gone; the time that it has left only falls. */
static void await_expiry(const char *key)
{
    char params[64];
    long deadline = harness_now_ms() + HARNESS_PATIENCE_MS;
    long left = 1000000;
    snprintf(params, sizeof params, "['default', '%s']", key);
    while (strcmp(ask(fd, "ttl", params), "nil") != 0) {
        long now_left = strtol(said, NULL, 10);
        ck_assert_msg(now_left > 0 && now_left <= left, "%s", said);
        ck_assert_int_lt(harness_now_ms(), deadline);
        left = now_left;
    }
    ck_assert_str_eq(ask(fd, "get", params), "nil");
    ck_assert_str_eq(ask(fd, "exists", params), "false");
}

START_TEST(test_ttl)
{
    check("ttl", "['default', 'a']", "nil");
    check("set", "['default', 'a', b'1', {'ttl_ms': 200}]", "nil");
    await_expiry("a");
    check("count", "['default']", "[0, 0]");
    check("keys", "['default']", "[[], nil]");
    check("increment", "['default', 'a', 2]", "2");
    check("ttl", "['default', 'a']", "-1");
    check("set", "['default', 'a', b'1', {'ttl_ms': 315360000000}]", "nil");
    check("set", "['default', 'a', b'1', {'ttl_ms': nil}]", "nil");
    check("ttl", "['default', 'a']", "-1");
    check("set_many", "['default', [['a', b'1'], ['b', b'2']], {'ttl_ms': 300}]", "nil");
    check("swap", "['default', 'a', b'1', b'2']", "[true, nil]");
    check("ttl", "['default', 'a']", "-1");
    check("swap", "['default', 'a', b'2', b'3', {'ttl_ms': 300}]", "[true, nil]");
    await_expiry("b");
    await_expiry("a");
    check("swap", "['default', 'a', nil, b'3']", "[true, nil]");
    check("atomic",
          "['default', [], [['set', 'c', b'1', {'ttl_ms': 200}], ['set', 'd', b'', nil]]]",
          "[true, nil]");
    await_expiry("c");
    check("ttl", "['default', 'd']", "-1");
}
END_TEST

START_TEST(test_increment_keeps_the_ttl)
{
    check("increment", "['default', 'n', 1]", "1");
    check("set", "['default', 'n', b'\\x01\\x00\\x00\\x00\\x00\\x00\\x00\\x00', {'ttl_ms': 500}]",
          "nil");
    check("increment", "['default', 'n', 1]", "2");
    await_expiry("n");
}
END_TEST

START_TEST(test_increment)
{
    check("increment", "['default', 'n', 9223372036854775807]", "9223372036854775807");
    refused("increment", "['default', 'n', 1]", "invalid-request", "increment overflows");
    check("increment", "['default', 'n', -9223372036854775807]", "0");
    check("increment", "['default', 'n', -9223372036854775808]", "-9223372036854775808");
    refused("increment", "['default', 'n', -1]", "invalid-request", "increment overflows");
    check("get", "['default', 'n']", "b'\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x80'");
    check("set", "['default', 'n', b'1234567']", "nil");
    refused("increment", "['default', 'n', 1]", "wrong-type", "");
    check("get", "['default', 'n']", "b'1234567'");
    refused("increment", "['default', 'n', 9223372036854775808]", "invalid-request",
            "increment: delta must be an integer");
    refused("increment", "['default', 'n', 1, {'ttl_ms': 1}]", "invalid-request",
            "increment: unknown option 'ttl_ms'");
}
END_TEST

START_TEST(test_listing)
{
    check("set_many",
          "['default', [['a', b'1'], ['b/1', b'2'], ['b/2', b'3'], ['b/3', b''], ['c', b'5']]]",
          "nil");
    check("keys", "['default']", "[['a', 'b/1', 'b/2', 'b/3', 'c'], nil]");
    check("keys", "['default', {'reverse': true}]", "[['c', 'b/3', 'b/2', 'b/1', 'a'], nil]");
    check("keys", "['default', {'prefix': 'b/', 'limit': 2}]", "[['b/1', 'b/2'], b'b/2']");
    check("keys", "['default', {'prefix': 'b/', 'limit': 2, 'cursor': b'b/2'}]", "[['b/3'], nil]");
    check("keys", "['default', {'prefix': 'b/', 'limit': 2, 'reverse': true}]",
          "[['b/3', 'b/2'], b'b/2']");
    check("keys", "['default', {'prefix': 'b/', 'limit': 2, 'reverse': true, 'cursor': b'b/2'}]",
          "[['b/1'], nil]");
    check("keys", "['default', {'prefix': b'b/', 'limit': 3}]", "[['b/1', 'b/2', 'b/3'], nil]");
    check("entries", "['default', {'prefix': 'b/'}]",
          "[[['b/1', b'2'], ['b/2', b'3'], ['b/3', b'']], nil]");
    check("entries", "['default', {'limit': 1, 'reverse': true, 'commit': true}]",
          "[[[['c', b'5']], b'c'], 1]");
    check("entries", "['default', {'limit': 1, 'cursor': 'b/3'}]", "[[['c', b'5']], nil]");
    check("entries", "['default', {'prefix': 'x'}]", "[[], nil]");
    check("entries", "['default', {'limit': 1, 'ttl': true}]", "[[['a', b'1', -1]], b'a']");
    check("set", "['default', 'a', b'1', {'ttl_ms': 3600000}]", "nil");
    check("entries", "['default', {'limit': 1, 'ttl': false}]", "[[['a', b'1']], b'a']");
    check("entries", "['default', {'cursor': 'b/3', 'ttl': true}]", "[[['c', b'5', -1]], nil]");
    check("keys", "['default', {'cursor': 'b/0 is not there', 'limit': 1}]", "[['b/1'], b'b/1']");
    refused("keys", "['default', {'ttl': true}]", "invalid-request", "unknown option 'ttl'");
    refused("entries", "['default', {'ttl': 1}]", "invalid-request",
            "entries: option 'ttl' must be true or false");
    check("count", "['default']", "[5, 15]");
    refused("keys", "['default', {'limit': -1}]", "invalid-request", "option 'limit'");
    refused("keys", "['default', {'reverse': 1}]", "invalid-request",
            "keys: option 'reverse' must be true or false");
    refused("entries", "['default', {'prefix': 'a', 'prefix': 'b'}]", "invalid-request",
            "entries: option 'prefix' is there twice");
    refused("count", "['default', {'prefix': 'a'}]", "invalid-request", "unknown option 'prefix'");
    refused("entries", "['cache']", "no-such-store", "'cache'");
}
END_TEST

/* A page of entries ends at its bytes, and goes on with the next. */
START_TEST(test_entries_by_bytes)
{
    size_t size = LIMIT_PAGE_BYTES / 4;
    char *params = malloc(size + 64);
    unsigned seen = 0;
    for (unsigned i = 0; i < 7; i++) {
        int len = sprintf(params, "['default', 'k%u', '", i);
        memset(params + len, 'v', size);
        strcpy(params + len + size, "']");
        check("set", params, "nil");
    }
    free(params);
    struct buffer page;
    buffer_init(&page);
    char cursor[32] = "nil";
    while (seen < 7) {
        char options[64];
        struct message m;
        struct slice last = {0};
        uint32_t count, pair;
        snprintf(options, sizeof options, "['default', {'cursor': %s}]", cursor);
        send_request(fd, 1000, "entries", options);
        ck_assert(harness_raw_receive(fd, &page, &m));
        ck_assert(!m.is_error);
        ck_assert_int_eq(reader_array(&m.result, &count), 0);
        ck_assert_int_eq(reader_array(&m.result, &count), 0);
        ck_assert_uint_ge(count, 1);
        ck_assert_uint_le(count, 3);
        while (count--) {
            ck_assert_int_eq(reader_array(&m.result, &pair), 0);
            ck_assert_int_eq(reader_str(&m.result, &last), 0);
            ck_assert_int_eq(last.data[1], '0' + (int)seen++);
            ck_assert_int_eq(reader_skip(&m.result), 0);
        }
        snprintf(cursor, sizeof cursor, "b'%.2s'", last.data);
        ck_assert_int_eq(reader_peek(&m.result), seen < 7 ? READER_BIN : READER_NIL);
    }
    buffer_fini(&page);
}
END_TEST

START_TEST(test_many)
{
    check("set_many", "['default', [['a', b'1'], ['b', '2'], ['a', b'3'], ['', b'']]]", "nil");
    check("get_many", "['default', ['b', 'x', 'a', 'b', '']]", "[b'2', nil, b'3', b'2', b'']");
    check("get_many", "['default', []]", "[]");
    check("delete_many", "['default', ['a', 'x', 'a']]", "nil");
    check("keys", "['default']", "[['', 'b'], nil]");
    refused("get_many", "['default', 'a']", "invalid-request", "get_many: keys must be an array");
    refused("get_many", "['default', ['a', 1]]", "invalid-request",
            "get_many: key 1 must be a string");
    refused("delete_many", "['default', ['a', 'b', '\\xff']]", "invalid-request",
            "delete_many: key 2 is not valid UTF-8");
    refused("set_many", "['default', [['c', b'1'], ['d']]]", "invalid-request",
            "set_many: entry 1: must be [key, value]");
    refused("set_many", "['default', [['c', b'1'], ['d', 1]]]", "invalid-request",
            "set_many: entry 1: value must be bytes");
    refused("set_many", "['default', [[1, b'1']]]", "invalid-request",
            "set_many: entry 0: key must be a string");
    check("keys", "['default']", "[['', 'b'], nil]");
}
END_TEST

/* What is over a limit, at the end of many: nothing of it is done. */
START_TEST(test_limits)
{
    size_t size = 200000;
    char *params = malloc(size), *at = params;
    char key[LIMIT_KEY + 2];
    memset(key, 'k', sizeof key);
    key[LIMIT_KEY + 1] = '\0';
    sprintf(params, "['default', [['a', b''], ['b', b''], ['c', b''], ['%s', b'']]]", key);
    refused("set_many", params, "too-large",
            "set_many: entry 3: key of 2049 bytes exceeds limit of 2048 bytes");
    sprintf(params, "['default', [], [['set', 'a', b''], ['increment', '%s', 1]]]", key);
    refused("atomic", params, "too-large",
            "atomic: operation 1: key of 2049 bytes exceeds limit of 2048 bytes");
    sprintf(params, "['default', '%s', nil, b'']", key);
    refused("swap", params, "too-large", "swap: key of 2049 bytes");
    sprintf(params, "['default', '%s']", key);
    check("get", params, "nil");
    check("delete", params, "nil");
    at += sprintf(at, "['default', [");
    for (unsigned i = 0; i <= LIMIT_MANY; i++)
        at += sprintf(at, "'k%u',", i);
    strcpy(at, "]]");
    refused("get_many", params, "too-large", "get_many: 10001 keys exceed limit of 10000");
    refused("delete_many", params, "too-large", "delete_many: 10001 keys exceed limit of 10000");
    at = params + sprintf(params, "['default', [");
    for (unsigned i = 0; i <= LIMIT_ATOMIC; i++)
        at += sprintf(at, "['k%u', nil],", i);
    strcpy(at, "], []]");
    refused("atomic", params, "too-large", "atomic: 1001 checks exceed limit of 1000");
    refused("set", "['default', 'a', b'', {'ttl_ms': 0}]", "invalid-request",
            "set: option 'ttl_ms' must be an integer from 1 to 315360000000");
    refused("set", "['default', 'a', b'', {'ttl_ms': 315360000001}]", "invalid-request", "ttl_ms");
    refused("set", "['default', 'a', b'', {'ttl_ms': -1}]", "invalid-request", "ttl_ms");
    check("count", "['default']", "[0, 0]");
    free(params);
}
END_TEST

START_TEST(test_result_over_the_limit)
{
    size_t size = LIMIT_VALUE;
    char *params = malloc(size + 64);
    int len = sprintf(params, "['default', 'large', '");
    memset(params + len, 'v', size);
    strcpy(params + len + size, "']");
    check("set", params, "nil");
    free(params);
    ck_assert_str_eq(
        ask(fd, "get_many",
            "['default', ['large', 'large', 'large', 'large', 'large', 'large', 'large', 'large', "
            "'large']]"),
        "too-large: query result exceeds limit of 134217728 bytes");
    check("exists", "['default', 'large']", "true");
}
END_TEST

START_TEST(test_swap)
{
    int other = attach();
    check("swap", "['default', 'a', b'', b'1']", "[false, nil]");
    check("get", "['default', 'a']", "nil");
    ck_assert_str_eq(ask(other, "set", "['default', 'a', b'theirs']"), "nil");
    check("swap", "['default', 'a', nil, b'ours']", "[false, b'theirs']");
    check("get", "['default', 'a']", "b'theirs'");
    check("swap", "['default', 'a', 'theirs', b'']", "[true, nil]");
    check("swap", "['default', 'a', nil, b'ours']", "[false, b'']");
    check("swap", "['default', 'a', b'', b'ours']", "[true, nil]");
    refused("swap", "['default', 'a', 1, b'']", "invalid-request",
            "swap: expected must be bytes or nil");
    refused("swap", "['default', 'a', nil, nil]", "invalid-request", "swap: value must be bytes");
    close(other);
}
END_TEST

/* Two that both expect nothing, sent before either is answered: one of them wins. */
START_TEST(test_swap_race)
{
    int other = attach();
    for (unsigned i = 0; i < 100; i++) {
        char params[64];
        int won = 0;
        snprintf(params, sizeof params, "['default', 'k%u', nil, b'%c']", i, 'x');
        send_request(fd, 5000 + i, "swap", params);
        send_request(other, 5000 + i, "swap", params);
        won += strcmp(answer(fd, 5000 + i), "[true, nil]") == 0;
        won += strcmp(answer(other, 5000 + i), "[true, nil]") == 0;
        ck_assert_int_eq(won, 1);
    }
    close(other);
}
END_TEST

START_TEST(test_atomic)
{
    check("set", "['default', 'a', b'1']", "nil");
    check("set", "['default', 'b', b'2']", "nil");
    check("atomic", "['default', [], [], {'commit': true}]", "[[true, nil], 2]");
    check("atomic",
          "['default', [['a', b'1'], ['x', nil], ['a', {'since': 1}]],"
          " [['set', 'x', b'9'], ['delete', 'b'], ['increment', 'n', 3], ['increment', 'n', 4]],"
          " {'commit': true}]",
          "[[true, nil], 3]");
    check("get_many", "['default', ['a', 'b', 'n', 'x']]",
          "[b'1', nil, b'\\x07\\x00\\x00\\x00\\x00\\x00\\x00\\x00', b'9']");
    check("atomic", "['default', [['a', '1'], ['x', nil], ['y', b'']], [['delete', 'a']]]",
          "[false, 1]");
    check("atomic", "['default', [['a', b'1'], ['y', b'']], [['delete', 'a']]]", "[false, 1]");
    check("atomic", "['default', [['b', {'since': 2}]], [['delete', 'a']], {'commit': true}]",
          "[[false, 0], 3]");
    check("atomic", "['default', [['b', {'since': 3}], ['a', {'since': 1}]], []]", "[true, nil]");
    check("atomic", "['default', [], [['set', 'a', b'5'], ['delete', 'a'], ['set', 'a', '6']]]",
          "[true, nil]");
    check("get", "['default', 'a', {'commit': true}]", "[b'6', 4]");
    refused("atomic", "['default', [['a', {'since': 5}]], []]", "invalid-request", "5");
}
END_TEST

START_TEST(test_atomic_that_fails_changes_nothing)
{
    check("set", "['default', 'a', b'text']", "nil");
    refused("atomic",
            "['default', [], [['set', 'b', b'1'], ['delete', 'a'], ['increment', 'b', 1]]]",
            "wrong-type", "");
    check("increment", "['default', 'n', 9223372036854775807]", "9223372036854775807");
    refused("atomic", "['default', [], [['set', 'b', b'1'], ['increment', 'n', 1]]]",
            "invalid-request", "overflows");
    check("entries", "['default', {'commit': true, 'limit': 1}]", "[[[['a', b'text']], b'a'], 2]");
    check("exists", "['default', 'b']", "false");
}
END_TEST

START_TEST(test_atomic_params)
{
    static const struct {
        const char *params;
        const char *part;
    } cases[] = {
        {"['default', nil, []]", "atomic: checks must be an array"},
        {"['default', [], {}]", "atomic: operations must be an array"},
        {"['default', ['a'], []]", "atomic: check 0: must be [key, value, nil or {since}]"},
        {"['default', [['a', nil], ['a', 1]], []]", "atomic: check 1: value must be bytes or nil"},
        {"['default', [['\\xff', nil]], []]", "atomic: check 0: key is not valid UTF-8"},
        {"['default', [['a', {}]], []]", "atomic: check 0: a map must be {\"since\""},
        {"['default', [['a', {'since': -1}]], []]", "atomic: check 0: a map must be {\"since\""},
        {"['default', [], ['delete']]", "atomic: operation 0: must be an array that begins"},
        {"['default', [], [[]]]", "atomic: operation 0: must be an array that begins"},
        {"['default', [], [['delete', 'a', 'b']]]", "atomic: operation 0: must be [\"set\""},
        {"['default', [], [['delete', 'a'], ['set', 'a']]]", "atomic: operation 1: must be"},
        {"['default', [], [['set', 'a', 1]]]", "atomic: operation 0: value must be bytes"},
        {"['default', [], [['set', 'a', b'', {'commit': true}]]]",
         "atomic: operation 0: set: unknown option 'commit'"},
        {"['default', [], [['set', 'a', b'', {'ttl_ms': 0}]]]",
         "atomic: operation 0: set: option 'ttl_ms' must be"},
        {"['default', [], [['increment', 'a', 'b']]]",
         "atomic: operation 0: delta must be an integer"},
        {"['default', [], [], {'ttl_ms': 1}]", "atomic: unknown option 'ttl_ms'"},
        {"['default', [], [], {1: 1}]", "atomic: an option's name must be a string"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        refused("atomic", cases[i].params, "invalid-request", cases[i].part);
}
END_TEST

/* Requests of one connection take effect in the order sent, whatever their methods. */
START_TEST(test_pipelined_order)
{
    static const char *const sent[][3] = {
        {"set", "['default', 'a', b'1']", "nil"},
        {"get", "['default', 'a']", "b'1'"},
        {"set_many", "['default', [['a', b'2'], ['b', b'3']]]", "nil"},
        {"get_many", "['default', ['b', 'a']]", "[b'3', b'2']"},
        {"swap", "['default', 'a', b'2', b'4']", "[true, nil]"},
        {"atomic", "['default', [['a', b'4']], [['delete', 'b'], ['increment', 'n', 1]]]",
         "[true, nil]"},
        {"keys", "['default']", "[['a', 'n'], nil]"},
        {"increment", "['default', 'n', 1]", "2"},
        {"count", "['default']", "[2, 11]"},
        {"stats", "['app']", NULL},
        {"delete_many", "['default', ['a', 'n']]", "nil"},
        {"exists", "['default', 'n']", "false"},
        {"ttl", "['default', 'a']", "nil"},
        {"entries", "['default']", "[[], nil]"},
    };
    const uint32_t count = sizeof sent / sizeof *sent;
    bool seen[sizeof sent / sizeof *sent] = {false};
    for (uint32_t i = 0; i < count; i++)
        send_request(fd, i, sent[i][0], sent[i][1]);
    for (uint32_t i = 0; i < count; i++) {
        struct message m;
        struct buffer text;
        ck_assert(harness_raw_receive(fd, &in, &m));
        ck_assert_msg(!m.is_error, "%.*s", (int)m.text.len, m.text.data);
        ck_assert_uint_lt(m.id, count);
        ck_assert(!seen[m.id]);
        seen[m.id] = true;
        buffer_init(&text);
        notation_show(&m.result, &text);
        buffer_append(&text, "", 1);
        if (sent[m.id][2])
            ck_assert_str_eq((char *)text.data, sent[m.id][2]);
        buffer_fini(&text);
    }
}
END_TEST

/* Increments of two connections, all in flight at once: none is lost. */
START_TEST(test_increments_of_two)
{
    enum { EACH = 500 };
    int other = attach();
    bool last_seen = false;
    struct buffer received[2];
    for (uint32_t i = 0; i < EACH; i++) {
        send_request(fd, i, "increment", "['default', 'n', 1]");
        send_request(other, i, "increment", "['default', 'n', 1]");
    }
    for (int side = 0; side < 2; side++) {
        int64_t before = 0;
        buffer_init(&received[side]);
        for (uint32_t i = 0; i < EACH; i++) {
            struct message m;
            int64_t sum;
            ck_assert(harness_raw_receive(side ? other : fd, &received[side], &m));
            ck_assert(!m.is_error);
            ck_assert_int_eq(reader_int(&m.result, &sum), 0);
            ck_assert_int_gt(sum, before);
            before = sum;
        }
        last_seen = last_seen || before == 2 * EACH;
        buffer_fini(&received[side]);
    }
    ck_assert(last_seen);
    close(other);
}
END_TEST

static void add_tests(TCase *tc)
{
    tcase_add_test(tc, test_commit);
    tcase_add_test(tc, test_ttl);
    tcase_add_test(tc, test_increment_keeps_the_ttl);
    tcase_add_test(tc, test_increment);
    tcase_add_test(tc, test_listing);
    tcase_add_test(tc, test_entries_by_bytes);
    tcase_add_test(tc, test_many);
    tcase_add_test(tc, test_limits);
    tcase_add_test(tc, test_result_over_the_limit);
    tcase_add_test(tc, test_swap);
    tcase_add_test(tc, test_swap_race);
    tcase_add_test(tc, test_atomic);
    tcase_add_test(tc, test_atomic_that_fails_changes_nothing);
    tcase_add_test(tc, test_atomic_params);
    tcase_add_test(tc, test_pipelined_order);
    tcase_add_test(tc, test_increments_of_two);
}

int main(void)
{
    Suite *suite = suite_create("kv");
    TCase *tc = tcase_create("kv");
    SRunner *runner;
    int failed;
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 120);
    add_tests(tc);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
