/* What is recorded of apps: names, wanted components, over restarts, races and broken manifests. */
#include <check.h>
#include <errno.h>
#include <grp.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "talk.h"

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

static const char *named(const char *name)
{
    static char text[200];
    snprintf(text, sizeof text, "spin_manifest_version = 2\n[application]\nname = \"%s\"\n", name);
    return text;
}

#define SLEEPER(id)                                                                                \
    "[component." id "]\n[component." id ".tool.bobbin]\ncommand = [\"/bin/sleep\", \"1000\"]\n"
static const char two_sleepers[] =
    "spin_manifest_version = 2\n[application]\nname = \"two\"\n" SLEEPER("a") SLEEPER("b");

static void restart(void)
{
    ck_assert_int_eq(harness_stop(&h), 0);
    harness_start(&h);
}

/* "a:running b:stopped", and in front what is wanted; the error instead where it is not there. */
static const char *status_of(const char *app)
{
    static char text[600];
    bobbin *b = harness_connect(&h, NULL);
    bobbin_app_status *s = NULL;
    if (bobbin_app_status_get(b, app, &s)) {
        snprintf(text, sizeof text, "%s", bobbin_error(b));
    } else {
        size_t len = (size_t)snprintf(text, sizeof text, "wanted %s", s->wanted);
        for (size_t i = 0; i < s->component_count; i++)
            len += (size_t)snprintf(text + len, sizeof text - len, " %s:%s", s->components[i].id,
                                    s->components[i].state);
        if (s->error)
            snprintf(text + len, sizeof text - len, " %s", s->error);
    }
    bobbin_app_status_free(s);
    bobbin_close(b);
    return text;
}

struct expected {
    const char *app;
    const char *status;
};

static bool has_status(void *arg)
{
    struct expected *expected = arg;
    return !strcmp(status_of(expected->app), expected->status);
}

static void await_status(const char *app, const char *status)
{
    ck_assert_msg(harness_wait(has_status, &(struct expected){app, status}), "'%s', not '%s'",
                  status_of(app), status);
}

START_TEST(test_one_name_at_the_same_instant)
{
    struct talk a, b;
    talk_open(&a, &h, NULL);
    talk_open(&b, &h, NULL);
    for (int i = 0; i < 10; i++) {
        char name[20], other[20], first[160], second[160];
        int registered = 0;
        snprintf(name, sizeof name, "rival%d", i);
        harness_make_app(&h, name, named(name), first);
        snprintf(other, sizeof other, "other%d", i);
        harness_make_app(&h, other, named(name), second);
        talk_add(&a, "app.register", "['%s']", first);
        talk_add(&b, "app.register", "['%s']", second);
        talk_flush(&a);
        talk_flush(&b);
        for (int side = 0; side < 2; side++) {
            const char *said = talk_next(side ? &b : &a);
            registered += !strncmp(said, "result", 6);
            ck_assert_msg(!strncmp(said, "result", 6) || strstr(said, "is that of the app at"),
                          "%s", said);
        }
        ck_assert_int_eq(registered, 1);
    }
    talk_close(&a);
    talk_close(&b);
}
END_TEST

/* In a child, since a user cannot be taken back. */
static int as_stranger(const char *there, const char *missing)
{
    bobbin *b = NULL;
    char said[2][400], *at;
    const char *paths[] = {there, missing};
    if (setgroups(0, NULL) || setresgid(65534, 65534, 65534) || setresuid(65534, 65534, 65534))
        return 10;
    if (bobbin_connect(h.socket, &b))
        return 11;
    for (int i = 0; i < 2; i++) {
        if (bobbin_app_register(b, paths[i], NULL) != BOBBIN_ACCESS_DENIED)
            return 12 + i;
        snprintf(said[i], sizeof said[i], "%s", bobbin_error(b));
        at = strstr(said[i], paths[i]);
        if (!at)
            return 14;
        memmove(at, at + strlen(paths[i]), strlen(at + strlen(paths[i])) + 1);
    }
    bobbin_close(b);
    return strcmp(said[0], said[1]) ? 15 : 0;
}

START_TEST(test_a_stranger_learns_nothing_of_paths)
{
    char dir[160], missing[160];
    int status;
    pid_t pid;
    if (getuid()) {
        printf("skipped: only root can be another user\n");
        return;
    }
    ck_assert_int_eq(chmod(h.dir, 0755), 0);
    harness_make_app(&h, "private", "not even TOML", dir);
    snprintf(missing, sizeof missing, "%s/missing", h.dir);
    fflush(NULL);
    pid = fork();
    if (!pid)
        _exit(as_stranger(dir, missing));
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(WEXITSTATUS(status), 0);
}
END_TEST

/* Long enough for the daemon's look at the directories, every second, to fall into one of them. */
START_TEST(test_a_new_manifest_counts_whenever_it_comes)
{
    long end;
    char dir[160], name[20];
    struct talk t;
    harness_register(&h, "app", named("name0"), dir);
    talk_open(&t, &h, NULL);
    end = harness_now_ms() + 3500;
    for (int i = 1; harness_now_ms() < end; i++) {
        char expected[40];
        snprintf(name, sizeof name, "name%d", i);
        harness_make_app(&h, "app", named(name), dir);
        snprintf(expected, sizeof expected, "'name': '%s'", name);
        const char *said = talk_ask(&t, "app.register", "['%s']", dir);
        ck_assert_msg(strstr(said, expected) != NULL, "%s: %s", expected, said);
    }
    talk_close(&t);
}
END_TEST

START_TEST(test_path_that_is_not_utf8)
{
    char dir[200], link[200];
    bobbin *b = harness_connect(&h, NULL);
    snprintf(dir, sizeof dir, "%s/caf\xe9", h.dir);
    ck_assert_int_eq(mkdir(dir, 0755), 0);
    ck_assert_int_eq(bobbin_app_register(b, dir, NULL), BOBBIN_INVALID_REQUEST);
    ck_assert_str_eq(bobbin_error(b), "app.register: the directory's path is not valid UTF-8");
    snprintf(link, sizeof link, "%s/link", h.dir);
    ck_assert_int_eq(symlink(dir, link), 0);
    ck_assert_int_eq(bobbin_app_register(b, link, NULL), BOBBIN_INVALID_REQUEST);
    ck_assert_ptr_nonnull(strstr(bobbin_error(b), "caf?': its path is not valid UTF-8"));
    harness_ok(b, bobbin_ping(b));
    bobbin_close(b);
}
END_TEST

START_TEST(test_wanted_survives_a_broken_manifest)
{
    char dir[160];
    bobbin *b;
    harness_register(&h, "two", two_sleepers, dir);
    b = harness_connect(&h, NULL);
    harness_ok(b, bobbin_app_start(b, "two", "b", NULL));
    bobbin_close(b);
    await_status("two", "wanted running a:stopped b:running");
    harness_make_app(&h, "two", "spin_manifest_version = 9\n", dir);
    for (int i = 0; i < 2; i++) {
        restart();
        ck_assert_ptr_nonnull(strstr(status_of("two"), "wanted running "));
        ck_assert_ptr_nonnull(strstr(status_of("two"), "spin.toml:1"));
        b = harness_connect(&h, NULL);
        ck_assert_int_eq(bobbin_app_start(b, "two", NULL, NULL), BOBBIN_INVALID_REQUEST);
        ck_assert_ptr_nonnull(strstr(bobbin_error(b), "spin.toml:1"));
        ck_assert_int_eq(bobbin_app_stop(b, "two", NULL, NULL), BOBBIN_INVALID_REQUEST);
        ck_assert_ptr_nonnull(strstr(bobbin_error(b), "spin.toml:1"));
        bobbin_close(b);
    }
    harness_register(&h, "two", two_sleepers, dir);
    await_status("two", "wanted running a:stopped b:running");
    b = harness_connect(&h, NULL);
    harness_ok(b, bobbin_app_stop(b, "two", NULL, NULL));
    bobbin_close(b);
    restart();
    ck_assert_str_eq(status_of("two"), "wanted stopped a:stopped b:stopped");
}
END_TEST

static sqlite3 *registry_open(void)
{
    char path[120];
    sqlite3 *db;
    snprintf(path, sizeof path, "%s/registry.db", h.state);
    ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
    sqlite3_busy_timeout(db, HARNESS_PATIENCE_MS);
    return db;
}

static void registry_sql(const char *sql)
{
    sqlite3 *db = registry_open();
    ck_assert_msg(sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK, "%s", sqlite3_errmsg(db));
    ck_assert_int_eq(sqlite3_changes(db), 1);
    sqlite3_close(db);
}

static int registry_count(void)
{
    sqlite3 *db = registry_open();
    sqlite3_stmt *stmt;
    int count;
    ck_assert_int_eq(sqlite3_prepare_v2(db, "SELECT count(*) FROM app", -1, &stmt, NULL), SQLITE_OK);
    ck_assert_int_eq(sqlite3_step(stmt), SQLITE_ROW);
    count = sqlite3_column_int(stmt, 0);
    sqlite3_finalize(stmt);
    sqlite3_close(db);
    return count;
}

START_TEST(test_unregistered_meanwhile_is_not_recorded_again)
{
    struct talk a, b;
    char dir[160];
    talk_open(&a, &h, NULL);
    talk_open(&b, &h, NULL);
    for (int i = 0; i < 20; i++) {
        harness_register(&h, "two", two_sleepers, dir);
        talk_add(&a, "app.unregister", "['two']");
        talk_add(&b, i % 2 ? "app.start" : "app.stop", "['two']");
        talk_flush(i % 4 < 2 ? &a : &b);
        talk_flush(i % 4 < 2 ? &b : &a);
        ck_assert_str_eq(strstr(talk_next(&a), ": "), ": nil");
        ck_assert_ptr_nonnull(talk_next(&b));
        ck_assert_str_eq(talk_ask(&a, "app.list", "[]"), "[]");
        ck_assert_int_eq(registry_count(), 0);
    }
    talk_close(&a);
    talk_close(&b);
    restart();
    ck_assert_str_eq(status_of("two"), "no app 'two' is registered");
}
END_TEST

START_TEST(test_stop_that_a_start_overtakes_is_answered)
{
    char dir[160], log[240], expected[80];
    struct talk a, b;
    harness_register(&h, "stubborn",
                     "spin_manifest_version = 2\n[application]\nname = \"stubborn\"\n"
                     "[component.web.tool.bobbin]\nstop_timeout = \"60s\"\n"
                     "command = [\"/bin/sh\", \"-c\", \"trap '' TERM; echo ready; while :; do "
                     "sleep 0.1; done\"]\n",
                     dir);
    talk_open(&a, &h, NULL);
    talk_open(&b, &h, NULL);
    talk_ask(&b, "app.start", "['stubborn']");
    snprintf(log, sizeof log, "%s/.spin/logs/web_stdout.txt", dir);
    harness_await_line(log, "ready");
    talk_add(&a, "app.stop", "['stubborn']");
    talk_flush(&a);
    await_status("stubborn", "wanted stopped web:stopping");
    talk_ask(&b, "app.start", "['stubborn']");
    snprintf(expected, sizeof expected, "error %u: other: the app was started again meanwhile",
             a.id);
    ck_assert_str_eq(talk_next(&a), expected);
    talk_close(&a);
    /* So that the daemon's end need not wait for it. */
    kill((pid_t)strtol(strstr(talk_ask(&b, "app.status", "['stubborn']"), "'pid': ") + 7, NULL, 10),
         SIGKILL);
    talk_close(&b);
}
END_TEST

START_TEST(test_reused_inode_is_another_directory)
{
    char dir[160];
    harness_register(&h, "two", two_sleepers, dir);
    ck_assert_int_eq(harness_stop(&h), 0);
    /* The same directory, seen on a disk of another number. */
    registry_sql("UPDATE app SET dev = dev + 1");
    harness_start(&h);
    ck_assert_str_eq(status_of("two"), "wanted stopped a:stopped b:stopped");
    ck_assert_int_eq(harness_stop(&h), 0);
    /* The inode was that of a directory born earlier; not every file system knows. */
    registry_sql("UPDATE app SET born_ns = max(born_ns - 1, 1)");
    harness_start(&h);
    ck_assert_str_eq(status_of("two"), "no app 'two' is registered");
    restart();
    ck_assert_str_eq(status_of("two"), "no app 'two' is registered");
}
END_TEST

START_TEST(test_only_what_is_gone_is_dropped)
{
    char dir[160], moved[200];
    harness_register(&h, "two", two_sleepers, dir);
    snprintf(moved, sizeof moved, "%s.moved", dir);
    ck_assert_int_eq(harness_stop(&h), 0);
    ck_assert_int_eq(rename(dir, moved), 0);
    ck_assert_int_eq(symlink(dir, dir), 0); /* "Too many levels": it cannot be looked at */
    harness_start(&h);
    ck_assert_str_eq(status_of("two"), "no app 'two' is registered");
    ck_assert_int_eq(harness_stop(&h), 0);
    ck_assert_int_eq(unlink(dir), 0);
    ck_assert_int_eq(rename(moved, dir), 0);
    harness_start(&h);
    ck_assert_str_eq(status_of("two"), "wanted stopped a:stopped b:stopped");
    ck_assert_int_eq(harness_stop(&h), 0);
    ck_assert_int_eq(rename(dir, moved), 0);
    harness_start(&h);
    ck_assert_str_eq(status_of("two"), "no app 'two' is registered");
    ck_assert_int_eq(harness_stop(&h), 0);
    ck_assert_int_eq(rename(moved, dir), 0);
    harness_start(&h);
    ck_assert_str_eq(status_of("two"), "no app 'two' is registered");
}
END_TEST

static bool exists(void *path)
{
    return !access(path, F_OK);
}

/* Longer than the daemon waits for peers that do not read. */
START_TEST(test_stop_waits_for_a_slow_commit)
{
    char dir[160], slow[100], begun[120], expected[40];
    const char *environment[] = {"LD_PRELOAD", TEST_SLOW_SYNC, "BOBBIN_TEST_SLOW_SYNC", slow,
#ifdef __SANITIZE_ADDRESS__
                                 "ASAN_OPTIONS", "verify_asan_link_order=0",
#endif
                                 NULL};
    struct talk t;
    int status;
    FILE *file;
    snprintf(slow, sizeof slow, "%s/slow", h.dir);
    snprintf(begun, sizeof begun, "%s.begun", slow);
    ck_assert_int_eq(harness_stop(&h), 0);
    h.environment = environment;
    harness_start(&h);
    harness_register(&h, "app", NULL, dir);
    talk_open(&t, &h, "app");
    ck_assert_str_eq(talk_ask(&t, "set", "['default', 'a', b'']"), "nil");
    file = fopen(slow, "w");
    fputs("6000", file);
    fclose(file);
    talk_add(&t, "set", "['default', 'b', b'']");
    talk_flush(&t);
    ck_assert(harness_wait(exists, begun));
    ck_assert_int_eq(kill(h.pid, SIGTERM), 0);
    snprintf(expected, sizeof expected, "result %u: nil", t.id);
    const char *said = talk_next(&t);
    ck_assert_msg(said && !strcmp(said, expected), "%s", said ? said : "closed");
    ck_assert_ptr_null(talk_next(&t));
    ck_assert_int_eq(waitpid(h.pid, &status, 0), h.pid);
    ck_assert_int_eq(status, 0);
    h.pid = 0;
    talk_close(&t);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("registration");
    TCase *tc = tcase_create("registration");
    SRunner *runner;
    int failed;
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 240);
    tcase_add_test(tc, test_one_name_at_the_same_instant);
    tcase_add_test(tc, test_a_stranger_learns_nothing_of_paths);
    tcase_add_test(tc, test_a_new_manifest_counts_whenever_it_comes);
    tcase_add_test(tc, test_path_that_is_not_utf8);
    tcase_add_test(tc, test_wanted_survives_a_broken_manifest);
    tcase_add_test(tc, test_unregistered_meanwhile_is_not_recorded_again);
    tcase_add_test(tc, test_stop_that_a_start_overtakes_is_answered);
    tcase_add_test(tc, test_reused_inode_is_another_directory);
    tcase_add_test(tc, test_only_what_is_gone_is_dropped);
    tcase_add_test(tc, test_stop_waits_for_a_slow_commit);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
