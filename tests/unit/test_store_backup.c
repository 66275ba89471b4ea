/* What a backup is beside the files of the store that it was made of: a database of its own. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "test_store_env.h"
#include "test_store_suites.h"

static void back_up(struct store *s, const char *path)
{
    struct store_backup *b = NULL;
    struct error e = {0};
    uint64_t bytes, pages;
    bool done = false;

    ck_assert_msg(store_backup_begin(s, path, geteuid(), getegid(), &b, &e) == 0, "%s", e.text);
    while (!done)
        ck_assert_msg(store_backup_step(b, 4, &done, &e) == 0, "%s", e.text);
    ck_assert_msg(store_backup_finish(b, &bytes, &pages, &e) == 0, "%s", e.text);
    ck_assert_uint_gt(bytes, 0);
    ck_assert_uint_eq(bytes % pages, 0);
}

/* A backup of "a" = "kept", then "a" and "b" were written, then all of it was killed. */
static void leave_killed_beside_backup(void)
{
    struct store *s = open_store();
    char command[1300];

    put(s, "a", "kept");
    back_up(s, env_path("copy"));
    put(s, "a", "later");
    put(s, "b", "later");
    snprintf(command, sizeof(command), "cp -r '%s/.spin' '%s/killed'", env.path, env.path);
    ck_assert_int_eq(system(command), 0);
    close_store(s);
    env_remove(env_path(".spin"));
    ck_assert_int_eq(rename(env_path("killed"), env_path(".spin")), 0);
    ck_assert_int_eq(rename(env_path("copy"), env_path(DB_NAME)), 0);
}

static void check_backup_is_used(void)
{
    struct store *s = open_store();

    check_get(s, "a", "kept");
    check_get(s, "b", NULL);
    put(s, "b", "new");
    close_store(s);
    env_check_plain();
}

START_TEST(the_log_of_after_it_is_not_its_own)
{
    leave_killed_beside_backup();
    ck_assert_int_eq(unlink(env_path(DB_NAME "-wal")), 0);
    open_refused(ERR_OTHER, "the commit log of another database");
    ck_assert_int_eq(unlink(env_path(LOG_NAME)), 0);
    check_backup_is_used();
}
END_TEST

START_TEST(the_wal_of_after_it_is_not_its_own)
{
    leave_killed_beside_backup();
    open_refused(ERR_OTHER, "a WAL is beside it that is not its own");
    ck_assert_int_eq(unlink(env_path(DB_NAME "-wal")), 0);
    ck_assert_int_eq(unlink(env_path(LOG_NAME)), 0);
    check_backup_is_used();
}
END_TEST

/* It is not taken for a file that somebody else has written. */
START_TEST(it_goes_on_where_the_store_was)
{
    struct store *s = open_store();

    put(s, "a", "1");
    put(s, "a", "2");
    back_up(s, env_path("copy"));
    close_store(s);
    ck_assert_int_eq(rename(env_path("copy"), env_path(DB_NAME)), 0);
    s = open_store();
    check_get(s, "a", "2");
    ck_assert_uint_eq(store_commit_number(s), 2);
    close_store(s);
}
END_TEST

START_TEST(its_checksums_hold)
{
    struct store_options options = store_defaults;
    struct store *s = NULL;
    struct error e = {0};

    options.checksums = true;
    ck_assert_int_eq(store_open_with(&env, &options, &s, &e), 0);
    put(s, "a", "1");
    back_up(s, env_path("copy"));
    close_store(s);
    ck_assert_int_eq(rename(env_path("copy"), env_path(DB_NAME)), 0);
    ck_assert_int_eq(store_open_with(&env, &options, &s, &e), 0);
    check_get(s, "a", "1");
    close_store(s);
    ck_assert_int_eq(env_sql_int("SELECT count(*) FROM bobbin_sum"), 1);
}
END_TEST

Suite *store_backup_suite(void)
{
    Suite *suite = suite_create("store_backup");
    TCase *tc = tcase_create("backup");

    tcase_add_checked_fixture(tc, env_setup, env_teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, the_log_of_after_it_is_not_its_own);
    tcase_add_test(tc, the_wal_of_after_it_is_not_its_own);
    tcase_add_test(tc, it_goes_on_where_the_store_was);
    tcase_add_test(tc, its_checksums_hold);
    suite_add_tcase(suite, tc);
    return suite;
}
