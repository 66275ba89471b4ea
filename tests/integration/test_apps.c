/* Apps and their processes: supervised, isolated, remembered, and gone with their directory. */
#include <check.h>
#include <errno.h>
#include <ftw.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"

static struct harness h;

static void setup(void)
{
    harness_init(&h);
    harness_start(&h);
}

static void teardown(void)
{
    harness_fini(&h);
}

/* A manifest with one component that runs the tests' app process. */
static const char *manifest(const char *name, const char *stores, const char *args,
                            const char *more)
{
    static char text[2000];
    snprintf(text, sizeof text,
             "spin_manifest_version = 2\n[application]\nname = \"%s\"\n"
             "[component.main]\nsource = \"none.wasm\"\nkey_value_stores = [%s]\n"
             "[component.main.tool.bobbin]\ncommand = [\"%s\"]\nargs = [%s]\n%s\n",
             name, stores, TEST_APP_PROCESS, args, more);
    return text;
}

static void start(const char *app)
{
    bobbin *b = harness_connect(&h, NULL);
    harness_ok(b, bobbin_app_start(b, app, NULL, NULL));
    bobbin_close(b);
}

static const char *output_of(const char *dir)
{
    static char path[240];
    snprintf(path, sizeof path, "%s/.spin/logs/main_stdout.txt", dir);
    return path;
}

/* The only component's status, "" when the app is not there. */
static bobbin_component_status component(const char *app, char state[32])
{
    bobbin *b = harness_connect(&h, NULL);
    bobbin_app_status *s = NULL;
    bobbin_component_status found = {0};
    state[0] = '\0';
    if (!bobbin_app_status_get(b, app, &s) && s->component_count) {
        found = s->components[0];
        snprintf(state, 32, "%s", found.state);
    }
    bobbin_app_status_free(s);
    bobbin_close(b);
    return found;
}

struct expected {
    const char *app;
    const char *state;
};

static bool has_state(void *arg)
{
    struct expected *expected = arg;
    char state[32];
    component(expected->app, state);
    return !strcmp(state, expected->state);
}

static void await_state(const char *app, const char *state)
{
    ck_assert_msg(harness_wait(has_state, &(struct expected){app, state}), "'%s' is not %s", app,
                  state);
}

static bool process_gone(void *arg)
{
    return kill(*(pid_t *)arg, 0) && errno == ESRCH;
}

START_TEST(test_process_is_bound_to_its_app)
{
    char dir[160];
    const char *out;
    harness_register(&h, "one",
                     manifest("one", "\"default\"",
                              "\"set\", \"default\", \"a\", \"x\", \"get\", \"default\", \"a\", "
                              "\"attach\", \"one\", \"list\"",
                              ""),
                     dir);
    start("one");
    await_state("one", "exited");
    out = output_of(dir);
    ck_assert(harness_file_has_line(out, "app one component main"));
    ck_assert(harness_file_has_line(out, "get: x"));
    ck_assert(harness_file_has_line(
        out, "attach: access-denied: an app process may not call 'attach'"));
    ck_assert(harness_file_has_line(
        out, "list: access-denied: an app process may not call 'app.list'"));
}
END_TEST

START_TEST(test_labels_of_the_manifest)
{
    char dir[160], *text;
    const char *out;
    harness_register(&h, "one",
                     manifest("one", "\"cache\"",
                              "\"set\", \"cache\", \"a\", \"x\", \"get\", \"default\", \"a\", "
                              "\"get\", \"nowhere\", \"a\"",
                              "[component.second]\nsource = \"none.wasm\"\nkey_value_stores = "
                              "[\"default\"]\n[component.second.tool.bobbin]\ncommand = \"true\""),
                     dir);
    start("one");
    await_state("one", "exited");
    out = output_of(dir);
    ck_assert(harness_file_has_line(out, "set: ok"));
    ck_assert(harness_file_has_line(out, "get: access-denied: store 'default' is not in "
                                         "key_value_stores of component 'main' of app 'one'"));
    text = harness_read_file(out);
    ck_assert_ptr_nonnull(strstr(text, "get: no-such-store: "));
    free(text);
}
END_TEST

START_TEST(test_two_apps_are_isolated)
{
    const char *args = "\"increment\", \"default\", \"runs\"";
    char one[160], two[160];
    harness_register(&h, "one", manifest("one", "\"default\"", args, ""), one);
    harness_register(&h, "two", manifest("two", "\"default\"", args, ""), two);
    start("one");
    await_state("one", "exited");
    start("one");
    harness_await_line(output_of(one), "run 2");
    start("two");
    harness_await_line(output_of(two), "run 1");
    await_state("two", "exited");
    ck_assert(!harness_file_has_line(output_of(two), "run 2"));
}
END_TEST

START_TEST(test_counter_over_restart_and_kill)
{
    char dir[160], state[32];
    pid_t pid;
    harness_register(&h, "counter",
                     manifest("counter", "\"default\"",
                              "\"increment\", \"default\", \"runs\", \"stay\"", ""),
                     dir);
    start("counter");
    harness_await_line(output_of(dir), "run 1");
    await_state("counter", "running");
    ck_assert_int_eq(harness_stop(&h), 0);
    harness_start(&h);
    harness_await_line(output_of(dir), "run 2");
    await_state("counter", "running");
    pid = (pid_t)component("counter", state).pid;
    ck_assert_int_gt(pid, 0);
    harness_kill(&h);
    ck_assert_msg(harness_wait(process_gone, &pid), "process %d outlives its daemon", (int)pid);
    harness_start(&h);
    harness_await_line(output_of(dir), "run 3");
}
END_TEST

START_TEST(test_killed_process_is_restarted)
{
    char dir[160], state[32];
    bobbin *b;
    harness_register(&h, "counter",
                     manifest("counter", "\"default\"",
                              "\"increment\", \"default\", \"runs\", \"stay\"", ""),
                     dir);
    start("counter");
    harness_await_line(output_of(dir), "run 1");
    await_state("counter", "running");
    kill((pid_t)component("counter", state).pid, SIGSEGV);
    harness_await_line(output_of(dir), "run 2");
    await_state("counter", "running");
    ck_assert_uint_eq(component("counter", state).restarts, 1);
    b = harness_connect(&h, NULL);
    harness_ok(b, bobbin_app_stop(b, "counter", NULL, NULL));
    bobbin_close(b);
    ck_assert_int_eq(component("counter", state).pid, 0);
    ck_assert_str_eq(state, "stopped");
    ck_assert_int_eq(harness_stop(&h), 0);
    harness_start(&h);
    component("counter", state);
    ck_assert_str_eq(state, "stopped");
}
END_TEST

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st;
    (void)flag;
    (void)ftw;
    return remove(path);
}

static bool app_gone(void *arg)
{
    bobbin *b = harness_connect(&h, NULL);
    bobbin_status status = bobbin_app_status_get(b, arg, NULL);
    bobbin_close(b);
    return status == BOBBIN_NO_SUCH_APP;
}

START_TEST(test_directory_deleted)
{
    char dir[160], state[32];
    void *value;
    size_t len;
    pid_t pid;
    bobbin *b;
    harness_register(&h, "doomed",
                     manifest("doomed", "\"default\"",
                              "\"increment\", \"default\", \"runs\", \"stay\"", ""),
                     dir);
    start("doomed");
    harness_await_line(output_of(dir), "run 1");
    await_state("doomed", "running");
    pid = (pid_t)component("doomed", state).pid;
    b = harness_connect(&h, "doomed");
    nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    /* A log line may come in between. */
    nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    ck_assert_msg(harness_wait(app_gone, "doomed"), "the app is still there");
    ck_assert_msg(harness_wait(process_gone, &pid), "process %d is still there", (int)pid);
    ck_assert_int_ne(bobbin_get(b, "default", "runs", 4, &value, &len), BOBBIN_OK);
    bobbin_close(b);
    ck_assert_int_ne(access(dir, F_OK), 0);
    harness_register(&h, "doomed", NULL, dir);
    b = harness_connect(&h, dir);
    harness_ok(b, bobbin_get(b, "default", "runs", 4, &value, &len));
    ck_assert_ptr_null(value);
    bobbin_close(b);
}
END_TEST

START_TEST(test_unregister_keeps_the_data)
{
    char dir[160];
    void *value;
    size_t len;
    bobbin *b;
    harness_register(&h, "counter",
                     manifest("counter", "\"default\"",
                              "\"increment\", \"default\", \"runs\", \"stay\"", ""),
                     dir);
    start("counter");
    harness_await_line(output_of(dir), "run 1");
    b = harness_connect(&h, NULL);
    harness_ok(b, bobbin_app_unregister(b, "counter"));
    ck_assert_int_eq(bobbin_attach(b, "counter"), BOBBIN_NO_SUCH_APP);
    harness_ok(b, bobbin_app_register(b, dir, NULL));
    harness_ok(b, bobbin_attach(b, dir));
    harness_ok(b, bobbin_get(b, "default", "runs", 4, &value, &len));
    ck_assert_str_eq(value, "1");
    bobbin_free(value);
    bobbin_close(b);
}
END_TEST

START_TEST(test_bad_registrations)
{
    char dir[160], missing[200];
    bobbin *b = harness_connect(&h, NULL);
    harness_make_app(&h, "bad", "spin_manifest_version = 2\n[application]\nname = 7\n", dir);
    ck_assert_int_eq(bobbin_app_register(b, dir, NULL), BOBBIN_INVALID_REQUEST);
    ck_assert_ptr_nonnull(strstr(bobbin_error(b), "spin.toml:3"));
    snprintf(missing, sizeof missing, "%s/missing", h.dir);
    ck_assert_int_ne(bobbin_app_register(b, missing, NULL), BOBBIN_OK);
    ck_assert_ptr_nonnull(strstr(bobbin_error(b), missing));
    ck_assert_int_eq(bobbin_app_register(b, "relative", NULL), BOBBIN_INVALID_REQUEST);
    bobbin_close(b);
    harness_register(&h, "a", manifest("same", "", "", ""), dir);
    b = harness_connect(&h, NULL);
    harness_make_app(&h, "b", manifest("same", "", "", ""), dir);
    ck_assert_int_eq(bobbin_app_register(b, dir, NULL), BOBBIN_INVALID_REQUEST);
    ck_assert_ptr_nonnull(strstr(bobbin_error(b), "its name 'same' is that of the app at"));
    bobbin_close(b);
}
END_TEST

/* In a child, since a user cannot be taken back. */
static int as_other_user(const char *app)
{
    bobbin *b = NULL;
    char first[300];
    if (setgroups(0, NULL) || setresgid(65534, 65534, 65534) || setresuid(65534, 65534, 65534))
        return 10;
    if (bobbin_connect(h.socket, &b))
        return 11;
    if (bobbin_attach(b, app) != BOBBIN_ACCESS_DENIED)
        return 12;
    snprintf(first, sizeof first, "%s", bobbin_error(b));
    if (bobbin_attach(b, "nothing") != BOBBIN_ACCESS_DENIED)
        return 13;
    if (strcmp(first, "there is no app 'private' that you may use") ||
        strcmp(bobbin_error(b), "there is no app 'nothing' that you may use"))
        return 14;
    if (bobbin_app_stop(b, app, NULL, NULL) != BOBBIN_ACCESS_DENIED ||
        bobbin_app_unregister(b, app) != BOBBIN_ACCESS_DENIED)
        return 15;
    bobbin_close(b);
    return 0;
}

START_TEST(test_another_user_is_refused)
{
    char dir[160];
    int status;
    pid_t pid;
    if (getuid()) {
        printf("skipped: only root can be another user\n");
        return;
    }
    harness_register(&h, "private", NULL, dir);
    ck_assert_int_eq(chmod(h.dir, 0755), 0);
    fflush(NULL);
    pid = fork();
    if (!pid)
        _exit(as_other_user("private"));
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(WEXITSTATUS(status), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("apps");
    TCase *tc = tcase_create("apps");
    SRunner *runner;
    int failed;
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, test_process_is_bound_to_its_app);
    tcase_add_test(tc, test_labels_of_the_manifest);
    tcase_add_test(tc, test_two_apps_are_isolated);
    tcase_add_test(tc, test_counter_over_restart_and_kill);
    tcase_add_test(tc, test_killed_process_is_restarted);
    tcase_add_test(tc, test_directory_deleted);
    tcase_add_test(tc, test_unregister_keeps_the_data);
    tcase_add_test(tc, test_bad_registrations);
    tcase_add_test(tc, test_another_user_is_refused);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
