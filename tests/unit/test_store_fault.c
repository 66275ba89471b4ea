/* Faults below SQLite: a batch fails as a whole, and the next one works. */
#include <errno.h>
#include <stdio.h>
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
    ck_assert_ptr_nonnull(strstr(e.text, "/.spin/"));
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

static void check_crashed(const char *key, const char *expected)
{
    struct store *left = open_crashed();

    check_get(left, key, expected);
    close_crashed(left);
}

START_TEST(failing_sync_fails_the_commit)
{
    test_vfs_fail(VFS_LOG_SYNC, 1, 1, EIO);
    check_failing_commit("cannot write '");
    check_crashed("a", "old");
    check_works();
}
END_TEST

START_TEST(failed_sync_stops_writes_until_all_is_safe)
{
    struct error e = {0};

    test_vfs_fail(VFS_FILE_SYNC, 1, 1000000, SQLITE_IOERR_FSYNC);
    test_vfs_fail(VFS_LOG_SYNC, 1, 1, EIO);
    check_failing_commit("cannot write '");
    ck_assert_int_eq(store_begin(s, &e), ERR_OTHER);
    check_get(s, "a", "old");
    test_vfs_fail(VFS_FILE_SYNC, 1, 0, SQLITE_OK);
    check_crashed("a", "old");
    ck_assert(store_must_reopen(s));
    ck_assert_int_eq(store_close(s, &e), ERR_OTHER);
    s = open_store();
    check_works();
}
END_TEST

/* A second sync of the same WAL says nothing of what was written before the first one. */
START_TEST(wal_is_written_again_when_a_sync_of_it_has_failed)
{
    struct error e = {0};
    struct stat before, after;

    put(s, "a", "old");
    ck_assert_int_eq(store_fold(s, &e), 0);
    test_vfs_fail(VFS_WAL_SYNC, 1, 1, SQLITE_IOERR_FSYNC);
    test_vfs_fail(VFS_LOG_SYNC, 1, 1, EIO);
    check_failing_commit("cannot write '");
    ck_assert(store_must_reopen(s));
    int synced = test_vfs_count(VFS_WAL_SYNC), written = test_vfs_count(VFS_FILE_WRITE);
    ck_assert_int_eq(store_begin(s, &e), ERR_OTHER);
    ck_assert_int_eq(store_close(s, &e), ERR_OTHER);
    ck_assert_int_eq(test_vfs_count(VFS_WAL_SYNC), synced);
    ck_assert_int_eq(test_vfs_count(VFS_FILE_WRITE), written);
    ck_assert_int_eq(stat(env_path(DB_NAME "-wal"), &before), 0);
    test_vfs_fail(VFS_WAL_SYNC, 1, 1, SQLITE_IOERR_FSYNC); /* no more than that it is written again */
    ck_assert_int_eq(store_open(&env, &s, &e), ERR_OTHER);
    ck_assert_int_eq(stat(env_path(DB_NAME "-wal"), &after), 0);
    ck_assert(after.st_mtim.tv_sec > before.st_mtim.tv_sec || after.st_mtim.tv_nsec != before.st_mtim.tv_nsec);
    s = open_store();
    check_get(s, "a", "old");
    check_works();
}
END_TEST

START_TEST(full_disk_fails_the_commit)
{
    test_vfs_fail(VFS_LOG_WRITE, 1, 1, ENOSPC);
    check_failing_commit("': disk full");
    check_crashed("a", "old");
    put(s, "b", "behind it");
    check_crashed("a", "old");
    check_works();
}
END_TEST

/* The first record makes the log's file, the second is one write. */
START_TEST(every_failing_write_of_a_commit)
{
    for (int n = 1;; n++) {
        close_store(s);
        s = open_store();
        int before = test_vfs_count(VFS_LOG_WRITE);
        test_vfs_fail(VFS_LOG_WRITE, n, 1, EIO);
        struct op op = op_set("b", text("v"));
        struct error e = {0};
        ck_assert_int_eq(store_begin(s, &e), 0);
        store_run(s, &op);
        int code = store_commit(s, &e);
        op_fini(&op);
        if (code == 0) {
            ck_assert_int_lt(test_vfs_count(VFS_LOG_WRITE), before + n);
            ck_assert_int_gt(n, 2);
            break;
        }
        check_get(s, "b", NULL);
        check_crashed("b", NULL);
    }
    test_vfs_fail(VFS_LOG_WRITE, 1, 0, 0);
    check_works();
}
END_TEST

/* A file that is larger than the cache, so that reading it reads. */
static void write_much(void)
{
    char value[1000];
    char key[16];

    memset(value, 'x', sizeof(value));
    value[sizeof(value) - 1] = 0;
    for (int i = 0; i < 200; i++) {
        snprintf(key, sizeof(key), "key%d", i);
        put(s, key, value);
    }
    close_store(s);
    s = open_store();
}

START_TEST(fault_in_the_middle_of_a_batch_loses_all_of_it)
{
    struct error e = {0};

    write_much();
    put(s, "gathered", "v");
    struct op before = op_set("before", text("v"));
    struct op faulty = op_set("key150", text("w"));
    struct op after = op_set("after", text("v"));
    ck_assert_int_eq(store_begin(s, &e), 0);
    store_run(s, &before);
    test_vfs_fail(VFS_FILE_READ, 1, 1000000, SQLITE_IOERR_READ);
    store_run(s, &faulty);
    ck_assert_int_eq(faulty.status, ERR_OTHER);
    test_vfs_fail(VFS_FILE_READ, 1, 0, SQLITE_OK);
    store_run(s, &after);
    /* Nothing may be removed for good either, outside of any transaction. */
    ck_assert_int_eq(store_sweep(s, 10, &e), ERR_OTHER);
    ck_assert_int_eq(store_commit(s, &e), ERR_OTHER);
    ck_assert_int_eq(after.status, ERR_OTHER);
    check_get(s, "before", NULL);
    check_get(s, "after", NULL);
    check_get(s, "gathered", "v");
    op_fini(&before);
    op_fini(&faulty);
    op_fini(&after);
    check_works();
}
END_TEST

START_TEST(fault_of_a_read_loses_nothing_that_has_gathered)
{
    struct op get = op_get("key150");

    write_much();
    put(s, "gathered", "v");
    test_vfs_fail(VFS_FILE_READ, 1, 1000000, SQLITE_IOERR_READ);
    store_run(s, &get);
    ck_assert_int_eq(get.status, ERR_OTHER);
    op_fini(&get);
    /* Rather no answer than one of before. */
    get = op_get("gathered");
    store_run(s, &get);
    ck_assert_int_eq(get.status, ERR_OTHER);
    op_fini(&get);
    test_vfs_fail(VFS_FILE_READ, 1, 0, SQLITE_OK);
    check_get(s, "gathered", "v");
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

/* Else watchers would have to begin anew, and "unchanged since" would hold for nothing. */
START_TEST(who_fails_while_opening_is_not_somebody_else)
{
    uint64_t commit = store_commit_number(s);
    struct error e = {0};

    close_store(s);
    for (int n = 1;; n++) {
        test_vfs_fail(VFS_WAL_WRITE, n, 1, SQLITE_IOERR);
        s = NULL;
        if (store_open(&env, &s, &e) == 0)
            break;
        test_vfs_fail(VFS_WAL_WRITE, 1, 0, SQLITE_OK);
        s = open_store();
        ck_assert_uint_eq(store_commit_number(s), commit);
        close_store(s);
        ck_assert_int_lt(n, 100);
    }
    test_vfs_fail(VFS_WAL_WRITE, 1, 0, SQLITE_OK);
    ck_assert_uint_eq(store_commit_number(s), commit);
}
END_TEST

START_TEST(a_batch_is_synced_once_and_reads_never)
{
    struct error e = {0};
    int before = test_vfs_count(VFS_LOG_SYNC);
    struct op ops[50];

    ck_assert_int_eq(store_begin(s, &e), 0);
    for (int i = 0; i < 50; i++) {
        ops[i] = op_set(i % 2 ? "x" : "y", text("v"));
        store_run(s, &ops[i]);
    }
    ck_assert_int_eq(test_vfs_count(VFS_LOG_SYNC), before);
    ck_assert_int_eq(store_commit(s, &e), 0);
    ck_assert_int_eq(test_vfs_count(VFS_LOG_SYNC), before + 1);
    for (int i = 0; i < 50; i++)
        op_fini(&ops[i]);
    check_get(s, "x", "v");
    ck_assert_int_eq(test_vfs_count(VFS_LOG_SYNC), before + 1);
}
END_TEST

START_TEST(listing_keys_reads_no_values)
{
    struct op keys = op_keys("", 200);
    struct op entries = op_keys("", 200);

    write_much(); /* some 60 pages of values, and a few of keys */
    entries.kind = OP_ENTRIES;
    int before = test_vfs_count(VFS_FILE_READ);
    run(s, &keys);
    int for_keys = test_vfs_count(VFS_FILE_READ) - before;
    run(s, &entries);
    int for_entries = test_vfs_count(VFS_FILE_READ) - before - for_keys;
    ck_assert_int_le(for_keys, 12);
    ck_assert_int_ge(for_entries, 30);
    op_fini(&keys);
    op_fini(&entries);
}
END_TEST

Suite *store_fault_suite(void)
{
    Suite *suite = suite_create("store_fault");
    TCase *tc = tcase_create("faults");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, failing_sync_fails_the_commit);
    tcase_add_test(tc, failed_sync_stops_writes_until_all_is_safe);
    tcase_add_test(tc, wal_is_written_again_when_a_sync_of_it_has_failed);
    tcase_add_test(tc, full_disk_fails_the_commit);
    tcase_add_test(tc, every_failing_write_of_a_commit);
    tcase_add_test(tc, fault_in_the_middle_of_a_batch_loses_all_of_it);
    tcase_add_test(tc, fault_of_a_read_loses_nothing_that_has_gathered);
    tcase_add_test(tc, close_that_cannot_checkpoint_says_so_and_keeps_the_data);
    tcase_add_test(tc, every_fault_while_opening_a_fresh_file);
    tcase_add_test(tc, who_fails_while_opening_is_not_somebody_else);
    tcase_add_test(tc, a_batch_is_synced_once_and_reads_never);
    tcase_add_test(tc, listing_keys_reads_no_values);
    suite_add_tcase(suite, tc);
    return suite;
}
