/* From the commit log into the database: what a crash leaves is taken in, what does not belong is
 * refused, and a database that cannot take anything in loses nothing. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/clock.h"
#include "daemon/commit_log.h"
#include "test_store_env.h"
#include "test_store_suites.h"
#include "test_store_vfs.h"

/* Everything happens soon. */
static const struct store_options hasty = {
    .log_first = 8192,
    .log_most = 32768,
    .fold_changes = 256,
    .wal_pages = 16,
};

static struct store *s;

static void setup(void)
{
    env_setup();
    test_vfs_install();
    s = open_store();
}

static void teardown(void)
{
    struct error e;

    store_close(s, &e);
    env_teardown();
}

static void reopen(const struct store_options *options)
{
    struct error e = {0};

    close_store(s);
    ck_assert_msg(store_open_with(&env, options, &s, &e) == 0, "%s", e.text);
}

static void put_for(const char *key, const char *value, int64_t ttl_ms)
{
    struct op op = op_set(key, text(value));

    op.ttl_ms = ttl_ms;
    run(s, &op);
    op_fini(&op);
}

static void remove_key(const char *key)
{
    struct op op = op_delete(key);

    run(s, &op);
    op_fini(&op);
}

static int64_t ttl_of(struct store *store, const char *key)
{
    struct op op = op_get(key);
    int64_t left = 0;

    op.kind = OP_TTL;
    store_run(store, &op);
    struct reader r = reader_of(op.result.data, op.result.len);
    ck_assert_int_eq(op.status, 0);
    ck_assert_int_eq(reader_int(&r, &left), 0);
    op_fini(&op);
    return left;
}

static int count_changes(struct store *store, uint64_t since)
{
    struct op op = op_get("");
    uint32_t count = 0;

    op.kind = OP_CHANGES;
    op.since = since;
    store_run(store, &op);
    struct reader r = reader_of(op.result.data, op.result.len);
    ck_assert_msg(op.status == 0, "%s", op.error);
    ck_assert_int_eq(reader_array(&r, &count), 0);
    op_fini(&op);
    return (int)count;
}

START_TEST(what_a_crash_leaves_is_taken_in)
{
    struct error e;

    put(s, "folded", "1");
    ck_assert_int_eq(store_fold(s, &e), 0);
    put(s, "set", "1");
    put(s, "set", "2");
    put(s, "gone", "1");
    remove_key("gone");
    put_for("short", "1", 3600000);
    put_for("cleared", "1", 3600000);
    put_for("cleared", "2", 0);
    put(s, "empty", "");
    uint64_t commit = store_commit_number(s);

    struct store *left = open_crashed();
    ck_assert_uint_eq(store_commit_number(left), commit);
    check_get(left, "folded", "1");
    check_get(left, "set", "2");
    check_get(left, "gone", NULL);
    check_get(left, "empty", "");
    ck_assert_int_gt(ttl_of(left, "short"), 3500000);
    ck_assert_int_eq(ttl_of(left, "cleared"), -1);
    ck_assert_int_eq(count_changes(left, 0), 9);
    ck_assert_int_eq(count_changes(left, 1), 8);
    close_crashed(left);
}
END_TEST

/* Folds, checkpoints and segments that are used again, with a crash now and then. */
START_TEST(crashes_at_every_stage)
{
    char key[16];
    char value[32];
    int last[40] = {0};

    reopen(&hasty);
    for (int i = 1; i <= 6000; i++) {
        snprintf(key, sizeof(key), "key%d", i % 40);
        snprintf(value, sizeof(value), "value %d", i);
        put(s, key, value);
        last[i % 40] = i;
        if (i % 331)
            continue;
        struct store *left = open_crashed();
        ck_assert_uint_eq(store_commit_number(left), (uint64_t)i);
        for (int k = 0; k < 40; k++) {
            snprintf(key, sizeof(key), "key%d", k);
            snprintf(value, sizeof(value), "value %d", last[k]);
            check_get(left, key, last[k] ? value : NULL);
        }
        close_crashed(left);
    }
    struct stat st;
    ck_assert_int_eq(stat(env_path(LOG_NAME), &st), 0);
    ck_assert_int_le(st.st_size, 2 * 32768);
    ck_assert_int_eq(stat(env_path(OTHER_LOG_NAME), &st), 0);
    ck_assert_int_eq(stat(env_path(DB_NAME "-wal"), &st), 0);
    ck_assert_int_le(st.st_size, 128 * 4200);
    close_store(s);
    env_check_plain();
    s = open_store();
}
END_TEST

/* Fold, then have the WAL brought into the database while more is written; n: which of these calls
 * fails meanwhile, 0: none. */
static void fold_and_checkpoint(int round, enum vfs_call faulty, int n)
{
    struct store_checkpoint *c;
    struct error e;
    char value[16];

    ck_assert_int_eq(store_fold(s, &e), 0);
    c = store_checkpoint_begin(s);
    ck_assert_ptr_nonnull(c);
    ck_assert(!store_wants_checkpoint(s)); /* one at a time */
    snprintf(value, sizeof(value), "%d", round);
    put(s, "between", value);
    test_vfs_fail(faulty, n, n ? 1 : 0, SQLITE_IOERR);
    store_checkpoint_run(c);
    test_vfs_fail(faulty, 1, 0, SQLITE_OK);
    put(s, "behind", value);
    store_checkpoint_end(s, c);
    check_get(s, "between", value);
}

START_TEST(a_checkpoint_beside_the_batches)
{
    int reads = 0;

    for (int i = 0; i < 50; i++) {
        put(s, "a", i % 2 ? "x" : "y");
        fold_and_checkpoint(i, 0, 0);
        if (i % 10)
            continue;
        struct store *left = open_crashed();
        check_get(left, "a", i % 2 ? "x" : "y");
        char value[16];
        snprintf(value, sizeof(value), "%d", i);
        check_get(left, "behind", value);
        close_crashed(left);
        reads++;
    }
    ck_assert_int_eq(reads, 5);
    /* What it brought there is in the file itself. */
    ck_assert_int_gt(test_vfs_count(VFS_FILE_WRITE), 100);
    close_store(s);
    env_check_plain();
    s = open_store();
    check_get(s, "behind", "49");
}
END_TEST

START_TEST(each_fault_of_a_checkpoint_costs_nothing)
{
    static const enum vfs_call calls[] = {VFS_WAL_SYNC, VFS_FILE_WRITE, VFS_FILE_SYNC};

    for (unsigned c = 0; c < 3; c++) {
        for (int n = 1; n < 6; n++) {
            put(s, "a", "x");
            fold_and_checkpoint(n, calls[c], n);
            struct store *left = open_crashed();
            check_get(left, "a", "x");
            close_crashed(left);
        }
    }
    fold_and_checkpoint(77, 0, 0);
    close_store(s);
    env_check_plain();
    s = open_store();
    check_get(s, "between", "77");
}
END_TEST

START_TEST(a_checkpoint_of_a_file_that_was_replaced_touches_nothing)
{
    struct store_checkpoint *c;
    struct error e;

    put(s, "a", "x");
    ck_assert_int_eq(store_fold(s, &e), 0);
    c = store_checkpoint_begin(s);
    ck_assert_int_eq(rename(env_path(DB_NAME), env_path("moved")), 0);
    env_write(DB_NAME, "somebody's", 10);
    store_checkpoint_run(c);
    store_checkpoint_end(s, c);
    store_close(s, &e);
    s = NULL;
    struct stat st;
    ck_assert_int_eq(stat(env_path(DB_NAME), &st), 0);
    ck_assert_int_eq(st.st_size, 10);
}
END_TEST

START_TEST(a_crash_while_a_crash_is_mended)
{
    struct error e = {0};
    struct store *none = NULL;

    for (int i = 0; i < 50; i++)
        put(s, i % 2 ? "a" : "b", i == 49 ? "last" : "x");
    static const enum vfs_call calls[] = {VFS_WAL_WRITE, VFS_WAL_SYNC, VFS_FILE_WRITE,
                                          VFS_FILE_SYNC};
    struct store *left = open_crashed();
    store_close(left, &e);
    int failures = 0;
    for (unsigned c = 0; c < 4; c++) {
        for (int n = 1; n < 1000; n++) {
            struct directory copy;
            env_remove(env_path("crashed"));
            left = NULL;
            env_mkdir("crashed");
            char command[600];
            snprintf(command, sizeof(command), "cp -r '%s/.spin' '%s/crashed/'", env.path,
                     env.path);
            ck_assert_int_eq(system(command), 0);
            ck_assert_int_eq(directory_init(&copy, env_path("crashed"), &e), 0);
            test_vfs_fail(calls[c], n, 1, SQLITE_IOERR);
            bool failed = store_open(&copy, &none, &e) != 0;
            test_vfs_fail(calls[c], 1, 0, SQLITE_OK);
            if (failed)
                ck_assert_msg(store_open(&copy, &none, &e) == 0, "%s", e.text);
            check_get(none, "a", "last");
            ck_assert_uint_eq(store_commit_number(none), 50);
            close_store(none);
            directory_fini(&copy);
            failures += failed;
            if (!failed)
                break;
        }
    }
    ck_assert_int_ge(failures, 4);
}
END_TEST

/* Wait until the store takes writes again. */
static void put_when_possible(const char *key, const char *value)
{
    int64_t deadline = clock_now_ms() + 20000;
    struct error e = {0};

    while (store_begin(s, &e) != 0) {
        ck_assert_msg(clock_now_ms() < deadline, "%s", e.text);
        usleep(1000);
    }
    store_rollback(s);
    put(s, key, value);
}

START_TEST(a_database_that_cannot_grow_refuses_writes_and_loses_nothing)
{
    struct error e = {0};

    put(s, "a", "1");
    put(s, "b", "1");
    test_vfs_fail(VFS_WAL_WRITE, 1, 1000000, SQLITE_FULL);
    ck_assert_int_eq(store_fold(s, &e), ERR_OTHER);
    ck_assert_ptr_nonnull(strstr(e.text, "disk full"));
    check_get(s, "a", "1");
    ck_assert_int_eq(store_begin(s, &e), ERR_OTHER);
    ck_assert_ptr_nonnull(strstr(e.text, "disk full"));
    check_get(s, "b", "1");
    test_vfs_fail(VFS_WAL_WRITE, 1, 0, SQLITE_OK);
    struct store *left = open_crashed();
    check_get(left, "b", "1");
    close_crashed(left);
    put_when_possible("c", "1");
    check_get(s, "a", "1");
    check_get(s, "c", "1");
    close_store(s);
    env_check_plain();
    s = open_store();
    check_get(s, "b", "1");
}
END_TEST

START_TEST(each_failing_write_of_a_fold)
{
    struct error e = {0};
    int failures = 0;

    for (int n = 1; n < 1000; n++) {
        char value[16];
        snprintf(value, sizeof(value), "%d", n);
        put_when_possible("a", value);
        test_vfs_fail(VFS_WAL_WRITE, n, 1, SQLITE_IOERR_WRITE);
        int code = store_fold(s, &e);
        check_get(s, "a", value);
        if (!code)
            break;
        failures++;
    }
    test_vfs_fail(VFS_WAL_WRITE, 1, 0, SQLITE_OK);
    ck_assert_int_ge(failures, 2);
    ck_assert_int_eq(store_fold(s, &e), 0);
}
END_TEST

static void truncate_log(off_t size)
{
    ck_assert_int_eq(truncate(env_path(LOG_NAME), size), 0);
}

START_TEST(a_log_that_was_damaged_in_use_refuses_rather_than_forget)
{
    struct error e = {0};
    struct op get = op_get("a");

    put(s, "a", "1");
    put(s, "b", "1");
    truncate_log(5000);
    truncate_log(65536);
    struct stat st;
    ck_assert_int_eq(stat(env_path(LOG_NAME), &st), 0);
    int fd = open(env_path(LOG_NAME), O_WRONLY);
    ck_assert_int_eq(pwrite(fd, "\1", 1, 4200), 1);
    close(fd);
    test_vfs_fail(VFS_WAL_WRITE, 1, 1, SQLITE_IOERR_WRITE);
    ck_assert_int_eq(store_fold(s, &e), ERR_OTHER);
    store_run(s, &get);
    ck_assert_int_eq(get.status, ERR_OTHER);
    ck_assert_msg(strstr(get.error, "damaged") != NULL, "%s", get.error);
    op_fini(&get);
    ck_assert_int_eq(store_begin(s, &e), ERR_OTHER);
    ck_assert_int_eq(store_close(s, &e), ERR_OTHER);
    ck_assert(env_exists(LOG_NAME));
    /* Whoever opens it next finds a log that ends early, which a crash may leave. */
    s = open_store();
}
END_TEST

START_TEST(a_log_without_its_database_is_not_thrown_away)
{
    struct store *left;
    struct error e;

    put(s, "a", "1");
    left = open_crashed();
    store_close(left, &e);
    env_remove(env_path("crashed"));
    /* What is left of a crash, less the database. */
    char command[600];
    snprintf(command, sizeof(command), "cp '%s' '%s'", env_path(LOG_NAME), env_path("log"));
    ck_assert_int_eq(system(command), 0);
    close_store(s);
    ck_assert_int_eq(rename(env_path("log"), env_path(LOG_NAME)), 0);
    ck_assert_int_eq(rename(env_path(DB_NAME), env_path("db")), 0);
    open_refused(ERR_OTHER, "it is gone, but its commit log");
    ck_assert(!env_exists(DB_NAME));
    ck_assert_int_eq(store_forget_log(&env, &e), 0);
    s = open_store();
    check_get(s, "a", NULL);
}
END_TEST

/* The log of a crash beside a copy of the database that was made before, or another one. */
static void leave_log_of_a_crash(void)
{
    char command[1300];

    put(s, "late", "1");
    snprintf(command, sizeof(command), "cp '%s' '%s'", env_path(LOG_NAME), env_path("log"));
    ck_assert_int_eq(system(command), 0);
    close_store(s);
}

START_TEST(a_log_of_another_database_is_refused)
{
    struct error e;

    put(s, "a", "1");
    leave_log_of_a_crash();
    env_remove(env_path(".spin"));
    s = open_store();
    put(s, "other", "1");
    close_store(s);
    ck_assert_int_eq(rename(env_path("log"), env_path(LOG_NAME)), 0);
    open_refused(ERR_OTHER, "the commit log of another database");
    ck_assert(env_exists(LOG_NAME));
    ck_assert_int_eq(store_forget_log(&env, &e), 0);
    s = open_store();
    check_get(s, "other", "1");
    check_get(s, "a", NULL);
}
END_TEST

START_TEST(a_log_beside_an_earlier_copy_is_refused)
{
    char command[1300];

    put(s, "a", "1");
    close_store(s);
    snprintf(command, sizeof(command), "cp '%s' '%s'", env_path(DB_NAME), env_path("db"));
    ck_assert_int_eq(system(command), 0);
    s = open_store();
    leave_log_of_a_crash();
    ck_assert_int_eq(rename(env_path("log"), env_path(LOG_NAME)), 0);
    ck_assert_int_eq(rename(env_path("db"), env_path(DB_NAME)), 0);
    open_refused(ERR_OTHER, "the commit log of another database");
    ck_assert_int_eq(unlink(env_path(LOG_NAME)), 0);
    s = open_store();
    check_get(s, "a", "1");
    check_get(s, "late", NULL);
}
END_TEST

START_TEST(a_log_that_is_over_is_not_done_again)
{
    put(s, "a", "1");
    leave_log_of_a_crash();
    s = open_store();
    remove_key("late");
    close_store(s);
    ck_assert_int_eq(rename(env_path("log"), env_path(LOG_NAME)), 0);
    s = open_store();
    check_get(s, "a", "1");
    check_get(s, "late", NULL);
    ck_assert(!env_exists(LOG_NAME));
}
END_TEST

/* 32 bits of a number in the closed file. */
static uint32_t meta(const char *name, const char *expression)
{
    char sql[200];

    snprintf(sql, sizeof(sql), "SELECT %s FROM bobbin_meta WHERE name = '%s'", expression, name);
    return (uint32_t)env_sql_int(sql);
}

/* A log that says it belongs to the database beside it, with a record of the test's own, so many
 * commits behind its last one. */
static void forge(unsigned behind, uint32_t changes, const void *payload, size_t len)
{
    struct commit_log_limits limits = {8192, 8192};
    uint64_t commit = store_commit_number(s) + behind;
    struct commit_log_record record = {commit, 0, changes, {payload, len}, false};
    struct commit_log_id id;
    struct error e = {0};

    close_store(s);
    id.database = (uint64_t)meta("commit_log", "value >> 32") << 32 | meta("commit_log", "value");
    id.epoch = meta("commit_log_epoch", "value");
    int dirfd = open(env_path(".spin"), O_RDONLY | O_DIRECTORY);
    struct commit_log *log = commit_log_new(dirfd, &env, &limits);
    ck_assert_ptr_nonnull(log);
    ck_assert_int_eq(commit_log_start(log, id, &e), 0);
    ck_assert_int_eq(commit_log_append(log, &record, true, &e), 0);
    commit_log_free(log);
    close(dirfd);
}

static size_t forge_change(uint8_t *at, uint8_t kind, uint8_t same, const char *label,
                           const char *key, uint32_t value_len)
{
    uint32_t lens[3] = {(uint32_t)strlen(label), (uint32_t)strlen(key), value_len};

    memset(at, 0, 24);
    at[0] = kind;
    at[1] = same;
    memcpy(at + 4, lens, sizeof(lens));
    memcpy(at + 24, label, lens[0]);
    memcpy(at + 24 + lens[0], key, lens[1]);
    memset(at + 24 + lens[0] + lens[1], 'v', value_len < 100 ? value_len : 0);
    return 24 + lens[0] + lens[1] + (value_len < 100 ? value_len : 0);
}

/* Each is refused and changes nothing; the store opens when it is gone. */
static void check_forged(unsigned behind, uint32_t changes, const void *payload, size_t len,
                         const char *in_text)
{
    struct error e;

    forge(behind, changes, payload, len);
    open_refused(ERR_OTHER, in_text);
    ck_assert_int_eq(store_forget_log(&env, &e), 0);
    s = open_store();
    check_get(s, "a", "1");
    check_get(s, "k", NULL);
}

START_TEST(hostile_records_are_refused)
{
    static char long_key[3000];
    uint8_t bytes[4000];
    size_t len = forge_change(bytes, CHANGE_SET, 0, "default", "k", 1);

    memset(long_key, 'k', sizeof(long_key) - 1);
    put(s, "a", "1");
    check_forged(1, 2, bytes, len, "is malformed"); /* more changes than there are */
    check_forged(1, UINT32_MAX, bytes, len, "is malformed");
    for (size_t cut = 0; cut < len; cut++)
        check_forged(1, 1, bytes, cut, "is malformed");
    check_forged(2, 1, bytes, len, "is missing");
    len = forge_change(bytes, 7, 0, "default", "k", 1);
    check_forged(1, 1, bytes, len, "is malformed");
    len = forge_change(bytes, CHANGE_SET, 1, "", "k", 1);
    check_forged(1, 1, bytes, len, "is malformed");
    len = forge_change(bytes, CHANGE_SET, 0, "default", "\xff\xfe", 1);
    check_forged(1, 1, bytes, len, "is malformed");
    len = forge_change(bytes, CHANGE_SET, 0, "default", "k", UINT32_MAX);
    check_forged(1, 1, bytes, len, "is malformed");
    len = forge_change(bytes, CHANGE_SET, 0, "default", long_key, 1);
    check_forged(1, 1, bytes, len, "is malformed");
    len = forge_change(bytes, CHANGE_DELETE, 0, "default", "a", 1);
    check_forged(1, 1, bytes, len, "is malformed");
    /* What the forger gets right is taken for what it says it is. */
    len = forge_change(bytes, CHANGE_SET, 0, "default", "k", 1);
    forge(1, 1, bytes, len);
    s = open_store();
    check_get(s, "k", "v");
}
END_TEST

START_TEST(relaxed_is_written_and_not_synced)
{
    struct store_options relaxed = store_defaults;

    relaxed.relaxed = true;
    reopen(&relaxed);
    int before = test_vfs_count(VFS_LOG_SYNC);
    for (int i = 0; i < 20; i++)
        put(s, "a", i == 19 ? "last" : "x");
    ck_assert_int_eq(test_vfs_count(VFS_LOG_SYNC), before);
    struct store *left = open_crashed();
    check_get(left, "a", "last");
    close_crashed(left);
}
END_TEST

Suite *store_fold_suite(void)
{
    Suite *suite = suite_create("store_fold");
    TCase *tc = tcase_create("fold");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, what_a_crash_leaves_is_taken_in);
    tcase_add_test(tc, crashes_at_every_stage);
    tcase_add_test(tc, a_checkpoint_beside_the_batches);
    tcase_add_test(tc, each_fault_of_a_checkpoint_costs_nothing);
    tcase_add_test(tc, a_checkpoint_of_a_file_that_was_replaced_touches_nothing);
    tcase_add_test(tc, a_crash_while_a_crash_is_mended);
    tcase_add_test(tc, a_database_that_cannot_grow_refuses_writes_and_loses_nothing);
    tcase_add_test(tc, each_failing_write_of_a_fold);
    tcase_add_test(tc, a_log_that_was_damaged_in_use_refuses_rather_than_forget);
    tcase_add_test(tc, a_log_without_its_database_is_not_thrown_away);
    tcase_add_test(tc, a_log_of_another_database_is_refused);
    tcase_add_test(tc, a_log_beside_an_earlier_copy_is_refused);
    tcase_add_test(tc, a_log_that_is_over_is_not_done_again);
    tcase_add_test(tc, hostile_records_are_refused);
    tcase_add_test(tc, relaxed_is_written_and_not_synced);
    suite_add_tcase(suite, tc);
    return suite;
}
