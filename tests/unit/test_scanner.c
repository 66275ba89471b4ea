/* The frame scanner, against messages made by msgpack-c and against hostile ones. */
#include <check.h>
#include <msgpack/unpack.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "protocol/scanner.h"
#include "tests/unit/wire.h"

static struct wire_values values;
static struct wire_guard guard;
static struct buffer message;

static void setup(void)
{
    wire_values_init(&values);
    wire_guard_init(&guard, 1 << 18);
    buffer_init(&message);
}

static void teardown(void)
{
    wire_values_fini(&values);
    wire_guard_fini(&guard);
    buffer_fini(&message);
}

static enum scanner_result scan_at_once(const void *bytes, size_t len, size_t limit,
                                        size_t *ret_pos)
{
    struct scanner s;
    scanner_init(&s, limit);
    enum scanner_result result = scanner_scan(&s, wire_guard_put(&guard, bytes, len), len);
    *ret_pos = s.pos;
    return result;
}

/* The result that stood first when one byte more was shown each time, and after how many. */
static enum scanner_result scan_bytewise(const uint8_t *bytes, size_t len, size_t limit,
                                         size_t *ret_seen)
{
    struct scanner s;
    enum scanner_result result = SCANNER_MORE;
    size_t seen = 0;
    scanner_init(&s, limit);
    while (result == SCANNER_MORE && seen < len) {
        seen++;
        /* Every byte before the one that is new is behind a guard as well, while that is cheap. */
        const uint8_t *p = seen < 300 ? wire_guard_put(&guard, bytes, seen) : bytes;
        result = scanner_scan(&s, p, seen);
    }
    *ret_seen = seen;
    return result;
}

/* Show the first `split` bytes, then all. */
static void assert_split(const struct wire_value *value, size_t split)
{
    struct scanner s;
    scanner_init(&s, LIMIT_MESSAGE);
    enum scanner_result first = scanner_scan(&s, message.data, split);
    enum scanner_result then = scanner_scan(&s, message.data, message.len);
    if (first != SCANNER_MORE || then != SCANNER_FRAME || s.pos != message.len)
        ck_abort_msg("%s split at %zu: %d, then %d", value->name, split, first, then);
}

START_TEST(finds_the_end_of_every_kind_of_message)
{
    ck_assert_uint_gt(values.count, 90);
    for (size_t i = 0; i < values.count; i++) {
        size_t n;
        wire_message_of(&values.value[i], &message);
        ck_assert_msg(scan_at_once(message.data, message.len, LIMIT_MESSAGE, &n) == SCANNER_FRAME,
                      "%s", values.value[i].name);
        ck_assert_uint_eq(n, message.len);
        ck_assert_msg(scan_bytewise(message.data, message.len, LIMIT_MESSAGE, &n) == SCANNER_FRAME,
                      "%s", values.value[i].name);
        ck_assert_uint_eq(n, message.len);
    }
}
END_TEST

START_TEST(resumes_at_every_split)
{
    for (size_t i = 0; i < values.count; i++) {
        wire_message_of(&values.value[i], &message);
        for (size_t split = 0; split < message.len; split++) {
            /* In the long ones, the splits in the middle are alike. */
            if (split == 20 && message.len > 1200)
                split = message.len - 10;
            assert_split(&values.value[i], split);
        }
    }
}
END_TEST

START_TEST(leaves_the_next_message_alone)
{
    struct scanner s;
    struct buffer stream;
    size_t at = 0;
    buffer_init(&stream);
    for (size_t i = 0; i < values.count; i++) {
        wire_message_of(&values.value[i], &message);
        buffer_append(&stream, message.data, message.len);
    }
    buffer_append(&stream, "\xc1", 1);

    scanner_init(&s, LIMIT_MESSAGE);
    for (size_t i = 0; i < values.count; i++) {
        ck_assert_int_eq(scanner_scan(&s, stream.data + at, stream.len - at), SCANNER_FRAME);
        /* Asked again, it says the same. */
        ck_assert_int_eq(scanner_scan(&s, stream.data + at, stream.len - at), SCANNER_FRAME);
        ck_assert_uint_eq(s.pos, values.value[i].bytes.len + 1);
        at += s.pos;
        scanner_next(&s);
    }
    ck_assert_int_eq(scanner_scan(&s, stream.data + at, stream.len - at), SCANNER_MALFORMED);
    buffer_fini(&stream);
}
END_TEST

START_TEST(holds_the_limit_to_the_byte)
{
    for (size_t i = 0; i < values.count; i++) {
        const char *name = values.value[i].name;
        size_t n;
        wire_message_of(&values.value[i], &message);
        size_t len = message.len;
        ck_assert_msg(scan_at_once(message.data, len, len, &n) == SCANNER_FRAME, "%s", name);
        ck_assert_msg(scan_bytewise(message.data, len, len, &n) == SCANNER_FRAME, "%s", name);
        ck_assert_msg(scan_at_once(message.data, len, len - 1, &n) == SCANNER_TOO_LARGE, "%s",
                      name);
        /* Refused while no more than the limit has arrived: the caller's buffer is not larger. */
        ck_assert_msg(scan_bytewise(message.data, len - 1, len - 1, &n) == SCANNER_TOO_LARGE, "%s",
                      name);
    }
}
END_TEST

#define BYTES(text) (const uint8_t *)(text), sizeof(text) - 1

/* Each is refused by its last byte, and not before. */
static const struct hostile {
    const char *name;
    const uint8_t *bytes;
    size_t len;
    size_t limit;
    enum scanner_result result;
} hostile[] = {
    {"array32 of 2^32-1", BYTES("\xdd\xff\xff\xff\xff"), LIMIT_MESSAGE, SCANNER_TOO_LARGE},
    {"array32 in array", BYTES("\x91\xdd\xff\xff\xff\xff"), LIMIT_MESSAGE, SCANNER_TOO_LARGE},
    {"map32 of 2^32-1", BYTES("\x91\xdf\xff\xff\xff\xff"), LIMIT_MESSAGE, SCANNER_TOO_LARGE},
    {"map32 whose double overflows", BYTES("\x91\xdf\x80\x00\x00\x00"), LIMIT_MESSAGE,
     SCANNER_TOO_LARGE},
    {"str32 of 2^32-1", BYTES("\x91\xdb\xff\xff\xff\xff"), LIMIT_MESSAGE, SCANNER_TOO_LARGE},
    {"bin32 of 2^32-1", BYTES("\x91\xc6\xff\xff\xff\xff"), LIMIT_MESSAGE, SCANNER_TOO_LARGE},
    {"ext32 of 2^32-1", BYTES("\x91\xc9\xff\xff\xff\xff"), LIMIT_MESSAGE, SCANNER_TOO_LARGE},
    {"array16 over limit", BYTES("\xdc\xff\xff"), 65537, SCANNER_TOO_LARGE},
    {"fixarray over limit", BYTES("\x9f"), 15, SCANNER_TOO_LARGE},
    {"map of 5 in limit of 10", BYTES("\x91\x85"), 11, SCANNER_TOO_LARGE},
    {"ext8 without room for its type", BYTES("\x91\xc7\x08"), 11, SCANNER_TOO_LARGE},
    {"counts whose sum is over the limit", BYTES("\x92\xdc\x00\x40\xdc\x00\x40\xdc\x00\x40"), 140,
     SCANNER_TOO_LARGE},
    {"str that leaves no room for what follows", BYTES("\xdc\x00\x20\xd9\x50"), 115,
     SCANNER_TOO_LARGE},
    {"number that leaves no room for the next", BYTES("\x92\xcf"), 10, SCANNER_TOO_LARGE},
    {"header over the limit", BYTES("\x91\xdd"), 6, SCANNER_MORE},
    {"header over the limit by one", BYTES("\x91\xdd"), 5, SCANNER_TOO_LARGE},
    {"nothing allowed", BYTES("\x90"), 0, SCANNER_TOO_LARGE},
    {"reserved byte", BYTES("\xc1"), LIMIT_MESSAGE, SCANNER_MALFORMED},
    {"reserved byte inside", BYTES("\x94\x00\x01\xc1"), LIMIT_MESSAGE, SCANNER_MALFORMED},
    {"reserved byte deep inside", BYTES("\x91\x81\xa1k\x92\xc0\xc1"), LIMIT_MESSAGE,
     SCANNER_MALFORMED},
    {"depth 17", BYTES("\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91"),
     LIMIT_MESSAGE, SCANNER_TOO_DEEP},
    {"empty map at depth 17",
     BYTES("\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x80"), LIMIT_MESSAGE,
     SCANNER_TOO_DEEP},
    {"huge array at depth 17",
     BYTES("\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\xdd"), LIMIT_MESSAGE,
     SCANNER_TOO_DEEP},
    {"depth 17 through keys of maps",
     BYTES("\x91\x81\x81\x81\x81\x81\x81\x81\x81\x81\x81\x81\x81\x81\x81\x81\x81"), LIMIT_MESSAGE,
     SCANNER_TOO_DEEP},
};

static void assert_refused(const struct hostile *h)
{
    size_t n;
    enum scanner_result bytewise = scan_bytewise(h->bytes, h->len, h->limit, &n);
    ck_assert_msg(bytewise == h->result, "%s: %d", h->name, bytewise);
    ck_assert_msg(n == h->len, "%s: after %zu bytes", h->name, n);
    ck_assert_msg(scan_at_once(h->bytes, h->len, h->limit, &n) == h->result, "%s", h->name);
    /* What stands behind it makes no difference. */
    if (h->result != SCANNER_MORE) {
        uint8_t more[300] = {0};
        memcpy(more, h->bytes, h->len);
        ck_assert_msg(scan_at_once(more, sizeof(more), h->limit, &n) == h->result, "%s", h->name);
    }
}

START_TEST(refuses_at_the_header)
{
    for (size_t i = 0; i < sizeof(hostile) / sizeof(hostile[0]); i++)
        assert_refused(&hostile[i]);
}
END_TEST

START_TEST(allows_the_whole_depth_again_and_again)
{
    /* [ [[…]], [[…]] ]: down to the limit twice. */
    buffer_append(&message, "\x92", 1);
    for (int twice = 0; twice < 2; twice++) {
        for (int depth = 2; depth < LIMIT_DEPTH; depth++)
            buffer_append(&message, depth % 2 ? "\x91" : "\x81\xc0", depth % 2 ? 1 : 2);
        buffer_append(&message, "\x90", 1);
    }
    size_t n;
    ck_assert_int_eq(scan_at_once(message.data, message.len, 1000, &n), SCANNER_FRAME);
    ck_assert_uint_eq(n, message.len);
    ck_assert_int_eq(scan_bytewise(message.data, message.len, 1000, &n), SCANNER_FRAME);
    ck_assert_uint_eq(n, message.len);
}
END_TEST

START_TEST(wants_an_array_on_top)
{
    for (unsigned lead = 0; lead < 256; lead++) {
        uint8_t byte = (uint8_t)lead;
        size_t n;
        bool array = (lead >= 0x90 && lead <= 0x9f) || lead == 0xdc || lead == 0xdd;
        enum scanner_result expected = !array         ? SCANNER_MALFORMED
                                       : lead == 0x90 ? SCANNER_FRAME
                                                      : SCANNER_MORE;
        ck_assert_msg(scan_at_once(&byte, 1, LIMIT_MESSAGE, &n) == expected, "0x%02x", lead);
    }
}
END_TEST

START_TEST(errors_are_final)
{
    struct scanner s;
    scanner_init(&s, 100);
    ck_assert_int_eq(scanner_scan(&s, (const uint8_t *)"\x91\xc1", 2), SCANNER_MALFORMED);
    ck_assert_int_eq(scanner_scan(&s, (const uint8_t *)"\x91\xc0", 2), SCANNER_MALFORMED);
    scanner_init(&s, 100);
    ck_assert_int_eq(scanner_scan(&s, (const uint8_t *)"\xdc\x01\x00", 3), SCANNER_TOO_LARGE);
    ck_assert_int_eq(scanner_scan(&s, (const uint8_t *)"\xdc\x00\x00", 3), SCANNER_TOO_LARGE);
}
END_TEST

START_TEST(never_looks_back)
{
    /* A long string arrives page by page; pages that have been walked may not be touched. */
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t len = 8 * page;
    uint8_t *bytes = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct scanner s;
    ck_assert_ptr_ne(bytes, MAP_FAILED);
    size_t payload = len - 7;
    memcpy(bytes, "\x92\xdb\x00\x00", 4);
    bytes[4] = (uint8_t)(payload >> 8);
    bytes[5] = (uint8_t)payload;
    bytes[len - 1] = 0xc0;

    scanner_init(&s, len);
    for (size_t seen = page; seen < len; seen += page) {
        ck_assert_int_eq(scanner_scan(&s, bytes, seen), SCANNER_MORE);
        ck_assert_int_eq(mprotect(bytes, seen, PROT_NONE), 0);
    }
    ck_assert_int_eq(scanner_scan(&s, bytes, len), SCANNER_FRAME);
    ck_assert_uint_eq(s.pos, len);
    munmap(bytes, len);
}
END_TEST

START_TEST(agrees_with_msgpack_c_on_random_messages)
{
    struct wire_random random;
    wire_random_init(&random, "scanner, random messages");
    for (int round = 0; round < 500; round++) {
        struct scanner s;
        size_t seen = 0;
        buffer_clear(&message);
        wire_random_message(&random, LIMIT_DEPTH, &message);
        size_t len = message.len;
        buffer_append(&message, "\x93\x01\x02", 3);

        scanner_init(&s, len);
        while (scanner_scan(&s, message.data, seen) == SCANNER_MORE) {
            ck_assert_uint_lt(seen, len);
            seen += 1 + wire_random_below(&random, 60);
            if (seen > message.len)
                seen = message.len;
        }
        ck_assert_int_eq(s.result, SCANNER_FRAME);
        ck_assert_uint_eq(s.pos, len);
    }
}
END_TEST

/* What msgpack-c makes of bytes that the scanner has said something about. */
static void assert_msgpack_agrees(const uint8_t *bytes, size_t len, enum scanner_result result,
                                  size_t pos)
{
    msgpack_unpacked unpacked;
    size_t end = 0;
    if (result != SCANNER_FRAME && result != SCANNER_MORE)
        return;
    msgpack_unpacked_init(&unpacked);
    msgpack_unpack_return rc = msgpack_unpack_next(&unpacked, (const char *)bytes, len, &end);
    if (result == SCANNER_FRAME) {
        ck_assert_int_eq(rc, MSGPACK_UNPACK_SUCCESS);
        ck_assert_uint_eq(end, pos);
        ck_assert_int_eq(unpacked.data.type, MSGPACK_OBJECT_ARRAY);
    } else {
        ck_assert_int_eq(rc, MSGPACK_UNPACK_CONTINUE);
    }
    msgpack_unpacked_destroy(&unpacked);
}

START_TEST(survives_garbage)
{
    struct wire_random random;
    size_t frames = 0;
    wire_random_init(&random, "scanner, garbage");
    for (int round = 0; round < 20000; round++) {
        size_t pos, seen;
        buffer_clear(&message);
        buffer_append(&message, wire_random_below(&random, 2) ? "\x94" : "\x92", 1);
        wire_random_garbage(&random, wire_random_below(&random, 60), &message);
        size_t limit = 1 + wire_random_below(&random, 300);

        enum scanner_result result = scan_at_once(message.data, message.len, limit, &pos);
        ck_assert_uint_le(pos, message.len);
        ck_assert_uint_le(pos, limit);
        ck_assert_int_eq(scan_bytewise(message.data, message.len, limit, &seen), result);
        assert_msgpack_agrees(message.data, message.len, result, pos);
        if (result == SCANNER_MORE)
            ck_assert_uint_lt(message.len, limit);
        frames += result == SCANNER_FRAME;
    }
    /* The garbage is worth something: some of it is whole messages. */
    ck_assert_uint_gt(frames, 30);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("scanner");
    TCase *tc = tcase_create("scanner");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, finds_the_end_of_every_kind_of_message);
    tcase_add_test(tc, resumes_at_every_split);
    tcase_add_test(tc, leaves_the_next_message_alone);
    tcase_add_test(tc, holds_the_limit_to_the_byte);
    tcase_add_test(tc, refuses_at_the_header);
    tcase_add_test(tc, allows_the_whole_depth_again_and_again);
    tcase_add_test(tc, wants_an_array_on_top);
    tcase_add_test(tc, errors_are_final);
    tcase_add_test(tc, never_looks_back);
    tcase_add_test(tc, agrees_with_msgpack_c_on_random_messages);
    tcase_add_test(tc, survives_garbage);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
