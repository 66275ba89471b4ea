/* The store as a service: what is written is there, for whom, and after what. */
#include <check.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
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

static void check_get(bobbin *b, const char *store, const char *key, const char *expected)
{
    void *value;
    size_t len;
    harness_ok(b, bobbin_get(b, store, key, strlen(key), &value, &len));
    if (!expected) {
        ck_assert_ptr_null(value);
        return;
    }
    ck_assert_ptr_nonnull(value);
    ck_assert_str_eq(value, expected);
    ck_assert_uint_eq(len, strlen(expected));
    bobbin_free(value);
}

static void set(bobbin *b, const char *store, const char *key, const char *value)
{
    harness_ok(b, bobbin_set(b, store, key, strlen(key), value, strlen(value)));
}

START_TEST(test_verbs)
{
    char dir[160];
    bool exists;
    bobbin *b;
    harness_register(&h, "plain", NULL, dir);
    b = harness_connect(&h, "plain");
    check_get(b, "default", "a", NULL);
    set(b, "default", "a", "one");
    check_get(b, "default", "a", "one");
    set(b, "default", "a", "two");
    check_get(b, "default", "a", "two");
    harness_ok(b, bobbin_exists(b, "default", "a", 1, &exists));
    ck_assert(exists);
    harness_ok(b, bobbin_delete(b, "default", "a", 1));
    harness_ok(b, bobbin_delete(b, "default", "a", 1));
    harness_ok(b, bobbin_exists(b, "default", "a", 1, &exists));
    ck_assert(!exists);
    bobbin_close(b);
}
END_TEST

START_TEST(test_values)
{
    size_t large = 16u << 20;
    char *bytes = malloc(large + 1);
    char dir[160];
    void *value;
    size_t len;
    bobbin *b;
    harness_register(&h, "plain", NULL, dir);
    b = harness_connect(&h, "plain");
    for (size_t i = 0; i <= large; i++)
        bytes[i] = (char)(i * 7 + i / 251);
    harness_ok(b, bobbin_set(b, "default", "large", 5, bytes, large));
    harness_ok(b, bobbin_get(b, "default", "large", 5, &value, &len));
    ck_assert_uint_eq(len, large);
    ck_assert_mem_eq(value, bytes, large);
    bobbin_free(value);
    ck_assert_int_eq(bobbin_set(b, "default", "larger", 6, bytes, large + 1), BOBBIN_TOO_LARGE);
    ck_assert_str_eq(bobbin_error(b), "set: value of 16777217 bytes exceeds limit of 16777216 bytes");
    harness_ok(b, bobbin_set(b, "default", "\xc3\xbc\xf0\x9f\x92\xbe", 6, "", 0));
    harness_ok(b, bobbin_get(b, "default", "\xc3\xbc\xf0\x9f\x92\xbe", 6, &value, &len));
    ck_assert_ptr_nonnull(value);
    ck_assert_uint_eq(len, 0);
    bobbin_free(value);
    ck_assert_int_eq(bobbin_set(b, "default", bytes, 2049, "", 0), BOBBIN_INVALID_REQUEST);
    memset(bytes, 'k', 2049);
    ck_assert_int_eq(bobbin_set(b, "default", bytes, 2049, "", 0), BOBBIN_TOO_LARGE);
    harness_ok(b, bobbin_set(b, "default", bytes, 2048, "", 0));
    free(bytes);
    bobbin_close(b);
}
END_TEST

START_TEST(test_keys_in_pages)
{
    bobbin_keys_options options = {.prefix = "k", .prefix_len = 1, .limit = 7};
    char dir[160], cursor[64], last[32] = "";
    unsigned seen = 0;
    bool more = true;
    bobbin *b;
    harness_register(&h, "plain", NULL, dir);
    b = harness_connect(&h, "plain");
    for (unsigned i = 0; i < 50; i++) {
        char key[32];
        snprintf(key, sizeof key, "k%02u", i * 37 % 50);
        set(b, "default", key, "x");
    }
    set(b, "default", "j", "x");
    set(b, "default", "l", "x");
    while (more) {
        bobbin_key_page *page;
        harness_ok(b, bobbin_keys(b, "default", &options, &page));
        for (size_t i = 0; i < page->count; i++, seen++) {
            ck_assert_int_lt(strcmp(last, page->keys[i].data), 0);
            snprintf(last, sizeof last, "%s", page->keys[i].data);
        }
        more = page->more;
        if (more) {
            memcpy(cursor, page->cursor.data, page->cursor.len);
            options.cursor = cursor;
            options.cursor_len = page->cursor.len;
        }
        bobbin_key_page_free(page);
    }
    ck_assert_uint_eq(seen, 50);
    bobbin_close(b);
}
END_TEST

START_TEST(test_data_survives_restart_and_kill)
{
    char dir[160];
    bobbin *b;
    harness_register(&h, "plain", NULL, dir);
    b = harness_connect(&h, "plain");
    set(b, "default", "a", "one");
    bobbin_close(b);
    ck_assert_int_eq(harness_stop(&h), 0);
    harness_start(&h);
    b = harness_connect(&h, "plain");
    check_get(b, "default", "a", "one");
    set(b, "default", "a", "two");
    harness_kill(&h);
    ck_assert_int_eq(bobbin_ping(b), BOBBIN_DISCONNECTED);
    bobbin_close(b);
    harness_start(&h);
    b = harness_connect(&h, dir);
    check_get(b, "default", "a", "two");
    bobbin_close(b);
}
END_TEST

static void run_sql(const char *file, const char *sql)
{
    sqlite3 *db;
    char *error = NULL;
    ck_assert_int_eq(sqlite3_open(file, &db), SQLITE_OK);
    ck_assert_msg(sqlite3_exec(db, sql, NULL, NULL, &error) == SQLITE_OK, "%s", error);
    sqlite3_close(db);
}

/* What the sqlite3 shell would show. */
static void check_sql(const char *file, const char *sql, const char *expected)
{
    sqlite3 *db;
    sqlite3_stmt *stmt;
    ck_assert_int_eq(sqlite3_open_v2(file, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    ck_assert_int_eq(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
    ck_assert_int_eq(sqlite3_step(stmt), SQLITE_ROW);
    ck_assert_str_eq((const char *)sqlite3_column_text(stmt, 0), expected);
    sqlite3_finalize(stmt);
    sqlite3_close(db);
}

START_TEST(test_spin_file)
{
    char dir[160], path[300], file[240];
    struct stat st;
    bobbin *b;
    harness_make_app(&h, "spun", NULL, dir);
    snprintf(path, 200, "%s/.spin", dir);
    ck_assert_int_eq(mkdir(path, 0755), 0);
    snprintf(file, sizeof file, "%s/.spin/sqlite_key_value.db", dir);
    run_sql(file, "CREATE TABLE IF NOT EXISTS spin_key_value (store TEXT NOT NULL, key TEXT NOT "
                  "NULL, value BLOB NOT NULL, PRIMARY KEY (store, key));"
                  "INSERT INTO spin_key_value VALUES('default', 'a', x'6f6e65');"
                  "INSERT INTO spin_key_value VALUES('other', 'b', x'74776f');");
    b = harness_connect(&h, NULL);
    harness_ok(b, bobbin_app_register(b, dir, NULL));
    harness_ok(b, bobbin_attach(b, "spun"));
    check_get(b, "default", "a", "one");
    check_get(b, "other", "b", "two");
    ck_assert_str_eq(bobbin_stores(b)[0], "default");
    ck_assert_str_eq(bobbin_stores(b)[1], "other");
    ck_assert_int_eq(bobbin_set(b, "third", "c", 1, "x", 1), BOBBIN_NO_SUCH_STORE);
    set(b, "other", "c", "three");
    bobbin_close(b);
    ck_assert_int_eq(harness_stop(&h), 0);
    check_sql(file, "SELECT group_concat(store || '/' || key || '=' || CAST(value AS TEXT)) FROM "
                    "(SELECT * FROM spin_key_value ORDER BY store, key)",
              "default/a=one,other/b=two,other/c=three");
    check_sql(file, "PRAGMA journal_mode", "delete");
    snprintf(path, sizeof path, "%s-wal", file);
    ck_assert_int_ne(stat(path, &st), 0);
    snprintf(path, sizeof path, "%s-shm", file);
    ck_assert_int_ne(stat(path, &st), 0);
}
END_TEST

static bool store_is_closed(void *arg)
{
    struct stat st;
    return stat(arg, &st) != 0;
}

START_TEST(test_idle_store_closes)
{
    char dir[160], wal[240];
    struct stat st;
    bobbin *b;
    harness_register(&h, "plain", NULL, dir);
    b = harness_connect(&h, "plain");
    set(b, "default", "a", "one");
    snprintf(wal, sizeof wal, "%s/.spin/sqlite_key_value.db-wal", dir);
    ck_assert_int_eq(stat(wal, &st), 0);
    bobbin_close(b);
    ck_assert_msg(harness_wait(store_is_closed, wal), "%s is still there", wal);
    b = harness_connect(&h, "plain");
    check_get(b, "default", "a", "one");
    bobbin_close(b);
}
END_TEST

START_TEST(test_file_held_by_another_process)
{
    char dir[160], path[200], file[240];
    sqlite3 *db;
    bobbin *b;
    harness_register(&h, "held", NULL, dir);
    snprintf(path, 200, "%s/.spin", dir);
    mkdir(path, 0755);
    snprintf(file, sizeof file, "%s/.spin/sqlite_key_value.db", dir);
    ck_assert_int_eq(sqlite3_open(file, &db), SQLITE_OK);
    ck_assert_int_eq(sqlite3_exec(db, "BEGIN EXCLUSIVE; CREATE TABLE t(a)", NULL, NULL, NULL),
                     SQLITE_OK);
    b = harness_connect(&h, NULL);
    ck_assert_int_eq(bobbin_attach(b, "held"), BOBBIN_BUSY);
    ck_assert_ptr_nonnull(strstr(bobbin_error(b), file));
    ck_assert_ptr_nonnull(strstr(bobbin_error(b), "held by another process"));
    sqlite3_close(db);
    harness_ok(b, bobbin_attach(b, "held"));
    set(b, "default", "a", "one");
    bobbin_close(b);
}
END_TEST

START_TEST(test_second_daemon_refused)
{
    char command[600], out[120];
    char *said;
    snprintf(out, sizeof out, "%s/second.log", h.dir);
    snprintf(command, sizeof command, "%s/bobbind --socket %s/other.sock --state-dir %s 2>%s",
             BOBBIN_BIN_DIR, h.dir, h.state, out);
    ck_assert_int_eq(WEXITSTATUS(system(command)), 1);
    said = harness_read_file(out);
    ck_assert_ptr_nonnull(strstr(said, "another bobbind uses the state directory"));
    ck_assert_ptr_nonnull(strstr(said, h.state));
    free(said);
    snprintf(command, sizeof command, "%s/bobbind --socket %s --state-dir %s/other 2>%s",
             BOBBIN_BIN_DIR, h.socket, h.dir, out);
    ck_assert_int_eq(WEXITSTATUS(system(command)), 1);
    said = harness_read_file(out);
    ck_assert_ptr_nonnull(strstr(said, "another daemon answers at"));
    free(said);
    bobbin_close(harness_connect(&h, NULL));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("service");
    TCase *tc = tcase_create("service");
    SRunner *runner;
    int failed;
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, test_verbs);
    tcase_add_test(tc, test_values);
    tcase_add_test(tc, test_keys_in_pages);
    tcase_add_test(tc, test_data_survives_restart_and_kill);
    tcase_add_test(tc, test_spin_file);
    tcase_add_test(tc, test_idle_store_closes);
    tcase_add_test(tc, test_file_held_by_another_process);
    tcase_add_test(tc, test_second_daemon_refused);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
