/* The WAL on its way into the database: what a checkpoint may promise, and whom. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test_store_env.h"
#include "test_store_suites.h"
#include "test_store_vfs.h"

/* The segments of the log are used in turn all the time, the WAL is never long. */
static const struct store_options turning = {
    .log_first = 8192,
    .log_most = 8192,
    .fold_changes = 256,
    .wal_pages = 1000000,
};

static struct store *s;

static void open_turning(void)
{
    struct error e = {0};

    ck_assert_msg(store_open_with(&env, &turning, &s, &e) == 0, "%s", e.text);
}

static void setup(void)
{
    env_setup();
    test_vfs_install();
    open_turning();
}

static void teardown(void)
{
    struct error e;

    store_close(s, &e);
    env_teardown();
}

static void put_some(int count)
{
    char value[500];

    memset(value, 'v', sizeof(value));
    value[sizeof(value) - 1] = '\0';
    for (int i = 0; i < count; i++)
        put(s, "a", value);
}

/* What is there where nothing of the WAL has come to the disk that was not synced: all that was not checkpointed since it
 * was opened has to be in the commit log. */
static void check_without_wal(uint64_t commits)
{
    struct directory copy;
    struct store *left = NULL;
    struct error e = {0};
    char command[600];

    env_mkdir("cut");
    snprintf(command, sizeof(command), "cp -r '%s/.spin' '%s/cut/'", env.path, env.path);
    ck_assert_int_eq(system(command), 0);
    ck_assert_int_eq(unlink(env_path("cut/" DB_NAME "-wal")), 0);
    ck_assert_int_eq(directory_init(&copy, env_path("cut"), &e), 0);
    ck_assert_msg(store_open(&copy, &left, &e) == 0, "%s", e.text);
    ck_assert_uint_eq(store_commit_number(left), commits);
    close_store(left);
    env_remove(copy.path);
    directory_fini(&copy);
}

/* One that began beside a store which was closed meanwhile ends beside the next one, of another file. */
START_TEST(it_says_nothing_of_another_store)
{
    struct store_checkpoint *c;
    struct error e;

    put_some(1000);
    ck_assert_int_eq(store_fold(s, &e), 0);
    c = store_checkpoint_begin(s);
    ck_assert_ptr_nonnull(c);
    store_checkpoint_run(c);
    close_store(s);
    env_remove(env_path(".spin"));
    open_turning();
    put_some(12);
    check_without_wal(12);
    store_checkpoint_end(s, c);
    put_some(8);
    check_without_wal(20);
}
END_TEST

static off_t wal_size(void)
{
    struct stat st;

    ck_assert_int_eq(stat(env_path(DB_NAME "-wal"), &st), 0);
    return st.st_size;
}

static void reopen_with(const struct store_options *options)
{
    struct error e = {0};

    close_store(s);
    ck_assert_msg(store_open_with(&env, options, &s, &e) == 0, "%s", e.text);
}

/* 4096 keys and then the same again with other values; what follows each other is on different pages of the file. */
static void put_scattered(int from, int to)
{
    char key[16], value[500];

    for (int i = from; i < to; i++) {
        snprintf(value, sizeof(value), "%0499d", i);
        snprintf(key, sizeof(key), "%05d", i * 61 % 4096);
        put(s, key, value);
    }
}

/* How many changes will be too many for the memory is not known before: it is seen by what they read. */
START_TEST(a_fold_comes_before_the_memory_is_full)
{
    static struct store_share little = {.bytes = 1};
    struct store_options options = store_defaults;

    options.share = &little;
    options.relaxed = true;
    options.log_first = options.log_most;
    reopen_with(&options);
    put_scattered(0, 4096);
    reopen_with(&options);
    off_t before = wal_size();
    put_scattered(4096, 4096 + 1024);
    ck_assert_int_gt(wal_size(), before);
}
END_TEST

/* As the batcher does it. */
static void checkpoint_beside(void)
{
    if (!store_wants_checkpoint(s))
        return;
    struct store_checkpoint *c = store_checkpoint_begin(s);
    ck_assert_ptr_nonnull(c);
    store_checkpoint_run(c);
    store_checkpoint_end(s, c);
}

START_TEST(the_wal_begins_anew_while_batches_come)
{
    struct store_options options = store_defaults;
    const off_t page = 4096 + 24;

    options.relaxed = true;
    options.fold_changes = 128;
    options.wal_pages = 256;
    reopen_with(&options);
    for (int i = 0; i < 16384; i += 32) {
        put_scattered(i, i + 32);
        checkpoint_beside();
        /* Its limit, and twice what a fold takes. */
        ck_assert_int_lt(wal_size(), (256 + 2 * 200) * page);
    }
}
END_TEST

Suite *store_checkpoint_suite(void)
{
    Suite *suite = suite_create("store_checkpoint");
    TCase *tc = tcase_create("checkpoint");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, it_says_nothing_of_another_store);
    tcase_add_test(tc, a_fold_comes_before_the_memory_is_full);
    tcase_add_test(tc, the_wal_begins_anew_while_batches_come);
    suite_add_tcase(suite, tc);
    return suite;
}
