/* The file: what is opened, what is refused and how, what is left. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test_store_env.h"
#include "test_store_suites.h"

static void check_refused(int code, const char *in_text)
{
    struct store *s = NULL;
    struct error e = {0};

    ck_assert_int_eq(store_open(&env, &s, &e), code);
    ck_assert_int_eq(e.code, code);
    ck_assert_ptr_null(s);
    ck_assert_msg(strstr(e.text, in_text) != NULL, "'%s' not in '%s'", in_text, e.text);
    ck_assert_msg(strstr(e.text, env.path) != NULL, "no path in '%s'", e.text);
}

static unsigned mode_of(const char *name)
{
    struct stat st;

    ck_assert_int_eq(lstat(env_path(name), &st), 0);
    return st.st_mode & 07777;
}

START_TEST(new_files_are_private)
{
    umask(0);
    struct store *s = open_store();
    ck_assert_uint_eq(mode_of(".spin"), 0700);
    ck_assert_uint_eq(mode_of(DB_NAME), 0600);
    put(s, "a", "b");
    ck_assert_uint_eq(mode_of(DB_NAME "-wal"), 0600);
    ck_assert(!env_exists(DB_NAME "-shm"));
    close_store(s);
    ck_assert_uint_eq(mode_of(DB_NAME), 0600);
}
END_TEST

START_TEST(new_files_are_their_owners)
{
    struct stat st;

    if (geteuid() != 0)
        return;
    ck_assert_int_eq(chown(env.path, 1234, 2345), 0);
    env.uid = 1234;
    env.gid = 2345;
    struct store *s = open_store();
    put(s, "a", "b");
    const char *const names[] = {".spin", DB_NAME, DB_NAME "-wal"};
    for (unsigned i = 0; i < 3; i++) {
        ck_assert_int_eq(lstat(env_path(names[i]), &st), 0);
        ck_assert_uint_eq(st.st_uid, 1234);
        ck_assert_uint_eq(st.st_gid, 2345);
    }
    close_store(s);
    ck_assert_int_eq(chown(env_path(DB_NAME), 4321, 2345), 0);
    check_refused(ERR_OTHER, "its owner is not the directory's owner");
    /* What the owner may not enter is not entered for the owner. */
    ck_assert_int_eq(chown(env_path(".spin"), 0, 0), 0);
    check_refused(ERR_OTHER, ".spin': Permission denied");
    env_write("root", "x", 1);
    ck_assert_int_eq(lstat(env_path("root"), &st), 0);
    ck_assert_uint_eq(st.st_uid, 0); /* and afterwards we are ourselves again */
}
END_TEST

START_TEST(file_that_is_not_a_database)
{
    char bytes[5000];

    memset(bytes, 'x', sizeof(bytes));
    env_mkdir(".spin");
    env_write(DB_NAME, bytes, sizeof(bytes));
    check_refused(ERR_OTHER, "sqlite_key_value.db': not a SQLite database");
}
END_TEST

START_TEST(damaged_database)
{
    env_sql(SPIN_SQL "; INSERT INTO spin_key_value VALUES ('default', 'a', zeroblob(10000))");
    FILE *f = fopen(env_path(DB_NAME), "r+");
    ck_assert_ptr_nonnull(f);
    ck_assert_int_eq(fseek(f, 100, SEEK_SET), 0);
    for (int i = 0; i < 3996; i++)
        fputc(0xa5, f);
    ck_assert_int_eq(fclose(f), 0);
    check_refused(ERR_OTHER, "damaged");
}
END_TEST

START_TEST(damage_found_while_reading_fails_the_operation)
{
    env_sql(SPIN_SQL
            ";"
            "WITH RECURSIVE n(i) AS (VALUES (0) UNION ALL SELECT i + 1 FROM n WHERE i < 999)"
            " INSERT INTO spin_key_value SELECT 'default', format('%04d', i),"
            " zeroblob(100) FROM n");
    struct stat st;
    ck_assert_int_eq(stat(env_path(DB_NAME), &st), 0);
    FILE *f = fopen(env_path(DB_NAME), "r+");
    ck_assert_ptr_nonnull(f);
    /* The first three pages are the schema and the roots of table and index. */
    ck_assert_int_eq(fseek(f, 3 * 4096, SEEK_SET), 0);
    for (long i = 3 * 4096; i < st.st_size; i++)
        fputc(0xa5, f);
    ck_assert_int_eq(fclose(f), 0);
    struct store *s = open_store();
    run_refused(s, op_get("0500"), ERR_OTHER, "damaged");
    struct error e;
    store_close(s, &e);
}
END_TEST

START_TEST(foreign_tables_are_refused_and_left_alone)
{
    static const char *const schemas[] = {
        "CREATE TABLE spin_key_value (store TEXT NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL,"
        " expires INTEGER, PRIMARY KEY (store, key))",
        "CREATE TABLE spin_key_value (store TEXT NOT NULL, key TEXT NOT NULL, PRIMARY KEY (store,"
        " key))",
        "CREATE TABLE spin_key_value (store TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL,"
        " PRIMARY KEY (store, key))",
        "CREATE TABLE spin_key_value (store TEXT NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL)",
        "CREATE TABLE spin_key_value (store TEXT NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL,"
        " PRIMARY KEY (key, store))",
        "CREATE TABLE t (store TEXT, key TEXT, value BLOB);"
        "CREATE VIEW Spin_Key_Value AS SELECT * FROM t",
    };
    for (unsigned i = 0; i < sizeof(schemas) / sizeof(schemas[0]); i++) {
        env_sql(schemas[i]);
        check_refused(ERR_OTHER, "spin_key_value is not Spin's");
        env_check_plain();
        env_remove(env_path(".spin"));
    }
    env_sql("PRAGMA encoding = 'UTF-16'; " SPIN_SQL);
    check_refused(ERR_OTHER, "not in UTF-8");
}
END_TEST

START_TEST(other_tables_are_none_of_our_business)
{
    env_sql("CREATE TABLE notes (text); INSERT INTO notes VALUES ('keep')");
    struct store *s = open_store();
    put(s, "a", "b");
    close_store(s);
    ck_assert_int_eq(env_sql_int("SELECT count(*) FROM notes WHERE text = 'keep'"), 1);
    ck_assert_int_eq(env_sql_int("SELECT count(*) FROM spin_key_value"), 1);
}
END_TEST

START_TEST(triggers_in_the_file_do_not_run)
{
    env_sql(SPIN_SQL "; CREATE TABLE log (key);"
                     "CREATE TRIGGER t AFTER INSERT ON spin_key_value BEGIN"
                     " INSERT INTO log VALUES (new.key); END");
    struct store *s = open_store();
    put(s, "a", "b");
    check_get(s, "a", "b");
    close_store(s);
    ck_assert_int_eq(env_sql_int("SELECT count(*) FROM log"), 0);
}
END_TEST

START_TEST(what_is_not_a_file_of_its_own_is_refused)
{
    env_mkdir(".spin");
    env_mkdir(DB_NAME);
    check_refused(ERR_OTHER, "a directory");
    ck_assert_int_eq(rmdir(env_path(DB_NAME)), 0);
    ck_assert_int_eq(mkfifo(env_path(DB_NAME), 0600), 0);
    check_refused(ERR_OTHER, "not a regular file");
    ck_assert_int_eq(unlink(env_path(DB_NAME)), 0);
    ck_assert_int_eq(symlink("../elsewhere.db", env_path(DB_NAME)), 0);
    check_refused(ERR_OTHER, "a symbolic link");
    ck_assert(!env_exists("elsewhere.db"));
}
END_TEST

START_TEST(state_directory_that_is_a_symlink_is_refused)
{
    env_mkdir("elsewhere");
    ck_assert_int_eq(symlink("elsewhere", env_path(".spin")), 0);
    check_refused(ERR_OTHER, ".spin': not a directory");
    ck_assert(!env_exists("elsewhere/sqlite_key_value.db"));
}
END_TEST

START_TEST(unreadable_and_unwritable_files)
{
    if (geteuid() == 0) /* may read and write everything: be the directory's owner instead */
        ck_assert_int_eq(chown(env.path, 65534, 65534) || setegid(65534) || seteuid(65534), 0);
    env_sql(SPIN_SQL);
    ck_assert_int_eq(chmod(env_path(DB_NAME), 0000), 0);
    check_refused(ERR_OTHER, "Permission denied");
    ck_assert_int_eq(chmod(env_path(DB_NAME), 0400), 0);
    check_refused(ERR_OTHER, "not writable");
    ck_assert_int_eq(chmod(env_path(".spin"), 0000), 0);
    check_refused(ERR_OTHER, "Permission denied");
    ck_assert_int_eq(chmod(env_path(".spin"), 0700), 0);
    ck_assert_int_eq(seteuid(getuid()), 0);
}
END_TEST

START_TEST(path_longer_than_sqlite_takes)
{
    char name[201];
    char path[900];
    struct directory deep = {0};
    struct store *s = NULL;
    struct error e = {0};

    memset(name, 'd', 200);
    name[200] = '\0';
    snprintf(path, sizeof(path), "%s", env.path);
    for (int i = 0; i < 3; i++) {
        size_t at = strlen(path);
        snprintf(path + at, sizeof(path) - at, "/%s", name);
        ck_assert_int_eq(mkdir(path, 0700), 0);
    }
    ck_assert_int_eq(directory_init(&deep, path, &e), 0);
    ck_assert_int_eq(store_open(&deep, &s, &e), ERR_OTHER);
    ck_assert_ptr_nonnull(strstr(e.text, "longer than"));
    directory_fini(&deep);
}
END_TEST

START_TEST(directory_gone_or_replaced)
{
    char moved[300];

    snprintf(moved, sizeof(moved), "%s.moved", env.path);
    ck_assert_int_eq(rename(env.path, moved), 0);
    check_refused(ERR_NO_SUCH_APP, "is gone");
    ck_assert_int_eq(mkdir(env.path, 0700), 0);
    check_refused(ERR_NO_SUCH_APP, "was replaced");
    ck_assert(!env_exists(".spin"));
    env_remove(moved);
}
END_TEST

START_TEST(check_notices_a_file_that_was_taken_away)
{
    struct error e = {0};
    struct store *s = open_store();

    put(s, "a", "old");
    ck_assert_int_eq(store_check(s, &e), 0);
    env_remove(env_path(".spin"));
    ck_assert_int_eq(store_check(s, &e), ERR_OTHER);
    ck_assert_ptr_nonnull(strstr(e.text, DB_NAME "' was deleted or replaced"));
    /* Its successor's files are not touched when it is closed. */
    env_sql(SPIN_SQL);
    env_write(DB_NAME "-wal", "", 0);
    ck_assert_int_eq(store_check(s, &e), ERR_OTHER);
    store_close(s, &e);
    ck_assert(env_exists(DB_NAME "-wal"));
    s = open_store();
    check_get(s, "a", NULL);
    env_remove(env.path);
    ck_assert_int_eq(store_check(s, &e), ERR_NO_SUCH_APP);
    store_close(s, &e);
    ck_assert(!env_exists(""));
    ck_assert_int_eq(mkdir(env.path, 0700), 0);
}
END_TEST

/* Else a checkpoint that a power cut ends would leave what cannot be told from a plain file beside another one's WAL. */
static void check_says_wal(const char *name)
{
    uint8_t versions[2] = {0};
    FILE *f = fopen(env_path(name), "rb");

    ck_assert_ptr_nonnull(f);
    ck_assert_int_eq(fseek(f, 18, SEEK_SET), 0);
    ck_assert_uint_eq(fread(versions, 1, sizeof(versions), f), 2);
    fclose(f);
    ck_assert_uint_eq(versions[0], 2);
    ck_assert_uint_eq(versions[1], 2);
}

/* As if a power cut had brought a journal back, which made the file a plain one again. */
START_TEST(wal_beside_a_plain_file_that_was_in_use_is_its_own)
{
    struct store *s = open_store();
    struct error e = {0};
    char command[600];

    put(s, "a", "1");
    ck_assert_int_eq(store_fold(s, &e), 0);
    snprintf(command, sizeof(command),
             "mkdir '%1$s/cut' && cp -r '%1$s/.spin' '%1$s/cut/' && printf '\\001\\001' |"
             " dd of='%1$s/cut/" DB_NAME "' bs=1 seek=18 conv=notrunc status=none",
             env.path);
    ck_assert_int_eq(system(command), 0);
    close_store(s);
    struct directory cut;
    ck_assert_int_eq(directory_init(&cut, env_path("cut"), &e), 0);
    ck_assert_msg(store_open(&cut, &s, &e) == 0, "%s", e.text);
    check_get(s, "a", "1");
    check_says_wal("cut/" DB_NAME);
    close_store(s);
    directory_fini(&cut);
}
END_TEST

Suite *store_file_suite(void)
{
    Suite *suite = suite_create("store_file");
    TCase *tc = tcase_create("files");

    tcase_add_checked_fixture(tc, env_setup, env_teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, new_files_are_private);
    tcase_add_test(tc, new_files_are_their_owners);
    tcase_add_test(tc, file_that_is_not_a_database);
    tcase_add_test(tc, damaged_database);
    tcase_add_test(tc, damage_found_while_reading_fails_the_operation);
    tcase_add_test(tc, foreign_tables_are_refused_and_left_alone);
    tcase_add_test(tc, other_tables_are_none_of_our_business);
    tcase_add_test(tc, triggers_in_the_file_do_not_run);
    tcase_add_test(tc, what_is_not_a_file_of_its_own_is_refused);
    tcase_add_test(tc, state_directory_that_is_a_symlink_is_refused);
    tcase_add_test(tc, unreadable_and_unwritable_files);
    tcase_add_test(tc, path_longer_than_sqlite_takes);
    tcase_add_test(tc, directory_gone_or_replaced);
    tcase_add_test(tc, check_notices_a_file_that_was_taken_away);
    tcase_add_test(tc, wal_beside_a_plain_file_that_was_in_use_is_its_own);
    suite_add_tcase(suite, tc);
    return suite;
}
