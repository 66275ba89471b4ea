/* Nothing outlives the daemon: a process of ours plays the daemon and is killed. */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/warden.h"
#include "supervision_env.h"

static bool has_pids(void *arg)
{
    (void)arg;
    return env_read_pid("leader") > 0 && env_read_pid("grandchild") > 0;
}

static bool is_gone(void *arg)
{
    return !env_process_exists(*(pid_t *)arg);
}

static void write_pid(const char *path, pid_t pid)
{
    char text[32];
    snprintf(text, sizeof(text), "%d\n", (int)pid);
    env_write(path, text, 0644);
}

/* Runs a component whose leader and grandchild ignore SIGTERM, until it is killed itself. */
static _Noreturn void play_daemon(void)
{
    struct warden *warden;
    struct subject s;
    struct error e;
    uv_loop_t *loop = &env.loop;

    if (warden_start(&warden, &e) != 0 || uv_loop_init(loop) != 0)
        _exit(1);
    write_pid("warden", warden_pid(warden));
    subject_init(&s,
                 "command = \"/bin/sh -c 'trap \\\"\\\" TERM; sleep 1000 & echo $! > grandchild; "
                 "echo $$ > leader; wait'\"",
                 "", warden);
    component_start(s.component);
    uv_run(loop, UV_RUN_DEFAULT);
    _exit(1);
}

START_TEST(grandchildren_do_not_outlive_a_killed_daemon)
{
    pid_t daemon = fork(), leader, grandchild, warden;

    if (daemon == 0)
        play_daemon();
    env_until(has_pids, NULL);
    leader = env_read_pid("leader");
    grandchild = env_read_pid("grandchild");
    warden = env_read_pid("warden");
    ck_assert(env_process_exists(leader));
    ck_assert(env_process_exists(grandchild));
    ck_assert(env_process_exists(warden));
    kill(daemon, SIGKILL);
    ck_assert_int_eq(waitpid(daemon, NULL, 0), daemon);
    env_until(is_gone, &leader);
    env_until(is_gone, &grandchild);
    env_until(is_gone, &warden);
}
END_TEST

static pid_t start_group(void)
{
    pid_t pid = fork();

    if (pid == 0) {
        setpgid(0, 0);
        alarm(120); /* should the test fail */
        for (;;)
            pause();
    }
    setpgid(pid, pid);
    return pid;
}

static int wait_signal(pid_t pid, int options)
{
    int status;
    pid_t r = waitpid(pid, &status, options);
    return r == pid && WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

START_TEST(only_groups_that_were_not_removed_are_killed)
{
    struct warden *w;
    struct error e;
    pid_t added = start_group(), removed = start_group();

    ck_assert_int_eq(warden_start(&w, &e), 0);
    ck_assert_int_eq(warden_add(w, added), 0);
    ck_assert_int_eq(warden_add(w, removed), 0);
    ck_assert_int_eq(warden_remove(w, removed), 0);
    warden_stop(w);
    ck_assert_int_eq(wait_signal(added, 0), SIGKILL);
    ck_assert_int_eq(waitpid(removed, NULL, WNOHANG), 0);
    kill(removed, SIGKILL);
    ck_assert_int_eq(wait_signal(removed, 0), SIGKILL);
    warden_stop(NULL);
}
END_TEST

START_TEST(many_groups_are_remembered)
{
    struct warden *w;
    struct error e;
    pid_t last;

    ck_assert_int_eq(warden_start(&w, &e), 0);
    for (pid_t g = 0; g < 5000; g++) /* numbers that no process has */
        ck_assert_int_eq(warden_add(w, 0x40000000 + g), 0);
    for (pid_t g = 0; g < 5000; g += 2)
        ck_assert_int_eq(warden_remove(w, 0x40000000 + g), 0);
    last = start_group();
    ck_assert_int_eq(warden_add(w, last), 0);
    warden_stop(w);
    ck_assert_int_eq(wait_signal(last, 0), SIGKILL);
}
END_TEST

/* The name of a process, or "" before it has set it. */
static bool is_named(void *arg)
{
    char path[64], name[32] = "";

    snprintf(path, sizeof(path), "/proc/%d/comm", (int)*(pid_t *)arg);
    FILE *f = fopen(path, "re");
    if (f && !fgets(name, sizeof(name), f))
        name[0] = '\0';
    if (f)
        fclose(f);
    return strcmp(name, "bobbind-warden\n") == 0;
}

static unsigned count_descriptors(pid_t pid)
{
    char command[100];
    unsigned n = 0;

    snprintf(command, sizeof(command), "ls /proc/%d/fd | wc -l", (int)pid);
    FILE *f = popen(command, "re");
    ck_assert_ptr_nonnull(f);
    ck_assert_int_eq(fscanf(f, "%u", &n), 1);
    pclose(f);
    return n;
}

static bool has_one_descriptor(void *arg)
{
    return count_descriptors(*(pid_t *)arg) == 1;
}

START_TEST(warden_holds_nothing_and_heeds_no_request_to_end)
{
    struct warden *w;
    struct error e;
    pid_t pid, group = start_group();

    ck_assert_int_eq(warden_start(&w, &e), 0);
    pid = warden_pid(w);
    env_until(is_named, &pid);
    env_until(has_one_descriptor, &pid);
    kill(pid, SIGTERM);
    kill(pid, SIGINT);
    kill(pid, SIGHUP);
    ck_assert_int_eq(warden_add(w, group), 0);
    ck_assert(env_process_exists(pid));
    warden_stop(w);
    ck_assert_int_eq(wait_signal(group, 0), SIGKILL);
}
END_TEST

START_TEST(dead_warden_is_an_error_not_a_signal)
{
    struct warden *w;
    struct error e;

    ck_assert_int_eq(warden_start(&w, &e), 0);
    signal(SIGPIPE, SIG_DFL);
    kill(warden_pid(w), SIGKILL);
    siginfo_t info;
    ck_assert_int_eq(waitid(P_PID, (id_t)warden_pid(w), &info, WEXITED | WNOWAIT), 0);
    ck_assert_int_eq(warden_add(w, 0x40000000), -1);
    ck_assert_int_eq(warden_add(NULL, 0x40000000), 0);
    warden_stop(w);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("warden");
    TCase *tc = tcase_create("groups");
    tcase_add_checked_fixture(tc, env_setup, env_teardown);
    tcase_set_timeout(tc, 90);
    tcase_add_test(tc, grandchildren_do_not_outlive_a_killed_daemon);
    tcase_add_test(tc, only_groups_that_were_not_removed_are_killed);
    tcase_add_test(tc, many_groups_are_remembered);
    tcase_add_test(tc, warden_holds_nothing_and_heeds_no_request_to_end);
    tcase_add_test(tc, dead_warden_is_an_error_not_a_signal);
    suite_add_tcase(s, tc);
    SRunner *sr = srunner_create(s);
    srunner_run_all(sr, CK_NORMAL);
    int failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
