/* What the world does to a batcher: full disks, directories that go away, files that are held. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test_batcher_suites.h"
#include "test_store_vfs.h"

START_TEST(failed_commit_fails_its_writes_and_reads_look_again)
{
    start(10000);
    submit(op_set("a", text("old")));
    wait_done(1);
    test_vfs_fail(VFS_LOG_SYNC, 1, 1, EIO);
    submit_first();
    struct op *too_long = submit(op_set("a", (struct slice){"", 100 << 20}));
    struct op *set = submit(op_set("a", text("new")));
    struct op *get = submit(op_get("a"));
    struct op *other = submit(op_delete("b"));
    struct op *absent = submit(op_get("b"));
    wait_done(7);
    check_failed(too_long, ERR_TOO_LARGE, "value exceeds");
    check_failed(set, ERR_OTHER, "cannot write '");
    check_got(get, "old");
    check_failed(other, ERR_OTHER, "cannot write '");
    check_got(absent, NULL);
    ck_assert_ptr_eq(done[2], too_long);
    ck_assert_ptr_eq(done[6], absent);
    submit(op_set("a", text("newer")));
    submit(op_get("a"));
    wait_done(9);
    check_got(done[8], "newer");
}
END_TEST

START_TEST(store_whose_wal_cannot_be_synced_is_opened_anew)
{
    start(10000);
    submit(op_set("a", text("old")));
    wait_done(1);
    test_vfs_fail(VFS_WAL_SYNC, 1, 1, SQLITE_IOERR_FSYNC);
    test_vfs_fail(VFS_LOG_SYNC, 1, 1, EIO);
    submit(op_set("a", text("refused")));
    wait_done(2);
    check_failed(done[1], ERR_OTHER, "cannot write '");
    submit(op_set("b", text("new")));
    submit(op_get("a"));
    wait_done(4);
    ck_assert_msg(done[2]->status == 0, "%s", done[2]->error);
    check_got(done[3], "old");
    stop();
    env_check_plain();
}
END_TEST

START_TEST(failed_operation_fails_alone)
{
    start(10000);
    submit_first();
    submit(op_set("a", text("v")));
    struct op refused = op_set("a", text("w"));
    refused.label = text("absent");
    refused.label_rule = LABEL_IF_PRESENT;
    submit(refused);
    submit(op_get("a"));
    wait_done(4);
    ck_assert_int_eq(done[1]->status, 0);
    check_failed(done[2], ERR_NO_SUCH_STORE, "absent");
    check_got(done[3], "v");
}
END_TEST

START_TEST(open_failure_is_everyones_and_the_next_tries_again)
{
    env_mkdir(".spin");
    env_mkdir(DB_NAME);
    start(10000);
    for (int i = 0; i < 3; i++)
        submit(op_set("a", text("v")));
    wait_done(3);
    for (int i = 0; i < 3; i++)
        check_failed(done[i], ERR_OTHER, "sqlite_key_value.db': a directory");
    ck_assert_int_eq(rmdir(env_path(DB_NAME)), 0);
    submit(op_set("a", text("v")));
    wait_done(4);
    ck_assert_int_eq(done[3]->status, 0);
}
END_TEST

START_TEST(refused_operations_do_not_reach_the_file)
{
    start(10000);
    batcher_hold(batcher);
    submit(op_set("a", text("runs already")));
    submit(op_set("a", text("queued")));
    batcher_refuse(batcher, ERR_NO_SUCH_APP, "directory is gone");
    submit(op_get("a"));
    wait_done(3);
    ck_assert_int_eq(done[0]->status, 0);
    check_failed(done[1], ERR_NO_SUCH_APP, "directory is gone");
    check_failed(done[2], ERR_NO_SUCH_APP, "directory is gone");
    uv_run(&loop, UV_RUN_DEFAULT);
    env_check_plain(); /* closed although it is held */
    submit(op_get("a"));
    wait_done(4);
    check_failed(done[3], ERR_NO_SUCH_APP, "directory is gone");
    batcher_release(batcher);
    stop();
    ck_assert_int_eq(env_sql_int("SELECT count(*) FROM spin_key_value"
                                 " WHERE value = CAST('runs already' AS BLOB)"),
                     1);
}
END_TEST

START_TEST(refusing_closes_an_idle_store)
{
    start(10000);
    batcher_hold(batcher);
    submit(op_set("a", text("v")));
    wait_done(1);
    batcher_refuse(batcher, ERR_NO_SUCH_APP, "gone");
    uv_run(&loop, UV_RUN_DEFAULT);
    env_check_plain();
}
END_TEST

START_TEST(replaced_directory_is_not_written_to)
{
    char moved[300];

    snprintf(moved, sizeof(moved), "%s.moved", env.path);
    start(10000);
    submit(op_set("a", text("v")));
    wait_done(1);
    ck_assert_int_eq(rename(env.path, moved), 0);
    submit(op_set("a", text("w")));
    wait_done(2);
    check_failed(done[1], ERR_NO_SUCH_APP, "is gone");
    ck_assert_int_eq(mkdir(env.path, 0700), 0);
    submit(op_set("a", text("w")));
    submit(op_get("a"));
    wait_done(4);
    check_failed(done[2], ERR_NO_SUCH_APP, "was replaced");
    check_failed(done[3], ERR_NO_SUCH_APP, "was replaced");
    stop();
    ck_assert(!env_exists(".spin"));
    env_remove(moved);
}
END_TEST

START_TEST(deleted_file_is_told_once_then_made_anew)
{
    start(10000);
    submit(op_set("a", text("v")));
    wait_done(1);
    env_remove(env_path(".spin"));
    submit(op_set("a", text("w")));
    wait_done(2);
    check_failed(done[1], ERR_OTHER, "deleted or replaced");
    submit(op_get("a"));
    submit(op_set("a", text("x")));
    wait_done(4);
    check_got(done[2], NULL);
    ck_assert_int_eq(done[3]->status, 0);
    stop();
    env_check_plain();
}
END_TEST

static struct {
    unsigned count;
    uint64_t before, now;
} jumps;

static void on_jump(void *arg, uint64_t before, uint64_t now)
{
    ck_assert_ptr_eq(arg, &jumps);
    jumps.count++;
    jumps.before = before;
    jumps.now = now;
}

static struct op op_since(uint64_t since)
{
    struct op op;

    op_init(&op, OP_CHANGES, NULL);
    op.label = text("default");
    op.since = since;
    return op;
}

/* Whoever remembers a number is not told of another file's commits behind it. */
START_TEST(numbers_go_on_whatever_file_is_there)
{
    memset(&jumps, 0, sizeof(jumps));
    start(10000);
    batcher_on_jump(batcher, on_jump, &jumps);
    for (int i = 0; i < 5; i++) {
        submit(op_set("a", text("v")));
        wait_done((unsigned)i + 1);
    }
    ck_assert_uint_eq(done[4]->commit, 5);
    env_remove(env_path(".spin"));
    submit(op_set("a", text("refused")));
    wait_done(6);
    check_failed(done[5], ERR_OTHER, "deleted or replaced");
    ck_assert_uint_eq(jumps.count, 0);
    submit(op_set("a", text("new")));
    wait_done(7);
    ck_assert_uint_eq(jumps.count, 1);
    ck_assert_uint_eq(jumps.before, 5);
    ck_assert_uint_gt(jumps.now, 5);
    ck_assert_uint_eq(done[6]->commit, jumps.now + 1);
    submit(op_since(5));
    submit(op_since(jumps.now));
    wait_done(9);
    ck_assert_int_eq(done[7]->status, ERR_COMPACTED);
    ck_assert_int_eq(done[8]->status, 0);
}
END_TEST

/* The file that was there is not mistaken for one that was replaced. */
START_TEST(store_that_was_only_closed_goes_on_without_a_jump)
{
    memset(&jumps, 0, sizeof(jumps));
    start(10000);
    batcher_on_jump(batcher, on_jump, &jumps);
    submit(op_set("a", text("v")));
    wait_done(1);
    for (unsigned i = 0; i < 3; i++) {
        batcher_rest(batcher, true);
        while (!batcher_at_rest(batcher))
            uv_run(&loop, UV_RUN_ONCE);
        if (i == 2)
            env_sql("UPDATE spin_key_value SET value = x'00'");
        batcher_rest(batcher, false);
        submit(op_set("a", text("v")));
        wait_done(2 + i);
        ck_assert_uint_eq(jumps.count, i == 2);
    }
    ck_assert_uint_eq(jumps.before, 3);
    ck_assert_uint_eq(jumps.now, 4);
    ck_assert_uint_eq(done[3]->commit, 5);
}
END_TEST

static struct error trouble;

static void on_trouble(void *arg, const struct error *e)
{
    ck_assert_ptr_eq(arg, &trouble);
    ck_assert(!closed);
    trouble = *e;
}

START_TEST(close_that_fails_is_reported)
{
    trouble.code = 0;
    start(1);
    batcher_on_trouble(batcher, on_trouble, &trouble);
    submit(op_set("a", text("v")));
    wait_done(1);
    test_vfs_fail(VFS_FILE_WRITE, 1, 1000000, SQLITE_FULL);
    stop();
    ck_assert_int_eq(trouble.code, ERR_OTHER);
    ck_assert_ptr_nonnull(strstr(trouble.text, "disk full"));
    test_vfs_fail(VFS_FILE_WRITE, 1, 0, SQLITE_OK);
    trouble.code = 0;
    start(1);
    batcher_on_trouble(batcher, on_trouble, &trouble);
    submit(op_get("a"));
    stop();
    check_got(done[1], "v");
    ck_assert_int_eq(trouble.code, 0);
    env_check_plain();
}
END_TEST

Suite *batcher_fault_suite(void)
{
    Suite *suite = suite_create("batcher_fault");
    TCase *tc = tcase_create("faults");

    tcase_add_checked_fixture(tc, batcher_setup, batcher_teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, failed_commit_fails_its_writes_and_reads_look_again);
    tcase_add_test(tc, store_whose_wal_cannot_be_synced_is_opened_anew);
    tcase_add_test(tc, failed_operation_fails_alone);
    tcase_add_test(tc, open_failure_is_everyones_and_the_next_tries_again);
    tcase_add_test(tc, refused_operations_do_not_reach_the_file);
    tcase_add_test(tc, refusing_closes_an_idle_store);
    tcase_add_test(tc, replaced_directory_is_not_written_to);
    tcase_add_test(tc, deleted_file_is_told_once_then_made_anew);
    tcase_add_test(tc, numbers_go_on_whatever_file_is_there);
    tcase_add_test(tc, store_that_was_only_closed_goes_on_without_a_jump);
    tcase_add_test(tc, close_that_fails_is_reported);
    suite_add_tcase(suite, tc);
    return suite;
}
