/* Another file in the place of the store, while other things go on. */
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "test_batcher_suites.h"
#include "test_store_vfs.h"

/* A backup, some pages a step. */
static struct {
    struct task task;
    struct store_backup *copy;
    atomic_uint steps; /* on the pool */
    bool ended;
    struct error error;
} backup;

static bool backup_step(struct task *task, struct store *store)
{
    uint64_t bytes, pages;
    bool whole = false;

    (void)task;
    if (!backup.copy)
        ck_assert_int_eq(store_backup_begin(store, env_path("backup"), geteuid(), getegid(),
                                            &backup.copy, &backup.error),
                         0);
    backup.steps++;
    ck_assert_msg(store_backup_step(backup.copy, 1, &whole, &backup.error) == 0, "%s",
                  backup.error.text);
    if (!whole)
        return true;
    store_backup_finish(backup.copy, &bytes, &pages, &backup.error);
    backup.copy = NULL;
    return false;
}

static void backup_cancel(struct task *task, const struct error *e)
{
    (void)task;
    store_backup_abandon(backup.copy);
    backup.copy = NULL;
    backup.error = *e;
}

static void backup_done(struct task *task)
{
    (void)task;
    backup.ended = true;
}

/* Putting `copy` in the place of the store. */
static struct {
    struct task task;
    struct store_restore *copy;
    bool ended;
    struct store_restored result;
    struct error error;
} restore;

static bool restore_step(struct task *task, struct store *store)
{
    (void)task;
    (void)store;
    return false;
}

static void restore_swap(struct task *task, struct store **store)
{
    (void)task;
    store_restore_swap(restore.copy, store, false, &restore.result, &restore.error);
    store_restore_abandon(restore.copy);
    restore.copy = NULL;
}

static void restore_cancel(struct task *task, const struct error *e)
{
    (void)task;
    store_restore_abandon(restore.copy);
    restore.copy = NULL;
    restore.error = *e;
}

static void restore_done(struct task *task)
{
    (void)task;
    restore.ended = true;
}

static void prepare_tasks(void)
{
    memset(&backup, 0, sizeof(backup));
    memset(&restore, 0, sizeof(restore));
    backup.task = (struct task){.step = backup_step, .cancel = backup_cancel, .done = backup_done};
    restore.task = (struct task){.step = restore_step,
                                 .swap = restore_swap,
                                 .cancel = restore_cancel,
                                 .done = restore_done};
    list_init(&backup.task.link);
    list_init(&restore.task.link);
}

/* A file in which "a" is "restored". */
static void make_source(void)
{
    struct store *s = open_store();

    put(s, "a", "restored");
    close_store(s);
    ck_assert_int_eq(rename(env_path(DB_NAME), env_path("source")), 0);
}

static void start_restore(void)
{
    ck_assert_msg(store_restore_prepare(&env, env_path("source"), geteuid(), getegid(),
                                        &restore.copy, &restore.error) == 0,
                  "%s", restore.error.text);
    batcher_start_task(batcher, &restore.task);
}

/* The backup reads from the very store that the restore closes. */
START_TEST(restore_waits_for_a_backup_under_way)
{
    static char value[64 << 10];

    prepare_tasks();
    make_source();
    start(10000);
    submit(op_set("a", text("old")));
    submit(op_set("long", (struct slice){value, sizeof(value)}));
    wait_done(2);
    batcher_start_task(batcher, &backup.task);
    while (!backup.steps)
        uv_run(&loop, UV_RUN_ONCE);
    ck_assert(!backup.ended);
    start_restore();
    while (!backup.ended || !restore.ended)
        uv_run(&loop, UV_RUN_ONCE);
    ck_assert_msg(!backup.error.code, "%s", backup.error.text);
    ck_assert_msg(!restore.error.code, "%s", restore.error.text);
    submit(op_get("a"));
    wait_done(3);
    check_got(done[2], "restored");
    stop();
    ck_assert_int_eq(rename(env_path("backup"), env_path(DB_NAME)), 0);
    ck_assert_int_eq(env_sql_int("SELECT value = CAST('old' AS BLOB) FROM spin_key_value"
                                 " WHERE key = 'a'"),
                     1);
}
END_TEST

Suite *batcher_restore_suite(void)
{
    Suite *suite = suite_create("batcher_restore");
    TCase *tc = tcase_create("restore");

    tcase_add_checked_fixture(tc, batcher_setup, batcher_teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, restore_waits_for_a_backup_under_way);
    suite_add_tcase(suite, tc);
    return suite;
}
