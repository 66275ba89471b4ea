/* store.backup: the copy is whole whatever goes on meanwhile, and made with the caller's rights. */
#include <check.h>
#include <errno.h>
#include <grp.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"
#include "talk.h"

#define NOBODY 65534

static struct harness h;
static struct talk peer;
static char app_dir[160];

static void setup(void)
{
    harness_init(&h);
    harness_start(&h);
    harness_register(&h, "app", NULL, app_dir);
    talk_open(&peer, &h, "app");
}

static void teardown(void)
{
    talk_close(&peer);
    harness_fini(&h);
}

static const char *in_dir(const char *name)
{
    static char path[200];
    snprintf(path, sizeof path, "%s/%s", h.dir, name);
    return path;
}

static bool is_there(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0;
}

static const char *read_text(const char *path)
{
    static char text[100];
    char *bytes = harness_read_file(path);
    ck_assert_ptr_nonnull(bytes);
    snprintf(text, sizeof text, "%s", bytes);
    free(bytes);
    return text;
}

/* The first column of the first row, in a buffer of its own. */
static const char *query(const char *file, const char *sql)
{
    static char text[200];
    sqlite3 *db;
    sqlite3_stmt *stmt;
    const unsigned char *value;
    ck_assert_int_eq(sqlite3_open_v2(file, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    ck_assert_msg(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) == SQLITE_OK, "%s: %s", file,
                  sqlite3_errmsg(db));
    ck_assert_int_eq(sqlite3_step(stmt), SQLITE_ROW);
    value = sqlite3_column_text(stmt, 0);
    snprintf(text, sizeof text, "%s", value ? (const char *)value : "NULL");
    sqlite3_finalize(stmt);
    sqlite3_close(db);
    return text;
}

static int64_t query_counter(const char *file, const char *key)
{
    char sql[200];
    uint64_t number = 0;
    const char *hex;
    snprintf(sql, sizeof sql, "SELECT hex(value) FROM spin_key_value WHERE key = '%s'", key);
    hex = query(file, sql);
    ck_assert_uint_eq(strlen(hex), 16);
    for (int i = 7; i >= 0; i--) {
        char byte[3] = {hex[2 * i], hex[2 * i + 1], '\0'};
        number = number << 8 | strtoul(byte, NULL, 16);
    }
    return (int64_t)number;
}

/* A database that stands for itself. */
static void check_plain(const char *file)
{
    char beside[220];
    ck_assert_str_eq(query(file, "PRAGMA integrity_check"), "ok");
    ck_assert_str_eq(query(file, "PRAGMA journal_mode"), "delete");
    snprintf(beside, sizeof beside, "%s-wal", file);
    ck_assert(!is_there(beside));
    snprintf(beside, sizeof beside, "%s-journal", file);
    ck_assert(!is_there(beside));
}

/* Fill the store so that a backup of it takes a while. */
static void fill(unsigned entries, unsigned size)
{
    char *value = malloc(size);
    struct message m;
    msgpack_packer pk;
    for (unsigned i = 0; i < entries; i++) {
        char key[16];
        snprintf(key, sizeof key, "fill-%u", i);
        memset(value, (int)i, size);
        message_write_request(&peer.out, ++peer.id, "set");
        pack_init(&pk, &peer.out);
        msgpack_pack_array(&pk, 3);
        pack_cstr(&pk, "default");
        pack_cstr(&pk, key);
        pack_slice_bin(&pk, (struct slice){value, size});
        talk_flush(&peer);
        ck_assert(talk_receive(&peer, &m));
        ck_assert_msg(!m.is_error, "%.*s", (int)m.text.len, m.text.data);
    }
    free(value);
}

/* Move one from "plus" to "minus", for ever, so that their sum stays. Ends with the connection. */
static pid_t start_mover(unsigned number)
{
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid)
        return pid;
    struct talk t;
    struct message m;
    talk_open(&t, &h, "app");
    for (unsigned i = 0;; i++) {
        talk_add(&t, "atomic",
                 "['default', [], [['increment', 'plus', 1], ['set', 'noise-%u-%u', b'%0500u'], "
                 "['increment', 'minus', -1]]]",
                 number, i % 1000, i);
        talk_flush(&t);
        if (!talk_receive(&t, &m) || m.is_error)
            _exit(1);
    }
}

START_TEST(test_under_load)
{
    enum { MOVERS = 8, BACKUPS = 4 };
    pid_t movers[MOVERS];
    int64_t last = 0;
    fill(40, 256 << 10);
    ck_assert_str_eq(talk_ask(&peer, "atomic",
                              "['default', [], [['increment', 'plus', 0], ['increment', 'minus', "
                              "0]]]"),
                     "[true, nil]");
    for (unsigned i = 0; i < MOVERS; i++)
        movers[i] = start_mover(i);
    for (unsigned i = 0; i < BACKUPS; i++) {
        char path[200], expected[64];
        const char *said;
        struct stat st;
        snprintf(path, sizeof path, "%s/copy-%u.db", h.dir, i);
        said = talk_ask(&peer, "store.backup", "['%s']", path);
        ck_assert_msg(said[0] == '{', "%s", said);
        ck_assert_int_eq(stat(path, &st), 0);
        snprintf(expected, sizeof expected, "'bytes': %ld", (long)st.st_size);
        ck_assert_msg(strstr(said, expected) != NULL, "%s, not %s", said, expected);
        ck_assert_int_eq(st.st_mode & 07777, 0600);
        check_plain(path);
        ck_assert_int_eq(query_counter(path, "plus"), -query_counter(path, "minus"));
        ck_assert_int_ge(query_counter(path, "plus"), last);
        last = query_counter(path, "plus");
        ck_assert_str_eq(query(path, "SELECT count(*) FROM spin_key_value WHERE key LIKE 'fill-%'"),
                         "40");
    }
    /* Nobody was stopped meanwhile. */
    ck_assert_int_gt(last, 0);
    for (unsigned i = 0; i < MOVERS; i++) {
        kill(movers[i], SIGKILL);
        ck_assert_int_eq(waitpid(movers[i], NULL, 0), movers[i]);
    }
}
END_TEST

START_TEST(test_commit_is_that_of_the_copy)
{
    const char *said;
    ck_assert_str_eq(talk_ask(&peer, "set", "['default', 'a', b'1']"), "nil");
    ck_assert_str_eq(talk_ask(&peer, "set", "['default', 'a', b'2']"), "nil");
    said = talk_ask(&peer, "store.backup", "['%s', {}]", in_dir("copy.db"));
    ck_assert_msg(strstr(said, "'commit': 2") != NULL, "%s", said);
    check_plain(in_dir("copy.db"));
    ck_assert_str_eq(query(in_dir("copy.db"), "SELECT CAST(value AS TEXT) FROM spin_key_value"),
                     "2");
}
END_TEST

/* A program with no more than rollback journals can read it where it may not write. */
START_TEST(test_readable_in_a_place_that_cannot_be_written)
{
    char dir[200], path[220];
    snprintf(dir, sizeof dir, "%s", in_dir("place"));
    ck_assert_int_eq(mkdir(dir, 0700), 0);
    snprintf(path, sizeof path, "%s/copy.db", dir);
    ck_assert_str_eq(talk_ask(&peer, "set", "['default', 'a', b'1']"), "nil");
    ck_assert_int_eq(talk_ask(&peer, "store.backup", "['%s']", path)[0], '{');
    ck_assert_int_eq(chmod(dir, 0500), 0);
    check_plain(path);
}
END_TEST

static void check_refused(const char *params, const char *code, const char *part)
{
    const char *said = talk_ask(&peer, "store.backup", "%s", params);
    ck_assert_msg(!strncmp(said, code, strlen(code)) && strstr(said, part), "%s: %s", params, said);
}

static void check_path_refused(const char *path, const char *code, const char *part)
{
    char params[300];
    snprintf(params, sizeof params, "['%s']", path);
    check_refused(params, code, part);
}

START_TEST(test_refused_paths)
{
    char target[200], expected[260];
    FILE *file = fopen(in_dir("there"), "w");
    ck_assert_ptr_nonnull(file);
    fputs("mine", file);
    fclose(file);
    snprintf(expected, sizeof expected, "'%s' exists already", in_dir("there"));
    check_path_refused(in_dir("there"), "invalid-request", expected);
    ck_assert_str_eq(read_text(in_dir("there")), "mine");
    snprintf(target, sizeof target, "%s", in_dir("target"));
    ck_assert_int_eq(symlink(target, in_dir("link")), 0);
    check_path_refused(in_dir("link"), "invalid-request", "exists already");
    ck_assert(!is_there(target));
    check_path_refused(h.dir, "invalid-request", "exists already");
    check_path_refused(in_dir("absent/copy.db"), "invalid-request", "No such file or directory");
    check_path_refused(in_dir("there/copy.db"), "invalid-request", "Not a directory");
    check_path_refused("copy.db", "invalid-request", "'copy.db' is not an absolute path");
    check_path_refused("", "invalid-request", "is not an absolute path");
    check_path_refused("/", "invalid-request", "does not name a file");
    check_path_refused(in_dir("copy.db/"), "invalid-request", "does not name a file");
    check_path_refused(in_dir(".."), "invalid-request", "does not name a file");
    check_path_refused("/proc/copy.db", "", "'/proc/copy.db'");
    check_refused("[7]", "invalid-request", "must be a string");
    check_refused("['/a\\x00b']", "invalid-request", "is not an absolute path");
    check_refused("['/a', {'b': 1}]", "invalid-request", "unknown option");
    /* It still works where it may, also through a link on the way. */
    ck_assert_int_eq(symlink(h.dir, in_dir("way")), 0);
    ck_assert_int_eq(talk_ask(&peer, "store.backup", "['%s']", in_dir("way/copy.db"))[0], '{');
    check_plain(in_dir("copy.db"));
}
END_TEST

/* As a user without rights, of whose app this is: what he may not make is refused to him. */
static void be_nobody(void)
{
    const char *said;
    struct stat st;
    ck_assert_int_eq(setgroups(0, NULL), 0);
    ck_assert_int_eq(setgid(NOBODY), 0);
    ck_assert_int_eq(setuid(NOBODY), 0);
    talk_open(&peer, &h, "theirs");
    ck_assert_str_eq(talk_ask(&peer, "set", "['default', 'a', b'1']"), "nil");
    said = talk_ask(&peer, "store.backup", "['%s']", in_dir("copy.db"));
    ck_assert_msg(!strncmp(said, "access-denied: cannot make ", 27), "%s", said);
    ck_assert(!is_there(in_dir("copy.db")));
    ck_assert_int_eq(talk_ask(&peer, "store.backup", "['%s']", in_dir("theirs/copy.db"))[0], '{');
    ck_assert_int_eq(stat(in_dir("theirs/copy.db"), &st), 0);
    ck_assert_uint_eq(st.st_uid, NOBODY);
    ck_assert_uint_eq(st.st_gid, NOBODY);
    check_plain(in_dir("theirs/copy.db"));
}

START_TEST(test_rights_of_the_caller)
{
    char dir[160];
    int status;
    pid_t pid;
    if (geteuid() != 0) {
        printf("not run by root: no other user to be\n");
        return;
    }
    ck_assert_int_eq(chmod(h.dir, 0755), 0);
    harness_make_app(&h, "theirs", NULL, dir);
    ck_assert_int_eq(chown(dir, NOBODY, NOBODY), 0);
    ck_assert_int_eq(talk_ask(&peer, "app.register", "['%s']", dir)[0], '{');
    fflush(NULL);
    pid = fork();
    if (!pid) {
        be_nobody();
        _exit(0);
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(status, 0);
    /* The thread that acted as somebody else is root's again. */
    for (unsigned i = 0; i < 16; i++) {
        char path[200];
        snprintf(path, sizeof path, "%s/root-%u.db", h.dir, i);
        ck_assert_int_eq(talk_ask(&peer, "store.backup", "['%s']", path)[0], '{');
    }
}
END_TEST

static bool is_there_now(void *arg)
{
    return is_there(arg);
}

START_TEST(test_daemon_stops_in_the_midst)
{
    char path[200];
    const char *said;
    fill(160, 512 << 10);
    snprintf(path, sizeof path, "%s", in_dir("copy.db"));
    talk_add(&peer, "store.backup", "['%s']", path);
    talk_flush(&peer);
    ck_assert(harness_wait(is_there_now, path));
    kill(h.pid, SIGTERM);
    said = talk_next(&peer);
    ck_assert_ptr_nonnull(said);
    /* It may have been done before the signal came: then it is whole. */
    if (!strncmp(said, "error", 5)) {
        ck_assert_msg(strstr(said, ": shutting-down: ") != NULL, "%s", said);
        ck_assert(!is_there(path));
    } else {
        check_plain(path);
    }
    ck_assert_int_eq(harness_stop(&h), 0);
    harness_start(&h);
}
END_TEST

START_TEST(test_caller_goes_away)
{
    char path[200];
    fill(40, 512 << 10);
    snprintf(path, sizeof path, "%s", in_dir("copy.db"));
    talk_add(&peer, "store.backup", "['%s']", path);
    talk_flush(&peer);
    ck_assert(harness_wait(is_there_now, path));
    talk_close(&peer);
    /* It serves on, and stops when it is told to. */
    talk_open(&peer, &h, "app");
    ck_assert_str_eq(talk_ask(&peer, "exists", "['default', 'fill-0']"), "true");
    ck_assert_int_eq(harness_stop(&h), 0);
    if (is_there(path))
        check_plain(path);
    harness_start(&h);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("backup");
    TCase *tc = tcase_create("backup");
    SRunner *runner;
    int failed;
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, test_under_load);
    tcase_add_test(tc, test_commit_is_that_of_the_copy);
    tcase_add_test(tc, test_readable_in_a_place_that_cannot_be_written);
    tcase_add_test(tc, test_refused_paths);
    tcase_add_test(tc, test_rights_of_the_caller);
    tcase_add_test(tc, test_daemon_stops_in_the_midst);
    tcase_add_test(tc, test_caller_goes_away);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
