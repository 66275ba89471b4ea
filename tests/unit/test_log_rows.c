/* The sizes of recent commits: what is forgotten, and that memory does not follow what went
 * through. */
#include <check.h>
#include <stdlib.h>

#include "daemon/log_rows.h"

/* Enough to be measured, and not a power of two. */
enum { KEPT = 3000 };

static void push(struct log_rows *rows, uint64_t n, uint32_t changes, uint32_t bytes)
{
    ck_assert(log_rows_push(rows, (struct log_row){n, changes, bytes}));
}

/* What is known must be what was pushed last, in order, and its sums right. */
static void check(const struct log_rows *rows, uint64_t last)
{
    uint64_t changes = 0, bytes = 0;

    for (size_t i = 0; i < rows->count; i++) {
        const struct log_row *row = &rows->list[rows->first + i];
        ck_assert_uint_eq(row->n, last - rows->count + 1 + i);
        changes += row->changes;
        bytes += row->bytes;
    }
    ck_assert_uint_eq(rows->changes, changes);
    ck_assert_uint_eq(rows->bytes, bytes);
}

START_TEST(the_oldest_are_forgotten)
{
    struct log_rows rows = {0};

    ck_assert_uint_eq(log_rows_trim(&rows, 0, 0), 0);
    push(&rows, 1, 1, 10);
    push(&rows, 2, 5, 10);
    push(&rows, 3, 1, 10);
    ck_assert_uint_eq(log_rows_trim(&rows, 7, 30), 0);
    ck_assert_uint_eq(log_rows_trim(&rows, 6, 30), 1);
    ck_assert_uint_eq(log_rows_trim(&rows, 6, 19), 2);
    check(&rows, 3);
    /* One that is too large by itself is not kept. */
    push(&rows, 4, 100, 10);
    ck_assert_uint_eq(log_rows_trim(&rows, 99, 100), 4);
    ck_assert_uint_eq(rows.count, 0);
    log_rows_fini(&rows);
}
END_TEST

START_TEST(memory_does_not_grow_with_what_went_through)
{
    struct log_rows rows = {0};
    size_t cap = 0, reached = 0;

    for (uint64_t n = 1; n <= 20 * KEPT; n++) {
        push(&rows, n, 1 + (uint32_t)(n % 3), 10);
        uint64_t last = log_rows_trim(&rows, UINT64_MAX, KEPT * 10);
        ck_assert_uint_eq(last, n > KEPT ? n - KEPT : 0);
        if (n == 2 * KEPT)
            cap = rows.cap;
        if (rows.first + rows.count > reached)
            reached = rows.first + rows.count;
    }
    check(&rows, 20 * KEPT);
    ck_assert_uint_eq(rows.cap, cap);
    ck_assert_uint_le(reached, KEPT + KEPT / 4 + 1);
    log_rows_fini(&rows);
}
END_TEST

START_TEST(memory_is_given_back_when_commits_are_larger)
{
    struct log_rows rows = {0};
    uint64_t n = 0;

    while (n < KEPT)
        push(&rows, ++n, 1, 10);
    size_t cap = rows.cap;
    for (int i = 0; i < 20 * KEPT; i++) {
        push(&rows, ++n, 100, 10);
        log_rows_trim(&rows, KEPT, UINT64_MAX);
    }
    check(&rows, n);
    ck_assert_uint_eq(rows.count, KEPT / 100);
    ck_assert_uint_le(rows.cap, cap / 4);
    log_rows_fini(&rows);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("log_rows");
    TCase *tc = tcase_create("log_rows");
    SRunner *runner;
    int failed;

    tcase_add_test(tc, the_oldest_are_forgotten);
    tcase_add_test(tc, memory_does_not_grow_with_what_went_through);
    tcase_add_test(tc, memory_is_given_back_when_commits_are_larger);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
