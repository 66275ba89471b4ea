/* The growing array of bytes, with allocations that fail when told. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/buffer.h"
#include "protocol/errors.h"

/* The linker sends every call of realloc here (--wrap=realloc). */
void *__real_realloc(void *p, size_t size);
void *__wrap_realloc(void *p, size_t size);
static bool fail_next;
static size_t allocations;

void *__wrap_realloc(void *p, size_t size)
{
    allocations++;
    if (fail_next) {
        fail_next = false;
        return NULL;
    }
    return __real_realloc(p, size);
}

static struct buffer b;

static void setup(void)
{
    fail_next = false;
    allocations = 0;
    buffer_init(&b);
}

static void teardown(void)
{
    buffer_fini(&b);
}

START_TEST(starts_empty_and_owns_nothing)
{
    ck_assert_ptr_null(b.data);
    ck_assert_uint_eq(b.len, 0);
    ck_assert_uint_eq(b.cap, 0);
    ck_assert(!b.failed);
    ck_assert_int_eq(buffer_append(&b, NULL, 0), 0);
    ck_assert_int_eq(buffer_reserve(&b, 0), 0);
    buffer_consume(&b, 0);
    ck_assert_uint_eq(allocations, 0);
}
END_TEST

START_TEST(keeps_what_is_appended)
{
    uint8_t expected[5000];
    size_t len = 0;
    for (size_t n = 0; len + n <= sizeof(expected); n++) {
        memset(expected + len, (int)n, n);
        ck_assert_int_eq(buffer_append(&b, expected + len, n), 0);
        len += n;
        ck_assert_uint_eq(b.len, len);
        ck_assert_uint_le(b.len, b.cap);
    }
    ck_assert_mem_eq(b.data, expected, len);
}
END_TEST

START_TEST(grows_by_doubling)
{
    for (int i = 0; i < 1 << 20; i++)
        buffer_append(&b, "x", 1);
    ck_assert_uint_eq(b.len, 1 << 20);
    ck_assert_uint_gt(allocations, 5);
    ck_assert_uint_lt(allocations, 25);
}
END_TEST

START_TEST(reserves_what_is_asked_for)
{
    ck_assert_int_eq(buffer_append(&b, "abc", 3), 0);
    ck_assert_int_eq(buffer_reserve(&b, 100000), 0);
    ck_assert_uint_ge(b.cap, 100003);
    ck_assert_uint_eq(b.len, 3);
    size_t before = allocations;
    memset(b.data + b.len, 'x', 100000);
    ck_assert_int_eq(buffer_reserve(&b, 100000), 0);
    ck_assert_uint_eq(allocations, before);
    ck_assert_mem_eq(b.data, "abc", 3);
}
END_TEST

START_TEST(consumes_from_the_front)
{
    ck_assert_int_eq(buffer_append(&b, "abcdef", 6), 0);
    buffer_consume(&b, 2);
    ck_assert_uint_eq(b.len, 4);
    ck_assert_mem_eq(b.data, "cdef", 4);
    buffer_consume(&b, 4);
    ck_assert_uint_eq(b.len, 0);
    ck_assert_int_eq(buffer_append(&b, "g", 1), 0);
    ck_assert_mem_eq(b.data, "g", 1);
}
END_TEST

START_TEST(a_failed_allocation_sticks)
{
    ck_assert_int_eq(buffer_append(&b, "abc", 3), 0);
    fail_next = true;
    char more[1000] = {0};
    ck_assert_int_eq(buffer_append(&b, more, sizeof(more)), ERR_OTHER);
    ck_assert(b.failed);
    ck_assert_uint_eq(b.len, 3);
    ck_assert_mem_eq(b.data, "abc", 3);

    /* There would be memory again, but what is in here has a hole. */
    ck_assert_int_eq(buffer_append(&b, "d", 1), ERR_OTHER);
    ck_assert_int_eq(buffer_reserve(&b, 1), ERR_OTHER);
    ck_assert_uint_eq(b.len, 3);

    buffer_clear(&b);
    ck_assert(!b.failed);
    ck_assert_int_eq(buffer_append(&b, "d", 1), 0);
    ck_assert_uint_eq(b.len, 1);
}
END_TEST

START_TEST(a_failed_first_allocation_leaves_it_empty)
{
    fail_next = true;
    ck_assert_int_eq(buffer_append(&b, "abc", 3), ERR_OTHER);
    ck_assert(b.failed);
    ck_assert_ptr_null(b.data);
    ck_assert_uint_eq(b.len, 0);
}
END_TEST

START_TEST(sizes_that_overflow_are_failures)
{
    ck_assert_int_eq(buffer_append(&b, "abc", 3), 0);
    size_t before = allocations;
    ck_assert_int_eq(buffer_reserve(&b, SIZE_MAX), ERR_OTHER);
    ck_assert(b.failed);
    buffer_clear(&b);
    ck_assert_int_eq(buffer_append(&b, "abc", 3), 0);
    ck_assert_int_eq(buffer_reserve(&b, SIZE_MAX - 2), ERR_OTHER);
    ck_assert_uint_eq(allocations, before);
}
END_TEST

START_TEST(clear_keeps_the_memory)
{
    ck_assert_int_eq(buffer_append(&b, "abc", 3), 0);
    size_t before = allocations;
    size_t cap = b.cap;
    buffer_clear(&b);
    ck_assert_uint_eq(b.len, 0);
    ck_assert_uint_eq(b.cap, cap);
    ck_assert_int_eq(buffer_append(&b, "d", 1), 0);
    ck_assert_uint_eq(allocations, before);
}
END_TEST

START_TEST(fini_leaves_it_as_init_did)
{
    ck_assert_int_eq(buffer_append(&b, "abc", 3), 0);
    b.failed = true;
    buffer_fini(&b);
    ck_assert_ptr_null(b.data);
    ck_assert_uint_eq(b.len, 0);
    ck_assert_uint_eq(b.cap, 0);
    ck_assert(!b.failed);
    ck_assert_int_eq(buffer_append(&b, "d", 1), 0);
}
END_TEST

START_TEST(writes_for_msgpack)
{
    ck_assert_int_eq(buffer_msgpack_write(&b, "abc", 3), 0);
    ck_assert_mem_eq(b.data, "abc", 3);
    b.failed = true;
    ck_assert_int_ne(buffer_msgpack_write(&b, "d", 1), 0);
    ck_assert_uint_eq(b.len, 3);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("buffer");
    TCase *tc = tcase_create("buffer");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, starts_empty_and_owns_nothing);
    tcase_add_test(tc, keeps_what_is_appended);
    tcase_add_test(tc, grows_by_doubling);
    tcase_add_test(tc, reserves_what_is_asked_for);
    tcase_add_test(tc, consumes_from_the_front);
    tcase_add_test(tc, a_failed_allocation_sticks);
    tcase_add_test(tc, a_failed_first_allocation_leaves_it_empty);
    tcase_add_test(tc, sizes_that_overflow_are_failures);
    tcase_add_test(tc, clear_keeps_the_memory);
    tcase_add_test(tc, fini_leaves_it_as_init_did);
    tcase_add_test(tc, writes_for_msgpack);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
