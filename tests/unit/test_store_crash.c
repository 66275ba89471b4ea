/* Other processes: one that holds the file, and one that is killed while it writes. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test_store_env.h"
#include "test_store_suites.h"

/* A child that reports through a pipe; it inherits no SQLite handle. */
struct child {
    pid_t pid;
    int reports;
};

/* Run `body` in a child. It reports ints and never returns. */
static struct child start_child(void (*body)(int out))
{
    int ends[2];
    struct child child;

    ck_assert_int_eq(pipe(ends), 0);
    child.pid = fork();
    ck_assert_int_ge(child.pid, 0);
    if (child.pid == 0) {
        close(ends[0]);
        body(ends[1]);
        _exit(1);
    }
    close(ends[1]);
    child.reports = ends[0];
    return child;
}

static void report(int out, int n)
{
    if (write(out, &n, sizeof(n)) != sizeof(n))
        _exit(1);
}

/* The next report, or -1 when the child is gone. */
static int next_report(const struct child *child)
{
    int n;

    return read(child->reports, &n, sizeof(n)) == sizeof(n) ? n : -1;
}

static void kill_child(const struct child *child)
{
    int status;

    ck_assert_int_eq(kill(child->pid, SIGKILL), 0);
    ck_assert_int_eq(waitpid(child->pid, &status, 0), child->pid);
    ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void hold_store(int out)
{
    open_store();
    report(out, 1);
    for (;;)
        pause();
}

static void check_held(void)
{
    struct store *s = NULL;
    struct error e = {0};
    char expected[400];

    snprintf(expected, sizeof(expected), "cannot open '%s': held by another process",
             env_path(DB_NAME));
    ck_assert_int_eq(store_open(&env, &s, &e), ERR_BUSY);
    ck_assert_str_eq(e.text, expected);
}

START_TEST(held_by_another_process)
{
    struct child child = start_child(hold_store);

    ck_assert_int_eq(next_report(&child), 1);
    check_held();
    check_held();
    kill_child(&child);
    close_store(open_store());
    env_check_plain();
}
END_TEST

static void hold_like_spin(int out)
{
    sqlite3 *db;

    if (sqlite3_open(env_path(DB_NAME), &db) != SQLITE_OK ||
        sqlite3_exec(db, "BEGIN; SELECT * FROM spin_key_value", NULL, NULL, NULL) != SQLITE_OK)
        _exit(1);
    report(out, 1);
    for (;;)
        pause();
}

START_TEST(held_by_a_reader)
{
    env_sql(SPIN_SQL);
    struct child child = start_child(hold_like_spin);

    ck_assert_int_eq(next_report(&child), 1);
    check_held();
    kill_child(&child);
}
END_TEST

START_TEST(held_by_another_store_of_this_process)
{
    struct store *s = open_store();

    check_held();
    put(s, "a", "b");
    close_store(s);
}
END_TEST

static void check_busy(const char *sql)
{
    sqlite3 *db;

    ck_assert_int_eq(sqlite3_open(env_path(DB_NAME), &db), SQLITE_OK);
    ck_assert_int_eq(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_BUSY);
    sqlite3_close(db);
}

/* SQLite takes two connections of one process for friends. */
START_TEST(nobody_else_can_read_an_open_store)
{
    struct child child = start_child(hold_store);

    ck_assert_int_eq(next_report(&child), 1);
    check_busy("SELECT * FROM spin_key_value");
    check_busy("BEGIN IMMEDIATE");
    kill_child(&child);
}
END_TEST

/* Batches of two writes, reported when committed, then one that never is. */
static void write_batches(int out)
{
    struct store *s = open_store();
    struct error e;

    for (int i = 1;; i++) {
        char key[16];
        char value[16];
        snprintf(key, sizeof(key), "key%d", i);
        snprintf(value, sizeof(value), "%d", i);
        struct op ops[2] = {op_set(key, text(value)), op_set("last", text(value))};
        if (store_begin(s, &e) != 0)
            _exit(1);
        store_run(s, &ops[0]);
        store_run(s, &ops[1]);
        if (store_commit(s, &e) != 0)
            _exit(1);
        op_fini(&ops[0]);
        op_fini(&ops[1]);
        report(out, i);
    }
}

START_TEST(killed_while_it_writes)
{
    struct child child = start_child(write_batches);
    char key[16];
    int acknowledged = 0;
    int n;

    while (acknowledged < 25 && (n = next_report(&child)) > 0)
        acknowledged = n;
    kill_child(&child);
    while ((n = next_report(&child)) > 0)
        acknowledged = n;
    ck_assert_int_ge(acknowledged, 25);
    ck_assert(env_exists(LOG_NAME));

    struct store *s = open_store();
    for (int i = 1; i <= acknowledged; i++) {
        char value[16];
        snprintf(key, sizeof(key), "key%d", i);
        snprintf(value, sizeof(value), "%d", i);
        check_get(s, key, value);
    }
    close_store(s);
    env_check_plain();
    /* The two writes of each batch are both there or both not. */
    ck_assert_int_eq(env_sql_int("SELECT (SELECT CAST(value AS TEXT) FROM spin_key_value"
                                 " WHERE key = 'last') = CAST(count(*) - 1 AS TEXT)"
                                 " FROM spin_key_value"),
                     1);
}
END_TEST

static void leave_batch_open(int out)
{
    struct store *s = open_store();
    struct error e;
    char *large = calloc(1, 8 << 20);
    struct op ops[] = {op_set("committed", text("new")),
                       op_set("large", (struct slice){large, 8 << 20})};

    put(s, "committed", "old");
    if (store_begin(s, &e) != 0)
        _exit(1);
    /* More than SQLite's cache. */
    store_run(s, &ops[0]);
    store_run(s, &ops[1]);
    report(out, ops[0].status == 0 && ops[1].status == 0);
    for (;;)
        pause();
}

START_TEST(killed_before_the_commit)
{
    struct child child = start_child(leave_batch_open);

    ck_assert_int_eq(next_report(&child), 1);
    kill_child(&child);
    struct store *s = open_store();
    check_get(s, "committed", "old");
    check_get(s, "large", NULL);
    close_store(s);
    env_check_plain();
}
END_TEST

Suite *store_crash_suite(void)
{
    Suite *suite = suite_create("store_crash");
    TCase *tc = tcase_create("processes");

    tcase_add_checked_fixture(tc, env_setup, env_teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, held_by_another_process);
    tcase_add_test(tc, held_by_a_reader);
    tcase_add_test(tc, held_by_another_store_of_this_process);
    tcase_add_test(tc, nobody_else_can_read_an_open_store);
    tcase_add_test(tc, killed_while_it_writes);
    tcase_add_test(tc, killed_before_the_commit);
    suite_add_tcase(suite, tc);
    return suite;
}
