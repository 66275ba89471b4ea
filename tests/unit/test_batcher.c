/* The queue in front of a store: order, grouping, opening and closing. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/limits.h"
#include "test_batcher_suites.h"
#include "test_store_vfs.h"

START_TEST(nothing_is_opened_without_an_operation)
{
    start(0);
    stop();
    ck_assert(!env_exists(".spin"));
}
END_TEST

START_TEST(operations_take_effect_and_end_in_order)
{
    static const char *const values[] = {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"};
    struct op *ops[200];

    start(10000);
    for (unsigned i = 0; i < 200; i += 2) {
        ops[i] = submit(op_set("k", text(values[i / 2 % 10])));
        ops[i + 1] = submit(op_get("k"));
        if (i % 20 == 0)
            uv_run(&loop, UV_RUN_NOWAIT);
    }
    wait_done(200);
    for (unsigned i = 0; i < 200; i++) {
        ck_assert_ptr_eq(done[i], ops[i]);
        ck_assert_int_eq(ops[i]->status, 0);
        if (i % 2)
            check_got(ops[i], values[i / 2 % 10]);
    }
}
END_TEST

START_TEST(what_gathers_becomes_one_batch)
{
    start(10000);
    submit(op_set("a", text("u")));
    wait_done(1);
    int before = test_vfs_count(VFS_LOG_SYNC);
    for (int i = 0; i < 500; i++)
        submit(op_set(i % 2 ? "a" : "b", text("v")));
    wait_done(501);
    /* The first went alone, since nothing was running; the others together. */
    ck_assert_int_eq(test_vfs_count(VFS_LOG_SYNC), before + 2);
}
END_TEST

START_TEST(batches_are_bounded)
{
    start(10000);
    submit(op_set("a", text("u")));
    wait_done(1);
    int before = test_vfs_count(VFS_LOG_SYNC);
    submit_first();
    for (int i = 0; i < 4097; i++)
        submit(op_set("a", text(i % 2 ? "v" : "w")));
    wait_done(4099);
    ck_assert_int_eq(test_vfs_count(VFS_LOG_SYNC), before + 2);
}
END_TEST

/* So many [key, value] of five bytes each, all of the same key. */
static struct op op_set_tiny(struct buffer *items, uint32_t count)
{
    struct op op = op_set(NULL, text(""));

    buffer_clear(items);
    for (uint32_t i = 0; i < count; i++)
        buffer_append(items, "\x92\xa1k\xc4\0", 5);
    ck_assert(!items->failed);
    op.kind = OP_SET_MANY;
    op.items = reader_of(items->data, items->len);
    op.item_count = count;
    return op;
}

/* What an entry costs in memory and in the log is far more than it takes in a message. */
START_TEST(many_small_changes_are_not_one_batch)
{
    const unsigned ops = 30;
    struct buffer items;

    buffer_init(&items);
    struct op many = op_set_tiny(&items, LIMIT_MANY);
    start(10000);
    submit(op_set("a", text("u")));
    wait_done(1);
    int before = test_vfs_count(VFS_LOG_SYNC);
    submit_first();
    submit(op_set("a", text("v")));
    for (unsigned i = 0; i < ops; i++)
        submit(many);
    wait_done(ops + 3);
    for (unsigned i = 0; i < done_count; i++)
        ck_assert_msg(done[i]->status == 0, "%s", done[i]->error);
    ck_assert_int_gt(test_vfs_count(VFS_LOG_SYNC), before + 1);
    buffer_fini(&items);
}
END_TEST

START_TEST(large_answers_do_not_pile_up_in_one_batch)
{
    char *bytes = calloc(1, LIMIT_VALUE);
    struct op *last;

    start(10000);
    submit(op_set("large", (struct slice){bytes, LIMIT_VALUE}));
    for (int i = 0; i < 5; i++)
        submit(op_get("large"));
    last = submit(op_set("large", text("small")));
    submit(op_get("large"));
    wait_done(1);
    struct op *late = submit(op_set("large", text("late"))); /* the others are a batch by now */
    wait_done(9);
    ck_assert_ptr_eq(done[8], late);
    for (int i = 1; i < 6; i++)
        ck_assert_uint_gt(done[i]->result.len, LIMIT_VALUE);
    ck_assert_ptr_eq(done[6], last);
    check_got(done[7], "small");
    free(bytes);
}
END_TEST

START_TEST(reads_alone_are_not_synced)
{
    start(10000);
    submit(op_set("a", text("v")));
    wait_done(1);
    int syncs = test_vfs_count(VFS_LOG_SYNC);
    for (int i = 0; i < 20; i++)
        submit(op_get("a"));
    wait_done(21);
    ck_assert_int_eq(test_vfs_count(VFS_LOG_SYNC), syncs);
}
END_TEST

START_TEST(idle_store_is_closed_and_opened_again)
{
    start(1);
    submit(op_set("a", text("v")));
    /* Ends by itself once the store is closed: nothing is left to wait for. */
    uv_run(&loop, UV_RUN_DEFAULT);
    ck_assert_uint_eq(done_count, 1);
    env_check_plain();
    submit(op_get("a"));
    uv_run(&loop, UV_RUN_DEFAULT);
    check_got(done[1], "v");
    env_check_plain();
}
END_TEST

START_TEST(held_store_stays_open)
{
    start(1);
    batcher_hold(batcher);
    batcher_hold(batcher);
    submit(op_set("a", text("v")));
    uv_run(&loop, UV_RUN_DEFAULT);
    ck_assert(env_exists(DB_NAME "-wal"));
    batcher_release(batcher);
    uv_run(&loop, UV_RUN_DEFAULT);
    ck_assert(env_exists(DB_NAME "-wal"));
    batcher_release(batcher);
    uv_run(&loop, UV_RUN_DEFAULT);
    env_check_plain();
}
END_TEST

START_TEST(holding_again_in_time_keeps_it_open)
{
    start(5000);
    submit(op_set("a", text("v")));
    wait_done(1);
    batcher_hold(batcher);
    /* Ends at once: the timer does not run any more. */
    uv_run(&loop, UV_RUN_DEFAULT);
    ck_assert(env_exists(DB_NAME "-wal"));
    batcher_release(batcher);
}
END_TEST

static void on_late_cb(uv_timer_t *timer)
{
    submit(op_get("a"));
    uv_close((uv_handle_t *)timer, NULL);
}

START_TEST(submission_while_closing_waits_and_reopens)
{
    uv_timer_t timer;

    start(0);
    submit(op_set("a", text("v")));
    wait_done(1);
    /* Due together with the batcher's own timer but started behind it: the store is being closed.
     */
    uv_timer_init(&loop, &timer);
    uv_timer_start(&timer, on_late_cb, 0, 0);
    wait_done(2);
    check_got(done[1], "v");
    stop();
    uv_run(&loop, UV_RUN_DEFAULT);
    env_check_plain();
}
END_TEST

START_TEST(close_finishes_what_is_queued)
{
    start(10000);
    batcher_hold(batcher);
    for (int i = 0; i < 10; i++)
        submit(op_set("a", text("v")));
    submit(op_get("a"));
    stop();
    ck_assert_uint_eq(done_count, 11);
    check_got(done[10], "v");
    env_check_plain();
    ck_assert_int_eq(env_sql_int("SELECT count(*) FROM spin_key_value"), 1);
}
END_TEST

START_TEST(close_of_an_idle_store)
{
    start(10000);
    submit(op_set("a", text("v")));
    wait_done(1);
    stop();
    env_check_plain();
}
END_TEST

/* Callbacks that call back. */

static unsigned more;

static void submit_more(struct op *op)
{
    (void)op;
    if (more > 0) {
        more--;
        submit(op_get("a"));
    }
}

START_TEST(on_done_may_submit)
{
    start(1);
    more = 50;
    after_done = submit_more;
    for (int i = 0; i < 3; i++)
        submit(op_set("a", text("v")));
    wait_done(53);
    check_got(done[52], "v");
}
END_TEST

static void release_and_close(struct op *op)
{
    (void)op;
    if (done_count == 2) {
        batcher_release(batcher);
        close_batcher();
    }
}

START_TEST(on_done_may_close)
{
    start(10000);
    batcher_hold(batcher);
    after_done = release_and_close;
    submit_first();
    for (int i = 0; i < 5; i++)
        submit(op_set("a", text("v")));
    uv_run(&loop, UV_RUN_DEFAULT);
    ck_assert(closed);
    ck_assert_uint_eq(done_count, 6);
    env_check_plain();
}
END_TEST

static Suite *batcher_suite(void)
{
    Suite *suite = suite_create("batcher");
    TCase *tc = tcase_create("queue");

    tcase_add_checked_fixture(tc, batcher_setup, batcher_teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, nothing_is_opened_without_an_operation);
    tcase_add_test(tc, operations_take_effect_and_end_in_order);
    tcase_add_test(tc, what_gathers_becomes_one_batch);
    tcase_add_test(tc, batches_are_bounded);
    tcase_add_test(tc, many_small_changes_are_not_one_batch);
    tcase_add_test(tc, large_answers_do_not_pile_up_in_one_batch);
    tcase_add_test(tc, reads_alone_are_not_synced);
    tcase_add_test(tc, idle_store_is_closed_and_opened_again);
    tcase_add_test(tc, held_store_stays_open);
    tcase_add_test(tc, holding_again_in_time_keeps_it_open);
    tcase_add_test(tc, submission_while_closing_waits_and_reopens);
    tcase_add_test(tc, close_finishes_what_is_queued);
    tcase_add_test(tc, close_of_an_idle_store);
    tcase_add_test(tc, on_done_may_submit);
    tcase_add_test(tc, on_done_may_close);
    suite_add_tcase(suite, tc);
    return suite;
}

int main(void)
{
    SRunner *runner = srunner_create(batcher_suite());

    srunner_add_suite(runner, batcher_background_suite());
    srunner_add_suite(runner, batcher_fault_suite());
    srunner_add_suite(runner, batcher_restore_suite());
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
