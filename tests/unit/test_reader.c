/* The reader, against msgpack-c's unpacker. */
#include <check.h>
#include <msgpack/pack.h>
#include <msgpack/unpack.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/errors.h"
#include "protocol/limits.h"
#include "protocol/reader.h"
#include "tests/unit/wire.h"

static struct wire_values values;
static struct wire_guard guard;
static struct buffer bytes;

static void setup(void)
{
    wire_values_init(&values);
    wire_guard_init(&guard, 1 << 18);
    buffer_init(&bytes);
}

static void teardown(void)
{
    wire_values_fini(&values);
    wire_guard_fini(&guard);
    buffer_fini(&bytes);
}

/* A reader over a copy that cannot be overrun. */
static struct reader guarded(const void *data, size_t len)
{
    return reader_of(wire_guard_put(&guard, data, len), len);
}

static enum reader_type type_of(const msgpack_object *o)
{
    switch (o->type) {
    case MSGPACK_OBJECT_NIL:
        return READER_NIL;
    case MSGPACK_OBJECT_BOOLEAN:
        return READER_BOOL;
    case MSGPACK_OBJECT_POSITIVE_INTEGER:
    case MSGPACK_OBJECT_NEGATIVE_INTEGER:
        return READER_INT;
    case MSGPACK_OBJECT_FLOAT32:
    case MSGPACK_OBJECT_FLOAT64:
        return READER_FLOAT;
    case MSGPACK_OBJECT_STR:
        return READER_STR;
    case MSGPACK_OBJECT_BIN:
        return READER_BIN;
    case MSGPACK_OBJECT_ARRAY:
        return READER_ARRAY;
    case MSGPACK_OBJECT_MAP:
        return READER_MAP;
    case MSGPACK_OBJECT_EXT:
        return READER_EXT;
    }
    return READER_END;
}

/* Whether the reader reads the same number, from either side. */
static bool same_integer(struct reader *r, const msgpack_object *o)
{
    bool negative = o->type == MSGPACK_OBJECT_NEGATIVE_INTEGER;
    struct reader other = *r;
    uint64_t u = 12345;
    int64_t i = 12345;
    if (reader_uint(r, &u) != (negative ? ERR_INVALID_REQUEST : 0) ||
        (negative ? u != 12345 || r->pos != other.pos : u != o->via.u64))
        return false;
    bool too_large = !negative && o->via.u64 > INT64_MAX;
    if (reader_int(&other, &i) != (too_large ? ERR_INVALID_REQUEST : 0) ||
        i != (too_large ? 12345 : o->via.i64))
        return false;
    if (negative)
        *r = other;
    return too_large || other.pos == r->pos;
}

static bool same_bytes(struct slice s, const void *data, size_t len)
{
    return s.len == len && (len == 0 || memcmp(s.data, data, len) == 0);
}

/* Whether the reader reads what msgpack-c has read; leaves it behind the value. */
static bool same_value(struct reader *r, const msgpack_object *o)
{
    uint32_t count;
    struct slice s;
    bool b;
    if (reader_peek(r) != type_of(o))
        return false;
    switch (o->type) {
    case MSGPACK_OBJECT_NIL:
        return reader_nil(r) == 0;
    case MSGPACK_OBJECT_BOOLEAN:
        return reader_bool(r, &b) == 0 && b == o->via.boolean;
    case MSGPACK_OBJECT_POSITIVE_INTEGER:
    case MSGPACK_OBJECT_NEGATIVE_INTEGER:
        return same_integer(r, o);
    case MSGPACK_OBJECT_STR:
        return reader_str(r, &s) == 0 && same_bytes(s, o->via.str.ptr, o->via.str.size);
    case MSGPACK_OBJECT_BIN:
        return reader_bytes(r, &s) == 0 && same_bytes(s, o->via.bin.ptr, o->via.bin.size);
    case MSGPACK_OBJECT_ARRAY:
        if (reader_array(r, &count) != 0 || count != o->via.array.size)
            return false;
        for (uint32_t i = 0; i < count; i++)
            if (!same_value(r, &o->via.array.ptr[i]))
                return false;
        return true;
    case MSGPACK_OBJECT_MAP:
        if (reader_map(r, &count) != 0 || count != o->via.map.size)
            return false;
        for (uint32_t i = 0; i < count; i++)
            if (!same_value(r, &o->via.map.ptr[i].key) || !same_value(r, &o->via.map.ptr[i].val))
                return false;
        return true;
    default: /* float and ext can only be passed over */
        return reader_skip(r) == 0;
    }
}

static void assert_same(const char *name, const void *data, size_t len)
{
    msgpack_unpacked unpacked;
    size_t end = 0;
    msgpack_unpacked_init(&unpacked);
    ck_assert_int_eq(msgpack_unpack_next(&unpacked, data, len, &end), MSGPACK_UNPACK_SUCCESS);
    struct reader r = guarded(data, len);
    const uint8_t *start = r.pos;
    ck_assert_msg(same_value(&r, &unpacked.data), "%s", name);
    ck_assert_uint_eq((size_t)(r.pos - start), end);
    msgpack_unpacked_destroy(&unpacked);
}

/* Call function number `which` of the reader. */
static int call(unsigned which, struct reader *r)
{
    bool b;
    int64_t i;
    uint64_t u;
    struct slice s;
    uint32_t count;
    switch (which) {
    case 0:
        return reader_nil(r);
    case 1:
        return reader_bool(r, &b);
    case 2:
        return reader_int(r, &i);
    case 3:
        return reader_uint(r, &u);
    case 4:
        return reader_str(r, &s);
    case 5:
        return reader_bytes(r, &s);
    case 6:
        return reader_array(r, &count);
    case 7:
        return reader_map(r, &count);
    default:
        return reader_skip(r);
    }
}

enum { CALL_COUNT = 9 };

/* Whether that function may read a value of this type. */
static bool suits(unsigned which, enum reader_type type)
{
    static const enum reader_type types[] = {READER_NIL, READER_BOOL, READER_INT,   READER_INT,
                                             READER_STR, READER_BIN,  READER_ARRAY, READER_MAP};
    if (which == CALL_COUNT - 1)
        return true;
    if (which == 5)
        return type == READER_BIN || type == READER_STR;
    return types[which] == type;
}

START_TEST(reads_what_msgpack_c_wrote)
{
    for (size_t i = 0; i < values.count; i++)
        assert_same(values.value[i].name, values.value[i].bytes.data, values.value[i].bytes.len);
}
END_TEST

START_TEST(skips_what_msgpack_c_wrote)
{
    for (size_t i = 0; i < values.count; i++) {
        const struct wire_value *v = &values.value[i];
        struct reader r = guarded(v->bytes.data, v->bytes.len);
        ck_assert_msg(reader_skip(&r) == 0, "%s", v->name);
        ck_assert_ptr_eq(r.pos, r.end);
        ck_assert_int_eq(reader_skip(&r), ERR_INVALID_REQUEST);
    }
}
END_TEST

START_TEST(other_types_are_refused_and_left)
{
    for (size_t i = 0; i < values.count; i++) {
        const struct wire_value *v = &values.value[i];
        for (unsigned which = 0; which < CALL_COUNT; which++) {
            struct reader r = guarded(v->bytes.data, v->bytes.len);
            struct reader before = r;
            if (suits(which, reader_peek(&r)))
                continue;
            ck_assert_msg(call(which, &r) == ERR_INVALID_REQUEST, "%s: function %u", v->name,
                          which);
            ck_assert_ptr_eq(r.pos, before.pos);
            ck_assert_ptr_eq(r.end, before.end);
        }
    }
}
END_TEST

/* Every beginning of the value: nothing may be read that is not there, and nothing is half read. A
 * container's header alone may be read where the bytes behind it could hold its elements. */
static void assert_cut(const struct wire_value *v, size_t len)
{
    for (unsigned which = 0; which < CALL_COUNT; which++) {
        struct reader r = guarded(v->bytes.data, len);
        const uint8_t *start = r.pos;
        enum reader_type type = reader_peek(&r);
        bool header_only =
            (which == 6 && type == READER_ARRAY) || (which == 7 && type == READER_MAP);
        int rc = call(which, &r);
        if (rc == 0 ? !header_only || r.pos > r.end : r.pos != start)
            ck_abort_msg("%s: function %u of the first %zu bytes: %d", v->name, which, len, rc);
    }
}

START_TEST(cut_values_are_refused_and_left)
{
    for (size_t i = 0; i < values.count; i++) {
        const struct wire_value *v = &values.value[i];
        for (size_t len = 0; len < v->bytes.len; len++) {
            if (len == 300 && v->bytes.len > 700)
                len = v->bytes.len - 5;
            assert_cut(v, len);
        }
    }
}
END_TEST

START_TEST(counts_that_cannot_be_are_refused)
{
    static const struct {
        const char *bytes;
        size_t len;
    } cases[] = {
        {"\x91", 1},
        {"\x93\x01\x02", 3},
        {"\xdc\x00\x02\x01", 4},
        {"\xdd\xff\xff\xff\xff\x00\x00", 7},
        {"\x81\x01", 2},
        {"\x82\x01\x02\x03", 4},
        {"\xde\x00\x01\x01", 4},
        {"\xdf\xff\xff\xff\xff\x00\x00", 7},
        {"\xdf\x80\x00\x00\x00\x00\x00", 7},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (unsigned which = 6; which < CALL_COUNT; which++) {
            struct reader r = guarded(cases[i].bytes, cases[i].len);
            const uint8_t *start = r.pos;
            ck_assert_msg(call(which, &r) == ERR_INVALID_REQUEST, "case %zu", i);
            ck_assert_ptr_eq(r.pos, start);
        }
    }
}
END_TEST

START_TEST(skip_refuses_counts_whose_sum_cannot_be)
{
    /* Four arrays of four in one another, and bytes for three of them. */
    static const char text[] = "\x94\x94\x94\x94\x01\x02\x03\x04\x05\x06\x07\x08\x09";
    struct reader r = guarded(text, sizeof(text) - 1);
    const uint8_t *start = r.pos;
    ck_assert_int_eq(reader_skip(&r), ERR_INVALID_REQUEST);
    ck_assert_ptr_eq(r.pos, start);
}
END_TEST

START_TEST(skip_passes_over_any_depth)
{
    static char deep[200000];
    memset(deep, 0x91, sizeof(deep));
    deep[sizeof(deep) - 1] = (char)0xc0;
    struct reader r = guarded(deep, sizeof(deep));
    ck_assert_int_eq(reader_skip(&r), 0);
    ck_assert_ptr_eq(r.pos, r.end);
}
END_TEST

START_TEST(nothing_is_the_end)
{
    struct reader r = reader_of(NULL, 0);
    ck_assert_int_eq(reader_peek(&r), READER_END);
    for (unsigned which = 0; which < CALL_COUNT; which++)
        ck_assert_int_eq(call(which, &r), ERR_INVALID_REQUEST);
    r = guarded("\xc1", 1);
    ck_assert_int_eq(reader_peek(&r), READER_END);
    for (unsigned which = 0; which < CALL_COUNT; which++)
        ck_assert_int_eq(call(which, &r), ERR_INVALID_REQUEST);
}
END_TEST

START_TEST(bytes_may_come_as_a_string)
{
    struct slice s;
    struct reader r = guarded("\xa3"
                              "abc\xc4\x02"
                              "de",
                              8);
    ck_assert_int_eq(reader_bytes(&r, &s), 0);
    ck_assert(slice_equals(s, "abc"));
    ck_assert_int_eq(reader_str(&r, &s), ERR_INVALID_REQUEST);
    ck_assert_int_eq(reader_bytes(&r, &s), 0);
    ck_assert(slice_equals(s, "de"));
    ck_assert_ptr_eq(r.pos, r.end);
}
END_TEST

START_TEST(slices_equal_whole_strings_only)
{
    ck_assert(slice_equals((struct slice){"hello world", 5}, "hello"));
    ck_assert(!slice_equals((struct slice){"hello", 4}, "hello"));
    ck_assert(!slice_equals((struct slice){"hello", 5}, "hell"));
    ck_assert(!slice_equals((struct slice){"hello", 5}, "hallo"));
    ck_assert(!slice_equals((struct slice){"a\0b", 3}, "a"));
    ck_assert(slice_equals((struct slice){NULL, 0}, ""));
    ck_assert(!slice_equals((struct slice){NULL, 0}, "a"));
}
END_TEST

START_TEST(agrees_with_msgpack_c_on_random_messages)
{
    struct wire_random random;
    wire_random_init(&random, "reader, random messages");
    for (int round = 0; round < 1000; round++) {
        buffer_clear(&bytes);
        wire_random_message(&random, LIMIT_DEPTH, &bytes);
        assert_same("random", bytes.data, bytes.len);
        struct reader r = guarded(bytes.data, bytes.len);
        ck_assert_int_eq(reader_skip(&r), 0);
        ck_assert_ptr_eq(r.pos, r.end);
    }
}
END_TEST

/* Call functions at random until none helps; whether the reader stayed inside all the time. */
static bool wander(struct wire_random *random, struct reader r)
{
    const uint8_t *end = r.end;
    while (reader_peek(&r) != READER_END) {
        const uint8_t *before = r.pos;
        unsigned which = (unsigned)wire_random_below(random, CALL_COUNT);
        bool suitable = suits(which, reader_peek(&r));
        int rc = call(which, &r);
        if (r.end != end || r.pos > end || (rc == 0) != (r.pos > before) || (rc == 0 && !suitable))
            return false;
        if (rc != 0 && suitable)
            break;
    }
    return true;
}

START_TEST(survives_garbage)
{
    struct wire_random random;
    size_t skipped = 0;
    wire_random_init(&random, "reader, garbage");
    for (int round = 0; round < 30000; round++) {
        buffer_clear(&bytes);
        wire_random_garbage(&random, 1 + wire_random_below(&random, 60), &bytes);
        struct reader r = guarded(bytes.data, bytes.len);
        if (!wander(&random, r))
            ck_abort_msg("round %d", round);
        skipped += reader_skip(&r) == 0;
    }
    ck_assert_uint_gt(skipped, 1000);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("reader");
    TCase *tc = tcase_create("reader");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, reads_what_msgpack_c_wrote);
    tcase_add_test(tc, skips_what_msgpack_c_wrote);
    tcase_add_test(tc, other_types_are_refused_and_left);
    tcase_add_test(tc, cut_values_are_refused_and_left);
    tcase_add_test(tc, counts_that_cannot_be_are_refused);
    tcase_add_test(tc, skip_refuses_counts_whose_sum_cannot_be);
    tcase_add_test(tc, skip_passes_over_any_depth);
    tcase_add_test(tc, nothing_is_the_end);
    tcase_add_test(tc, bytes_may_come_as_a_string);
    tcase_add_test(tc, slices_equal_whole_strings_only);
    tcase_add_test(tc, agrees_with_msgpack_c_on_random_messages);
    tcase_add_test(tc, survives_garbage);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
