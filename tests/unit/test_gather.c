/* When a batch waits for more writes, and when it no longer does. */
#include <check.h>
#include <stdlib.h>

#include "daemon/gather.h"

/* What the batches take here, unless it matters. */
enum { TOOK = 150000 };

static void after(struct gather *g, size_t answered, size_t waiting, uint64_t took)
{
    gather_after(g, &(struct gather_batch){answered, waiting, took, false});
}

START_TEST(nobody_is_waited_for_at_first)
{
    struct gather g = {0};

    ck_assert(!gather_holds(&g, 1, 1000));
    ck_assert(!gather_holds(&g, 0, 1000));
    ck_assert(!gather_stays_awake(&g));
}
END_TEST

START_TEST(one_writer_is_expected_back)
{
    struct gather g = {0};

    after(&g, 1, 0, TOOK);
    ck_assert(gather_wants_one(&g));
    ck_assert(gather_holds(&g, 0, 1000));
    ck_assert(gather_holds(&g, 0, 1000 + GATHER_NS - 1));
    ck_assert(!gather_holds(&g, 1, 1000 + GATHER_NS - 1));
    ck_assert(gather_stays_awake(&g));
    /* Until it stays away once. */
    after(&g, 1, 0, TOOK);
    ck_assert(gather_holds(&g, 0, 1000));
    ck_assert(!gather_holds(&g, 0, 1000 + GATHER_NS));
    ck_assert(!gather_stays_awake(&g));
}
END_TEST

START_TEST(in_company_one_writer_waits_for_nobody)
{
    struct gather g = {0};

    gather_after(&g, &(struct gather_batch){1, 0, TOOK, true});
    ck_assert(!gather_holds(&g, 0, 1000));
    gather_after(&g, &(struct gather_batch){1, 1, TOOK, true});
    ck_assert(gather_holds(&g, 1, 1000));
}
END_TEST

START_TEST(nobody_stays_awake_for_a_slow_disk)
{
    struct gather g = {0};

    after(&g, 1, 0, GATHER_AWAKE_NS);
    ck_assert(gather_holds(&g, 0, 1000));
    ck_assert(!gather_holds(&g, 1, 2000));
    ck_assert(!gather_stays_awake(&g));
}
END_TEST

START_TEST(many_are_waited_for_awake_too)
{
    struct gather g = {0};

    after(&g, 2, 0, TOOK);
    ck_assert(!gather_wants_one(&g));
    ck_assert(gather_holds(&g, 1, 1000));
    ck_assert(!gather_holds(&g, 2, 2000));
    ck_assert(gather_stays_awake(&g));
    after(&g, 2, 0, TOOK);
    ck_assert(gather_holds(&g, 1, 1000));
    ck_assert(!gather_holds(&g, 1, 1000 + GATHER_NS));
    ck_assert(!gather_stays_awake(&g));
}
END_TEST

START_TEST(a_longer_batch_is_worth_a_longer_wait)
{
    struct gather g = {0};

    after(&g, 2, 0, 400000);
    ck_assert(gather_holds(&g, 1, 1000));
    ck_assert(gather_holds(&g, 1, 1000 + 199999));
    ck_assert(!gather_holds(&g, 1, 1000 + 200000));
    after(&g, 2, 0, 400000);
    after(&g, 2, 0, 1u << 30);
    ck_assert(gather_holds(&g, 1, 1000));
    ck_assert(!gather_holds(&g, 1, 1000 + GATHER_NS_MAX));
}
END_TEST

START_TEST(reads_alone_wait_for_nobody)
{
    struct gather g = {0};

    after(&g, 0, 50, TOOK);
    ck_assert(!gather_holds(&g, 50, 1000));
}
END_TEST

START_TEST(both_groups_go_together)
{
    struct gather g = {0};

    after(&g, 8, 8, TOOK);
    ck_assert(gather_holds(&g, 8, 1000));
    ck_assert(gather_holds(&g, 15, 1000 + GATHER_NS - 1));
    ck_assert(!gather_holds(&g, 16, 1000 + GATHER_NS - 1));
    /* Over with that: what comes later is the next batch's. */
    ck_assert(!gather_holds(&g, 1, 1000 + GATHER_NS - 1));
}
END_TEST

START_TEST(nobody_waits_longer_than_the_bound)
{
    struct gather g = {0};

    after(&g, 2, 0, TOOK);
    ck_assert(gather_holds(&g, 1, 1000));
    ck_assert(!gather_holds(&g, 1, 1000 + GATHER_NS));
}
END_TEST

/* How many batches go at once until one waits again. */
static unsigned batches_at_once(struct gather *g)
{
    for (unsigned n = 0;; n++) {
        after(g, 2, 0, TOOK);
        if (gather_holds(g, 1, 1000))
            return n;
        ck_assert_uint_lt(n, 2 * GATHER_SKIP_MAX);
    }
}

START_TEST(waits_in_vain_become_rare)
{
    struct gather g = {0};
    unsigned expected = 1;

    after(&g, 2, 0, TOOK);
    ck_assert(gather_holds(&g, 1, 1000));
    for (int i = 0; i < 12; i++) {
        ck_assert(!gather_holds(&g, 1, 1000 + GATHER_NS));
        ck_assert_uint_eq(batches_at_once(&g), expected);
        expected = expected * 2 > GATHER_SKIP_MAX ? GATHER_SKIP_MAX : expected * 2;
    }
    /* One that is worth it makes them common again. */
    ck_assert(!gather_holds(&g, 2, 1000));
    ck_assert_uint_eq(batches_at_once(&g), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gather");
    TCase *tc = tcase_create("gather");
    SRunner *runner;
    int failed;

    tcase_add_test(tc, nobody_is_waited_for_at_first);
    tcase_add_test(tc, one_writer_is_expected_back);
    tcase_add_test(tc, in_company_one_writer_waits_for_nobody);
    tcase_add_test(tc, nobody_stays_awake_for_a_slow_disk);
    tcase_add_test(tc, many_are_waited_for_awake_too);
    tcase_add_test(tc, a_longer_batch_is_worth_a_longer_wait);
    tcase_add_test(tc, reads_alone_wait_for_nobody);
    tcase_add_test(tc, both_groups_go_together);
    tcase_add_test(tc, nobody_waits_longer_than_the_bound);
    tcase_add_test(tc, waits_in_vain_become_rare);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
