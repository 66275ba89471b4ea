#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/restart.h"

static struct component_spec spec;
static struct restart r;

static const struct restart_outcome success = {.launched = true, .exit_code = 0};
static const struct restart_outcome failure = {.launched = true, .exit_code = 1};
static const struct restart_outcome killed = {.launched = true, .exit_code = -1, .exit_signal = 9};
static const struct restart_outcome unlaunched = {.exit_code = -1};

static void setup(void)
{
    memset(&spec, 0, sizeof(spec));
    spec.restart = RESTART_ON_FAILURE;
    spec.restart_delay_ms = MANIFEST_RESTART_DELAY_MS;
    spec.restart_max_delay_ms = MANIFEST_RESTART_MAX_DELAY_MS;
    spec.start_limit_burst = MANIFEST_START_LIMIT_BURST;
    spec.start_limit_interval_ms = MANIFEST_START_LIMIT_INTERVAL_MS;
    restart_init(&r, 0);
}

static struct restart_step step(enum restart_event event, uint64_t now)
{
    return restart_step(&r, &spec, event, NULL, now);
}

static struct restart_step down(const struct restart_outcome *outcome, uint64_t now)
{
    return restart_step(&r, &spec, RESTART_DOWN, outcome, now);
}

static void check(struct restart_step s, enum restart_action action, enum component_state state)
{
    ck_assert_int_eq(s.action, action);
    ck_assert_str_eq(component_state_word(r.state), component_state_word(state));
}

/* From nothing to the state, at the time `now`. */
static void go_to(enum component_state state, uint64_t now)
{
    restart_init(&r, 0);
    if (state == COMPONENT_STOPPED)
        return;
    step(RESTART_WANT_RUN, now);
    if (state == COMPONENT_STARTING)
        return;
    step(RESTART_UP, now);
    if (state == COMPONENT_STOPPING)
        step(RESTART_WANT_STOP, now);
    if (state == COMPONENT_BACKING_OFF)
        down(&failure, now);
    if (state == COMPONENT_EXITED)
        down(&success, now);
    if (state == COMPONENT_WAITING) {
        spec.schedule = SCHEDULE_EVERY;
        spec.schedule_ms = 60000;
        down(&success, now);
    }
    if (state == COMPONENT_FAILED) {
        spec.restart = RESTART_NO;
        down(&failure, now);
        spec.restart = RESTART_ON_FAILURE;
    }
    ck_assert_int_eq(r.state, state);
}

/* Each cell of the table: what comes of an event in a state. RESTART_DOWN is a failure. */
static const struct {
    enum component_state from;
    enum restart_event event;
    enum restart_action action;
    enum component_state to;
} cells[] = {
    {COMPONENT_STOPPED, RESTART_WANT_RUN, RESTART_DO_LAUNCH, COMPONENT_STARTING},
    {COMPONENT_STOPPED, RESTART_WANT_STOP, RESTART_DO_NOTHING, COMPONENT_STOPPED},
    {COMPONENT_STOPPED, RESTART_RESET, RESTART_DO_NOTHING, COMPONENT_STOPPED},
    {COMPONENT_STOPPED, RESTART_UP, RESTART_DO_NOTHING, COMPONENT_STOPPED},
    {COMPONENT_STOPPED, RESTART_READY, RESTART_DO_NOTHING, COMPONENT_STOPPED},
    {COMPONENT_STOPPED, RESTART_OVERDUE, RESTART_DO_NOTHING, COMPONENT_STOPPED},
    {COMPONENT_STOPPED, RESTART_DOWN, RESTART_DO_NOTHING, COMPONENT_STOPPED},
    {COMPONENT_STOPPED, RESTART_DELAY_OVER, RESTART_DO_NOTHING, COMPONENT_STOPPED},
    {COMPONENT_STARTING, RESTART_WANT_RUN, RESTART_DO_NOTHING, COMPONENT_STARTING},
    {COMPONENT_STARTING, RESTART_WANT_STOP, RESTART_DO_TERMINATE, COMPONENT_STOPPING},
    {COMPONENT_STARTING, RESTART_RESET, RESTART_DO_NOTHING, COMPONENT_STARTING},
    {COMPONENT_STARTING, RESTART_UP, RESTART_DO_CANCEL, COMPONENT_RUNNING},
    {COMPONENT_STARTING, RESTART_READY, RESTART_DO_CANCEL, COMPONENT_RUNNING},
    {COMPONENT_STARTING, RESTART_OVERDUE, RESTART_DO_ABORT, COMPONENT_STOPPING},
    {COMPONENT_STARTING, RESTART_DOWN, RESTART_DO_DELAY, COMPONENT_BACKING_OFF},
    {COMPONENT_STARTING, RESTART_DELAY_OVER, RESTART_DO_NOTHING, COMPONENT_STARTING},
    {COMPONENT_RUNNING, RESTART_WANT_RUN, RESTART_DO_NOTHING, COMPONENT_RUNNING},
    {COMPONENT_RUNNING, RESTART_WANT_STOP, RESTART_DO_TERMINATE, COMPONENT_STOPPING},
    {COMPONENT_RUNNING, RESTART_RESET, RESTART_DO_NOTHING, COMPONENT_RUNNING},
    {COMPONENT_RUNNING, RESTART_UP, RESTART_DO_NOTHING, COMPONENT_RUNNING},
    {COMPONENT_RUNNING, RESTART_READY, RESTART_DO_NOTHING, COMPONENT_RUNNING},
    {COMPONENT_RUNNING, RESTART_OVERDUE, RESTART_DO_ABORT, COMPONENT_STOPPING},
    {COMPONENT_RUNNING, RESTART_DOWN, RESTART_DO_DELAY, COMPONENT_BACKING_OFF},
    {COMPONENT_RUNNING, RESTART_DELAY_OVER, RESTART_DO_NOTHING, COMPONENT_RUNNING},
    {COMPONENT_BACKING_OFF, RESTART_WANT_RUN, RESTART_DO_LAUNCH, COMPONENT_STARTING},
    {COMPONENT_BACKING_OFF, RESTART_WANT_STOP, RESTART_DO_CANCEL, COMPONENT_STOPPED},
    {COMPONENT_BACKING_OFF, RESTART_RESET, RESTART_DO_NOTHING, COMPONENT_BACKING_OFF},
    {COMPONENT_BACKING_OFF, RESTART_UP, RESTART_DO_NOTHING, COMPONENT_BACKING_OFF},
    {COMPONENT_BACKING_OFF, RESTART_READY, RESTART_DO_NOTHING, COMPONENT_BACKING_OFF},
    {COMPONENT_BACKING_OFF, RESTART_OVERDUE, RESTART_DO_NOTHING, COMPONENT_BACKING_OFF},
    {COMPONENT_BACKING_OFF, RESTART_DOWN, RESTART_DO_NOTHING, COMPONENT_BACKING_OFF},
    {COMPONENT_BACKING_OFF, RESTART_DELAY_OVER, RESTART_DO_LAUNCH, COMPONENT_STARTING},
    {COMPONENT_WAITING, RESTART_WANT_RUN, RESTART_DO_LAUNCH, COMPONENT_STARTING},
    {COMPONENT_WAITING, RESTART_WANT_STOP, RESTART_DO_CANCEL, COMPONENT_STOPPED},
    {COMPONENT_WAITING, RESTART_RESET, RESTART_DO_NOTHING, COMPONENT_WAITING},
    {COMPONENT_WAITING, RESTART_UP, RESTART_DO_NOTHING, COMPONENT_WAITING},
    {COMPONENT_WAITING, RESTART_READY, RESTART_DO_NOTHING, COMPONENT_WAITING},
    {COMPONENT_WAITING, RESTART_OVERDUE, RESTART_DO_NOTHING, COMPONENT_WAITING},
    {COMPONENT_WAITING, RESTART_DOWN, RESTART_DO_NOTHING, COMPONENT_WAITING},
    {COMPONENT_WAITING, RESTART_DELAY_OVER, RESTART_DO_LAUNCH, COMPONENT_STARTING},
    {COMPONENT_STOPPING, RESTART_WANT_RUN, RESTART_DO_NOTHING, COMPONENT_STOPPING},
    {COMPONENT_STOPPING, RESTART_WANT_STOP, RESTART_DO_NOTHING, COMPONENT_STOPPING},
    {COMPONENT_STOPPING, RESTART_RESET, RESTART_DO_NOTHING, COMPONENT_STOPPING},
    {COMPONENT_STOPPING, RESTART_UP, RESTART_DO_TERMINATE, COMPONENT_STOPPING},
    {COMPONENT_STOPPING, RESTART_READY, RESTART_DO_NOTHING, COMPONENT_STOPPING},
    {COMPONENT_STOPPING, RESTART_OVERDUE, RESTART_DO_NOTHING, COMPONENT_STOPPING},
    {COMPONENT_STOPPING, RESTART_DOWN, RESTART_DO_NOTHING, COMPONENT_STOPPED},
    {COMPONENT_STOPPING, RESTART_DELAY_OVER, RESTART_DO_NOTHING, COMPONENT_STOPPING},
    {COMPONENT_FAILED, RESTART_WANT_RUN, RESTART_DO_LAUNCH, COMPONENT_STARTING},
    {COMPONENT_FAILED, RESTART_WANT_STOP, RESTART_DO_NOTHING, COMPONENT_STOPPED},
    {COMPONENT_FAILED, RESTART_RESET, RESTART_DO_NOTHING, COMPONENT_STOPPED},
    {COMPONENT_FAILED, RESTART_UP, RESTART_DO_NOTHING, COMPONENT_FAILED},
    {COMPONENT_FAILED, RESTART_READY, RESTART_DO_NOTHING, COMPONENT_FAILED},
    {COMPONENT_FAILED, RESTART_OVERDUE, RESTART_DO_NOTHING, COMPONENT_FAILED},
    {COMPONENT_FAILED, RESTART_DOWN, RESTART_DO_NOTHING, COMPONENT_FAILED},
    {COMPONENT_FAILED, RESTART_DELAY_OVER, RESTART_DO_NOTHING, COMPONENT_FAILED},
    {COMPONENT_EXITED, RESTART_WANT_RUN, RESTART_DO_LAUNCH, COMPONENT_STARTING},
    {COMPONENT_EXITED, RESTART_WANT_STOP, RESTART_DO_NOTHING, COMPONENT_STOPPED},
    {COMPONENT_EXITED, RESTART_RESET, RESTART_DO_NOTHING, COMPONENT_EXITED},
    {COMPONENT_EXITED, RESTART_UP, RESTART_DO_NOTHING, COMPONENT_EXITED},
    {COMPONENT_EXITED, RESTART_READY, RESTART_DO_NOTHING, COMPONENT_EXITED},
    {COMPONENT_EXITED, RESTART_OVERDUE, RESTART_DO_NOTHING, COMPONENT_EXITED},
    {COMPONENT_EXITED, RESTART_DOWN, RESTART_DO_NOTHING, COMPONENT_EXITED},
    {COMPONENT_EXITED, RESTART_DELAY_OVER, RESTART_DO_NOTHING, COMPONENT_EXITED},
};
_Static_assert(sizeof(cells) / sizeof(cells[0]) ==
                   (size_t)COMPONENT_STATE_COUNT * RESTART_EVENT_COUNT,
               "every cell of the table");

START_TEST(every_cell_of_the_table)
{
    go_to(cells[_i].from, 1000);
    struct restart_step s = restart_step(&r, &spec, cells[_i].event, &failure, 2000);
    check(s, cells[_i].action, cells[_i].to);
    if (cells[_i].event == RESTART_WANT_RUN)
        ck_assert(r.wanted);
    if (cells[_i].event == RESTART_WANT_STOP)
        ck_assert(!r.wanted);
}
END_TEST

/* Policy and outcome: what comes of the end of a run. */
static const struct {
    enum restart_policy policy;
    const struct restart_outcome *outcome;
    enum component_state to;
} ends[] = {
    {RESTART_NO, &success, COMPONENT_EXITED},
    {RESTART_NO, &failure, COMPONENT_FAILED},
    {RESTART_NO, &killed, COMPONENT_FAILED},
    {RESTART_NO, &unlaunched, COMPONENT_FAILED},
    {RESTART_ON_FAILURE, &success, COMPONENT_EXITED},
    {RESTART_ON_FAILURE, &failure, COMPONENT_BACKING_OFF},
    {RESTART_ON_FAILURE, &killed, COMPONENT_BACKING_OFF},
    {RESTART_ON_FAILURE, &unlaunched, COMPONENT_BACKING_OFF},
    {RESTART_ALWAYS, &success, COMPONENT_BACKING_OFF},
    {RESTART_ALWAYS, &failure, COMPONENT_BACKING_OFF},
    {RESTART_ALWAYS, &killed, COMPONENT_BACKING_OFF},
    {RESTART_ALWAYS, &unlaunched, COMPONENT_BACKING_OFF},
};

START_TEST(policy_decides_the_end_of_a_run)
{
    go_to(COMPONENT_RUNNING, 1000);
    spec.restart = ends[_i].policy;
    struct restart_step s = down(ends[_i].outcome, 2000);
    check(s, ends[_i].to == COMPONENT_BACKING_OFF ? RESTART_DO_DELAY : RESTART_DO_NOTHING,
          ends[_i].to);
    ck_assert(!s.limit_hit);
}
END_TEST

START_TEST(stop_then_start_while_stopping_starts_again)
{
    go_to(COMPONENT_STOPPING, 1000);
    step(RESTART_WANT_RUN, 1001);
    check(down(&killed, 1002), RESTART_DO_LAUNCH, COMPONENT_STARTING);
    ck_assert_uint_eq(r.restarts, 0);
    ck_assert_uint_eq(r.window_starts, 1);
}
END_TEST

START_TEST(delay_doubles_up_to_its_maximum)
{
    static const uint32_t expected[] = {100, 200, 400, 800, 1000, 1000};
    uint64_t now = 5000;

    spec.restart_max_delay_ms = 1000;
    spec.start_limit_burst = 0;
    go_to(COMPONENT_RUNNING, now);
    for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
        struct restart_step s = down(&failure, now);
        check(s, RESTART_DO_DELAY, COMPONENT_BACKING_OFF);
        ck_assert_uint_eq(s.delay_ms, expected[i]);
        now += s.delay_ms;
        check(step(RESTART_DELAY_OVER, now), RESTART_DO_LAUNCH, COMPONENT_STARTING);
        ck_assert_uint_eq(r.restarts, i + 1);
        step(RESTART_UP, now);
    }
}
END_TEST

START_TEST(delay_does_not_overflow)
{
    spec.restart_delay_ms = 0x90000000u;
    spec.restart_max_delay_ms = 0xf0000000u;
    go_to(COMPONENT_RUNNING, 0);
    ck_assert_uint_eq(down(&failure, 1).delay_ms, 0x90000000u);
    step(RESTART_DELAY_OVER, 0x90000001u);
    ck_assert_uint_eq(down(&failure, 0x90000002u).delay_ms, 0xf0000000u);
}
END_TEST

/* `run_ms`: how long the second run takes. */
static uint64_t delay_after_run(uint64_t run_ms)
{
    go_to(COMPONENT_BACKING_OFF, 1000);
    step(RESTART_DELAY_OVER, 1100);
    step(RESTART_UP, 1100);
    return down(&failure, 1100 + run_ms).delay_ms;
}

START_TEST(good_run_begins_the_delays_anew)
{
    ck_assert_uint_eq(delay_after_run(30000), 200);
    ck_assert_uint_eq(delay_after_run(30001), 100);
    spec.restart_max_delay_ms = 1000; /* the 10 s count then */
    ck_assert_uint_eq(delay_after_run(1001), 200);
    ck_assert_uint_eq(delay_after_run(10000), 200);
    ck_assert_uint_eq(delay_after_run(10001), 100);
}
END_TEST

/* A program that lives for `run_ms`: after how many starts it is failed; 0: not within 50. */
static unsigned starts_until_failed(uint64_t run_ms)
{
    uint64_t now = 0;

    restart_init(&r, 0);
    step(RESTART_WANT_RUN, now);
    for (unsigned starts = 1; starts <= 50; starts++) {
        step(RESTART_UP, now);
        now += run_ms;
        struct restart_step s = down(&failure, now);
        if (r.state == COMPONENT_FAILED) {
            ck_assert(s.limit_hit);
            ck_assert_int_eq(s.action, RESTART_DO_NOTHING);
            return starts;
        }
        now += s.delay_ms;
        step(RESTART_DELAY_OVER, now);
    }
    return 0;
}

START_TEST(default_limit_ends_a_crash_loop)
{
    ck_assert_uint_eq(starts_until_failed(0), 5);
    ck_assert_uint_eq(starts_until_failed(1000), 5);
    ck_assert_uint_eq(starts_until_failed(2000), 0);
}
END_TEST

START_TEST(limit_can_be_off_or_other)
{
    spec.start_limit_burst = 2;
    ck_assert_uint_eq(starts_until_failed(0), 2);
    spec.start_limit_burst = 0;
    ck_assert_uint_eq(starts_until_failed(0), 0);
    spec.start_limit_burst = 2;
    spec.start_limit_interval_ms = 0;
    ck_assert_uint_eq(starts_until_failed(0), 0);
}
END_TEST

START_TEST(start_by_hand_forgets_the_history)
{
    ck_assert_uint_eq(starts_until_failed(0), 5);
    ck_assert_uint_eq(r.restarts, 4);
    check(step(RESTART_WANT_RUN, 3200), RESTART_DO_LAUNCH, COMPONENT_STARTING);
    ck_assert_uint_eq(r.restarts, 0);
    step(RESTART_UP, 3200);
    ck_assert_uint_eq(down(&failure, 3201).delay_ms, 100);
}
END_TEST

/* A program that does not say that it is ready, or does not ping any more. */
START_TEST(overdue_is_a_failure_however_it_ends)
{
    spec.ready = READY_HELLO;
    spec.start_timeout_ms = 1000;
    spec.watchdog_ms = 500;
    go_to(COMPONENT_STARTING, 1000);
    check(step(RESTART_UP, 1001), RESTART_DO_AWAIT, COMPONENT_STARTING);
    if (_i > 0)
        check(step(RESTART_READY, 1002), RESTART_DO_WATCH, COMPONENT_RUNNING);
    check(step(RESTART_OVERDUE, 2000), RESTART_DO_ABORT, COMPONENT_STOPPING);
    ck_assert(r.wanted);
    if (_i < 2) {
        check(down(&success, 2001), RESTART_DO_DELAY, COMPONENT_BACKING_OFF);
        return;
    }
    step(RESTART_WANT_STOP, 2001); /* nobody wants it any more */
    check(down(&success, 2002), RESTART_DO_NOTHING, COMPONENT_STOPPED);
}
END_TEST

START_TEST(overdue_for_ever_without_a_time)
{
    spec.ready = READY_LINE;
    go_to(COMPONENT_STARTING, 1000);
    check(step(RESTART_UP, 1001), RESTART_DO_NOTHING, COMPONENT_STARTING);
    check(step(RESTART_READY, 1002), RESTART_DO_CANCEL, COMPONENT_RUNNING);
}
END_TEST

START_TEST(schedule_counts_from_start_to_start)
{
    spec.schedule = SCHEDULE_EVERY;
    spec.schedule_ms = 1000;
    go_to(COMPONENT_RUNNING, 5000);
    for (uint64_t start = 5000; start < 25000; start += 1000) { /* more often than the start limit */
        struct restart_step s = down(&success, start + 100);
        check(s, RESTART_DO_DELAY, COMPONENT_WAITING);
        ck_assert_uint_eq(s.delay_ms, 900);
        check(step(RESTART_DELAY_OVER, start + 1000), RESTART_DO_LAUNCH, COMPONENT_STARTING);
        step(RESTART_UP, start + 1000);
    }
    ck_assert_uint_eq(r.restarts, 0);
    ck_assert_uint_eq(down(&success, 30000).delay_ms, 0); /* late already */
    step(RESTART_DELAY_OVER, 30000);
    step(RESTART_UP, 30000);
    /* A failure is tried again by the policy, and without one awaits its next time. */
    check(down(&failure, 30100), RESTART_DO_DELAY, COMPONENT_BACKING_OFF);
    step(RESTART_DELAY_OVER, 30200);
    step(RESTART_UP, 30200);
    spec.restart = RESTART_NO;
    check(down(&failure, 30300), RESTART_DO_DELAY, COMPONENT_WAITING);
}
END_TEST

START_TEST(scheduled_once_runs_once)
{
    spec.schedule = SCHEDULE_START;
    spec.restart = RESTART_ALWAYS;
    go_to(COMPONENT_RUNNING, 1000);
    check(down(&success, 2000), RESTART_DO_NOTHING, COMPONENT_EXITED);
    go_to(COMPONENT_RUNNING, 1000);
    check(down(&failure, 2000), RESTART_DO_DELAY, COMPONENT_BACKING_OFF);
}
END_TEST

START_TEST(jitter_lengthens_by_a_tenth_at_most)
{
    uint64_t least = UINT64_MAX, most = 0;

    for (uint32_t seed = 1; seed < 1000; seed++) {
        restart_init(&r, seed);
        spec.restart_delay_ms = 10000;
        step(RESTART_WANT_RUN, 0);
        step(RESTART_UP, 0);
        uint64_t delay = down(&failure, 1).delay_ms;
        least = delay < least ? delay : least;
        most = delay > most ? delay : most;
        ck_assert_uint_eq(r.delay_ms, 10000); /* what doubles has no jitter */
    }
    ck_assert_uint_ge(least, 10000);
    ck_assert_uint_le(least, 10100);
    ck_assert_uint_lt(most, 11000);
    ck_assert_uint_ge(most, 10900);
}
END_TEST

START_TEST(reset_forgets_the_failure)
{
    ck_assert_uint_eq(starts_until_failed(0), 5);
    check(step(RESTART_RESET, 3200), RESTART_DO_NOTHING, COMPONENT_STOPPED);
    ck_assert(!r.wanted);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("restart");
    TCase *tc = tcase_create("decisions");
    tcase_add_checked_fixture(tc, setup, NULL);
    tcase_add_loop_test(tc, every_cell_of_the_table, 0, sizeof(cells) / sizeof(cells[0]));
    tcase_add_loop_test(tc, policy_decides_the_end_of_a_run, 0, sizeof(ends) / sizeof(ends[0]));
    tcase_add_test(tc, stop_then_start_while_stopping_starts_again);
    tcase_add_test(tc, delay_doubles_up_to_its_maximum);
    tcase_add_test(tc, delay_does_not_overflow);
    tcase_add_test(tc, good_run_begins_the_delays_anew);
    tcase_add_test(tc, default_limit_ends_a_crash_loop);
    tcase_add_test(tc, limit_can_be_off_or_other);
    tcase_add_test(tc, start_by_hand_forgets_the_history);
    tcase_add_loop_test(tc, overdue_is_a_failure_however_it_ends, 0, 3);
    tcase_add_test(tc, overdue_for_ever_without_a_time);
    tcase_add_test(tc, schedule_counts_from_start_to_start);
    tcase_add_test(tc, scheduled_once_runs_once);
    tcase_add_test(tc, jitter_lengthens_by_a_tenth_at_most);
    tcase_add_test(tc, reset_forgets_the_failure);
    suite_add_tcase(s, tc);
    SRunner *sr = srunner_create(s);
    srunner_run_all(sr, CK_NORMAL);
    int failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
