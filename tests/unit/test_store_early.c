/* A batch's record that is written before the batch runs: it counts if that is what the batch did, else it is taken back before
 * anybody is answered. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/syncer.h"
#include "protocol/limits.h"
#include "test_store_env.h"
#include "test_store_suites.h"
#include "test_store_vfs.h"

enum { OPS = 3 };

static struct store *s;
static struct op ops[OPS];

static void reopen(enum store_early_use use)
{
    struct store_options options = store_defaults;
    struct error e = {0};

    options.early = use;
    store_close(s, &e);
    ck_assert_msg(store_open_with(&env, &options, &s, &e) == 0, "%s", e.text);
}

static void setup(void)
{
    env_setup();
    test_vfs_install();
    syncer_set_threads(0);
    s = NULL;
    reopen(STORE_EARLY_ALWAYS);
    put(s, "a", "old");
    ops[0] = op_set("a", text("new"));
    ops[1] = op_get("a");
    ops[2] = op_set("b", text("b"));
}

static void teardown(void)
{
    struct error e;

    for (int i = 0; i < OPS; i++)
        op_fini(&ops[i]);
    store_close(s, &e);
    env_teardown();
}

static void begin(void)
{
    struct error e = {0};
    struct list list;

    ck_assert_msg(store_begin(s, &e) == 0, "%s", e.text);
    list_init(&list);
    for (int i = 0; i < OPS; i++)
        list_push(&list, &ops[i].link);
    store_expect(s, &list);
    while (!list_empty(&list))
        list_pop(&list);
}

static void run_first(int count)
{
    for (int i = 0; i < count; i++)
        store_run(s, &ops[i]);
}

static void commit(void)
{
    struct error e = {0};

    ck_assert_msg(store_commit(s, &e) == 0, "%s", e.text);
}

/* What a crash at this moment leaves. */
static void check_left(const char *a, const char *b, uint64_t number)
{
    struct store *left = open_crashed();

    check_get(left, "a", a);
    check_get(left, "b", b);
    ck_assert_uint_eq(store_commit_number(left), number);
    close_crashed(left);
}

static void check_goes_on(void)
{
    put(s, "a", "next");
    check_get(s, "a", "next");
    reopen(STORE_EARLY_ALWAYS);
    check_get(s, "a", "next");
}

START_TEST(the_record_is_there_before_the_batch_runs)
{
    int before = test_vfs_count(VFS_LOG_SYNC);

    begin();
    check_left("new", "b", 2);
    run_first(OPS);
    commit();
    ck_assert_int_eq(test_vfs_count(VFS_LOG_SYNC), before + 1);
    ck_assert_uint_eq(ops[1].result.len, 5);
    ck_assert_mem_eq(ops[1].result.data + 2, "new", 3);
    check_left("new", "b", 2);
    check_goes_on();
}
END_TEST

START_TEST(what_cannot_be_written_is_not_written_early)
{
    static char long_key[LIMIT_KEY + 2];

    memset(long_key, 'k', LIMIT_KEY + 1);
    ops[0].key = text(long_key);
    begin();
    check_left("old", NULL, 1);
    run_first(OPS);
    ck_assert_int_eq(ops[0].status, ERR_TOO_LARGE);
    commit();
    check_left("old", "b", 2);
    check_goes_on();
}
END_TEST

START_TEST(what_is_not_run_is_taken_back)
{
    begin();
    check_left("new", "b", 2);
    run_first(1);
    commit();
    check_left("new", NULL, 2);
    check_goes_on();
}
END_TEST

START_TEST(much_is_not_written_early)
{
    static char much[(1 << 20) + 1];

    memset(much, 'v', sizeof(much) - 1);
    ops[2].value = text(much);
    begin();
    check_left("old", NULL, 1);
    run_first(OPS);
    commit();
    check_left("new", much, 2);
    check_goes_on();
}
END_TEST

START_TEST(a_batch_that_changes_nothing_leaves_nothing)
{
    begin();
    check_left("new", "b", 2);
    commit();
    check_left("old", NULL, 1);
    check_goes_on();
}
END_TEST

START_TEST(what_is_rolled_back_leaves_nothing)
{
    begin();
    run_first(OPS);
    store_rollback(s);
    check_get(s, "a", "old");
    check_left("old", NULL, 1);
    check_goes_on();
}
END_TEST

START_TEST(a_sync_that_fails_undoes_the_batch)
{
    struct error e = {0};

    begin();
    test_vfs_fail(VFS_LOG_SYNC, 1, 1, EIO);
    run_first(OPS);
    ck_assert_int_eq(store_commit(s, &e), ERR_OTHER);
    ck_assert_ptr_nonnull(strstr(e.text, ".spin/"));
    check_get(s, "a", "old");
    check_left("old", NULL, 1);
    check_goes_on();
}
END_TEST

/* The sync of the record, or of its removal. */
START_TEST(a_removal_that_fails_undoes_the_batch)
{
    struct error e = {0};

    begin();
    test_vfs_fail(VFS_LOG_SYNC, 1 + _i, 1, EIO);
    run_first(1);
    ck_assert_int_eq(store_commit(s, &e), ERR_OTHER);
    check_get(s, "a", "old");
    check_left("old", NULL, 1);
    check_goes_on();
}
END_TEST

START_TEST(a_write_that_fails_is_tried_by_the_batch_again)
{
    test_vfs_fail(VFS_LOG_WRITE, 1, 1, ENOSPC);
    begin();
    run_first(OPS);
    commit();
    check_left("new", "b", 2);
    check_goes_on();
}
END_TEST

static void only_whole(void)
{
    begin();
    check_left("old", NULL, 1);
    run_first(OPS);
    commit();
}

START_TEST(what_depends_on_the_file_is_not_known_before)
{
    reopen(STORE_EARLY_ALWAYS);
    switch (_i) {
    case 0:
        ops[0].ttl_ms = 100000;
        break;
    case 1:
        ops[2].kind = OP_DELETE;
        break;
    case 2:
        ops[2].want_commit = true;
        break;
    case 3:
        ops[2].label_rule = LABEL_IF_PRESENT;
        break;
    case 4:
        store_set_quota(s, 1000, 0);
        break;
    default:
        reopen(STORE_EARLY_NEVER);
    }
    only_whole();
    check_goes_on();
}
END_TEST

/* With another thread that syncs; and until there is anything to be gained not at all. */
START_TEST(many_batches)
{
    char value[16];

    syncer_set_threads(_i ? SYNCER_THREADS : 0);
    for (int i = 0; i < 200; i++) {
        snprintf(value, sizeof(value), "%d", i);
        ops[0].value = text(value);
        for (int k = 0; k < OPS; k++)
            op_reset(&ops[k]);
        begin();
        run_first(i % 7 ? OPS : 1);
        commit();
        if (i % 50 == 49)
            reopen(i % 100 == 99 ? STORE_EARLY_ALWAYS : STORE_EARLY_AS_PAYS);
    }
    check_get(s, "a", "199");
    ck_assert_uint_eq(store_commit_number(s), 201);
    check_left("199", "b", 201);
}
END_TEST

Suite *store_early_suite(void)
{
    Suite *suite = suite_create("store_early");
    TCase *tc = tcase_create("early");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, the_record_is_there_before_the_batch_runs);
    tcase_add_test(tc, what_cannot_be_written_is_not_written_early);
    tcase_add_test(tc, what_is_not_run_is_taken_back);
    tcase_add_test(tc, much_is_not_written_early);
    tcase_add_test(tc, a_batch_that_changes_nothing_leaves_nothing);
    tcase_add_test(tc, what_is_rolled_back_leaves_nothing);
    tcase_add_test(tc, a_sync_that_fails_undoes_the_batch);
    tcase_add_loop_test(tc, a_removal_that_fails_undoes_the_batch, 0, 2);
    tcase_add_test(tc, a_write_that_fails_is_tried_by_the_batch_again);
    tcase_add_loop_test(tc, what_depends_on_the_file_is_not_known_before, 0, 6);
    tcase_add_loop_test(tc, many_batches, 0, 2);
    suite_add_tcase(suite, tc);
    return suite;
}
