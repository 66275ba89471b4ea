/* What a process finds when it starts, by processes that look. */
#include <check.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/cgroup.h"
#include "daemon/launch_plan.h"
#include "daemon/warden.h"
#include "supervision_env.h"

#define OUT ".spin/logs/c_stdout.txt"
#define ERR ".spin/logs/c_stderr.txt"

/* Run to its end; its output is then in the log files. */
static void run(const char *tool, const char *rest)
{
    struct subject s;

    subject_init(&s, tool, rest, NULL);
    component_start(s.component);
    subject_until(&s, COMPONENT_EXITED);
    ck_assert_int_eq(component_status(s.component).exit_code, 0);
    subject_fini(&s);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The lines of the output in order, joined by '|'. */
static char *sorted_lines(char *text)
{
    char *lines[64], *joined = calloc(1, strlen(text) + 2), *saved;
    size_t n = 0;

    for (char *l = strtok_r(text, "\n", &saved); l && n < 64; l = strtok_r(NULL, "\n", &saved))
        lines[n++] = l;
    qsort(lines, n, sizeof(lines[0]), by_text);
    for (size_t i = 0; i < n; i++) {
        strcat(joined, lines[i]);
        strcat(joined, "|");
    }
    return joined;
}

START_TEST(environment_is_the_manifests_and_nothing_else)
{
    char expected[500];

    setenv("BOBBIN_TEST_LEAK", "yes", 1);
    env_write("app.wasm", "x", 0644);
    run("command = \"/usr/bin/env\"\nrestart = \"no\"",
        "source = \"app.wasm\"\nenvironment = { A = \"1\", B = \"two words\" }");
    char *text = env_read(OUT, NULL);
    char *lines = sorted_lines(text);
    snprintf(expected, sizeof(expected),
             "A=1|B=two words|BOBBIN_APP=counter|BOBBIN_COMPONENT=c|BOBBIN_FD=3|BOBBIN_INSTANCE=1|"
             "BOBBIN_SOURCE=%s/app.wasm|BOBBIN_STATE_DIR=%s/.spin|",
             env.app, env.app);
    ck_assert_str_eq(lines, expected);
    free(lines);
    free(text);
}
END_TEST

START_TEST(descriptors_are_those_of_the_contract)
{
    int leak = fcntl(0, F_DUPFD, 50); /* not close-on-exec */
    ck_assert_int_ge(leak, 0);
    run("command = \"/bin/sh -c 'for f in /proc/$$/fd/*; do readlink $f; done; :'\"", "");
    char *text = env_read(OUT, NULL);
    int null = 0, pipes = 0, sockets = 0, others = 0;
    char *saved;
    for (char *l = strtok_r(text, "\n", &saved); l; l = strtok_r(NULL, "\n", &saved)) {
        if (strcmp(l, "/dev/null") == 0)
            null++;
        else if (strncmp(l, "pipe:", 5) == 0)
            pipes++;
        else if (strncmp(l, "socket:", 7) == 0)
            sockets++;
        else
            others++;
    }
    ck_assert_int_eq(null, 1);
    ck_assert_int_eq(pipes, 2);
    ck_assert_int_eq(sockets, 1);
    ck_assert_int_eq(others, 0);
    free(text);
    close(leak);
}
END_TEST

START_TEST(signals_privileges_and_limits_are_reset)
{
    sigset_t usr1;
    sigemptyset(&usr1);
    sigaddset(&usr1, SIGUSR1);
    sigprocmask(SIG_BLOCK, &usr1, NULL); /* and the fixture ignores SIGPIPE */
    setrlimit(RLIMIT_NICE, &(struct rlimit){30, 30}); /* as the service has it; only root may */
    run("command = [\"/bin/cat\", \"/proc/self/status\", \"/proc/self/limits\"]", "");
    env_check_contains(OUT, "NoNewPrivs:\t1\n");
    env_check_contains(OUT, "SigBlk:\t0000000000000000\n");
    env_check_contains(OUT, "SigIgn:\t0000000000000000\n");
    env_check_contains(OUT, "Umask:\t0077\n");
    env_check_contains(OUT, "Max core file size        0                    0 ");
    env_check_contains(OUT, "Max nice priority         0                    0 ");
}
END_TEST

START_TEST(session_group_and_directory_are_its_own)
{
    int pid, parent, group, session;
    char command[64], state;

    run("command = \"/bin/sh -c 'cat /proc/$$/stat; pwd -P; exit 0'\"", "");
    char *text = env_read(OUT, NULL);
    ck_assert_int_eq(
        sscanf(text, "%d (%63[^)]) %c %d %d %d", &pid, command, &state, &parent, &group, &session),
        6);
    ck_assert_int_eq(parent, getpid());
    ck_assert_int_eq(group, pid);
    ck_assert_int_eq(session, pid);
    free(text);
    env_check_contains(OUT, env.app);
}
END_TEST

START_TEST(runner_gets_source_and_arguments)
{
    env_write("app.wasm", "the module\n", 0644);
    env_write("more.txt", "the argument\n", 0644);
    /* The test's runner is cat. */
    run("args = [\"more.txt\"]", "source = \"app.wasm\"");
    char *text = env_read(OUT, NULL);
    ck_assert_str_eq(text, "the module\nthe argument\n");
    free(text);
}
END_TEST

START_TEST(program_is_found_on_the_path_or_in_the_app)
{
    env_write("run.sh", "#!/bin/sh\necho \"$0 $1\"\n", 0755);
    run("command = \"sh -c 'echo found'\"", "");
    env_check_contains(OUT, "found\n");
    run("command = \"./run.sh\"\nargs = [\"with args\"]", "");
    env_check_contains(OUT, "run.sh with args\n");
}
END_TEST

struct talk {
    struct subject *subject;
    char heard[64];
};

static bool heard_line(void *arg)
{
    struct talk *t = arg;
    size_t len = strlen(t->heard);

    if (t->subject->connection < 0)
        return false;
    ssize_t n = read(t->subject->connection, t->heard + len, sizeof(t->heard) - 1 - len);
    return n > 0 && strchr(t->heard, '\n');
}

START_TEST(connection_works_in_both_directions)
{
    struct subject s;
    struct talk t = {.subject = &s};

    subject_init(&s, "command = \"/bin/sh -c 'echo hello >&3; read x <&3; echo got $x'\"", "",
                 NULL);
    component_start(s.component);
    env_until(heard_line, &t);
    ck_assert_str_eq(t.heard, "hello\n");
    ck_assert_int_eq(write(s.connection, "answer\n", 7), 7);
    subject_until(&s, COMPONENT_EXITED);
    ck_assert_int_eq(read(s.connection, t.heard, 1), 0); /* nobody else holds its end */
    env_check_contains(OUT, "got answer\n");
    subject_fini(&s);
}
END_TEST

/* The manifest is written before, so that only the run sees the new owner. */
START_TEST(process_and_logs_are_the_owners)
{
    const struct passwd *nobody = getpwnam("nobody");
    struct subject s;
    struct stat st;
    char path[200], expected[100];
    struct error e;

    if (geteuid() != 0 || !nobody) {
        printf("skipped: process_and_logs_are_the_owners needs root and the user nobody\n");
        return;
    }
    subject_init(&s, "command = \"/bin/sh -c 'id -u; id -g; id -G; : > made'\"", "", NULL);
    ck_assert_int_eq(chown(env.app, nobody->pw_uid, nobody->pw_gid), 0);
    directory_fini(&env.directory);
    ck_assert_int_eq(directory_init(&env.directory, env.app, &e), 0);
    component_start(s.component);
    subject_until(&s, COMPONENT_EXITED);
    ck_assert_int_eq(component_status(s.component).exit_code, 0);
    subject_fini(&s);

    snprintf(expected, sizeof(expected), "%u\n%u\n%u\n", nobody->pw_uid, nobody->pw_gid,
             nobody->pw_gid);
    char *text = env_read(OUT, NULL);
    ck_assert_str_eq(text, expected);
    free(text);
    snprintf(path, sizeof(path), "%s/" OUT, env.app);
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_uint_eq(st.st_uid, nobody->pw_uid);
    ck_assert_uint_eq(st.st_mode & 07777, 0600);
    snprintf(path, sizeof(path), "%s/.spin/logs", env.app);
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_uint_eq(st.st_uid, nobody->pw_uid);
    ck_assert_uint_eq(st.st_mode & 07777, 0700);
}
END_TEST

/* A user whom no name service knows; the directory's group must not make it root's. */
START_TEST(nameless_owner_gets_no_group_of_roots)
{
    struct subject s;
    struct error e;

    if (geteuid() != 0 || getpwuid(54321)) {
        printf("skipped: nameless_owner_gets_no_group_of_roots needs root and no user 54321\n");
        return;
    }
    gid_t ours = 4; /* which the process must not have either */
    ck_assert_int_eq(setgroups(1, &ours), 0);
    subject_init(&s, "command = \"/bin/sh -c 'id -u; id -g; id -G'\"", "", NULL);
    ck_assert_int_eq(chown(env.app, 54321, 0), 0);
    directory_fini(&env.directory);
    ck_assert_int_eq(directory_init(&env.directory, env.app, &e), 0);
    component_start(s.component);
    subject_until(&s, COMPONENT_EXITED);
    subject_fini(&s);
    char *text = env_read(OUT, NULL);
    ck_assert_str_eq(text, "54321\n65534\n65534\n");
    free(text);
}
END_TEST

/* A daemon that is not root's serves the directories of its own user, and switches to nobody. */
START_TEST(directory_of_another_user_is_refused)
{
    struct launch_plan plan = {0};
    struct directory d = {.path = "/srv/theirs"};
    struct error e;
    char expected[120];

    if (geteuid() == 0)
        ck_assert_int_eq(seteuid(54321), 0);
    d.uid = geteuid() + 1;
    ck_assert_int_eq(launch_user(&plan, &d, &e), ERR_ACCESS_DENIED);
    snprintf(expected, sizeof(expected),
             "directory '/srv/theirs' belongs to user %u, and this daemon serves user %u only",
             (unsigned)d.uid, (unsigned)geteuid());
    ck_assert_str_eq(e.text, expected);
    d.uid = geteuid();
    ck_assert_int_eq(launch_user(&plan, &d, &e), 0);
    ck_assert(!plan.switch_user);
    if (getuid() == 0)
        ck_assert_int_eq(seteuid(0), 0);
}
END_TEST

/* The reason of a start that fails for good. */
static void check_failure(const char *tool, const char *reason)
{
    struct subject s;

    subject_init(&s, tool, "", NULL);
    component_start(s.component);
    subject_until(&s, COMPONENT_FAILED);
    ck_assert_str_eq(component_status(s.component).reason, reason);
    /* Whoever is slow to look finds the end of it at once. */
    ck_assert_str_eq(s.states + (strncmp(s.states, "starting ", 9) == 0 ? 9 : 0), "failed ");
    ck_assert_int_eq(s.connection, -1);
    ck_assert_int_eq(component_status(s.component).exit_code, -1);
    subject_fini(&s);
}

START_TEST(exec_failure_names_program_and_reason)
{
    char text[300];

    check_failure("command = \"/nowhere/y\"\nrestart = \"no\"",
                  "cannot run '/nowhere/y': No such file or directory");
    env_write("data", "no program\n", 0644);
    snprintf(text, sizeof(text), "cannot run '%s/./data': Permission denied", env.app);
    check_failure("command = \"./data\"\nrestart = \"no\"", text);
    check_failure("command = \"bobbin-no-such-program\"\nrestart = \"no\"",
                  "cannot run 'bobbin-no-such-program': no such program in "
                  "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
}
END_TEST

START_TEST(replaced_directory_runs_nothing)
{
    char aside[100];
    struct subject s;

    subject_init(&s, "command = \"/bin/sh -c 'echo ran'\"\nrestart = \"no\"", "", NULL);
    snprintf(aside, sizeof(aside), "%s/aside", env.base);
    ck_assert_int_eq(rename(env.app, aside), 0);
    ck_assert_int_eq(mkdir(env.app, 0755), 0);
    component_start(s.component);
    subject_until(&s, COMPONENT_FAILED);
    ck_assert_ptr_nonnull(strstr(component_status(s.component).reason, "replaced"));
    subject_fini(&s);
    ck_assert_int_eq(rmdir(env.app), 0); /* nothing was written into it */
}
END_TEST

START_TEST(options_are_in_the_environment)
{
    char expected[600];

    env_write("app.wasm", "x", 0644);
    run("command = \"/usr/bin/env\"\nrestart = \"no\"\nmemory_max = \"64M\"\nwatchdog = \"9s\"\n"
        "ready = \"line\"\nstart_timeout = 0",
        "source = \"app.wasm\"\nfiles = [\"app.wasm\", { source = \"spin.toml\", destination = \"m\" }]");
    snprintf(expected, sizeof(expected),
             "BOBBIN_READY_FD=4\nBOBBIN_WATCHDOG_FD=4\nBOBBIN_MEMORY_MAX=67108864\nBOBBIN_WATCHDOG_MS=9000\n"
             "BOBBIN_FILES=%s/app.wasm\t/app.wasm\n%s/spin.toml\t/m\n",
             env.app, env.app);
    env_check_contains(OUT, expected);
}
END_TEST

START_TEST(limits_without_a_control_group_are_rlimits)
{
    run("command = [\"/bin/cat\", \"/proc/self/limits\"]\nmemory_max = \"64M\"\nfiles_max = 50", "");
    env_check_contains(OUT, "Max data size             67108864             67108864 ");
    env_check_contains(OUT, "Max open files            50                   50 ");
}
END_TEST

START_TEST(program_behind_a_link_out_of_the_app_is_refused)
{
    char link[200], reason[400];

    snprintf(link, sizeof(link), "%s/run", env.app);
    ck_assert_int_eq(symlink("/bin/true", link), 0);
    snprintf(reason, sizeof(reason), "cannot run '%s/./run': it leads out of the app directory",
             env.app);
    check_failure("command = \"./run\"\nrestart = \"no\"", reason);
}
END_TEST

START_TEST(directory_that_others_write_runs_nothing)
{
    char reason[300];

    ck_assert_int_eq(chmod(env.app, 0777), 0);
    snprintf(reason, sizeof(reason),
             "directory '%s' can be written by others than its owner; chmod go-w", env.app);
    check_failure("command = \"/bin/true\"\nrestart = \"no\"", reason);
}
END_TEST

/* A control group as far as files go: what the kernel makes of them is test_cgroup.py's. */
static const char *const group_files[] = {"cgroup.procs", "memory.max",    "memory.swap.max",
                                          "cpu.max",      "memory.events", "cgroup.kill"};
#define GROUP_FILES (sizeof(group_files) / sizeof(group_files[0]))

static void make_group(char subtree[200], const char *name)
{
    char path[500];

    snprintf(subtree, 200, "%s/groups", env.base);
    snprintf(path, sizeof(path), "%s/bobbind", subtree);
    ck_assert_int_eq(mkdir(subtree, 0755), 0);
    ck_assert_int_eq(mkdir(path, 0755), 0);
    env_write("../groups/cgroup.subtree_control", "", 0644);
    env_write("../groups/bobbind/cgroup.procs", "", 0644);
    snprintf(path, sizeof(path), "%s/%s", subtree, name);
    ck_assert_int_eq(mkdir(path, 0755), 0);
    for (size_t i = 0; i < GROUP_FILES; i++) {
        snprintf(path, sizeof(path), "../groups/%s/%s", name, group_files[i]);
        env_write(path, "", 0644);
    }
}

/* What the kernel counts in memory.events tells one SIGKILL from another. */
START_TEST(end_for_want_of_memory_is_told)
{
    char name[CGROUP_NAME_MAX], path[500], subtree[200];
    struct component_host host = {0};
    struct subject s;
    struct error e;

    cgroup_name(name, &env.directory, "counter", "c", 1);
    make_group(subtree, name);
    ck_assert_msg(cgroup_open(subtree, &host.cgroup, &e) == 0, "%s", e.text);
    snprintf(path, sizeof(path), "../groups/%s/memory.events", name);
    for (int killed = 0; killed < 2; killed++) {
        env_write(path, killed ? "max 9\noom 1\noom_kill 1\n" : "max 9\noom 1\noom_kill 0\n", 0644);
        subject_init_host(&s, "command = [\"/bin/sh\", \"-c\", \"kill -9 $$\"]\nrestart = \"no\"",
                          "", &host);
        component_start(s.component);
        subject_until(&s, COMPONENT_FAILED);
        ck_assert_str_eq(component_status(s.component).last_exit,
                         killed ? "killed by SIGKILL, out of memory" : "killed by SIGKILL");
        subject_fini(&s);
    }
    cgroup_close(host.cgroup);
}
END_TEST

START_TEST(control_group_is_entered_with_its_limits)
{
    char name[CGROUP_NAME_MAX], path[500], subtree[200];
    struct component_host host = {0};
    struct subject s;
    struct error e;

    cgroup_name(name, &env.directory, "counter", "c", 1);
    make_group(subtree, name);
    ck_assert_msg(cgroup_open(subtree, &host.cgroup, &e) == 0, "%s", e.text);
    env_check_contains("../groups/cgroup.subtree_control", "+memory +cpu");
    env_check_contains("../groups/bobbind/cgroup.procs", "0");
    subject_init_host(&s,
                      "command = [\"/bin/cat\", \"/proc/self/limits\"]\nmemory_max = \"64M\"\n"
                      "cpu_max = \"50%\"",
                      "", &host);
    component_start(s.component);
    subject_until(&s, COMPONENT_EXITED);
    subject_fini(&s);
    cgroup_close(host.cgroup);
    env_check_contains(OUT, "Max data size             unlimited            unlimited ");
    static const char *const expected[] = {"0", "67108864", "0", "50000 100000", "", "1"};
    for (size_t i = 0; i < GROUP_FILES; i++) {
        snprintf(path, sizeof(path), "../groups/%s/%s", name, group_files[i]);
        char *text = env_read(path, NULL);
        ck_assert_str_eq(text, expected[i]);
        free(text);
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("process");
    TCase *tc = tcase_create("launch");
    tcase_add_checked_fixture(tc, env_setup, env_teardown);
    tcase_set_timeout(tc, 90);
    tcase_add_test(tc, directory_of_another_user_is_refused);
    tcase_add_test(tc, environment_is_the_manifests_and_nothing_else);
    tcase_add_test(tc, descriptors_are_those_of_the_contract);
    tcase_add_test(tc, signals_privileges_and_limits_are_reset);
    tcase_add_test(tc, session_group_and_directory_are_its_own);
    tcase_add_test(tc, runner_gets_source_and_arguments);
    tcase_add_test(tc, program_is_found_on_the_path_or_in_the_app);
    tcase_add_test(tc, connection_works_in_both_directions);
    tcase_add_test(tc, process_and_logs_are_the_owners);
    tcase_add_test(tc, nameless_owner_gets_no_group_of_roots);
    tcase_add_test(tc, exec_failure_names_program_and_reason);
    tcase_add_test(tc, replaced_directory_runs_nothing);
    tcase_add_test(tc, options_are_in_the_environment);
    tcase_add_test(tc, limits_without_a_control_group_are_rlimits);
    tcase_add_test(tc, program_behind_a_link_out_of_the_app_is_refused);
    tcase_add_test(tc, directory_that_others_write_runs_nothing);
    tcase_add_test(tc, control_group_is_entered_with_its_limits);
    tcase_add_test(tc, end_for_want_of_memory_is_told);
    suite_add_tcase(s, tc);
    SRunner *sr = srunner_create(s);
    srunner_run_all(sr, CK_NORMAL);
    int failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
