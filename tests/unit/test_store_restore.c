/* What a restore leaves where it fails, and what it does not take. */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "test_store_env.h"
#include "test_store_suites.h"
#include "test_store_vfs.h"

/* A file in which "a" is "restored". */
static void make_source(void)
{
    struct store *s = open_store();

    put(s, "a", "restored");
    close_store(s);
    ck_assert_int_eq(rename(env_path(DB_NAME), env_path("source")), 0);
}

static int prepare(struct store_restore **ret, struct error *e)
{
    return store_restore_prepare(&env, env_path("source"), geteuid(), getegid(), ret, e);
}

/* Restore while the n-th sync fails. False: there are not so many. */
static bool restore_with_failure(int n, bool keep)
{
    struct store_restored result = {0};
    struct store_restore *restore = NULL;
    struct store *s = open_store();
    struct error e = {0};
    char kept[100];

    put(s, "a", "old");
    ck_assert_msg(prepare(&restore, &e) == 0, "%s", e.text);
    int before = test_vfs_count(VFS_FSYNC);
    test_vfs_fail(VFS_FSYNC, n, 1, EIO);
    int code = store_restore_swap(restore, &s, keep, &result, &e);
    bool reached = test_vfs_count(VFS_FSYNC) - before >= n;
    test_vfs_fail(VFS_FSYNC, 1, 0, 0);
    store_restore_abandon(restore);
    if (!s)
        s = open_store();
    check_get(s, "a", code ? "old" : "restored");
    close_store(s);
    snprintf(kept, sizeof(kept), ".spin/" STORE_KEPT_FORMAT, (unsigned long long)result.commit);
    ck_assert_int_eq(env_exists(kept), !code && keep);
    ck_assert(!env_exists(".spin/bobbin_restore.db") && !env_exists(".spin/bobbin_restore.old"));
    ck_assert_msg(reached || !code, "%s", e.text);
    return reached;
}

START_TEST(restore_that_fails_has_changed_nothing)
{
    int n = 1;

    make_source();
    while (restore_with_failure(n, _i == 1))
        n++;
    ck_assert_int_gt(n, 1);
}
END_TEST

static void change_source(void)
{
    test_vfs_on_fsync = NULL;
    FILE *f = fopen(env_path("source"), "ab");
    ck_assert_ptr_nonnull(f);
    fputc(0, f);
    ck_assert_int_eq(fclose(f), 0);
}

static void leave_journal(void)
{
    test_vfs_on_fsync = NULL;
    env_write("source-journal", "x", 1);
}

/* Half of it is from before and half from behind the change. */
START_TEST(source_that_changes_meanwhile_is_refused)
{
    struct store_restore *restore = NULL;
    struct error e = {0};

    make_source();
    close_store(open_store());
    test_vfs_on_fsync = _i ? change_source : leave_journal;
    ck_assert_int_eq(prepare(&restore, &e), ERR_INVALID_REQUEST);
    ck_assert_ptr_null(test_vfs_on_fsync);
    ck_assert_ptr_null(restore);
    ck_assert(!env_exists(".spin/bobbin_restore.db"));
}
END_TEST

Suite *store_restore_suite(void)
{
    Suite *suite = suite_create("store_restore");
    TCase *tc = tcase_create("restore");

    tcase_add_checked_fixture(tc, env_setup, env_teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, restore_that_fails_has_changed_nothing, 0, 2);
    tcase_add_loop_test(tc, source_that_changes_meanwhile_is_refused, 0, 2);
    suite_add_tcase(suite, tc);
    return suite;
}
