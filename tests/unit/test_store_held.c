/* Entries that are held in memory: everybody finds them, nobody loses them, and they come to the file in the end. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/store_internal.h"
#include "daemon/store_recover.h"
#include "protocol/limits.h"
#include "protocol/message.h"
#include "test_store_env.h"
#include "test_store_suites.h"
#include "test_store_vfs.h"

static struct store *s;
static uint64_t log_most;

static void reopen(uint64_t hold_from, uint64_t hold_most)
{
    struct store_options options = store_defaults;
    struct error e = {0};

    options.hold_from = hold_from;
    options.hold_most = hold_most;
    options.log_first = 16384;
    options.log_most = log_most;
    options.fold_changes = 16; /* so that there are many folds */
    ck_assert_int_eq(store_close(s, &e), 0);
    ck_assert_msg(store_open_with(&env, &options, &s, &e) == 0, "%s", e.text);
}

static void setup(void)
{
    env_setup();
    test_vfs_install();
    s = NULL;
    log_most = 65536;
    reopen(UINT64_MAX, 1u << 20);
    put(s, "a", "old");
    put(s, "c", "old");
    reopen(0, 1u << 20);
}

static void teardown(void)
{
    struct error e;

    store_close(s, &e);
    env_teardown();
}

static size_t held(void)
{
    return s->held.table.count;
}

/* Two that the file has and three that it does not. */
static void hold_some(void)
{
    put(s, "a", "new a");
    put(s, "b", "new b");
    put(s, "c", "new c");
    put(s, "d", "new d");
    put(s, "e", "new e");
    ck_assert_uint_eq(held(), 5);
}

static struct op make(enum op_kind kind, const char *key)
{
    struct op op;

    op_init(&op, kind, NULL);
    op.label = text("default");
    if (key)
        op.key = text(key);
    op.limit = 100;
    return op;
}

/* The result's bytes hold this text. */
static void check_holds(struct op *op, const char *expected)
{
    ck_assert_msg(memmem(op->result.data, op->result.len, expected, strlen(expected)) != NULL,
                  "no %s in the result", expected);
}

START_TEST(they_are_found_one_by_one)
{
    hold_some();
    check_get(s, "a", "new a");
    check_get(s, "e", "new e");
    check_get(s, "f", NULL);
    struct op op = make(OP_EXISTS, "d");
    run(s, &op);
    ck_assert_uint_eq(op.result.data[0], 0xc3);
    op_fini(&op);
    ck_assert_uint_eq(held(), 5);
    op = make(OP_TTL, "b");
    run(s, &op);
    op_fini(&op);
    ck_assert_uint_eq(held(), 4);
}
END_TEST

static void check_page(const char *prefix, const char *cursor, uint32_t limit, bool reverse,
                       const char *expected)
{
    struct op op = make(OP_KEYS, NULL);
    char keys[64] = "";

    op.prefix = text(prefix);
    if (cursor)
        op.cursor = text(cursor);
    op.limit = limit;
    op.reverse = reverse;
    run(s, &op);
    struct reader r = reader_of(op.result.data, op.result.len);
    uint32_t two, count;
    ck_assert_int_eq(reader_array(&r, &two), 0);
    ck_assert_int_eq(reader_array(&r, &count), 0);
    while (count--) {
        struct slice key;
        ck_assert_int_eq(reader_str(&r, &key), 0);
        strncat(keys, key.data, key.len);
    }
    strcat(keys, reader_peek(&r) == READER_NIL ? "." : "+");
    ck_assert_str_eq(keys, expected);
    op_fini(&op);
}

START_TEST(a_page_brings_what_is_on_it_to_the_file)
{
    hold_some();
    check_page("", NULL, 1, false, "a+");
    ck_assert_uint_eq(held(), 2);
    check_page("", "c", 9, false, "de.");
    ck_assert_uint_eq(held(), 0);
}
END_TEST

START_TEST(pages_in_both_directions)
{
    hold_some();
    check_page("", NULL, 2, true, "ed+");
    ck_assert_uint_eq(held(), 1);
    hold_some();
    check_page("", "d", 2, true, "cb+");
    check_page("", "b", 2, true, "a.");
    hold_some();
    check_page("d", NULL, 2, true, "d.");
    ck_assert_uint_eq(held(), 4);
    check_page("d", "a", 2, false, "d.");
    check_page("b", NULL, 2, false, "b.");
    check_page("", NULL, 9, false, "abcde.");
}
END_TEST

START_TEST(they_count)
{
    struct op op = make(OP_COUNT, NULL);

    hold_some();
    run(s, &op);
    static const uint8_t expected[] = {0x92, 5, 30};
    ck_assert_uint_eq(op.result.len, sizeof(expected));
    ck_assert_mem_eq(op.result.data, expected, sizeof(expected));
    op_fini(&op);
    ck_assert_uint_eq(held(), 5);
    /* They count for a quota that is new, too. */
    store_set_quota(s, 0, 5);
    run_refused(s, op_set("f", text("f")), ERR_QUOTA_EXCEEDED, "6 entries");
    put(s, "e", "newer");
    check_get(s, "e", "newer");
    ck_assert_uint_eq(held(), 4);
    store_set_quota(s, 0, 0);
}
END_TEST

START_TEST(a_label_is_there)
{
    struct op op = op_set("k", text("v"));

    op.label = text("other");
    run(s, &op);
    op_fini(&op);
    op = make(OP_LABELS, NULL);
    run(s, &op);
    check_holds(&op, "default");
    check_holds(&op, "other");
    op_fini(&op);
    op = op_set("k2", text("v"));
    op.label = text("third");
    run(s, &op);
    op_fini(&op);
    op = op_get("k2");
    op.label = text("third");
    op.label_rule = LABEL_IF_PRESENT;
    run(s, &op);
    check_value(&op, "v");
}
END_TEST

START_TEST(other_writes_see_them)
{
    struct op op = make(OP_SWAP, "a");

    hold_some();
    op.expected = text("new a");
    op.value = text("swapped");
    run(s, &op);
    op_fini(&op);
    check_get(s, "a", "swapped");
    op = op_delete("b");
    run(s, &op);
    op_fini(&op);
    check_get(s, "b", NULL);
    op = op_set("c", text("short"));
    op.ttl_ms = 100000;
    run(s, &op);
    op_fini(&op);
    ck_assert_uint_eq(held(), 2);
    /* What has a time to live is not held: it would be forgotten that it has none any more. */
    put(s, "c", "for ever");
    ck_assert_uint_eq(held(), 2);
    op = make(OP_TTL, "c");
    run(s, &op);
    ck_assert_uint_eq(op.result.data[0], 0xff);
    op_fini(&op);
}
END_TEST

START_TEST(a_batch_that_fails_leaves_none)
{
    struct error e = {0};

    put(s, "a", "answered");
    ck_assert_int_eq(store_begin(s, &e), 0);
    struct op one = op_set("a", text("lost")), two = op_set("z", text("lost"));
    store_run(s, &one);
    store_run(s, &two);
    store_rollback(s);
    op_fini(&one);
    op_fini(&two);
    check_get(s, "a", "answered");
    check_get(s, "z", NULL);
    ck_assert_uint_eq(held(), 1);
}
END_TEST

static void check_new(struct store *store)
{
    check_get(store, "a", "new a");
    check_get(store, "b", "new b");
    check_get(store, "c", "new c");
    check_get(store, "d", "new d");
    check_get(store, "e", "new e");
}

/* Folds with and without some of them, and a crash at each. */
START_TEST(a_crash_costs_nothing)
{
    struct error e = {0};
    struct store *left;
    bool more;

    hold_some();
    left = open_crashed();
    check_new(left);
    close_crashed(left);
    struct op op = op_delete("x");
    run(s, &op);
    op_fini(&op);
    ck_assert_int_eq(store_fold_gathered(s, &e), 0);
    ck_assert_uint_eq(held(), 5);
    ck_assert_uint_lt(s->fold.commit, s->commit);
    left = open_crashed();
    check_new(left);
    ck_assert_uint_eq(store_commit_number(left), store_commit_number(s));
    close_crashed(left);
    check_page("", NULL, 1, false, "a+");
    ck_assert_int_eq(store_fold_gathered(s, &e), 0);
    put(s, "b", "newer b");
    left = open_crashed();
    check_get(left, "b", "newer b");
    check_get(left, "e", "new e");
    close_crashed(left);
    ck_assert_int_eq(store_drain(s, &more, &e), 0);
    ck_assert(!more);
    ck_assert_uint_eq(held(), 0);
    ck_assert_int_eq(store_fold(s, &e), 0);
    ck_assert_uint_eq(s->fold.commit, s->commit);
}
END_TEST

static void copy_as(const char *name)
{
    char command[600];

    snprintf(command, sizeof(command), "mkdir '%1$s/%2$s' && cp -r '%1$s/.spin' '%1$s/%2$s/'", env.path,
             name);
    ck_assert_int_eq(system(command), 0);
}

START_TEST(a_check_counts_what_is_in_the_log_alone)
{
    struct store_verified verified;
    struct directory cut;
    struct error e = {0};

    hold_some();
    ck_assert_int_eq(store_fold_gathered(s, &e), 0);
    copy_as("cut");
    ck_assert_int_eq(directory_init(&cut, env_path("cut"), &e), 0);
    ck_assert_msg(store_verify(&cut, &verified, &e) == 0, "%s", e.text);
    ck_assert_uint_eq(verified.logged, 5);
    ck_assert_uint_eq(verified.entries, 2);
    directory_fini(&cut);
}
END_TEST

/* A file that lacks them is no backup. */
START_TEST(a_copy_without_them_is_not_restored)
{
    struct store_restore *restore = NULL;
    struct error e = {0};
    char command[600];

    close_store(s);
    env_sql("INSERT INTO bobbin_meta (name, value) VALUES ('folded', 1)");
    snprintf(command, sizeof(command), "cp '%1$s/" DB_NAME "' '%1$s/copy.db'", env.path);
    ck_assert_int_eq(system(command), 0);
    int code = store_restore_prepare(&env, env_path("copy.db"), geteuid(), getegid(), &restore, &e);
    ck_assert_int_eq(code, ERR_INVALID_REQUEST);
    ck_assert_msg(strstr(e.text, "not all of it") != NULL, "%s", e.text);
    env_sql("DELETE FROM bobbin_meta WHERE name = 'folded'");
    s = open_store();
}
END_TEST

/* The log from which they would be made again is not missed without a word. */
START_TEST(a_log_that_is_missing_is_told)
{
    struct error e = {0};

    hold_some();
    ck_assert_int_eq(store_fold_gathered(s, &e), 0);
    copy_as("cut");
    ck_assert_int_eq(unlink(env_path("cut/" LOG_NAME)), 0);
    struct directory cut;
    struct store *left = NULL;
    ck_assert_int_eq(directory_init(&cut, env_path("cut"), &e), 0);
    ck_assert_int_eq(store_open(&cut, &left, &e), ERR_OTHER);
    ck_assert_msg(strstr(e.text, "its commit log ends with commit 2, not 7") != NULL, "%s", e.text);
    directory_fini(&cut);
}
END_TEST

START_TEST(a_store_that_is_closed_holds_nothing)
{
    hold_some();
    close_store(s);
    env_check_plain();
    s = open_store();
    check_new(s);
    ck_assert_uint_eq(held(), 0);
    close_store(s);
    s = NULL;
    ck_assert_int_eq(env_sql_int("SELECT count(*) FROM bobbin_meta WHERE name = 'folded'"), 0);
    ck_assert_int_eq(env_sql_int("SELECT count(*) FROM spin_key_value WHERE CAST(value AS TEXT) LIKE 'new %'"), 5);
}
END_TEST

/* Memory and log are bounded, whatever is written, and nothing is lost by it. */
START_TEST(they_have_their_bounds)
{
    enum { KEYS = 400, PUTS = 3000 };
    char key[16], value[48];
    unsigned last[KEYS] = {0};

    reopen(0, 20000);
    for (unsigned i = 1; i <= PUTS; i++) {
        unsigned k = i * 2654435761u % KEYS;
        snprintf(key, sizeof(key), "%u", k);
        snprintf(value, sizeof(value), "%u of these", i);
        put(s, key, value);
        last[k] = i;
        ck_assert_uint_le(s->held.table.bytes, 20000 + 300);
        ck_assert_uint_le(commit_log_size(s->commit_log), 3 * 65536);
    }
    struct store *left = open_crashed();
    for (unsigned k = 0; k < KEYS; k++) {
        snprintf(key, sizeof(key), "%u", k);
        snprintf(value, sizeof(value), "%u of these", last[k]);
        if (last[k]) {
            check_get(s, key, value);
            check_get(left, key, value);
        }
    }
    close_crashed(left);
}
END_TEST

/* What is done again after a crash has the same bounds. */
START_TEST(doing_again_has_its_bounds)
{
    enum { KEYS = 300 };
    struct store_options options = store_defaults;
    struct error e = {0};
    char key[16];
    struct store *left = NULL;
    struct directory cut;

    for (unsigned i = 0; i < KEYS; i++) {
        snprintf(key, sizeof(key), "%03u", i);
        put(s, key, i % 2 ? "odd" : "even");
    }
    copy_as("cut");
    ck_assert_int_eq(directory_init(&cut, env_path("cut"), &e), 0);
    options.hold_from = 0;
    options.hold_most = 4000;
    options.fold_changes = 16;
    ck_assert_msg(store_open_with(&cut, &options, &left, &e) == 0, "%s", e.text);
    ck_assert_uint_eq(store_commit_number(left), store_commit_number(s));
    check_get(left, "000", "even");
    check_get(left, "299", "odd");
    struct op op = make(OP_CHANGES, NULL);
    op.since = store_commit_number(s) - KEYS;
    run(left, &op);
    struct reader r = reader_of(op.result.data, op.result.len);
    uint32_t changes;
    ck_assert_int_eq(reader_array(&r, &changes), 0);
    ck_assert_uint_eq(changes, KEYS);
    op_fini(&op);
    close_store(left);
    directory_fini(&cut);
}
END_TEST

/* So many commits behind the last one up to which all is in the file that they do not fit into memory again. */
static void hold_many(void)
{
    char key[16];

    log_most = 8u << 20;
    reopen(0, 200000);
    for (unsigned i = 0; i < 4000; i++) {
        snprintf(key, sizeof(key), "%04u", i * 1237 % 4000);
        put(s, key, "value");
    }
    ck_assert_uint_gt(s->commit - s->fold.commit, held());
}

static int try_to_put(const char *key, const char *value)
{
    struct op op = op_set(key, text(value));
    struct error e = {0};
    int code = store_begin(s, &e);

    if (!code) {
        store_run(s, &op);
        code = store_commit(s, &e);
    }
    op_fini(&op);
    return code;
}

START_TEST(a_sync_that_fails_stops_nothing)
{
    hold_many();
    test_vfs_fail(VFS_LOG_SYNC, 1, 1, EIO);
    ck_assert_int_ne(try_to_put("0001", "lost"), 0);
    check_get(s, "0001", "value");
    check_get(s, "3999", "value");
    put(s, "0001", "again");
    check_get(s, "0001", "again");
    reopen(UINT64_MAX, 1u << 20);
    check_get(s, "0001", "again");
    check_get(s, "0002", "value");
    ck_assert_int_eq(env_sql_int("SELECT 1"), 1);
}
END_TEST

START_TEST(a_full_disk_can_be_read)
{
    unsigned failed = 0;
    char key[16];

    hold_many();
    test_vfs_fail(VFS_WAL_WRITE, 1, 1000000, SQLITE_FULL);
    for (unsigned i = 0; i < 1000 && !failed; i++) {
        snprintf(key, sizeof(key), "%04u", i * 1237 % 4000);
        failed += try_to_put(key, "value") != 0;
    }
    ck_assert_uint_eq(failed, 1);
    check_get(s, "0002", "value");
    check_get(s, "3999", "value");
    int writes = test_vfs_count(VFS_WAL_WRITE);
    for (unsigned i = 0; i < 20; i++)
        check_get(s, "0003", "value");
    ck_assert_int_le(test_vfs_count(VFS_WAL_WRITE), writes + 1);
    test_vfs_fail(VFS_WAL_WRITE, 1, 0, SQLITE_OK);
    usleep(600000);
    put(s, "0001", "again");
    reopen(UINT64_MAX, 1u << 20);
    check_get(s, "0001", "again");
    check_get(s, "3999", "value");
}
END_TEST

/* What does not go to the file is not in the way of the others. */
START_TEST(the_others_go_on)
{
    struct error e = {0};
    bool more;

    hold_some();
    test_vfs_fail(VFS_FILE_READ, 1, 1, SQLITE_IOERR_READ);
    for (unsigned i = 0; i < 3 && held(); i++)
        store_drain(s, &more, &e);
    test_vfs_fail(VFS_FILE_READ, 1, 0, SQLITE_OK);
    check_new(s);
    ck_assert_int_eq(store_fold(s, &e), 0);
    ck_assert_uint_eq(held(), 0);
}
END_TEST

Suite *store_held_suite(void)
{
    Suite *suite = suite_create("store_held");
    TCase *tc = tcase_create("held");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, they_are_found_one_by_one);
    tcase_add_test(tc, a_page_brings_what_is_on_it_to_the_file);
    tcase_add_test(tc, pages_in_both_directions);
    tcase_add_test(tc, they_count);
    tcase_add_test(tc, a_label_is_there);
    tcase_add_test(tc, other_writes_see_them);
    tcase_add_test(tc, a_batch_that_fails_leaves_none);
    tcase_add_test(tc, a_crash_costs_nothing);
    tcase_add_test(tc, a_check_counts_what_is_in_the_log_alone);
    tcase_add_test(tc, a_copy_without_them_is_not_restored);
    tcase_add_test(tc, a_log_that_is_missing_is_told);
    tcase_add_test(tc, a_store_that_is_closed_holds_nothing);
    tcase_add_test(tc, a_sync_that_fails_stops_nothing);
    tcase_add_test(tc, a_full_disk_can_be_read);
    tcase_add_test(tc, the_others_go_on);
    tcase_add_test(tc, they_have_their_bounds);
    tcase_add_test(tc, doing_again_has_its_bounds);
    suite_add_tcase(suite, tc);
    return suite;
}
