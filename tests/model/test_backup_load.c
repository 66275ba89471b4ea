/* Backups taken while eight connections write: each is a whole database of its own, shows one
 * moment, and has everything that was acknowledged before it was asked for.
 *
 * Each writer moves amounts between two accounts of its own, which together always hold TOTAL, and
 * counts how often. */
#include <check.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { BALLAST = 4000 };
#else
enum { BALLAST = 30000 };
#endif

enum { WRITERS = 8, TOTAL = 1000, BACKUPS = 5, BALLAST_LEN = 1000, MANY = 1000, MOVES = 50 };

struct writer {
    pthread_t thread;
    int number;
    atomic_long tried;        /* moves sent */
    atomic_long acknowledged; /* moves answered */
};

static struct harness h;
static struct writer writers[WRITERS];
static atomic_bool stop_writers;
static char app_dir[160];

static void setup(void)
{
    harness_init(&h);
    harness_start(&h);
    harness_register(&h, "plain", NULL, app_dir);
}

static void teardown(void)
{
    harness_fini(&h);
}

static bobbin_string key_of(const char *name, int number, char buffer[32])
{
    snprintf(buffer, 32, "%s-%d", name, number);
    return (bobbin_string){buffer, strlen(buffer)};
}

static void move(bobbin *b, struct writer *w, unsigned *seed)
{
    char left[32], right[32], moves[32];
    int64_t amount = rand_r(seed) % 2001 - 1000;
    bobbin_op ops[] = {
        {.kind = BOBBIN_OP_INCREMENT, .key = key_of("left", w->number, left), .delta = amount},
        {.kind = BOBBIN_OP_INCREMENT, .key = key_of("right", w->number, right), .delta = -amount},
        {.kind = BOBBIN_OP_INCREMENT, .key = key_of("moves", w->number, moves), .delta = 1},
    };
    bool applied;
    w->tried++;
    harness_ok(b, bobbin_atomic(b, "default", NULL, 0, ops, 3, &applied, NULL));
    ck_assert(applied);
    w->acknowledged++;
}

static void *write_until_told(void *arg)
{
    struct writer *w = arg;
    bobbin *b = harness_connect(&h, "plain");
    unsigned seed = (unsigned)w->number;
    char left[32];
    bobbin_string key = key_of("left", w->number, left);
    int64_t value;
    harness_ok(b, bobbin_increment(b, "default", key.data, key.len, TOTAL, &value));
    while (!stop_writers)
        move(b, w, &seed);
    bobbin_close(b);
    return NULL;
}

static long moves_acknowledged(void)
{
    long total = 0;
    for (int i = 0; i < WRITERS; i++)
        total += writers[i].acknowledged;
    return total;
}

/* Every writer has got on by that much. */
static bool writers_got_on(void *arg)
{
    const long *goals = arg;
    for (int i = 0; i < WRITERS; i++) {
        if (writers[i].acknowledged < goals[i])
            return false;
    }
    return true;
}

static void await_moves(void)
{
    long goals[WRITERS];
    for (int i = 0; i < WRITERS; i++)
        goals[i] = writers[i].acknowledged + MOVES;
    ck_assert_msg(harness_wait(writers_got_on, goals), "the writers do not get on");
}

/* What makes the file large enough that copying it takes many steps. */
static void write_ballast(bobbin *b)
{
    static char names[MANY][32], value[BALLAST_LEN];
    static bobbin_entry entries[MANY];
    memset(value, 'b', sizeof value);
    for (int first = 0; first < BALLAST; first += MANY) {
        for (int i = 0; i < MANY; i++) {
            entries[i].key = key_of("ballast", first + i, names[i]);
            entries[i].value = (bobbin_string){value, sizeof value};
        }
        harness_ok(b, bobbin_set_many(b, "default", entries, MANY, 0));
    }
}

/* One number of an SQL statement in which ?1 is `text`, unless that is NULL. */
static int64_t query(sqlite3 *db, const char *sql, const char *text)
{
    sqlite3_stmt *stmt;
    int64_t number;
    ck_assert_msg(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) == SQLITE_OK, "%s",
                  sqlite3_errmsg(db));
    if (text)
        sqlite3_bind_text(stmt, 1, text, -1, SQLITE_STATIC);
    ck_assert_msg(sqlite3_step(stmt) == SQLITE_ROW, "%s: no row for '%s'", sql, text ? text : "");
    if (sqlite3_column_type(stmt, 0) == SQLITE_BLOB) {
        ck_assert_int_eq(sqlite3_column_bytes(stmt, 0), sizeof number);
        memcpy(&number, sqlite3_column_blob(stmt, 0), sizeof number);
    } else {
        number = sqlite3_column_int64(stmt, 0);
    }
    sqlite3_finalize(stmt);
    return number;
}

static int64_t query_entry(sqlite3 *db, const char *name, int number)
{
    char key[32];
    key_of(name, number, key);
    return query(db, "SELECT value FROM spin_key_value WHERE store = 'default' AND key = ?1", key);
}

static void check_contents(sqlite3 *db, const long before[WRITERS], const long after[WRITERS])
{
    for (int i = 0; i < WRITERS; i++) {
        long moves = (long)query_entry(db, "moves", i);
        ck_assert_int_eq(query_entry(db, "left", i) + query_entry(db, "right", i), TOTAL);
        ck_assert_msg(moves >= before[i] && moves <= after[i],
                      "writer %d: %ld moves, of which %ld were acknowledged before and %ld sent", i,
                      moves, before[i], after[i]);
    }
    ck_assert_int_eq(
        query(db, "SELECT count(*) FROM spin_key_value WHERE key GLOB 'ballast-*'", NULL), BALLAST);
}

static void check_backup(const char *path, const bobbin_backup_info *info, const long *before,
                         const long *after)
{
    char wal[220];
    struct stat st;
    sqlite3 *db;
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_int_eq(st.st_size, (off_t)info->bytes);
    snprintf(wal, sizeof wal, "%s-wal", path);
    ck_assert_int_eq(access(wal, F_OK), -1);
    ck_assert_int_eq(sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    ck_assert_int_eq(query(db,
                           "SELECT count(*) = 1 AND max(integrity_check) = 'ok'"
                           " FROM pragma_integrity_check",
                           NULL),
                     1);
    ck_assert_int_eq(query(db, "SELECT page_count FROM pragma_page_count", NULL),
                     (int64_t)info->pages);
    ck_assert_int_eq(query(db,
                           "SELECT group_concat(name || type || pk) = 'storeTEXT1,keyTEXT2,"
                           "valueBLOB0' FROM pragma_table_info('spin_key_value')",
                           NULL),
                     1);
    check_contents(db, before, after);
    sqlite3_close(db);
}

static void take_backup(bobbin *b, int number)
{
    char path[200];
    long before[WRITERS], after[WRITERS];
    long begin, moved;
    bobbin_backup_info info;
    uint64_t commit;
    snprintf(path, sizeof path, "%s/backup-%d.db", h.dir, number);
    await_moves();
    for (int i = 0; i < WRITERS; i++)
        before[i] = writers[i].acknowledged;
    harness_ok(b, bobbin_count(b, "default", NULL, NULL));
    commit = bobbin_last_commit(b);
    moved = moves_acknowledged();
    begin = harness_now_ms();
    harness_ok(b, bobbin_backup(b, path, &info));
    begin = harness_now_ms() - begin;
    moved = moves_acknowledged() - moved;
    for (int i = 0; i < WRITERS; i++)
        after[i] = writers[i].tried;
    ck_assert_uint_ge(info.commit, commit);
    harness_ok(b, bobbin_count(b, "default", NULL, NULL));
    ck_assert_uint_le(info.commit, bobbin_last_commit(b));
    check_backup(path, &info, before, after);
    printf("%llu bytes in %ld ms, beside %ld writes\n", (unsigned long long)info.bytes, begin,
           moved);
    ck_assert_int_ne(bobbin_backup(b, path, NULL), BOBBIN_OK);
    check_backup(path, &info, before, after);
}

START_TEST(test_backups_under_load)
{
    bobbin *b = harness_connect(&h, "plain");
    long before[WRITERS];
    write_ballast(b);
    for (int i = 0; i < WRITERS; i++) {
        writers[i].number = i;
        ck_assert_int_eq(pthread_create(&writers[i].thread, NULL, write_until_told, &writers[i]),
                         0);
    }
    for (int i = 0; i < BACKUPS; i++)
        take_backup(b, i);
    stop_writers = true;
    for (int i = 0; i < WRITERS; i++)
        pthread_join(writers[i].thread, NULL);
    /* And one of a store at rest, which has exactly what was acknowledged. */
    for (int i = 0; i < WRITERS; i++)
        before[i] = writers[i].acknowledged;
    {
        char path[200];
        bobbin_backup_info info;
        snprintf(path, sizeof path, "%s/backup-rest.db", h.dir);
        harness_ok(b, bobbin_backup(b, path, &info));
        check_backup(path, &info, before, before);
    }
    bobbin_close(b);
    ck_assert_int_eq(harness_stop(&h), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("backup under load");
    TCase *tc = tcase_create("backup under load");
    SRunner *runner;
    int failed;
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 300);
    tcase_add_test(tc, test_backups_under_load);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
