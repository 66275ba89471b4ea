/* Listings: order, prefixes, pages, cursors, labels. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/limits.h"
#include "test_store_env.h"
#include "test_store_suites.h"

/* A page, its keys joined by spaces. */
struct page {
    char keys[1000];
    uint32_t count;
    bool more;
    char cursor[300];
};

static struct page list(struct store *s, struct op op)
{
    struct page page = {0};
    struct slice key;
    uint32_t n;

    run(s, &op);
    struct reader r = reader_of(op.result.data, op.result.len);
    ck_assert_int_eq(reader_array(&r, &n), 0);
    ck_assert_uint_eq(n, 2);
    ck_assert_int_eq(reader_array(&r, &page.count), 0);
    for (uint32_t i = 0; i < page.count; i++) {
        size_t at = strlen(page.keys);
        ck_assert_int_eq(reader_peek(&r), READER_STR);
        ck_assert_int_eq(reader_str(&r, &key), 0);
        snprintf(page.keys + at, sizeof(page.keys) - at, i ? " %.*s" : "%.*s", (int)key.len,
                 key.data);
    }
    page.more = reader_peek(&r) != READER_NIL;
    if (page.more) {
        ck_assert_int_eq(reader_peek(&r), READER_BIN);
        ck_assert_int_eq(reader_bytes(&r, &key), 0);
        snprintf(page.cursor, sizeof(page.cursor), "%.*s", (int)key.len, key.data);
    } else {
        reader_nil(&r);
    }
    ck_assert_int_eq(reader_peek(&r), READER_END);
    op_fini(&op);
    return page;
}

static struct page list_behind(struct store *s, const char *prefix, const char *cursor,
                               uint32_t limit)
{
    struct op op = op_keys(prefix, limit);

    op.cursor = text(cursor);
    return list(s, op);
}

static void put_all(struct store *s, const char *const *keys)
{
    for (; *keys; keys++)
        put(s, *keys, "v");
}

START_TEST(keys_come_in_order_of_their_bytes)
{
    const char *const keys[] = {
        "b", "\xf0\x9f\x98\x80", "a", "B", "ab", "\xc3\xa4", "\xef\xbf\xbd", "aa", "10", "9", NULL};
    struct store *s = open_store();

    put_all(s, keys);
    struct page page = list(s, op_keys("", 100));
    ck_assert_str_eq(page.keys, "10 9 B a aa ab b \xc3\xa4 \xef\xbf\xbd \xf0\x9f\x98\x80");
    ck_assert(!page.more);
    close_store(s);
}
END_TEST

START_TEST(prefix_is_compared_by_bytes)
{
    const char *const keys[] = {
        "a", "a:", "a:1", "a:2", "a;", "A:1", "a%", "a_", "a:\xf4\x8f\xbf\xbf", NULL};
    struct store *s = open_store();

    put_all(s, keys);
    ck_assert_str_eq(list(s, op_keys("a:", 100)).keys, "a: a:1 a:2 a:\xf4\x8f\xbf\xbf");
    ck_assert_str_eq(list(s, op_keys("a%", 100)).keys, "a%");
    ck_assert_str_eq(list(s, op_keys("a:\xf4", 100)).keys, "a:\xf4\x8f\xbf\xbf");
    ck_assert_uint_eq(list(s, op_keys("\xff", 100)).count, 0);
    ck_assert_uint_eq(list(s, op_keys("a:11", 100)).count, 0);
    close_store(s);
}
END_TEST

START_TEST(pages_join_without_gap_and_end_without_an_empty_one)
{
    const char *const keys[] = {"x", "p1", "p2", "p3", "p4", "q", NULL};
    struct store *s = open_store();

    put_all(s, keys);
    struct page first = list(s, op_keys("p", 2));
    ck_assert_str_eq(first.keys, "p1 p2");
    ck_assert(first.more);
    struct page second = list_behind(s, "p", first.cursor, 2);
    ck_assert_str_eq(second.keys, "p3 p4");
    ck_assert(!second.more);
    ck_assert(!list(s, op_keys("", 6)).more);
    ck_assert(list(s, op_keys("", 5)).more);
    close_store(s);
}
END_TEST

START_TEST(cursor_outside_the_prefix)
{
    const char *const keys[] = {"a", "p1", "p2", "z", NULL};
    struct store *s = open_store();

    put_all(s, keys);
    ck_assert_str_eq(list_behind(s, "p", "a", 10).keys, "p1 p2");
    ck_assert_str_eq(list_behind(s, "p", "", 10).keys, "p1 p2");
    ck_assert_str_eq(list_behind(s, "p", "p", 10).keys, "p1 p2");
    ck_assert_str_eq(list_behind(s, "p", "p1", 10).keys, "p2");
    ck_assert_uint_eq(list_behind(s, "p", "q", 10).count, 0);
    ck_assert_str_eq(list_behind(s, "", "", 10).keys, "a p1 p2 z");
    close_store(s);
}
END_TEST

START_TEST(cursor_outlives_its_key)
{
    const char *const keys[] = {"a", "b", "c", "d", "e", NULL};
    const char *const gone[] = {"b", "c"};
    struct store *s = open_store();

    put_all(s, keys);
    struct page first = list(s, op_keys("", 2));
    ck_assert_str_eq(first.cursor, "b");
    for (unsigned i = 0; i < 2; i++) {
        struct op op = op_delete(gone[i]);
        run(s, &op);
        op_fini(&op);
    }
    put(s, "aa", "too late to be seen");
    put(s, "bb", "just in time");
    ck_assert_str_eq(list_behind(s, "", first.cursor, 10).keys, "bb d e");
    close_store(s);
}
END_TEST

START_TEST(keys_with_nul_are_listed_and_resumed)
{
    struct store *s = open_store();
    const struct slice keys[] = {{"n", 1}, {"n\0", 2}, {"n\0a", 3}};

    for (unsigned i = 0; i < 3; i++) {
        struct op op = op_set(NULL, text("v"));
        op.key = keys[i];
        run(s, &op);
        op_fini(&op);
    }
    struct op op = op_keys("", 10);
    op.cursor = keys[1];
    ck_assert_uint_eq(list(s, op).count, 1);
    op = op_keys("", 10);
    op.prefix = keys[1];
    ck_assert_uint_eq(list(s, op).count, 2);
    close_store(s);
}
END_TEST

START_TEST(page_is_limited_in_keys_and_bytes)
{
    env_sql(SPIN_SQL
            ";"
            "WITH RECURSIVE n(i) AS (VALUES (0) UNION ALL SELECT i + 1 FROM n WHERE i < 10000)"
            " INSERT INTO spin_key_value SELECT 'default', format('%05d', i), 'v' FROM n;"
            "WITH RECURSIVE n(i) AS (VALUES (0) UNION ALL SELECT i + 1 FROM n WHERE i < 4)"
            " INSERT INTO spin_key_value"
            " SELECT 'default', format('z%d%.*c', i, 1048575, 'x'), 'v' FROM n");
    struct store *s = open_store();
    struct page page = list(s, op_keys("", UINT32_MAX));
    ck_assert_uint_eq(page.count, LIMIT_PAGE);
    ck_assert_str_eq(page.cursor, "09999");
    page = list(s, op_keys("z", 100));
    ck_assert_uint_eq(page.count, 3);
    ck_assert(page.more);
    close_store(s);
}
END_TEST

START_TEST(blobs_in_place_of_keys_end_a_listing)
{
    env_sql(SPIN_SQL "; INSERT INTO spin_key_value VALUES ('default', 'a', 'v'),"
                     " ('default', x'61', 'v'), ('default', x'62', 'v')");
    struct store *s = open_store();
    struct page page = list(s, op_keys("", 1));
    ck_assert_str_eq(page.keys, "a");
    ck_assert(!page.more);
    ck_assert_uint_eq(list_behind(s, "", "a", 1).count, 0);
    close_store(s);
}
END_TEST

START_TEST(other_labels_are_not_listed)
{
    env_sql(SPIN_SQL "; INSERT INTO spin_key_value VALUES ('default', 'a', 'v'),"
                     " ('defaul', 'b', 'v'), ('default2', 'c', 'v')");
    struct store *s = open_store();
    ck_assert_str_eq(list(s, op_keys("", 10)).keys, "a");
    close_store(s);
}
END_TEST

static char *labels(struct store *s)
{
    static char joined[20000];
    struct op op;
    struct slice label;
    uint32_t n;

    op_init(&op, OP_LABELS, NULL);
    run(s, &op);
    struct reader r = reader_of(op.result.data, op.result.len);
    ck_assert_int_eq(reader_array(&r, &n), 0);
    joined[0] = '\0';
    for (; n; n--) {
        ck_assert_int_eq(reader_str(&r, &label), 0);
        size_t at = strlen(joined);
        snprintf(joined + at, sizeof(joined) - at, "%.*s ", (int)label.len, label.data);
    }
    ck_assert_int_eq(reader_peek(&r), READER_END);
    op_fini(&op);
    return joined;
}

START_TEST(labels_are_listed_once_each)
{
    struct store *s = open_store();

    ck_assert_str_eq(labels(s), "");
    close_store(s);
    env_sql("INSERT INTO spin_key_value VALUES ('default', 'a', 'v'), ('default', 'b', 'v'),"
            " ('zoo', 'a', 'v'), ('cache', 'a', 'v'), (x'6162', 'a', 'v'), (x'6163', 'a', 'v'),"
            " (format('long%.*c', 300, 'x'), 'a', 'v')");
    s = open_store();
    ck_assert_str_eq(labels(s), "cache default zoo ");
    close_store(s);
}
END_TEST

/* The sweep has not come by yet. */
START_TEST(labels_of_expired_entries_are_not_there)
{
    struct store *s = open_store();
    struct op op;

    close_store(s);
    env_sql(
        "INSERT INTO spin_key_value VALUES ('gone', 'a', 'v'), ('gone', 'b', 'v'),"
        " ('half', 'a', 'v'), ('half', 'b', 'v'), ('whole', 'a', 'v');"
        "INSERT INTO bobbin_expiry VALUES ('gone', 'a', 1), ('gone', 'b', 2), ('half', 'a', 1)");
    s = open_store();
    ck_assert_str_eq(labels(s), "half whole ");
    op_init(&op, OP_GET, NULL);
    op.label_rule = LABEL_IF_PRESENT;
    op.label = (struct slice){"gone", 4};
    op.key = (struct slice){"a", 1};
    store_run(s, &op);
    ck_assert_int_eq(op.status, ERR_NO_SUCH_STORE);
    op_fini(&op);
    close_store(s);
}
END_TEST

START_TEST(labels_are_limited)
{
    env_sql(SPIN_SQL
            ";"
            "WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 1200)"
            " INSERT INTO spin_key_value SELECT format('%06d', i), 'k', 'v' FROM n");
    struct store *s = open_store();
    char *joined = labels(s);
    ck_assert_uint_eq(strlen(joined), 1000 * 7);
    ck_assert_str_eq(joined + 999 * 7, "001000 ");
    close_store(s);
}
END_TEST

Suite *store_list_suite(void)
{
    Suite *suite = suite_create("store_list");
    TCase *tc = tcase_create("listings");

    tcase_add_checked_fixture(tc, env_setup, env_teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, keys_come_in_order_of_their_bytes);
    tcase_add_test(tc, prefix_is_compared_by_bytes);
    tcase_add_test(tc, pages_join_without_gap_and_end_without_an_empty_one);
    tcase_add_test(tc, cursor_outside_the_prefix);
    tcase_add_test(tc, cursor_outlives_its_key);
    tcase_add_test(tc, keys_with_nul_are_listed_and_resumed);
    tcase_add_test(tc, page_is_limited_in_keys_and_bytes);
    tcase_add_test(tc, blobs_in_place_of_keys_end_a_listing);
    tcase_add_test(tc, other_labels_are_not_listed);
    tcase_add_test(tc, labels_are_listed_once_each);
    tcase_add_test(tc, labels_of_expired_entries_are_not_there);
    tcase_add_test(tc, labels_are_limited);
    suite_add_tcase(suite, tc);
    return suite;
}
