/* Supervision with real processes; what the policy decides is test_restart's. */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/launch_gate.h"
#include "supervision_env.h"

START_TEST(clean_exit)
{
    struct subject s;

    subject_init(&s, "command = \"/bin/true\"", "", NULL);
    ck_assert_str_eq(component_state_word(subject_state(&s)), "stopped");
    component_start(s.component);
    ck_assert_str_eq(s.states, ""); /* told later, not from within */
    ck_assert_int_eq(subject_state(&s), COMPONENT_STARTING);
    subject_until(&s, COMPONENT_EXITED);
    ck_assert_str_eq(s.states, "starting running exited ");
    struct component_status status = component_status(s.component);
    ck_assert_str_eq(status.reason, "exited, status 0");
    ck_assert_int_eq(status.exit_code, 0);
    ck_assert_int_eq(status.exit_signal, 0);
    ck_assert_int_eq(status.pid, 0);
    ck_assert_uint_eq(status.restarts, 0);
    ck_assert(status.since_ms > INT64_C(1600000000000));
    component_stop(s.component);
    subject_until(&s, COMPONENT_STOPPED);
    subject_fini(&s);
}
END_TEST

static void check_end(const char *tool, const char *reason, int exit_code, int exit_signal)
{
    struct subject s;

    subject_init(&s, tool, "", NULL);
    component_start(s.component);
    subject_until(&s, COMPONENT_FAILED);
    struct component_status status = component_status(s.component);
    ck_assert_str_eq(status.reason, reason);
    ck_assert_int_eq(status.exit_code, exit_code);
    ck_assert_int_eq(status.exit_signal, exit_signal);
    subject_fini(&s);
}

START_TEST(failures_without_restart)
{
    check_end("command = \"/bin/sh -c 'exit 3'\"\nrestart = \"no\"", "exited, status 3", 3, 0);
    check_end("command = \"/bin/sh -c 'kill -SEGV $$'\"\nrestart = \"no\"", "killed by SIGSEGV", -1,
              SIGSEGV);
}
END_TEST

START_TEST(crash_loop_ends_in_failed)
{
    struct subject s;

    subject_init(&s,
                 "command = \"/bin/sh -c 'echo run >> runs; exit 1'\"\n"
                 "restart_delay = \"10ms\"\nrestart_max_delay = \"40ms\"\n"
                 "start_limit_burst = 4\nstart_limit_interval = \"1min\"",
                 "", NULL);
    component_start(s.component);
    subject_until(&s, COMPONENT_FAILED);
    ck_assert_str_eq(component_status(s.component).reason,
                     "start limit hit: 4 starts within 60 s; last: exited, status 1");
    ck_assert_uint_eq(component_status(s.component).restarts, 3);
    char *runs = env_read("runs", NULL);
    ck_assert_str_eq(runs, "run\nrun\nrun\nrun\n");
    free(runs);
    ck_assert_ptr_nonnull(strstr(s.states, "running backing-off starting running "));

    /* Asked again, it starts again. */
    s.states[0] = '\0';
    component_start(s.component);
    subject_until(&s, COMPONENT_FAILED);
    ck_assert_uint_eq(component_status(s.component).restarts, 3);
    subject_fini(&s);
}
END_TEST

START_TEST(exec_failure_is_restarted_by_policy)
{
    struct subject s;

    subject_init(&s,
                 "command = \"/nowhere/y\"\nrestart_delay = 0.01\n"
                 "start_limit_burst = 2\nstart_limit_interval = 60",
                 "", NULL);
    component_start(s.component);
    subject_until(&s, COMPONENT_FAILED);
    ck_assert_str_eq(component_status(s.component).reason,
                     "start limit hit: 2 starts within 60 s; last: cannot run '/nowhere/y': "
                     "No such file or directory");
    ck_assert_str_eq(s.states, "starting backing-off starting failed ");
    subject_fini(&s);
}
END_TEST

START_TEST(always_restarts_a_success)
{
    struct subject s;

    subject_init(&s, "command = \"/bin/true\"\nrestart = \"always\"\nrestart_delay = \"1h\"", "",
                 NULL);
    component_start(s.component);
    subject_until(&s, COMPONENT_BACKING_OFF);
    const char *reason = component_status(s.component).reason;
    ck_assert_msg(strncmp(reason, "exited, status 0; next start after 3", 36) == 0, "%s", reason);
    component_start(s.component); /* does not wait for the delay */
    s.states[0] = '\0';
    subject_until(&s, COMPONENT_BACKING_OFF);
    component_stop(s.component);
    ck_assert_int_eq(subject_state(&s), COMPONENT_STOPPED); /* at once */
    ck_assert(component_at_rest(s.component));
    subject_until(&s, COMPONENT_STOPPED);
    subject_fini(&s);
}
END_TEST

static bool has_connection(void *arg)
{
    return ((struct subject *)arg)->connection >= 0;
}

static bool has_grandchild(void *arg)
{
    (void)arg;
    return env_read_pid("grandchild") > 0;
}

static bool is_gone(void *arg)
{
    return !env_process_exists(*(pid_t *)arg);
}

START_TEST(stop_is_sigterm)
{
    struct subject s;

    subject_init(
        &s,
        "command = \"/bin/sh -c 'trap \\\"echo term; exit 7\\\" TERM; echo $$ > grandchild;"
        " while :; do sleep 0.02; done'\"\nstop_timeout = \"1h\"\nrestart = \"always\"",
        "", NULL);
    component_start(s.component);
    subject_until(&s, COMPONENT_RUNNING); /* the program may be ahead of the news that it runs */
    env_until(has_grandchild, NULL);
    ck_assert_int_gt(component_status(s.component).pid, 0);
    component_stop(s.component);
    ck_assert_int_eq(subject_state(&s), COMPONENT_STOPPING);
    ck_assert(!component_at_rest(s.component));
    subject_until(&s, COMPONENT_STOPPED);
    ck_assert_int_eq(component_status(s.component).exit_code, 7);
    ck_assert_str_eq(s.states, "starting running stopping stopped ");
    env_check_contains(".spin/logs/c_stdout.txt", "term\n");
    subject_fini(&s);
}
END_TEST

/* Leader and grandchild ignore SIGTERM. */
#define STUBBORN                                                                                   \
    "command = \"/bin/sh -c 'trap \\\"\\\" TERM; sleep 1000 & echo $! > grandchild; wait'\"\n"

START_TEST(stop_kills_the_whole_group_after_the_timeout)
{
    struct subject s;

    subject_init(&s, STUBBORN "stop_timeout = \"50ms\"", "", NULL);
    component_start(s.component);
    env_until(has_grandchild, NULL);
    pid_t grandchild = env_read_pid("grandchild");
    ck_assert(env_process_exists(grandchild));
    component_stop(s.component);
    subject_until(&s, COMPONENT_STOPPED);
    ck_assert_int_eq(component_status(s.component).exit_signal, SIGKILL);
    env_until(is_gone, &grandchild);
    subject_fini(&s);
}
END_TEST

START_TEST(leftovers_die_with_the_leader)
{
    struct subject s;

    subject_init(&s, "command = \"/bin/sh -c 'sleep 1000 & echo $! > grandchild; exit 0'\"", "",
                 NULL);
    component_start(s.component);
    subject_until(&s, COMPONENT_EXITED);
    pid_t grandchild = env_read_pid("grandchild");
    ck_assert_int_gt(grandchild, 0);
    env_until(is_gone, &grandchild);
    subject_fini(&s);
}
END_TEST

START_TEST(stop_while_starting)
{
    struct subject s;

    subject_init(&s, "command = \"/bin/sleep 1000\"", "", NULL);
    component_start(s.component);
    component_stop(s.component); /* the launch is under way on the pool */
    ck_assert_int_eq(subject_state(&s), COMPONENT_STOPPING);
    subject_until(&s, COMPONENT_STOPPED);
    ck_assert_int_eq(component_status(s.component).exit_signal, SIGTERM);
    ck_assert_int_eq(s.connection, -1); /* closed unseen */
    subject_fini(&s);
}
END_TEST

START_TEST(start_while_stopping)
{
    struct subject s;

    subject_init(&s, "command = \"/bin/sleep 1000\"", "", NULL);
    component_start(s.component);
    subject_until(&s, COMPONENT_RUNNING);
    pid_t first = component_status(s.component).pid;
    component_stop(s.component);
    component_start(s.component);
    ck_assert_int_eq(subject_state(&s), COMPONENT_STOPPING);
    s.states[0] = '\0';
    subject_until(&s, COMPONENT_RUNNING);
    ck_assert_str_eq(s.states, "stopping starting running ");
    ck_assert_int_ne(component_status(s.component).pid, first);
    ck_assert_uint_eq(component_status(s.component).restarts, 0);
    component_start(s.component); /* no effect */
    ck_assert_int_eq(subject_state(&s), COMPONENT_RUNNING);
    subject_fini(&s);
}
END_TEST

START_TEST(killed_from_outside_is_restarted)
{
    struct subject s;

    subject_init(&s, "command = \"/bin/sleep 1000\"\nrestart_delay = 0", "", NULL);
    component_start(s.component);
    subject_until(&s, COMPONENT_RUNNING);
    s.states[0] = '\0';
    kill(component_status(s.component).pid, SIGKILL);
    subject_until(&s, COMPONENT_RUNNING);
    ck_assert_str_eq(s.states, "backing-off starting running ");
    ck_assert_uint_eq(component_status(s.component).restarts, 1);
    ck_assert_int_eq(component_status(s.component).exit_signal, SIGKILL);
    subject_fini(&s);
}
END_TEST

START_TEST(ready_when_a_line_is_written)
{
    struct subject s;

    subject_init(&s,
                 "command = \"/bin/sh -c 'until [ -e go ]; do sleep 0.01; done; "
                 "echo ready >&$BOBBIN_READY_FD; exec sleep 1000'\"\nready = \"line\"",
                 "", NULL);
    component_start(s.component);
    env_until(has_connection, &s);
    ck_assert_int_eq(subject_state(&s), COMPONENT_STARTING);
    ck_assert_int_gt(component_status(s.component).pid, 0);
    env_write("go", "", 0644);
    subject_until(&s, COMPONENT_RUNNING);
    ck_assert_str_eq(s.states, "starting running ");
    subject_fini(&s);
}
END_TEST

START_TEST(never_ready_is_a_failure)
{
    struct subject s;

    subject_init(&s,
                 "command = \"/bin/sleep 1000\"\nready = \"line\"\nstart_timeout = \"50ms\"\n"
                 "restart_delay = \"1h\"",
                 "", NULL);
    component_start(s.component);
    subject_until(&s, COMPONENT_BACKING_OFF);
    ck_assert_str_eq(s.states, "starting stopping backing-off ");
    const char *reason = component_status(s.component).reason;
    ck_assert_msg(strstr(reason, "not ready within 50 ms: killed by SIGABRT; next start"), "%s",
                  reason);
    subject_fini(&s);
}
END_TEST

START_TEST(ready_by_hello_and_watched_by_pings)
{
    struct subject s;

    subject_init(&s,
                 "command = \"/bin/sleep 1000\"\nready = \"hello\"\nwatchdog = \"300ms\"\n"
                 "restart = \"no\"",
                 "", NULL);
    component_start(s.component);
    env_until(has_connection, &s);
    ck_assert_int_eq(subject_state(&s), COMPONENT_STARTING);
    component_heard_hello(s.component);
    ck_assert_int_eq(subject_state(&s), COMPONENT_RUNNING);
    uint64_t began = uv_hrtime();
    while (uv_hrtime() - began < 600 * UINT64_C(1000000)) { /* twice its time */
        component_heard_ping(s.component);
        uv_run(&env.loop, UV_RUN_NOWAIT);
    }
    ck_assert_int_eq(subject_state(&s), COMPONENT_RUNNING);
    subject_until(&s, COMPONENT_FAILED);
    ck_assert_str_eq(component_status(s.component).reason,
                     "no ping within 300 ms: killed by SIGABRT");
    subject_fini(&s);
}
END_TEST

/* By the descriptor that a process without a client library has for it; the time is looked at when it
 * is over, so twice of it may pass. */
START_TEST(watched_by_what_is_written)
{
    struct subject s;

    subject_init(&s,
                 "command = \"/bin/sh -c 'while [ ! -e stop ]; do printf . >&$BOBBIN_WATCHDOG_FD; "
                 "sleep 0.02; done; exec sleep 1000'\"\nwatchdog = \"400ms\"\nrestart = \"no\"",
                 "", NULL);
    component_start(s.component);
    subject_until(&s, COMPONENT_RUNNING);
    uint64_t began = uv_hrtime();
    while (uv_hrtime() - began < 1500 * UINT64_C(1000000))
        uv_run(&env.loop, UV_RUN_ONCE);
    ck_assert_int_eq(subject_state(&s), COMPONENT_RUNNING);
    env_write("stop", "", 0644);
    subject_until(&s, COMPONENT_FAILED);
    ck_assert_str_eq(component_status(s.component).reason,
                     "no ping within 400 ms: killed by SIGABRT");
    subject_fini(&s);
}
END_TEST

static bool has_three_runs(void *arg)
{
    (void)arg;
    char *runs = env_read("runs", NULL);
    bool enough = strncmp(runs, "run\nrun\nrun\n", 12) == 0;
    free(runs);
    return enough;
}

START_TEST(scheduled_component_runs_again_and_again)
{
    struct subject s;

    subject_init(&s, "command = \"/bin/sh -c 'echo run >> runs'\"\nschedule = \"50ms\"", "", NULL);
    component_start(s.component);
    subject_until(&s, COMPONENT_WAITING);
    const char *reason = component_status(s.component).reason;
    ck_assert_msg(strncmp(reason, "exited, status 0; next run after ", 33) == 0, "%s", reason);
    env_until(has_three_runs, NULL);
    ck_assert_uint_eq(component_status(s.component).restarts, 0);
    component_stop(s.component);
    subject_until(&s, COMPONENT_STOPPED);
    subject_fini(&s);
}
END_TEST

START_TEST(reset_makes_a_failed_one_stopped)
{
    struct subject s;

    subject_init(&s, "command = \"/bin/false\"\nrestart = \"no\"", "", NULL);
    component_start(s.component);
    component_reset(s.component); /* no effect yet */
    subject_until(&s, COMPONENT_FAILED);
    component_reset(s.component);
    subject_until(&s, COMPONENT_STOPPED);
    ck_assert_str_eq(component_status(s.component).reason, "");
    subject_fini(&s);
}
END_TEST

/* Many wait for their turn; one that is stopped meanwhile is never launched. */
START_TEST(gate_bounds_the_starts)
{
    enum { MANY = 30 };
    struct subject s[MANY];
    struct launch_gate gate;
    unsigned inside = 0;

    launch_gate_init(&gate, &env.loop);
    for (size_t i = 0; i < MANY; i++) {
        subject_init_gate(&s[i], "command = \"/bin/sleep 1000\"", &gate);
        component_start(s[i].component);
    }
    component_stop(s[MANY - 1].component);
    uint64_t began = uv_hrtime();
    for (size_t i = 0; i + 1 < MANY; i++) {
        subject_until(&s[i], COMPONENT_RUNNING);
        inside = gate.inside > inside ? gate.inside : inside;
    }
    ck_assert_uint_le(inside, LAUNCH_GATE_WIDTH);
    /* Behind the first ones they come at the rate. */
    ck_assert_uint_ge((uv_hrtime() - began) / 1000000,
                      (MANY - 1 - LAUNCH_GATE_BURST) * 1000 / LAUNCH_GATE_RATE / 2);
    subject_until(&s[MANY - 1], COMPONENT_STOPPED);
    ck_assert_int_eq(s[MANY - 1].connection, -1);
    for (size_t i = 0; i < MANY; i++)
        subject_fini(&s[i]);
    launch_gate_close(&gate);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("component");
    TCase *tc = tcase_create("supervision");
    tcase_add_checked_fixture(tc, env_setup, env_teardown);
    tcase_set_timeout(tc, 90);
    tcase_add_test(tc, clean_exit);
    tcase_add_test(tc, failures_without_restart);
    tcase_add_test(tc, crash_loop_ends_in_failed);
    tcase_add_test(tc, exec_failure_is_restarted_by_policy);
    tcase_add_test(tc, always_restarts_a_success);
    tcase_add_test(tc, stop_is_sigterm);
    tcase_add_test(tc, stop_kills_the_whole_group_after_the_timeout);
    tcase_add_test(tc, leftovers_die_with_the_leader);
    tcase_add_test(tc, stop_while_starting);
    tcase_add_test(tc, start_while_stopping);
    tcase_add_test(tc, killed_from_outside_is_restarted);
    tcase_add_test(tc, ready_when_a_line_is_written);
    tcase_add_test(tc, never_ready_is_a_failure);
    tcase_add_test(tc, ready_by_hello_and_watched_by_pings);
    tcase_add_test(tc, watched_by_what_is_written);
    tcase_add_test(tc, scheduled_component_runs_again_and_again);
    tcase_add_test(tc, reset_makes_a_failed_one_stopped);
    tcase_add_test(tc, gate_bounds_the_starts);
    suite_add_tcase(s, tc);
    SRunner *sr = srunner_create(s);
    srunner_run_all(sr, CK_NORMAL);
    int failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
