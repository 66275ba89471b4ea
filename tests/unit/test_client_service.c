/* The blocking calls beyond Spin's four verbs: what they send, and what they make of the answers.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/test_client_peer.h"

static struct peer p;

static void setup(void)
{
    peer_setup(&p);
}

static void teardown(void)
{
    peer_teardown(&p);
}

#define assert_ok(call)                                                                            \
    do {                                                                                           \
        bobbin_status status_ = (call);                                                            \
        ck_assert_msg(status_ == BOBBIN_OK, #call ": %s", bobbin_error(p.b));                      \
    } while (0)

#define S(text)                                                                                    \
    {                                                                                              \
        text, sizeof(text) - 1                                                                     \
    }

#define COMMIT "{\"commit\": true}"

START_TEST(commit_numbers_come_with_results)
{
    bool exists;
    ck_assert_uint_eq(bobbin_last_commit(p.b), 0);
    peer_result(&p, "[nil, 41]");
    assert_ok(bobbin_set(p.b, "default", "k", 1, "v", 1));
    ck_assert_uint_eq(bobbin_last_commit(p.b), 41);
    peer_error(&p, "busy", "later");
    ck_assert_int_eq(bobbin_exists(p.b, "default", "k", 1, &exists), BOBBIN_BUSY);
    peer_result(&p, "\"pong\"");
    assert_ok(bobbin_ping(p.b));
    ck_assert_uint_eq(bobbin_last_commit(p.b), 41);
    peer_result(&p, "[true, 9000000000000]");
    assert_ok(bobbin_exists(p.b, "default", "k", 1, &exists));
    ck_assert_uint_eq(bobbin_last_commit(p.b), 9000000000000);
    ck_assert_uint_eq(bobbin_last_commit(NULL), 0);
}
END_TEST

START_TEST(entries_that_expire)
{
    int64_t ms = 0;
    peer_result(&p, "[nil, 1]");
    assert_ok(bobbin_set_ttl(p.b, "default", "k", 1, "v", 1, 1500));
    peer_expect(&p, "[\"set\", [\"default\", \"k\", b\"v\", {\"ttl_ms\": 1500, "
                    "\"commit\": true}]]");
    peer_result(&p, "[1499, 1]");
    assert_ok(bobbin_ttl(p.b, "default", "k", 1, &ms));
    peer_expect(&p, "[\"ttl\", [\"default\", \"k\", " COMMIT "]]");
    ck_assert_int_eq(ms, 1499);
    peer_result(&p, "[-1, 1]");
    assert_ok(bobbin_ttl(p.b, "default", "k", 1, &ms));
    ck_assert_int_eq(ms, BOBBIN_TTL_NONE);
    peer_result(&p, "[nil, 1]");
    assert_ok(bobbin_ttl(p.b, "default", "k", 1, &ms));
    ck_assert_int_eq(ms, BOBBIN_TTL_ABSENT);
    ck_assert_int_eq(bobbin_set_ttl(p.b, "default", "k", 1, "v", 1, 0), BOBBIN_MISUSE);
    ck_assert_int_eq(bobbin_set_ttl(p.b, "default", "k", 1, "v", 1, -5), BOBBIN_MISUSE);
    ck_assert_int_eq(bobbin_ttl(p.b, "default", "k", 1, NULL), BOBBIN_MISUSE);
}
END_TEST

START_TEST(get_many_keeps_the_order)
{
    const bobbin_string keys[] = {S("a"), S("b"), S(""), S("a")};
    bobbin_values *values;
    peer_result(&p, "[[b\"one\", nil, b\"\", b\"one\"], 5]");
    assert_ok(bobbin_get_many(p.b, "default", keys, 4, &values));
    peer_expect(&p, "[\"get_many\", [\"default\", [\"a\", \"b\", \"\", \"a\"], " COMMIT "]]");
    ck_assert_uint_eq(values->count, 4);
    ck_assert_str_eq(values->values[0].data, "one");
    ck_assert_uint_eq(values->values[0].len, 3);
    ck_assert_ptr_null(values->values[1].data);
    ck_assert_str_eq(values->values[2].data, "");
    ck_assert_str_eq(values->values[3].data, "one");
    bobbin_values_free(values);

    peer_result(&p, "[[], 5]");
    assert_ok(bobbin_get_many(p.b, "default", NULL, 0, &values));
    peer_expect(&p, "[\"get_many\", [\"default\", [], " COMMIT "]]");
    ck_assert_uint_eq(values->count, 0);
    bobbin_values_free(values);
}
END_TEST

START_TEST(set_many_and_delete_many)
{
    const bobbin_entry entries[] = {{S("a"), S("one")}, {S("b"), {NULL, 0}}};
    const bobbin_string keys[] = {S("a"), S("b")};
    peer_result(&p, "[nil, 5]");
    assert_ok(bobbin_set_many(p.b, "default", entries, 2, 0));
    peer_expect(&p,
                "[\"set_many\", [\"default\", [[\"a\", b\"one\"], [\"b\", b\"\"]], " COMMIT "]]");
    peer_result(&p, "[nil, 6]");
    assert_ok(bobbin_set_many(p.b, "default", entries, 1, 70));
    peer_expect(&p, "[\"set_many\", [\"default\", [[\"a\", b\"one\"]], {\"ttl_ms\": 70, "
                    "\"commit\": true}]]");
    peer_result(&p, "[nil, 7]");
    assert_ok(bobbin_delete_many(p.b, "default", keys, 2));
    peer_expect(&p, "[\"delete_many\", [\"default\", [\"a\", \"b\"], " COMMIT "]]");
    ck_assert_uint_eq(bobbin_last_commit(p.b), 7);
}
END_TEST

START_TEST(increment_has_the_new_value)
{
    int64_t value = 0;
    peer_result(&p, "[-9223372036854775807, 2]");
    assert_ok(bobbin_increment(p.b, "default", "n", 1, -5, &value));
    peer_expect(&p, "[\"increment\", [\"default\", \"n\", -5, " COMMIT "]]");
    ck_assert_int_eq(value, -INT64_MAX);
    peer_result(&p, "[8, 2]");
    assert_ok(bobbin_increment(p.b, "default", "n", 1, INT64_MAX, NULL));
    peer_expect(&p, "[\"increment\", [\"default\", \"n\", 9223372036854775807, " COMMIT "]]");
}
END_TEST

START_TEST(swap_tells_what_is_there)
{
    bool swapped = false;
    void *current = &p;
    size_t len = 99;
    peer_result(&p, "[[true, nil], 2]");
    assert_ok(bobbin_swap(p.b, "s", "k", 1, NULL, 0, "new", 3, &swapped, &current, &len));
    peer_expect(&p, "[\"swap\", [\"s\", \"k\", nil, b\"new\", " COMMIT "]]");
    ck_assert(swapped);
    ck_assert_ptr_null(current);
    ck_assert_uint_eq(len, 0);

    peer_result(&p, "[[false, b\"other\"], 3]");
    assert_ok(bobbin_swap(p.b, "s", "k", 1, "old", 3, "", 0, &swapped, &current, &len));
    peer_expect(&p, "[\"swap\", [\"s\", \"k\", b\"old\", b\"\", " COMMIT "]]");
    ck_assert(!swapped);
    ck_assert_str_eq(current, "other");
    ck_assert_uint_eq(len, 5);
    bobbin_free(current);

    peer_result(&p, "[[false, nil], 3]");
    assert_ok(bobbin_swap(p.b, "s", "k", 1, "", 0, "v", 1, &swapped, &current, &len));
    peer_expect(&p, "[\"swap\", [\"s\", \"k\", b\"\", b\"v\", " COMMIT "]]");
    ck_assert_ptr_null(current);

    peer_result(&p, "[[false, b\"thrown away\"], 3]");
    assert_ok(bobbin_swap(p.b, "s", "k", 1, "x", 1, "v", 1, &swapped, NULL, NULL));
    ck_assert(!swapped);
}
END_TEST

START_TEST(atomic_sends_checks_and_operations)
{
    const bobbin_check checks[] = {
        {BOBBIN_CHECK_VALUE, S("a"), S("one"), 0},
        {BOBBIN_CHECK_ABSENT, S("b"), {NULL, 0}, 0},
        {BOBBIN_CHECK_SINCE, S("c"), {NULL, 0}, 77},
    };
    const bobbin_op ops[] = {
        {BOBBIN_OP_SET, S("a"), S("two"), 0, 0},
        {BOBBIN_OP_SET, S("b"), S(""), 900, 0},
        {BOBBIN_OP_DELETE, S("c"), {NULL, 0}, 0, 0},
        {BOBBIN_OP_INCREMENT, S("d"), {NULL, 0}, 0, -3},
    };
    bool applied = false;
    size_t failed = 99;
    peer_result(&p, "[[true, nil], 78]");
    assert_ok(bobbin_atomic(p.b, "default", checks, 3, ops, 4, &applied, &failed));
    peer_expect(&p, "[\"atomic\", [\"default\", "
                    "[[\"a\", b\"one\"], [\"b\", nil], [\"c\", {\"since\": 77}]], "
                    "[[\"set\", \"a\", b\"two\"], [\"set\", \"b\", b\"\", {\"ttl_ms\": 900}], "
                    "[\"delete\", \"c\"], [\"increment\", \"d\", -3]], " COMMIT "]]");
    ck_assert(applied);
    ck_assert_uint_eq(failed, 99);

    peer_result(&p, "[[false, 2], 78]");
    assert_ok(bobbin_atomic(p.b, "default", checks, 3, NULL, 0, &applied, &failed));
    ck_assert(!applied);
    ck_assert_uint_eq(failed, 2);
    peer_result(&p, "[[false, 0], 78]");
    assert_ok(bobbin_atomic(p.b, "default", checks, 1, ops, 1, &applied, NULL));
    peer_error(&p, "stale", "");
    ck_assert_int_eq(bobbin_atomic(p.b, "default", checks, 3, ops, 4, &applied, NULL),
                     BOBBIN_STALE);
}
END_TEST

START_TEST(entries_come_in_pages)
{
    const bobbin_keys_options options = {.prefix = "a", .prefix_len = 1, .reverse = true};
    bobbin_entry_page *page;
    peer_result(&p, "[[[[\"ab\", b\"two\"], [\"a\", b\"\"]], b\"next\"], 4]");
    assert_ok(bobbin_entries(p.b, "default", &options, &page));
    peer_expect(&p, "[\"entries\", [\"default\", {\"prefix\": \"a\", \"reverse\": true, "
                    "\"commit\": true}]]");
    ck_assert_uint_eq(page->count, 2);
    ck_assert_str_eq(page->entries[0].key.data, "ab");
    ck_assert_str_eq(page->entries[0].value.data, "two");
    ck_assert_uint_eq(page->entries[0].value.len, 3);
    ck_assert_str_eq(page->entries[1].key.data, "a");
    ck_assert_str_eq(page->entries[1].value.data, "");
    ck_assert(page->more);
    ck_assert_str_eq(page->cursor.data, "next");
    bobbin_entry_page_free(page);

    peer_result(&p, "[[[], nil], 4]");
    assert_ok(bobbin_entries(p.b, "default", NULL, &page));
    peer_expect(&p, "[\"entries\", [\"default\", " COMMIT "]]");
    ck_assert_uint_eq(page->count, 0);
    ck_assert(!page->more);
    bobbin_entry_page_free(page);
}
END_TEST

START_TEST(entries_come_with_their_time)
{
    const bobbin_keys_options options = {.ttl = true};
    bobbin_entry_page *page = NULL;
    peer_result(&p, "[[[[\"a\", b\"1\", -1], [\"b\", b\"2\", 5000]], nil], 4]");
    assert_ok(bobbin_entries(p.b, "default", &options, &page));
    peer_expect(&p, "[\"entries\", [\"default\", {\"ttl\": true, \"commit\": true}]]");
    ck_assert_int_eq(page->ttl_ms[0], BOBBIN_TTL_NONE);
    ck_assert_int_eq(page->ttl_ms[1], 5000);
    ck_assert_str_eq(page->entries[1].value.data, "2");
    bobbin_entry_page_free(page);

    peer_result(&p, "[[[[\"a\", b\"1\"]], nil], 4]");
    ck_assert_int_eq(bobbin_entries(p.b, "default", &options, &page), BOBBIN_BAD_RESPONSE);
}
END_TEST

START_TEST(count_has_entries_and_bytes)
{
    uint64_t entries, bytes;
    peer_result(&p, "[[1000000, 5000000000], 4]");
    assert_ok(bobbin_count(p.b, "default", &entries, &bytes));
    peer_expect(&p, "[\"count\", [\"default\", " COMMIT "]]");
    ck_assert_uint_eq(entries, 1000000);
    ck_assert_uint_eq(bytes, 5000000000);
    peer_result(&p, "[[0, 0], 4]");
    assert_ok(bobbin_count(p.b, "default", NULL, NULL));
}
END_TEST

START_TEST(backup_tells_what_it_wrote)
{
    bobbin_backup_info info;
    peer_result(&p, "{\"bytes\": 8192, \"pages\": 2, \"took_ms\": 1, \"commit\": 5}");
    assert_ok(bobbin_backup(p.b, "/tmp/copy.db", &info));
    peer_expect(&p, "[\"store.backup\", [\"/tmp/copy.db\"]]");
    ck_assert_uint_eq(info.bytes, 8192);
    ck_assert_uint_eq(info.pages, 2);
    ck_assert_uint_eq(info.commit, 5);
    peer_result(&p, "{\"bytes\": 0, \"pages\": 0, \"commit\": 0}");
    assert_ok(bobbin_backup(p.b, "/tmp/copy.db", NULL));
    peer_error(&p, "access-denied", "no");
    ck_assert_int_eq(bobbin_backup(p.b, "/x", &info), BOBBIN_ACCESS_DENIED);
    ck_assert_uint_eq(info.bytes, 8192);
    ck_assert_int_eq(bobbin_backup(p.b, NULL, &info), BOBBIN_MISUSE);
}
END_TEST

START_TEST(restore_is_told_whether_to_keep)
{
    bobbin_backup_info info;
    peer_result(&p, "{\"bytes\": 8192, \"pages\": 2, \"commit\": 9}");
    assert_ok(bobbin_restore(p.b, "/tmp/copy.db", true, &info));
    peer_expect(&p, "[\"store.restore\", [\"/tmp/copy.db\", {\"keep\": true}]]");
    ck_assert_uint_eq(info.bytes, 8192);
    ck_assert_uint_eq(info.commit, 9);
    ck_assert_int_eq(bobbin_restore(p.b, NULL, false, NULL), BOBBIN_MISUSE);
}
END_TEST

START_TEST(stats_are_flat)
{
    bobbin_stats *s;
    peer_result(&p, "{\"uptime_ms\": 12, \"apps\": {\"running\": 2, \"deep\": {\"x\": true}}, "
                    "\"list\": [1, {\"a\": 2}], \"nothing\": nil, \"version\": \"1.2\", "
                    "\"ready\": false, \"min\": -9}");
    assert_ok(bobbin_stats_get(p.b, NULL, &s));
    peer_expect(&p, "[\"stats\", []]");
    static const struct {
        const char *name;
        const char *text;
        int64_t number;
    } expected[] = {{"uptime_ms", NULL, 12}, {"apps.running", NULL, 2}, {"apps.deep.x", NULL, 1},
                    {"version", "1.2", 0},   {"ready", NULL, 0},        {"min", NULL, -9}};
    ck_assert_uint_eq(s->count, 6);
    for (size_t i = 0; i < s->count; i++) {
        ck_assert_str_eq(s->items[i].name, expected[i].name);
        ck_assert_int_eq(s->items[i].is_text, expected[i].text != NULL);
        ck_assert_pstr_eq(s->items[i].text, expected[i].text);
        ck_assert_int_eq(s->items[i].number, expected[i].number);
    }
    bobbin_stats_free(s);
    peer_result(&p, "{}");
    assert_ok(bobbin_stats_get(p.b, "app", &s));
    peer_expect(&p, "[\"stats\", [\"app\"]]");
    ck_assert_uint_eq(s->count, 0);
    bobbin_stats_free(s);
}
END_TEST

START_TEST(misuse_is_said_and_nothing_is_sent)
{
    const bobbin_string keys[] = {S("a"), {NULL, 0}};
    const bobbin_entry entries[] = {{S("a"), {NULL, 3}}};
    const bobbin_check checks[] = {{(bobbin_check_kind)3, S("a"), S("b"), 0},
                                   {BOBBIN_CHECK_VALUE, S("a"), {NULL, 1}, 0}};
    const bobbin_op ops[] = {{(bobbin_op_kind)-1, S("a"), S("b"), 0, 0},
                             {BOBBIN_OP_SET, S("a"), S("b"), -1, 0}};
    const bobbin_watch_options both = {.keys = keys, .key_count = 1, .prefix = ""};
    bobbin_values *values;
    bobbin_entry_page *page;
    bobbin_stats *stats;
    uint64_t id;
    bool done;
    void *current;
    const bobbin_status statuses[] = {
        bobbin_get_many(p.b, "s", keys, 2, &values),
        bobbin_get_many(p.b, "s", NULL, 1, &values),
        bobbin_get_many(p.b, "s", keys, 1, NULL),
        bobbin_get_many(p.b, NULL, keys, 1, &values),
        bobbin_set_many(p.b, "s", entries, 1, 0),
        bobbin_set_many(p.b, "s", NULL, 1, 0),
        bobbin_set_many(p.b, "s", NULL, 0, -1),
        bobbin_delete_many(p.b, "s", keys, 2),
        bobbin_increment(p.b, "s", NULL, 1, 1, NULL),
        bobbin_swap(p.b, "s", "k", 1, NULL, 1, "", 0, &done, NULL, NULL),
        bobbin_swap(p.b, "s", "k", 1, NULL, 0, NULL, 1, &done, NULL, NULL),
        bobbin_swap(p.b, "s", "k", 1, NULL, 0, "", 0, NULL, NULL, NULL),
        bobbin_swap(p.b, "s", "k", 1, NULL, 0, "", 0, &done, &current, NULL),
        bobbin_atomic(p.b, "s", checks, 1, NULL, 0, &done, NULL),
        bobbin_atomic(p.b, "s", checks + 1, 1, NULL, 0, &done, NULL),
        bobbin_atomic(p.b, "s", NULL, 1, NULL, 0, &done, NULL),
        bobbin_atomic(p.b, "s", NULL, 0, ops, 1, &done, NULL),
        bobbin_atomic(p.b, "s", NULL, 0, ops + 1, 1, &done, NULL),
        bobbin_atomic(p.b, "s", NULL, 0, NULL, 0, NULL, NULL),
        bobbin_entries(p.b, "s", NULL, NULL),
        bobbin_entries(p.b, NULL, NULL, &page),
        bobbin_count(p.b, NULL, NULL, NULL),
        bobbin_watch(p.b, "s", &both, &id),
        bobbin_watch(p.b, "s", NULL, NULL),
        bobbin_next_change(p.b, 0, NULL),
        bobbin_stats_get(p.b, NULL, NULL),
        bobbin_stats_get(NULL, NULL, &stats),
        bobbin_reconnect(p.b),
        bobbin_reconnect(NULL),
        bobbin_next_change(NULL, 0, NULL),
        bobbin_set_queue_limit(NULL, 1),
    };
    for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++)
        ck_assert_msg(statuses[i] == BOBBIN_MISUSE, "call %zu: %d", i, statuses[i]);
    ck_assert_int_eq(bobbin_get_many(p.b, "s", keys, SIZE_MAX, &values), BOBBIN_TOO_LARGE);
    bobbin_values_free(NULL);
    bobbin_entry_page_free(NULL);
    bobbin_stats_free(NULL);
    bobbin_change_free(NULL);

    peer_result(&p, "\"pong\"");
    assert_ok(bobbin_ping(p.b));
    peer_expect(&p, "[\"ping\", []]");
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("service");
    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, commit_numbers_come_with_results);
    tcase_add_test(tc, entries_that_expire);
    tcase_add_test(tc, get_many_keeps_the_order);
    tcase_add_test(tc, set_many_and_delete_many);
    tcase_add_test(tc, increment_has_the_new_value);
    tcase_add_test(tc, swap_tells_what_is_there);
    tcase_add_test(tc, atomic_sends_checks_and_operations);
    tcase_add_test(tc, entries_come_in_pages);
    tcase_add_test(tc, entries_come_with_their_time);
    tcase_add_test(tc, count_has_entries_and_bytes);
    tcase_add_test(tc, backup_tells_what_it_wrote);
    tcase_add_test(tc, restore_is_told_whether_to_keep);
    tcase_add_test(tc, stats_are_flat);
    tcase_add_test(tc, misuse_is_said_and_nothing_is_sent);

    Suite *s = suite_create("client service");
    suite_add_tcase(s, tc);
    SRunner *sr = srunner_create(s);
    srunner_run_all(sr, CK_NORMAL);
    int failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
