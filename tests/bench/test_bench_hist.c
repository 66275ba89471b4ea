/* The histogram's percentiles against sorted samples. */
#include <check.h>
#include <math.h>
#include <stdlib.h>

#include "bench.h"
#include "hist.h"

#define SAMPLES 20000

static struct hist hist;
static uint64_t samples[SAMPLES];

static int ascending(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

/* The value at that percentile by the definition: the smallest that so many do not exceed. */
static uint64_t exact(double percent)
{
    size_t rank = (size_t)ceil(percent / 100 * SAMPLES);
    return samples[rank ? rank - 1 : 0];
}

static void check_percentiles(void)
{
    static const double percents[] = {0, 0.1, 1, 10, 25, 50, 75, 90, 99, 99.9, 99.99, 100};
    hist_clear(&hist);
    for (size_t i = 0; i < SAMPLES; i++)
        hist_record(&hist, samples[i]);
    qsort(samples, SAMPLES, sizeof samples[0], ascending);
    ck_assert_uint_eq(hist.total, SAMPLES);
    ck_assert_uint_eq(hist.min, samples[0]);
    ck_assert_uint_eq(hist.max, samples[SAMPLES - 1]);
    for (size_t i = 0; i < sizeof percents / sizeof percents[0]; i++) {
        uint64_t want = exact(percents[i]), got = hist_percentile(&hist, percents[i]);
        ck_assert_msg(got >= want && got - want <= want / 128, "p%g: %llu is not %llu", percents[i],
                      (unsigned long long)got, (unsigned long long)want);
    }
}

START_TEST(holds_for_even_values)
{
    uint64_t random = 7;
    for (size_t i = 0; i < SAMPLES; i++)
        samples[i] = bench_below(&random, 1000000);
    check_percentiles();
}
END_TEST

START_TEST(holds_for_a_long_tail)
{
    uint64_t random = 11;
    for (size_t i = 0; i < SAMPLES; i++)
        samples[i] = bench_random(&random) >> (24 + bench_below(&random, 40));
    check_percentiles();
}
END_TEST

START_TEST(holds_for_one_value)
{
    for (size_t i = 0; i < SAMPLES; i++)
        samples[i] = 123456789;
    check_percentiles();
    ck_assert_uint_eq(hist_percentile(&hist, 50), 123456789);
}
END_TEST

START_TEST(small_values_are_exact)
{
    for (size_t i = 0; i < SAMPLES; i++)
        samples[i] = i % 256;
    check_percentiles();
    ck_assert_uint_eq(hist_percentile(&hist, 50), exact(50));
    ck_assert_uint_eq(hist_percentile(&hist, 99), exact(99));
}
END_TEST

START_TEST(slots_follow_each_other)
{
    unsigned before = 0;
    for (uint64_t value = 1; value < UINT64_C(1) << 41; value += 1 + value / 1000) {
        unsigned slot = hist_slot(value);
        ck_assert_uint_ge(slot, before);
        ck_assert_uint_le(slot, before + 1);
        ck_assert_uint_lt(slot, HIST_SLOTS);
        before = slot;
    }
    ck_assert_uint_eq(hist_slot(UINT64_MAX), HIST_SLOTS - 1);
}
END_TEST

START_TEST(empty_has_no_percentile)
{
    hist_clear(&hist);
    ck_assert_uint_eq(hist_percentile(&hist, 50), 0);
    hist_record(&hist, UINT64_MAX);
    ck_assert_uint_eq(hist_percentile(&hist, 50), UINT64_MAX);
}
END_TEST

START_TEST(adds_up)
{
    static struct hist other;
    hist_clear(&hist);
    hist_clear(&other);
    for (uint64_t i = 1; i <= 50; i++) {
        hist_record(&hist, i);
        hist_record(&other, i + 50);
    }
    hist_add(&hist, &other);
    ck_assert_uint_eq(hist.total, 100);
    ck_assert_uint_eq(hist.min, 1);
    ck_assert_uint_eq(hist.max, 100);
    ck_assert_uint_eq(hist.sum, 5050);
    ck_assert_uint_eq(hist_percentile(&hist, 50), 50);
    ck_assert_uint_eq(hist_percentile(&hist, 99), 99);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("bench_hist");
    TCase *tc = tcase_create("hist");
    tcase_add_test(tc, holds_for_even_values);
    tcase_add_test(tc, holds_for_a_long_tail);
    tcase_add_test(tc, holds_for_one_value);
    tcase_add_test(tc, small_values_are_exact);
    tcase_add_test(tc, slots_follow_each_other);
    tcase_add_test(tc, empty_has_no_percentile);
    tcase_add_test(tc, adds_up);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
