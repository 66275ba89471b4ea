/* Entries in memory: an ordered map by label and key, with an age and a hand that goes round. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/memtable.h"

static struct memtable m;

static struct slice text(const char *s)
{
    return (struct slice){s, strlen(s)};
}

static void setup(void)
{
    memtable_init(&m);
}

static void teardown(void)
{
    memtable_clear(&m);
    ck_assert_uint_eq(m.count, 0);
    ck_assert_uint_eq(m.bytes, 0);
}

static void put(const char *label, const char *key, const char *value, uint64_t commit)
{
    ck_assert(memtable_put(&m, text(label), text(key), text(value), commit));
}

static void check(const struct memtable_entry *entry, const char *label, const char *key)
{
    ck_assert_ptr_nonnull(entry);
    struct slice l = memtable_label(entry), k = memtable_key(entry);
    ck_assert_msg(l.len == strlen(label) && !memcmp(l.data, label, l.len), "label %.*s", (int)l.len,
                  l.data);
    ck_assert_msg(k.len == strlen(key) && !memcmp(k.data, key, k.len), "key %.*s", (int)k.len,
                  k.data);
}

static void check_value(const char *label, const char *key, const char *value)
{
    const struct memtable_entry *entry = memtable_find(&m, text(label), text(key));

    check(entry, label, key);
    struct slice v = memtable_value(entry);
    ck_assert(v.len == strlen(value) && !memcmp(v.data, value, v.len));
}

START_TEST(a_put_replaces)
{
    put("a", "k", "1", 1);
    size_t bytes = m.bytes;
    put("a", "k", "2", 2);
    check_value("a", "k", "2");
    ck_assert_uint_eq(m.bytes, bytes);
    put("a", "k", "longer", 3);
    check_value("a", "k", "longer");
    ck_assert_uint_eq(m.bytes, bytes + 5);
    put("a", "k", "", 4);
    check_value("a", "k", "");
    ck_assert_uint_eq(m.count, 1);
    ck_assert_ptr_null(memtable_find(&m, text("a"), text("")));
    ck_assert_ptr_null(memtable_find(&m, text("ak"), text("")));
}
END_TEST

/* As SQLite's BINARY collation: bytes without sign, the shorter one first. */
START_TEST(the_order_is_that_of_the_index)
{
    static const char *const names[][2] = {{"", ""},    {"", "\xc3\xa9"}, {"a", ""}, {"a", "a"},
                                           {"a", "aa"}, {"a", "b"},       {"aa", "a"}, {"b", ""}};
    enum { COUNT = sizeof(names) / sizeof(names[0]) };

    for (unsigned i = 0; i < COUNT; i++) {
        unsigned at = i * 5 % COUNT;
        put(names[at][0], names[at][1], "v", 1);
    }
    struct memtable_entry *entry = memtable_from(&m, text(""), text(""));
    for (unsigned i = 0; i < COUNT; i++, entry = memtable_next(entry))
        check(entry, names[i][0], names[i][1]);
    ck_assert_ptr_null(entry);
    entry = memtable_before(&m, text("c"), text(""));
    for (unsigned i = COUNT; i > 0; i--, entry = memtable_previous(entry))
        check(entry, names[i - 1][0], names[i - 1][1]);
    ck_assert_ptr_null(entry);
}
END_TEST

START_TEST(from_and_before_are_the_next_ones)
{
    put("a", "b", "v", 1);
    put("a", "d", "v", 1);
    check(memtable_from(&m, text("a"), text("b")), "a", "b");
    check(memtable_from(&m, text("a"), text("c")), "a", "d");
    ck_assert_ptr_null(memtable_from(&m, text("a"), text("e")));
    check(memtable_before(&m, text("a"), text("d")), "a", "b");
    check(memtable_before(&m, text("b"), text("")), "a", "d");
    ck_assert_ptr_null(memtable_before(&m, text("a"), text("b")));
}
END_TEST

START_TEST(the_hand_goes_round)
{
    put("a", "b", "v", 1);
    put("a", "d", "v", 1);
    put("a", "f", "v", 1);
    check(memtable_hand(&m), "a", "b");
    memtable_remove(&m, memtable_hand(&m));
    put("a", "a", "v", 2); /* behind it */
    put("a", "e", "v", 2); /* before it */
    check(memtable_hand(&m), "a", "d");
    put("a", "d", "longer", 3);
    check(memtable_hand(&m), "a", "d");
    memtable_remove(&m, memtable_hand(&m));
    check(memtable_hand(&m), "a", "e");
    memtable_remove(&m, memtable_find(&m, text("a"), text("e")));
    check(memtable_hand(&m), "a", "f");
    memtable_remove(&m, memtable_hand(&m));
    check(memtable_hand(&m), "a", "a");
    memtable_remove(&m, memtable_hand(&m));
    ck_assert_ptr_null(memtable_hand(&m));
}
END_TEST

START_TEST(the_oldest_is_the_one_put_longest_ago)
{
    ck_assert_uint_eq(memtable_oldest(&m), 0);
    put("a", "b", "v", 5);
    put("a", "a", "v", 6);
    ck_assert_uint_eq(memtable_oldest(&m), 5);
    put("a", "b", "w", 7); /* of the same length … */
    ck_assert_uint_eq(memtable_oldest(&m), 6);
    put("a", "a", "longer", 8); /* … and not */
    ck_assert_uint_eq(memtable_oldest(&m), 7);
    memtable_remove(&m, memtable_find(&m, text("a"), text("b")));
    ck_assert_uint_eq(memtable_oldest(&m), 8);
}
END_TEST

START_TEST(many_in_any_order)
{
    enum { COUNT = 5000 };
    char key[16];

    for (unsigned i = 0; i < COUNT; i++) {
        snprintf(key, sizeof(key), "%06u", i * 2654435761u % COUNT);
        put("a", key, "v", i + 1);
    }
    unsigned seen = 0;
    for (struct memtable_entry *entry = memtable_hand(&m), *last = NULL; entry;
         last = entry, entry = memtable_next(entry), seen++)
        ck_assert(!last || slice_order(memtable_key(last), memtable_key(entry)) < 0);
    ck_assert_uint_eq(seen, m.count);
    while (memtable_hand(&m))
        memtable_remove(&m, memtable_hand(&m));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("memtable");
    TCase *tc = tcase_create("memtable");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, a_put_replaces);
    tcase_add_test(tc, the_order_is_that_of_the_index);
    tcase_add_test(tc, from_and_before_are_the_next_ones);
    tcase_add_test(tc, the_hand_goes_round);
    tcase_add_test(tc, the_oldest_is_the_one_put_longest_ago);
    tcase_add_test(tc, many_in_any_order);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
