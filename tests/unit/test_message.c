/* The envelopes, written and read, against msgpack-c. */
#include <check.h>
#include <msgpack/unpack.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/limits.h"
#include "protocol/message.h"
#include "tests/unit/wire.h"

#define BYTES(text) (text), sizeof(text) - 1

static struct buffer b;
static struct message m;
static struct error e;
static uint32_t id;
static bool has_id;

static void setup(void)
{
    buffer_init(&b);
    memset(&m, 0, sizeof(m));
    memset(&e, 0, sizeof(e));
    id = 12345;
    has_id = false;
}

static void teardown(void)
{
    buffer_fini(&b);
}

static int read_b(void)
{
    return message_read(b.data, b.len, &m, &id, &has_id, &e);
}

/* What msgpack-c makes of the buffer, as text. */
static void assert_prints_as(const char *expected)
{
    char text[2000];
    size_t end = 0;
    msgpack_unpacked unpacked;
    msgpack_unpacked_init(&unpacked);
    ck_assert_int_eq(msgpack_unpack_next(&unpacked, (char *)b.data, b.len, &end),
                     MSGPACK_UNPACK_SUCCESS);
    ck_assert_uint_eq(end, b.len);
    msgpack_object_print_buffer(text, sizeof(text), unpacked.data);
    ck_assert_str_eq(text, expected);
    msgpack_unpacked_destroy(&unpacked);
}

START_TEST(requests_go_round)
{
    static const uint32_t ids[] = {0, 1, 127, 128, 255, 256, 65535, 65536, UINT32_MAX};
    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        msgpack_packer pk;
        char expected[100];
        struct slice s;
        buffer_clear(&b);
        message_write_request(&b, ids[i], "get");
        pack_init(&pk, &b);
        msgpack_pack_array(&pk, 2);
        pack_cstr(&pk, "default");
        pack_slice_bin(&pk, (struct slice){"key", 3});
        snprintf(expected, sizeof(expected), "[0, %u, \"get\", [\"default\", \"key\"]]", ids[i]);
        assert_prints_as(expected);

        ck_assert_int_eq(read_b(), 0);
        ck_assert_int_eq(m.kind, MESSAGE_REQUEST);
        ck_assert_uint_eq(m.id, ids[i]);
        ck_assert(has_id);
        ck_assert_uint_eq(id, ids[i]);
        ck_assert(slice_equals(m.method, "get"));
        ck_assert_uint_eq(m.param_count, 2);
        ck_assert_int_eq(reader_str(&m.params, &s), 0);
        ck_assert(slice_equals(s, "default"));
        ck_assert_int_eq(reader_bytes(&m.params, &s), 0);
        ck_assert(slice_equals(s, "key"));
        ck_assert_ptr_eq(m.params.pos, m.params.end);
    }
}
END_TEST

START_TEST(results_go_round)
{
    msgpack_packer pk;
    int64_t n;
    message_write_result(&b, 7);
    pack_init(&pk, &b);
    msgpack_pack_int(&pk, -42);
    assert_prints_as("[1, 7, nil, -42]");

    ck_assert_int_eq(read_b(), 0);
    ck_assert_int_eq(m.kind, MESSAGE_RESPONSE);
    ck_assert_uint_eq(m.id, 7);
    ck_assert(!m.is_error);
    ck_assert_int_eq(reader_int(&m.result, &n), 0);
    ck_assert_int_eq(n, -42);
    ck_assert_ptr_eq(m.result.pos, m.result.end);
    /* Only requests can be answered. */
    ck_assert(!has_id);
}
END_TEST

START_TEST(errors_go_round)
{
    message_write_error(&b, 8, ERR_NO_SUCH_STORE, "no store 'x'");
    assert_prints_as("[1, 8, [\"no-such-store\", \"no store 'x'\"], nil]");

    ck_assert_int_eq(read_b(), 0);
    ck_assert_int_eq(m.kind, MESSAGE_RESPONSE);
    ck_assert_uint_eq(m.id, 8);
    ck_assert(m.is_error);
    ck_assert_int_eq(error_from_name(m.code.data, m.code.len), ERR_NO_SUCH_STORE);
    ck_assert(slice_equals(m.text, "no store 'x'"));
    ck_assert_int_eq(reader_nil(&m.result), 0);
}
END_TEST

START_TEST(notifications_go_round)
{
    msgpack_packer pk;
    message_write_notification(&b, "changed");
    pack_init(&pk, &b);
    msgpack_pack_array(&pk, 0);
    assert_prints_as("[2, \"changed\", []]");

    ck_assert_int_eq(read_b(), 0);
    ck_assert_int_eq(m.kind, MESSAGE_NOTIFICATION);
    ck_assert(slice_equals(m.method, "changed"));
    ck_assert_uint_eq(m.param_count, 0);
    ck_assert(!has_id);
}
END_TEST

START_TEST(an_error_always_has_a_text)
{
    message_write_error(&b, 1, ERR_BUSY, NULL);
    assert_prints_as("[1, 1, [\"busy\", \"busy\"], nil]");
    buffer_clear(&b);
    message_write_error(&b, 1, ERR_TOO_LARGE, "");
    assert_prints_as("[1, 1, [\"too-large\", \"too large\"], nil]");
}
END_TEST

START_TEST(an_error_text_is_always_utf8)
{
    message_write_error(&b, 1, ERR_OTHER, "na\xc3\xafve \xff caf\xe9 \xe2\x82");
    ck_assert_int_eq(read_b(), 0);
    ck_assert(slice_equals(m.text, "na\xc3\xafve ? caf? ??"));

    /* A long one is cut, but not inside a character. */
    char text[3000] = "x";
    for (size_t i = 1; i + 2 < sizeof(text); i += 2)
        memcpy(text + i, "\xc3\xa4", 3);
    buffer_clear(&b);
    message_write_error(&b, 1, ERR_OTHER, text);
    ck_assert_int_eq(read_b(), 0);
    ck_assert_uint_gt(m.text.len, 500);
    ck_assert_uint_lt(m.text.len, 1500);
    ck_assert(utf8_valid(m.text.data, m.text.len));
    ck_assert_mem_eq(m.text.data, text, m.text.len);
}
END_TEST

/* A response may hold more than a request: error and result both, of any kind. */
START_TEST(a_result_beside_an_error_is_passed_over)
{
    bool flag;
    ck_assert_int_eq(message_read(BYTES("\x94\x01\x05\x92\xa1x\xa1y\xc3"), &m, &id, &has_id, &e),
                     0);
    ck_assert(m.is_error);
    ck_assert_int_eq(reader_bool(&m.result, &flag), 0);
    ck_assert(flag);
}
END_TEST

#define METHOD_64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static const struct broken {
    const char *text; /* of the error */
    const char *bytes;
    size_t len;
    int64_t id; /* to answer to; -1: none */
} broken[] = {
    {"message: not an array, or cut off", BYTES(""), -1},
    {"message: not an array, or cut off", BYTES("\xc0"), -1},
    {"message: not an array, or cut off", BYTES("\x84\x00\x01\x02\x03\x04\x05\x06\x07"), -1},
    {"message: not an array, or cut off", BYTES("\x94\x00\x01\xa1"), 1},
    {"message: kind is not 0, 1 or 2", BYTES("\x90"), -1},
    {"message: kind is not 0, 1 or 2", BYTES("\x94\x03\x01\xa1x\x90"), -1},
    {"message: kind is not 0, 1 or 2", BYTES("\x94\xff\x01\xa1x\x90"), -1},
    {"message: kind is not 0, 1 or 2", BYTES("\x94\xa1x\x01\xa1x\x90"), -1},
    {"message: kind is not 0, 1 or 2", BYTES("\x94\xca\x00\x00\x00\x00\x01\xa1x\x90"), -1},
    {"request: array of 3 elements, not 4", BYTES("\x93\x00\x01\xa1x"), 1},
    {"request: array of 5 elements, not 4", BYTES("\x95\x00\x01\xa1x\x90\x90"), 1},
    {"request: array of 1 elements, not 4", BYTES("\x91\x00"), -1},
    {"response: array of 3 elements, not 4", BYTES("\x93\x01\x01\xc0"), -1},
    {"notification: array of 4 elements, not 3", BYTES("\x94\x02\x01\xa1x\x90"), -1},
    {"notification: array of 2 elements, not 3", BYTES("\x92\x02\xa1x"), -1},
    {"request: id is not an integer from 0 to 2^32-1", BYTES("\x94\x00\xff\xa1x\x90"), -1},
    {"request: id is not an integer from 0 to 2^32-1", BYTES("\x94\x00\xc0\xa1x\x90"), -1},
    {"request: id is not an integer from 0 to 2^32-1",
     BYTES("\x94\x00\xcf\x00\x00\x00\x01\x00\x00\x00\x00\xa1x\x90"), -1},
    {"request: id is not an integer from 0 to 2^32-1",
     BYTES("\x94\x00\xcb\x00\x00\x00\x00\x00\x00\x00\x00\xa1x\x90"), -1},
    {"response: id is not an integer from 0 to 2^32-1", BYTES("\x94\x01\xa1x\xc0\xc0"), -1},
    {"request: method is not a string", BYTES("\x94\x00\x01\xc4\x01x\x90"), 1},
    {"request: method is not a string", BYTES("\x94\x00\x01\x05\x90"), 1},
    {"request: method is not a string", BYTES("\x94\x00\x01\xa5x\x90"), 1},
    {"request: method's name is 0 bytes long, not 1 to 64", BYTES("\x94\x00\x01\xa0\x90"), 1},
    {"request: method's name is 65 bytes long, not 1 to 64",
     BYTES("\x94\x00\x01\xd9\x41" METHOD_64 "x\x90"), 1},
    {"request: params is not an array", BYTES("\x94\x00\x01\xa1x\xc0"), 1},
    {"request: params is not an array", BYTES("\x94\x00\x01\xa1x\x80"), 1},
    {"request: params is not an array", BYTES("\x94\x00\x01\xa1x\x91"), 1},
    {"request: params end too early", BYTES("\x94\x00\x01\xa1x\x92\xc0\xa5"), 1},
    {"request: params end too early", BYTES("\x94\x00\x01\xa1x\x91\xc1"), 1},
    {"notification: method is not a string", BYTES("\x93\x02\x01\x90"), -1},
    {"notification: params is not an array", BYTES("\x93\x02\xa1x\x01"), -1},
    {"response: error is neither nil nor an array of two strings", BYTES("\x94\x01\x01\xa1x\xc0"),
     -1},
    {"response: error is neither nil nor an array of two strings",
     BYTES("\x94\x01\x01\x91\xa1x\xc0"), -1},
    {"response: error is neither nil nor an array of two strings",
     BYTES("\x94\x01\x01\x93\xa1x\xa1x\xa1x\xc0"), -1},
    {"response: error is neither nil nor an array of two strings",
     BYTES("\x94\x01\x01\x92\xa1x\x05\xc0"), -1},
    {"response: error is neither nil nor an array of two strings",
     BYTES("\x94\x01\x01\x92\xc4\x01x\xa1x\xc0"), -1},
    {"response: result is missing or cut off", BYTES("\x94\x01\x01\xc0\xd9"), -1},
    {"response: result is missing or cut off", BYTES("\x94\x01\x01\xc0\xa2x"), -1},
    {"message: 1 bytes behind its end", BYTES("\x94\x00\x01\xa1x\x90\xc0"), 1},
    {"message: 2 bytes behind its end", BYTES("\x94\x01\x01\xc0\xc0\xc0\xc0"), -1},
    {"message: 5 bytes behind its end", BYTES("\x93\x02\xa1x\x90\x93\x02\xa1x\x90"), -1},
};

static void assert_broken(const struct broken *c)
{
    struct wire_guard guard;
    struct message untouched = {.method = {"untouched", 9}};
    wire_guard_init(&guard, 100);
    const uint8_t *bytes = wire_guard_put(&guard, c->bytes, c->len);
    int rc = message_read(bytes, c->len, &untouched, &id, &has_id, &e);
    ck_assert_msg(rc == ERR_INVALID_REQUEST, "%s: %d", c->text, rc);
    ck_assert_int_eq(e.code, ERR_INVALID_REQUEST);
    ck_assert_msg(strcmp(e.text, c->text) == 0, "'%s' instead of '%s'", e.text, c->text);
    ck_assert_msg(has_id == (c->id >= 0), "%s", c->text);
    if (has_id)
        ck_assert_uint_eq(id, (uint32_t)c->id);
    ck_assert(slice_equals(untouched.method, "untouched"));
    wire_guard_fini(&guard);
}

START_TEST(broken_messages_are_refused_in_words)
{
    for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++)
        assert_broken(&broken[i]);
}
END_TEST

START_TEST(a_method_may_have_64_bytes)
{
    ck_assert_int_eq(
        message_read(BYTES("\x94\x00\x01\xd9\x40" METHOD_64 "\x90"), &m, &id, &has_id, &e), 0);
    ck_assert(slice_equals(m.method, METHOD_64));
}
END_TEST

START_TEST(every_cut_is_refused)
{
    static const char whole[] = "\x94\x00\xcd\x01\x02\xa3set\x93\xa1s\xa1k\xc4\x01v";
    size_t len = sizeof(whole) - 1;
    ck_assert_int_eq(message_read(whole, len, &m, &id, &has_id, &e), 0);
    for (size_t n = 0; n < len; n++) {
        ck_assert_int_eq(message_read(whole, n, &m, &id, &has_id, &e), ERR_INVALID_REQUEST);
        /* The id can be answered as soon as it has arrived. */
        ck_assert_int_eq(has_id, n >= 5);
        ck_assert_int_eq(message_peek_id(whole, n, &id), n >= 5);
        if (n >= 5)
            ck_assert_uint_eq(id, 0x102);
    }
}
END_TEST

START_TEST(peeks_at_ids_in_any_encoding)
{
    static const struct {
        const char *bytes;
        size_t len;
        bool found;
    } cases[] = {
        {BYTES("\x94\x00\x2a"), true},
        {BYTES("\x94\x00\xcc\x2a"), true},
        {BYTES("\x94\x00\xd3\x00\x00\x00\x00\x00\x00\x00\x2a"), true},
        {BYTES("\x94\xcc\x00\x2a"), true},
        {BYTES("\xdc\x00\x04\x00\x2a"), true},
        {BYTES("\xdd\x00\x00\x00\x04\x00\x2a"), true},
        {BYTES("\xdd\xff\xff\xff\xff\x00\x2a"), true},
        {BYTES("\x94\x00\x2a\xc1"), true},
        {BYTES("\x94\x01\x2a"), false},
        {BYTES("\x93\x02\x2a"), false},
        {BYTES("\x91\x00\x2a"), false},
        {BYTES("\x90\x00\x2a"), false},
        {BYTES("\x84\x00\x2a"), false},
        {BYTES("\x94\x00\xa1x"), false},
        {BYTES("\x94\x00\xff"), false},
        {BYTES("\x94\x00\xcc"), false},
        {BYTES("\x94\x00\xcf\x00\x00\x00\x01\x00\x00\x00\x00"), false},
        {BYTES("\xdc\x00"), false},
        {BYTES(""), false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        id = 7;
        ck_assert_msg(message_peek_id(cases[i].bytes, cases[i].len, &id) == cases[i].found,
                      "case %zu", i);
        ck_assert_msg(id == (cases[i].found ? 42 : 7), "case %zu", i);
    }
}
END_TEST

START_TEST(failures_stick_through_the_writers)
{
    b.failed = true;
    message_write_request(&b, 1, "get");
    message_write_result(&b, 1);
    message_write_error(&b, 1, ERR_OTHER, "x");
    message_write_notification(&b, "changed");
    ck_assert(b.failed);
    ck_assert_uint_eq(b.len, 0);
}
END_TEST

START_TEST(what_msgpack_cannot_count_fails)
{
#if SIZE_MAX > UINT32_MAX
    msgpack_packer pk;
    pack_init(&pk, &b);
    /* Not looked at: there are no such bytes. */
    pack_slice_bin(&pk, (struct slice){"", (size_t)UINT32_MAX + 1});
    ck_assert(b.failed);
    buffer_clear(&b);
    pack_slice_str(&pk, (struct slice){"", (size_t)UINT32_MAX + 2});
    ck_assert(b.failed);
#endif
}
END_TEST

START_TEST(survives_garbage)
{
    struct wire_random random;
    struct wire_guard guard;
    size_t good = 0;
    wire_random_init(&random, "message, garbage");
    wire_guard_init(&guard, 4096);
    for (int round = 0; round < 200000; round++) {
        buffer_clear(&b);
        wire_random_garbage(&random, wire_random_below(&random, 30), &b);
        /* Something like an envelope, of which the garbage is the rest. */
        if (b.len > 8)
            memcpy(b.data, "\x94\x00\x01\xa3get\x92", 3 + wire_random_below(&random, 6));
        const uint8_t *bytes = wire_guard_put(&guard, b.data, b.len);
        if (message_read(bytes, b.len, &m, &id, &has_id, &e) != 0)
            continue;
        good++;
        for (uint32_t i = 0; i < m.param_count; i++)
            if (reader_skip(&m.params) != 0)
                ck_abort_msg("round %d: params are not whole", round);
    }
    ck_assert_uint_gt(good, 50);
    wire_guard_fini(&guard);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("message");
    TCase *tc = tcase_create("message");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, requests_go_round);
    tcase_add_test(tc, results_go_round);
    tcase_add_test(tc, errors_go_round);
    tcase_add_test(tc, notifications_go_round);
    tcase_add_test(tc, an_error_always_has_a_text);
    tcase_add_test(tc, an_error_text_is_always_utf8);
    tcase_add_test(tc, a_result_beside_an_error_is_passed_over);
    tcase_add_test(tc, broken_messages_are_refused_in_words);
    tcase_add_test(tc, a_method_may_have_64_bytes);
    tcase_add_test(tc, every_cut_is_refused);
    tcase_add_test(tc, peeks_at_ids_in_any_encoding);
    tcase_add_test(tc, failures_stick_through_the_writers);
    tcase_add_test(tc, what_msgpack_cannot_count_fails);
    tcase_add_test(tc, survives_garbage);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
