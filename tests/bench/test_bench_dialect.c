/* The wires of the targets: requests are made as they should be, answers are read at any cut. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "dialect.h"
#include "echo.h"

static const struct shape shape = {.depth = 1, .value_len = 5};

/* An answer as it comes, and what it means. */
struct sample {
    const struct dialect *dialect;
    enum op op;
    const char *bytes;
    size_t len;
    enum reply_kind kind;
    const char *data; /* of a value or an error; NULL: none */
    int64_t number;
};

#define BYTES(text) text, sizeof(text) - 1
#define READY "Z\0\0\0\5I"
#define BOUND "2\0\0\0\4"

static const struct sample samples[] = {
    {&dialect_bobbin, OP_GET, BYTES("\x94\x01\x00\xc0\xc4\x05hello"), REPLY_VALUE, "hello", 0},
    {&dialect_bobbin, OP_GET, BYTES("\x94\x01\xcd\x00\x07\xc0\xc5\x00\x05hello"), REPLY_VALUE,
     "hello", 0},
    {&dialect_bobbin, OP_GET, BYTES("\x94\x01\xce\x00\x00\x00\x07\xc0\xc6\x00\x00\x00\x01h"),
     REPLY_VALUE, "h", 0},
    {&dialect_bobbin, OP_GET, BYTES("\x94\x01\x00\xc0\xc4\x00"), REPLY_VALUE, "", 0},
    {&dialect_bobbin, OP_SET, BYTES("\x94\x01\x7f\xc0\xc0"), REPLY_NONE, NULL, 0},
    {&dialect_bobbin, OP_INCREMENT, BYTES("\x94\x01\x00\xc0\x2a"), REPLY_NUMBER, NULL, 42},
    {&dialect_bobbin, OP_INCREMENT, BYTES("\x94\x01\xcc\xff\xc0\xcd\x01\x00"), REPLY_NUMBER, NULL,
     256},
    {&dialect_bobbin, OP_GET,
     BYTES("\x94\x01\x00\x92\xa4"
           "busy\xd9\x03"
           "why\xc0"),
     REPLY_ERROR, "why", 0},
    {&dialect_redis, OP_GET, BYTES("$5\r\nhello\r\n"), REPLY_VALUE, "hello", 0},
    {&dialect_redis, OP_GET, BYTES("$4\r\n\r\n\r\n\r\n"), REPLY_VALUE, "\r\n\r\n", 0},
    {&dialect_redis, OP_GET, BYTES("$-1\r\n"), REPLY_NONE, NULL, 0},
    {&dialect_redis, OP_SET, BYTES("+OK\r\n"), REPLY_DONE, NULL, 0},
    {&dialect_redis, OP_INCREMENT, BYTES(":256\r\n"), REPLY_NUMBER, NULL, 256},
    {&dialect_redis, OP_SET, BYTES("-MISCONF no disk\r\n"), REPLY_ERROR, "MISCONF no disk", 0},
    {&dialect_echo, OP_GET, BYTES("EEEEEEEEEEE"), REPLY_DONE, NULL, 0},
    {&dialect_echo, OP_SET, BYTES("EEEEE"), REPLY_DONE, NULL, 0},
    {&dialect_postgres, OP_GET,
     BYTES(BOUND "D\0\0\0\x0f\0\1\0\0\0\5hello"
                 "C\0\0\0\x0dSELECT 1\0" READY),
     REPLY_VALUE, "hello", 0},
    {&dialect_postgres, OP_GET, BYTES(BOUND "C\0\0\0\x0dSELECT 0\0" READY), REPLY_NONE, NULL, 0},
    {&dialect_postgres, OP_SET, BYTES(BOUND "C\0\0\0\x0fINSERT 0 1\0" READY), REPLY_DONE, NULL, 0},
    {&dialect_postgres, OP_INCREMENT,
     BYTES(BOUND "D\0\0\0\x12\0\1\0\0\0\x08\0\0\0\0\0\0\1\0"
                 "C\0\0\0\x0fINSERT 0 1\0" READY),
     REPLY_NUMBER, NULL, 256},
    {&dialect_postgres, OP_SET, BYTES("E\0\0\0\x11SERROR\0Mwhy\0\0" READY), REPLY_ERROR, "why", 0},
};
#define SAMPLES (sizeof samples / sizeof samples[0])

/* A copy without anything behind it, so that a sanitizer sees who reads too far. */
static ssize_t decode_copy(const struct sample *s, size_t len, struct reply *ret,
                           uint8_t **ret_copy)
{
    uint8_t *copy = malloc(len ? len : 1);
    memcpy(copy, s->bytes, len);
    *ret = (struct reply){0};
    *ret_copy = copy;
    return s->dialect->decode(s->op, &shape, copy, len, ret);
}

START_TEST(reads_whole_answers)
{
    const struct sample *s = &samples[_i];
    struct reply reply;
    uint8_t *copy;
    ck_assert_int_eq(decode_copy(s, s->len, &reply, &copy), (ssize_t)s->len);
    ck_assert_int_eq(reply.kind, s->kind);
    if (s->kind == REPLY_NUMBER)
        ck_assert_int_eq(reply.number, s->number);
    if (s->data) {
        ck_assert_uint_eq(reply.len, strlen(s->data));
        ck_assert_int_eq(memcmp(reply.data, s->data, reply.len), 0);
    }
    free(copy);
}
END_TEST

START_TEST(waits_for_the_rest)
{
    const struct sample *s = &samples[_i];
    for (size_t len = 0; len < s->len; len++) {
        struct reply reply;
        uint8_t *copy;
        ck_assert_int_eq(decode_copy(s, len, &reply, &copy), DECODE_MORE);
        free(copy);
    }
}
END_TEST

static const struct sample broken[] = {
    {.dialect = &dialect_bobbin, .op = OP_GET, BYTES("\x93\x01\x00\xc0\xc0")},
    {.dialect = &dialect_bobbin, .op = OP_GET, BYTES("\x94\x00\x00\xc0\xc0")},
    {.dialect = &dialect_bobbin, .op = OP_GET, BYTES("\x94\x01\xc0\xc0\xc0")},
    {.dialect = &dialect_bobbin, .op = OP_GET, BYTES("\x94\x01\x00\xc0\x90")},
    {.dialect = &dialect_bobbin, .op = OP_GET, BYTES("\x94\x01\x00\x93\xa1x\xa1y\xc0")},
    {.dialect = &dialect_bobbin, .op = OP_GET, BYTES("\x94\x01\x00\x92\xa1x\xa1y\xc2")},
    {.dialect = &dialect_redis, .op = OP_GET, BYTES("hello\r\n")},
    {.dialect = &dialect_redis, .op = OP_GET, BYTES("$5x\r\nhello\r\n")},
    {.dialect = &dialect_redis, .op = OP_GET, BYTES("$-2\r\n")},
    {.dialect = &dialect_redis, .op = OP_GET, BYTES("$99999999999999999999\r\n")},
    {.dialect = &dialect_redis, .op = OP_SET, BYTES("+OK\r+")},
    {.dialect = &dialect_echo, .op = OP_SET, BYTES("EEEEe")},
    {.dialect = &dialect_postgres, .op = OP_GET, BYTES("2\0\0\0\3")},
    {.dialect = &dialect_postgres, .op = OP_GET, BYTES("D\0\0\0\x0f\0\2\0\0\0\5hello" READY)},
    {.dialect = &dialect_postgres, .op = OP_GET, BYTES("D\0\0\0\x0f\0\1\0\0\0\6hello" READY)},
    {.dialect = &dialect_postgres, .op = OP_INCREMENT, BYTES("D\0\0\0\x0f\0\1\0\0\0\5hello" READY)},
};
#define BROKEN (sizeof broken / sizeof broken[0])

START_TEST(refuses_what_is_no_answer)
{
    struct reply reply;
    uint8_t *copy;
    ck_assert_int_eq(decode_copy(&broken[_i], broken[_i].len, &reply, &copy), DECODE_BROKEN);
    free(copy);
}
END_TEST

static void check_request(const struct dialect *d, enum op op, const struct shape *s, uint32_t slot,
                          const char *want, size_t len)
{
    struct template t;
    struct values values;
    struct error e;
    uint8_t bytes[256];
    ck_assert_int_eq(values_init(&values, s->value_len, 1, &e), 0);
    ck_assert_int_eq(template_init(&t, d, op, s, &e), 0);
    ck_assert_uint_eq(t.bytes.len, len);
    template_fill(&t, bytes, op, slot, 7, &values);
    if (op == OP_SET) {
        ck_assert(values_check(bytes + t.value_at, s->value_len, s->value_len, 7));
        memset(bytes + t.value_at, 'v', s->value_len);
    }
    ck_assert_int_eq(memcmp(bytes, want, len), 0);
    template_fini(&t);
    values_fini(&values);
}

START_TEST(makes_requests)
{
    static const struct shape deep = {.depth = 300, .value_len = 5};
    check_request(&dialect_bobbin, OP_GET, &shape, 0,
                  BYTES("\x94\x00\x00\xa3get\x92\xa7"
                        "default\xb0key:000000000007"));
    check_request(&dialect_bobbin, OP_SET, &deep, 299,
                  BYTES("\x94\x00\xcd\x01\x2b\xa3set\x93\xa7"
                        "default\xb0key:000000000007\xc4\x05vvvvv"));
    check_request(&dialect_bobbin, OP_INCREMENT, &shape, 0,
                  BYTES("\x94\x00\x00\xa9increment\x93\xa7"
                        "default\xb0num:000000000007\x01"));
    check_request(&dialect_redis, OP_GET, &shape, 0,
                  BYTES("*2\r\n$3\r\nGET\r\n$16\r\nkey:000000000007\r\n"));
    check_request(&dialect_redis, OP_SET, &shape, 0,
                  BYTES("*3\r\n$3\r\nSET\r\n$16\r\nkey:000000000007\r\n$5\r\nvvvvv\r\n"));
    check_request(&dialect_redis, OP_INCREMENT, &shape, 0,
                  BYTES("*3\r\n$6\r\nINCRBY\r\n$16\r\nnum:000000000007\r\n$1\r\n1\r\n"));
}
END_TEST

START_TEST(keys_are_their_numbers)
{
    static const uint64_t numbers[] = {0, 9, 10, 99, 100, 12345678, 999999999999};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        char want[KEY_LEN + 1];
        uint8_t key[KEY_LEN];
        snprintf(want, sizeof want, "key:%012llu", (unsigned long long)numbers[i]);
        key_write(key, OP_SET, numbers[i]);
        ck_assert_int_eq(memcmp(key, want, KEY_LEN), 0);
    }
}
END_TEST

START_TEST(values_are_never_the_same)
{
    struct values values;
    struct error e;
    uint8_t before[100] = {0}, now[100];
    ck_assert_int_eq(values_init(&values, sizeof now, 1, &e), 0);
    for (int i = 0; i < 1000; i++) {
        values_write(&values, now, 3);
        ck_assert(values_check(now, sizeof now, sizeof now, 3));
        ck_assert(!values_check(now, sizeof now, sizeof now, 4));
        ck_assert(!values_check(now, sizeof now - 1, sizeof now, 3));
        ck_assert_int_ne(memcmp(before, now, sizeof now), 0);
        memcpy(before, now, sizeof now);
    }
    values_fini(&values);
}
END_TEST

/* The echo answers with as many bytes as Bobbin does. */
START_TEST(echo_is_of_the_right_size)
{
    static const struct shape large = {.depth = 200, .value_len = 70000};
    static const struct shape middle = {.depth = 128, .value_len = 300};
    ck_assert_uint_eq(echo_reply_len(OP_GET, &shape), sizeof "\x94\x01\x00\xc0\xc4\x05hello" - 1);
    ck_assert_uint_eq(echo_reply_len(OP_SET, &shape), 5);
    ck_assert_uint_eq(echo_reply_len(OP_GET, &middle), 4 + 3 + 300);
    ck_assert_uint_eq(echo_reply_len(OP_GET, &large), 6 + 5 + 70000);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("bench_dialect");
    TCase *tc = tcase_create("dialect");
    tcase_add_loop_test(tc, reads_whole_answers, 0, SAMPLES);
    tcase_add_loop_test(tc, waits_for_the_rest, 0, SAMPLES);
    tcase_add_loop_test(tc, refuses_what_is_no_answer, 0, BROKEN);
    tcase_add_test(tc, makes_requests);
    tcase_add_test(tc, keys_are_their_numbers);
    tcase_add_test(tc, values_are_never_the_same);
    tcase_add_test(tc, echo_is_of_the_right_size);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
