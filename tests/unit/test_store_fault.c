/* Faults below SQLite: a batch fails as a whole, and the next one works. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "test_store_env.h"
#include "test_store_suites.h"
#include "test_store_vfs.h"

static struct store *s;

static void setup(void)
{
    env_setup();
    test_vfs_install();
    s = open_store();
    put(s, "a", "old");
}

static void teardown(void)
{
    struct error e;

    store_close(s, &e);
    env_teardown();
}

/* Write "a" and fail; then nothing of it is there, and writing works again. */
static void check_failing_commit(const char *in_text)
{
    struct op op = op_set("a", text("new"));
    struct error e = {0};

    ck_assert_int_eq(store_begin(s, &e), 0);
    store_run(s, &op);
    ck_assert_int_eq(op.status, 0);
    ck_assert_int_eq(store_commit(s, &e), ERR_OTHER);
    ck_assert_msg(strstr(e.text, in_text) != NULL, "'%s' not in '%s'", in_text, e.text);
    ck_assert_ptr_nonnull(strstr(e.text, DB_NAME));
    op_fini(&op);
    check_get(s, "a", "old");
}

static void check_works(void)
{
    put(s, "a", "next");
    check_get(s, "a", "next");
    close_store(s);
    s = open_store();
    check_get(s, "a", "next");
    close_store(s);
    env_check_plain();
    s = open_store();
}

START_TEST(failing_sync_fails_the_commit)
{
    test_vfs_fail(VFS_WAL_SYNC, 1, 1, SQLITE_IOERR_FSYNC);
    check_failing_commit("cannot write '");
    check_works();
}
END_TEST

START_TEST(failed_commit_does_not_come_back_after_a_crash)
{
    struct stat st;

    test_vfs_fail(VFS_WAL_SYNC, 1, 1, SQLITE_IOERR_FSYNC);
    check_failing_commit("cannot write '");
    ck_assert_int_eq(stat(env_path(DB_NAME "-wal"), &st), 0);
    ck_assert_int_eq(st.st_size, 0);
}
END_TEST

START_TEST(full_disk_fails_the_commit)
{
    test_vfs_fail(VFS_WAL_WRITE, 1, 1, SQLITE_FULL);
    check_failing_commit("': disk full");
    check_works();
}
END_TEST

START_TEST(every_failing_write_of_a_commit)
{
    int before = test_vfs_count(VFS_WAL_WRITE);
    put(s, "a", "different");
    int writes = test_vfs_count(VFS_WAL_WRITE) - before;

    put(s, "a", "old");
    ck_assert_int_ge(writes, 2);
    for (int n = 1; n <= writes; n++) {
        test_vfs_fail(VFS_WAL_WRITE, n, 1, SQLITE_IOERR_WRITE);
        check_failing_commit("cannot write '");
        put(s, "b", "between");
        check_get(s, "b", "between");
    }
    check_works();
}
END_TEST

START_TEST(fault_in_the_middle_of_a_batch_loses_all_of_it)
{
    const size_t len = 8 << 20;
    char *large = calloc(1, len);
    struct op before = op_set("before", text("v"));
    struct op spill = op_set("large", (struct slice){large, len});
    struct op after = op_set("after", text("v"));
    struct error e = {0};

    ck_assert_ptr_nonnull(large);
    ck_assert_int_eq(store_begin(s, &e), 0);
    store_run(s, &before);
    /* More than SQLite's cache: it is written to the WAL before the commit. */
    test_vfs_fail(VFS_WAL_WRITE, 1, 1000000, SQLITE_FULL);
    store_run(s, &spill);
    ck_assert_int_eq(spill.status, ERR_OTHER);
    ck_assert_ptr_nonnull(strstr(spill.error, "disk full"));
    test_vfs_fail(VFS_WAL_WRITE, 1, 0, SQLITE_OK);
    store_run(s, &after);
    int code = store_commit(s, &e);
    ck_assert_int_eq(code, ERR_OTHER);
    ck_assert_ptr_nonnull(strstr(e.text, "disk full"));
    ck_assert_int_eq(after.status, ERR_OTHER);
    check_get(s, "before", NULL);
    check_get(s, "after", NULL);
    check_get(s, "large", NULL);
    op_fini(&before);
    op_fini(&spill);
    op_fini(&after);
    free(large);
    check_works();
}
END_TEST

START_TEST(close_that_cannot_checkpoint_says_so_and_keeps_the_data)
{
    struct error e = {0};

    put(s, "a", "kept");
    test_vfs_fail(VFS_FILE_WRITE, 1, 1000000, SQLITE_FULL);
    ck_assert_int_eq(store_close(s, &e), ERR_OTHER);
    ck_assert_ptr_nonnull(strstr(e.text, "disk full"));
    ck_assert(env_exists(DB_NAME "-wal"));
    test_vfs_fail(VFS_FILE_WRITE, 1, 0, SQLITE_OK);
    s = open_store();
    check_get(s, "a", "kept");
    check_works();
}
END_TEST

START_TEST(every_fault_while_opening_a_fresh_file)
{
    static const enum vfs_call calls[] = {VFS_FILE_WRITE, VFS_FILE_SYNC};
    struct error e = {0};
    int failures = 0;

    close_store(s);
    for (unsigned i = 0; i < 2; i++) {
        for (int n = 1;; n++) {
            env_remove(env_path(".spin"));
            test_vfs_fail(calls[i], n, 1, SQLITE_IOERR);
            s = NULL;
            if (store_open(&env, &s, &e) == 0)
                break;
            failures++;
            ck_assert_ptr_null(s);
            ck_assert_ptr_nonnull(strstr(e.text, DB_NAME));
            s = open_store(); /* what the failure left is no obstacle */
            put(s, "a", "next");
            close_store(s);
            env_check_plain();
        }
        test_vfs_fail(calls[i], 1, 0, SQLITE_OK);
        close_store(s);
    }
    ck_assert_int_ge(failures, 10);
    s = open_store();
}
END_TEST

START_TEST(a_batch_is_synced_once_and_reads_never)
{
    struct error e = {0};
    int before = test_vfs_count(VFS_WAL_SYNC);
    struct op ops[50];

    ck_assert_int_eq(store_begin(s, &e), 0);
    for (int i = 0; i < 50; i++) {
        ops[i] = op_set(i % 2 ? "x" : "y", text("v"));
        store_run(s, &ops[i]);
    }
    ck_assert_int_eq(test_vfs_count(VFS_WAL_SYNC), before);
    ck_assert_int_eq(store_commit(s, &e), 0);
    ck_assert_int_eq(test_vfs_count(VFS_WAL_SYNC), before + 1);
    for (int i = 0; i < 50; i++)
        op_fini(&ops[i]);
    check_get(s, "x", "v");
    ck_assert_int_eq(test_vfs_count(VFS_WAL_SYNC), before + 1);
}
END_TEST

Suite *store_fault_suite(void)
{
    Suite *suite = suite_create("store_fault");
    TCase *tc = tcase_create("faults");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, failing_sync_fails_the_commit);
    tcase_add_test(tc, failed_commit_does_not_come_back_after_a_crash);
    tcase_add_test(tc, full_disk_fails_the_commit);
    tcase_add_test(tc, every_failing_write_of_a_commit);
    tcase_add_test(tc, fault_in_the_middle_of_a_batch_loses_all_of_it);
    tcase_add_test(tc, close_that_cannot_checkpoint_says_so_and_keeps_the_data);
    tcase_add_test(tc, every_fault_while_opening_a_fresh_file);
    tcase_add_test(tc, a_batch_is_synced_once_and_reads_never);
    suite_add_tcase(suite, tc);
    return suite;
}
