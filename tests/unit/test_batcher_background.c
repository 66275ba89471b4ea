/* What goes on beside the operations: the observer, entries that expire, tasks of many steps. */
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "daemon/clock.h"
#include "test_batcher_suites.h"
#include "test_store_vfs.h"

#define SEEN_MAX 5000

/* What the observer was told. */
static struct {
    uint64_t commit;
    enum store_change_kind kind;
    char key[16];
    char value[16];
    unsigned done_before; /* operations that were done by then */
} seen[SEEN_MAX];
static unsigned seen_count;
static unsigned commits_seen;

static void observe(void *arg, uint64_t commit, const struct store_change *changes, size_t count)
{
    ck_assert_ptr_eq(arg, &seen_count);
    ck_assert_uint_gt(count, 0);
    commits_seen++;
    for (size_t i = 0; i < count; i++) {
        ck_assert_uint_lt(seen_count, SEEN_MAX);
        seen[seen_count].commit = commit;
        seen[seen_count].kind = changes[i].kind;
        seen[seen_count].done_before = done_count;
        snprintf(seen[seen_count].key, sizeof seen->key, "%.*s", (int)changes[i].key.len,
                 changes[i].key.data);
        snprintf(seen[seen_count].value, sizeof seen->value, "%.*s", (int)changes[i].value.len,
                 changes[i].value.data ? changes[i].value.data : "");
        seen_count++;
    }
}

static void start_observed(uint64_t idle_ms)
{
    seen_count = 0;
    commits_seen = 0;
    start(idle_ms);
    batcher_observe(batcher, observe, &seen_count);
}

static void check_seen(unsigned i, enum store_change_kind kind, const char *key, const char *value)
{
    ck_assert_uint_lt(i, seen_count);
    ck_assert_int_eq(seen[i].kind, kind);
    ck_assert_str_eq(seen[i].key, key);
    ck_assert_str_eq(seen[i].value, value);
}

START_TEST(observer_is_told_batch_by_batch_before_the_operations)
{
    start_observed(10000);
    submit(op_set("first", text("0")));
    submit(op_set("a", text("1")));
    submit(op_get("a"));
    submit(op_delete("absent"));
    submit(op_set("a", text("2")));
    submit(op_delete("first"));
    wait_done(6);
    ck_assert_uint_eq(seen_count, 4);
    ck_assert_uint_eq(commits_seen, 2);
    check_seen(0, CHANGE_SET, "first", "0");
    check_seen(1, CHANGE_SET, "a", "1");
    check_seen(2, CHANGE_SET, "a", "2");
    check_seen(3, CHANGE_DELETE, "first", "");
    ck_assert_uint_eq(seen[0].done_before, 0);
    ck_assert_uint_eq(seen[1].done_before, 1);
    ck_assert_uint_eq(seen[3].done_before, 1);
    ck_assert_uint_eq(seen[3].commit, seen[0].commit + 1);
    ck_assert_uint_eq(done[0]->commit, seen[0].commit);
    ck_assert_uint_eq(done[1]->commit, seen[1].commit);
}
END_TEST

START_TEST(observer_is_not_told_of_nothing)
{
    start_observed(10000);
    submit(op_get("a"));
    submit(op_delete("a"));
    wait_done(2);
    ck_assert_uint_eq(commits_seen, 0);
    submit(op_set("a", text("1")));
    wait_done(3);
    ck_assert_uint_eq(commits_seen, 1);
    test_vfs_fail(VFS_LOG_SYNC, 1, 1, EIO);
    submit(op_set("a", text("2")));
    wait_done(4);
    ck_assert_int_eq(done[3]->status, ERR_OTHER);
    ck_assert_uint_eq(commits_seen, 1);
    submit(op_get("a"));
    batcher_observe(batcher, NULL, NULL);
    submit(op_set("a", text("3")));
    wait_done(6);
    ck_assert_uint_eq(commits_seen, 1);
}
END_TEST

/* Expiry. */

static struct op op_set_for(const char *key, int64_t ttl_ms)
{
    struct op op = op_set(key, text("x"));

    op.ttl_ms = ttl_ms;
    return op;
}

static void submit_short_lived(unsigned count, int64_t ttl_ms)
{
    static char keys[1000][8];

    for (unsigned i = 0; i < count; i++) {
        snprintf(keys[i], sizeof keys[i], "k%03u", i % 1000);
        submit(op_set_for(keys[i], ttl_ms));
    }
}

static unsigned count_expired(void)
{
    unsigned count = 0;

    for (unsigned i = 0; i < seen_count; i++)
        count += seen[i].kind == CHANGE_EXPIRE;
    return count;
}

START_TEST(expired_entries_are_removed_in_small_batches)
{
    unsigned in_batch = 0;

    start_observed(60000);
    batcher_hold(batcher);
    submit_short_lived(600, 1);
    submit(op_set("stays", text("x")));
    wait_done(601);
    /* Ends by itself when nothing is left that will expire. */
    uv_run(&loop, UV_RUN_DEFAULT);
    ck_assert_uint_eq(count_expired(), 600);
    ck_assert_uint_eq(batcher_counts(batcher)->expired, 600);
    for (unsigned i = 0; i < seen_count; i++) {
        if (seen[i].kind != CHANGE_EXPIRE)
            continue;
        in_batch = i && seen[i - 1].commit == seen[i].commit ? in_batch + 1 : 1;
        ck_assert_uint_le(in_batch, 256);
    }
    batcher_release(batcher);
    stop();
    ck_assert_int_eq(env_sql_int("SELECT count(*) FROM spin_key_value"), 1);
}
END_TEST

START_TEST(nothing_is_swept_before_its_time)
{
    start_observed(60000);
    submit(op_set_for("later", 3600000));
    submit(op_set_for("now", 1));
    wait_done(2);
    batcher_hold(batcher);
    while (!count_expired())
        uv_run(&loop, UV_RUN_ONCE);
    ck_assert_uint_eq(count_expired(), 1);
    check_seen(2, CHANGE_EXPIRE, "now", "");
    ck_assert_uint_eq(commits_seen, 3);
    batcher_release(batcher);
    stop();
    ck_assert_int_eq(env_sql_int("SELECT count(*) FROM spin_key_value"), 1);
}
END_TEST

static void close_at_once(struct op *op)
{
    (void)op;
    after_done = NULL;
    close_batcher();
}

START_TEST(store_that_was_closed_sweeps_when_it_opens)
{
    int64_t over;

    start_observed(60000);
    after_done = close_at_once; /* before its time can be over */
    submit(op_set_for("a", 30));
    while (!closed)
        uv_run(&loop, UV_RUN_ONCE);
    ck_assert_int_eq(done[0]->status, 0);
    ck_assert_uint_eq(count_expired(), 0);
    ck_assert_int_eq(env_sql_int("SELECT count(*) FROM spin_key_value"), 1);
    over = clock_now_ms() + 31;
    while (clock_now_ms() < over)
        uv_sleep(1);
    start_observed(60000);
    submit(op_get("b"));
    while (!count_expired())
        uv_run(&loop, UV_RUN_ONCE);
    check_seen(0, CHANGE_EXPIRE, "a", "");
}
END_TEST

static bool trouble_told;

static void on_trouble(void *arg, const struct error *e)
{
    (void)arg;
    ck_assert_int_eq(e->code, ERR_OTHER);
    trouble_told = true;
}

START_TEST(sweep_that_fails_is_told_and_harms_nobody)
{
    trouble_told = false;
    start_observed(60000);
    batcher_on_trouble(batcher, on_trouble, NULL);
    submit(op_set("b", text("x")));
    wait_done(1);
    /* The first is that of the set, the second that of the sweep. */
    test_vfs_fail(VFS_LOG_SYNC, 2, 1, EIO);
    submit(op_set_for("a", 1));
    while (!trouble_told)
        uv_run(&loop, UV_RUN_ONCE);
    ck_assert_uint_eq(count_expired(), 0);
    submit(op_set("b", text("y")));
    submit(op_get("a"));
    wait_done(4);
    ck_assert_int_eq(done[2]->status, 0);
    check_got(done[3], NULL);
}
END_TEST

/* Folds and checkpoints. */

static const struct store_options hasty = {
    .log_first = 8192, .log_most = 16384, .fold_changes = 256, .wal_pages = 8};

START_TEST(checkpoints_go_on_beside_the_batches)
{
    static char values[3000][8];
    static char keys[3000][8];
    struct stat st;

    start(10000);
    batcher_set_options(batcher, &hasty);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 1000; i++) {
            int n = round * 1000 + i;
            snprintf(values[n], sizeof(values[n]), "%d", n);
            snprintf(keys[n], sizeof(keys[n]), "k%d", n % 200);
            submit(op_set(keys[n], text(values[n])));
            if (i % 100 == 99)
                wait_done(done_count + 50);
        }
        wait_done(1000);
        forget();
        ck_assert_int_eq(stat(env_path(DB_NAME "-wal"), &st), 0);
        ck_assert_int_le(st.st_size, 200 * 4200);
    }
    submit(op_get("k199"));
    wait_done(1);
    check_got(done[0], "2999");
    /* Without anything to do the rest is folded as well. */
    while (stat(env_path(DB_NAME), &st) != 0 || st.st_size < 3 * 4096)
        ck_assert(uv_run(&loop, UV_RUN_ONCE));
    stop();
    env_check_plain();
    ck_assert_int_eq(env_sql_int("SELECT count(*) FROM spin_key_value"), 200);
}
END_TEST

START_TEST(idle_store_is_folded)
{
    struct stat st;

    start(60000);
    submit(op_set("a", text("x")));
    wait_done(1);
    ck_assert_int_eq(stat(env_path(DB_NAME "-wal"), &st), 0);
    off_t before = st.st_size;
    uint64_t began = uv_hrtime();
    do {
        uv_run(&loop, UV_RUN_ONCE);
        ck_assert_int_eq(stat(env_path(DB_NAME "-wal"), &st), 0);
    } while (st.st_size == before && uv_hrtime() - began < 20000000000u);
    ck_assert_int_gt(st.st_size, before);
}
END_TEST

/* Whether what was answered is synced soon, while something else goes on or nothing does. */
static void check_synced_in_time(bool reading)
{
    struct store_options relaxed = store_defaults;
    int before;

    relaxed.relaxed = true;
    start(60000);
    batcher_set_options(batcher, &relaxed);
    submit(op_set("a", text("x")));
    wait_done(1);
    before = test_vfs_count(VFS_LOG_SYNC);
    submit(op_set("a", text("y")));
    wait_done(2);
    int64_t answered = clock_now_ms();
    while (test_vfs_count(VFS_LOG_SYNC) == before) {
        if (reading && done_count < 5000)
            submit(op_get("a"));
        ck_assert_int_lt(clock_now_ms(), answered + 30000);
        uv_run(&loop, reading ? UV_RUN_NOWAIT : UV_RUN_ONCE);
        if (reading)
            uv_sleep(1);
    }
    ck_assert_int_gt(test_vfs_count(VFS_LOG_SYNC), before);
    wait_done(done_count);
}

START_TEST(relaxed_store_syncs_when_nothing_comes)
{
    check_synced_in_time(false);
}
END_TEST

START_TEST(relaxed_store_syncs_while_others_read)
{
    check_synced_in_time(true);
}
END_TEST

START_TEST(relaxed_store_that_cannot_sync_says_so_and_is_safe)
{
    struct store_options relaxed = store_defaults;

    trouble_told = false;
    relaxed.relaxed = true;
    start(60000);
    batcher_set_options(batcher, &relaxed);
    batcher_on_trouble(batcher, on_trouble, NULL);
    submit(op_get("a"));
    wait_done(1);
    test_vfs_fail(VFS_LOG_SYNC, 1, 1, EIO);
    test_vfs_fail(VFS_FILE_SYNC, 1, 1000000, SQLITE_IOERR_FSYNC);
    submit(op_set("a", text("x")));
    wait_done(2);
    ck_assert_int_eq(done[1]->status, 0);
    while (!trouble_told)
        ck_assert(uv_run(&loop, UV_RUN_ONCE));
    test_vfs_fail(VFS_FILE_SYNC, 1, 0, SQLITE_OK);
    submit(op_set("b", text("y")));
    submit(op_get("a"));
    wait_done(4);
    ck_assert_int_eq(done[2]->status, 0);
    check_got(done[3], "x");
}
END_TEST

START_TEST(closing_waits_for_a_checkpoint)
{
    static char values[500][8];

    for (int round = 0; round < 10; round++) {
        start(10000);
        batcher_set_options(batcher, &hasty);
        for (int i = 0; i < 500; i++) {
            snprintf(values[i], sizeof(values[i]), "%d", round + i);
            submit(op_set(values[i], text(values[i])));
            if (i == 300)
                wait_done(200);
        }
        stop();
        forget();
        env_check_plain();
    }
}
END_TEST

/* Tasks. */

static struct {
    struct task task;
    atomic_uint steps;      /* made so far, on the pool */
    unsigned wanted;        /* the task ends by itself after so many */
    struct store *store;    /* the last one it saw */
    struct error cancelled; /* with a code: it was, and why */
    unsigned done;
    unsigned ops_done; /* operations that were done by then */
    char move_to[300]; /* not "": where the first step moves the app directory */
} work;

static bool work_step(struct task *task, struct store *store)
{
    ck_assert_ptr_eq(task, &work.task);
    ck_assert_ptr_nonnull(store);
    ck_assert_uint_eq(work.done, 0);
    ck_assert_int_eq(work.cancelled.code, 0);
    work.store = store;
    if (work.move_to[0] && !work.steps)
        ck_assert_int_eq(rename(env.path, work.move_to), 0);
    return ++work.steps < work.wanted;
}

static void work_cancel(struct task *task, const struct error *e)
{
    ck_assert_ptr_eq(task, &work.task);
    ck_assert_int_eq(work.cancelled.code, 0);
    work.cancelled = *e;
    /* The store is still open: its number can be read. */
    if (work.store)
        store_commit_number(work.store);
}

static void work_done(struct task *task)
{
    ck_assert_ptr_eq(task, &work.task);
    ck_assert(!closed);
    work.done++;
    work.ops_done = done_count;
}

static void prepare_work(unsigned wanted)
{
    memset(&work, 0, sizeof work);
    work.wanted = wanted;
    work.task = (struct task){.step = work_step, .cancel = work_cancel, .done = work_done};
    list_init(&work.task.link);
}

static void start_work(unsigned wanted)
{
    prepare_work(wanted);
    batcher_start_task(batcher, &work.task);
    ck_assert_uint_eq(work.done, 0);
}

static void wait_work(void)
{
    while (!work.done)
        ck_assert(uv_run(&loop, UV_RUN_ONCE) != 0 || work.done);
    ck_assert_uint_eq(work.done, 1);
}

START_TEST(task_makes_its_steps_and_is_done)
{
    start(0);
    start_work(5);
    wait_work();
    ck_assert_uint_eq(work.steps, 5);
    ck_assert_int_eq(work.cancelled.code, 0);
    uv_run(&loop, UV_RUN_DEFAULT);
    env_check_plain();
}
END_TEST

static void submit_again(struct op *op)
{
    (void)op;
    if (!work.done)
        submit(op_get("a"));
}

START_TEST(task_and_operations_take_turns)
{
    start(10000);
    after_done = submit_again;
    submit(op_set("a", text("x")));
    start_work(100);
    wait_work();
    after_done = NULL;
    ck_assert_uint_eq(work.steps, 100);
    /* A batch between any two steps, and a step between any two batches. */
    ck_assert_uint_ge(work.ops_done, 98);
    ck_assert_uint_le(work.ops_done, 103);
}
END_TEST

START_TEST(tasks_are_cancelled_by_close)
{
    start(10000);
    start_work(UINT32_MAX);
    while (!work.steps)
        uv_run(&loop, UV_RUN_ONCE);
    submit(op_set("a", text("x")));
    stop();
    ck_assert_uint_eq(work.done, 1);
    ck_assert_int_eq(work.cancelled.code, ERR_SHUTTING_DOWN);
    ck_assert_int_eq(done[0]->status, 0);
    env_check_plain();
}
END_TEST

START_TEST(tasks_are_cancelled_by_refusal)
{
    start(10000);
    start_work(UINT32_MAX);
    while (!work.steps)
        uv_run(&loop, UV_RUN_ONCE);
    batcher_refuse(batcher, ERR_NO_SUCH_APP, "it is gone");
    wait_work();
    ck_assert_int_eq(work.cancelled.code, ERR_NO_SUCH_APP);
    ck_assert_str_eq(work.cancelled.text, "it is gone");
    unsigned steps = work.steps;
    start_work(1);
    wait_work();
    ck_assert_uint_eq(work.steps, 0);
    ck_assert_uint_gt(steps, 0);
    ck_assert_int_eq(work.cancelled.code, ERR_NO_SUCH_APP);
}
END_TEST

START_TEST(cancelling_tasks_leaves_the_rest_alone)
{
    start(10000);
    batcher_cancel_tasks(batcher, ERR_BUSY, "nobody");
    start_work(UINT32_MAX);
    while (!work.steps)
        uv_run(&loop, UV_RUN_ONCE);
    submit(op_set("a", text("x")));
    batcher_cancel_tasks(batcher, ERR_BUSY, "somebody");
    wait_work();
    ck_assert_str_eq(work.cancelled.text, "somebody");
    wait_done(1);
    ck_assert_int_eq(done[0]->status, 0);
    start_work(3);
    wait_work();
    ck_assert_uint_eq(work.steps, 3);
    ck_assert_int_eq(work.cancelled.code, 0);
}
END_TEST

START_TEST(task_of_a_store_that_cannot_be_opened)
{
    env_mkdir(".spin");
    env_mkdir(DB_NAME);
    start(10000);
    start_work(3);
    wait_work();
    ck_assert_uint_eq(work.steps, 0);
    ck_assert_int_eq(work.cancelled.code, ERR_OTHER);
    ck_assert_ptr_nonnull(strstr(work.cancelled.text, "a directory"));
}
END_TEST

START_TEST(task_of_a_directory_that_goes_away)
{
    start(10000);
    prepare_work(UINT32_MAX);
    snprintf(work.move_to, sizeof(work.move_to), "%s.moved", env.path);
    batcher_start_task(batcher, &work.task);
    wait_work();
    ck_assert_uint_ge(work.steps, 1);
    ck_assert_int_eq(work.cancelled.code, ERR_NO_SUCH_APP);
    stop();
    ck_assert_int_eq(mkdir(env.path, 0700), 0);
    env_remove(work.move_to);
}
END_TEST

START_TEST(quota_holds_from_the_next_batch_on)
{
    start(10000);
    submit(op_set("a", text("x")));
    wait_done(1);
    batcher_set_quota(batcher, 0, 1);
    submit(op_set("b", text("x")));
    submit(op_set("a", text("y")));
    wait_done(3);
    ck_assert_int_eq(done[1]->status, ERR_QUOTA_EXCEEDED);
    ck_assert_int_eq(done[2]->status, 0);
    batcher_set_quota(batcher, 0, 0);
    submit(op_set("b", text("x")));
    wait_done(4);
    ck_assert_int_eq(done[3]->status, 0);
    ck_assert_uint_eq(batcher_counts(batcher)->writes, 4);
    ck_assert_uint_eq(batcher_counts(batcher)->errors, 1);
}
END_TEST

START_TEST(quota_counts_what_was_written_without_one)
{
    start(10000);
    batcher_set_quota(batcher, 0, 2);
    submit(op_set("a", text("x")));
    wait_done(1);
    batcher_set_quota(batcher, 0, 0);
    submit(op_set("b", text("x")));
    wait_done(2);
    batcher_set_quota(batcher, 0, 2);
    submit(op_set("c", text("x")));
    wait_done(3);
    ck_assert_int_eq(done[2]->status, ERR_QUOTA_EXCEEDED);
    batcher_set_quota(batcher, 0, 0);
    submit(op_delete("a"));
    wait_done(4);
    batcher_set_quota(batcher, 0, 2);
    submit(op_set("c", text("x")));
    wait_done(5);
    ck_assert_int_eq(done[4]->status, 0);
}
END_TEST

Suite *batcher_background_suite(void)
{
    Suite *suite = suite_create("batcher_background");
    TCase *tc = tcase_create("background");

    tcase_add_checked_fixture(tc, batcher_setup, batcher_teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, observer_is_told_batch_by_batch_before_the_operations);
    tcase_add_test(tc, observer_is_not_told_of_nothing);
    tcase_add_test(tc, expired_entries_are_removed_in_small_batches);
    tcase_add_test(tc, nothing_is_swept_before_its_time);
    tcase_add_test(tc, store_that_was_closed_sweeps_when_it_opens);
    tcase_add_test(tc, sweep_that_fails_is_told_and_harms_nobody);
    tcase_add_test(tc, checkpoints_go_on_beside_the_batches);
    tcase_add_test(tc, idle_store_is_folded);
    tcase_add_test(tc, relaxed_store_syncs_when_nothing_comes);
    tcase_add_test(tc, relaxed_store_syncs_while_others_read);
    tcase_add_test(tc, relaxed_store_that_cannot_sync_says_so_and_is_safe);
    tcase_add_test(tc, closing_waits_for_a_checkpoint);
    tcase_add_test(tc, task_makes_its_steps_and_is_done);
    tcase_add_test(tc, task_and_operations_take_turns);
    tcase_add_test(tc, tasks_are_cancelled_by_close);
    tcase_add_test(tc, tasks_are_cancelled_by_refusal);
    tcase_add_test(tc, cancelling_tasks_leaves_the_rest_alone);
    tcase_add_test(tc, task_of_a_store_that_cannot_be_opened);
    tcase_add_test(tc, task_of_a_directory_that_goes_away);
    tcase_add_test(tc, quota_holds_from_the_next_batch_on);
    tcase_add_test(tc, quota_counts_what_was_written_without_one);
    suite_add_tcase(suite, tc);
    return suite;
}
