/* The cache of committed values: what it keeps, what it counts, who gives way, and the order in which
 * operations teach it. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/cache.h"
#include "daemon/cache_feed.h"
#include "daemon/siphash.h"
#include "protocol/limits.h"
#include "protocol/message.h"

/* The linker sends every malloc of the cache here (--wrap). */
void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
static bool no_memory;

void *__wrap_malloc(size_t size)
{
    return no_memory ? NULL : __real_malloc(size);
}

enum { LIMIT = 64 << 10 };
/* What an entry with a key of 7 bytes in "default" and no value takes. */
enum { LEAST = 80 };

static struct cache *cache;
static struct cache_space *a, *b;
static const struct slice label = {"default", 7};

static struct slice slice_of(const char *text)
{
    return (struct slice){text, strlen(text)};
}

static void make(size_t limit)
{
    struct error e;
    ck_assert_int_eq(cache_new(limit, &cache, &e), 0);
    a = cache_space_new(cache);
    b = cache_space_new(cache);
    ck_assert(a && b);
}

static void setup(void)
{
    make(LIMIT);
}

static void teardown(void)
{
    cache_space_free(a);
    cache_space_free(b);
    cache_tidy(cache, UINT32_MAX);
    /* Nothing is left but the table. */
    ck_assert_uint_le(cache_bytes(cache), cache_limit(cache) / 16 + sizeof(void *));
    cache_free(cache);
}

static const char *known(struct cache_space *s, const char *key)
{
    static char text[200];
    struct slice value;
    switch (cache_get(s, label, slice_of(key), &value)) {
    case CACHE_UNKNOWN:
        return "unknown";
    case CACHE_ABSENT:
        return "absent";
    case CACHE_VALUE:
        snprintf(text, sizeof text, "=%.*s", (int)value.len, value.data);
        return text;
    }
    return NULL;
}

static void put(struct cache_space *s, const char *key, const char *value)
{
    cache_put(s, label, slice_of(key), slice_of(value));
}

START_TEST(keeps_what_it_is_told)
{
    ck_assert_str_eq(known(a, "k"), "unknown");
    put(a, "k", "1");
    ck_assert_str_eq(known(a, "k"), "=1");
    put(a, "k", "a longer value than before, of another size");
    ck_assert_str_eq(known(a, "k"), "=a longer value than before, of another size");
    put(a, "k", "");
    ck_assert_str_eq(known(a, "k"), "=");
    cache_put_absent(a, label, slice_of("k"));
    ck_assert_str_eq(known(a, "k"), "absent");
    put(a, "k", "2");
    ck_assert_str_eq(known(a, "k"), "=2");
    cache_remove(a, label, slice_of("k"));
    ck_assert_str_eq(known(a, "k"), "unknown");
    put(a, "", "empty key");
    ck_assert_str_eq(known(a, ""), "=empty key");
}
END_TEST

START_TEST(tells_apps_labels_and_keys_apart)
{
    struct slice value;
    put(a, "k", "1");
    ck_assert_str_eq(known(b, "k"), "unknown");
    put(b, "k", "2");
    ck_assert_str_eq(known(a, "k"), "=1");
    cache_put(a, slice_of("defaul"), slice_of("tk"), slice_of("3"));
    ck_assert_int_eq(cache_get(a, slice_of("defaul"), slice_of("tk"), &value), CACHE_VALUE);
    ck_assert_mem_eq(value.data, "3", 1);
    ck_assert_str_eq(known(a, "k"), "=1");
    ck_assert_int_eq(cache_get(a, slice_of("other"), slice_of("k"), &value), CACHE_UNKNOWN);
}
END_TEST

START_TEST(counts_exactly)
{
    size_t table = cache_bytes(cache);
    ck_assert_uint_le(table, 1024);
    put(a, "key-001", "");
    ck_assert_uint_eq(cache_bytes(cache), table + LEAST);
    ck_assert_uint_eq(cache_space_counts(a).bytes, LEAST);
    ck_assert_uint_eq(cache_space_counts(a).entries, 1);
    /* The piece is rounded up: what fits costs nothing more. */
    put(a, "key-001", "123456789012");
    ck_assert_uint_eq(cache_space_counts(a).bytes, LEAST);
    put(a, "key-001", "1234567890123");
    ck_assert_uint_eq(cache_space_counts(a).bytes, LEAST + 16);
    put(b, "key-002", "");
    ck_assert_uint_eq(cache_bytes(cache), table + 2 * LEAST + 16);
    cache_remove(a, label, slice_of("key-001"));
    ck_assert_uint_eq(cache_space_counts(a).bytes, 0);
    ck_assert_uint_eq(cache_space_counts(a).entries, 0);
    ck_assert_uint_eq(cache_bytes(cache), table + LEAST);
    cache_note(a, true);
    cache_note(a, true);
    cache_note(a, false);
    ck_assert_uint_eq(cache_space_counts(a).hits, 2);
    ck_assert_uint_eq(cache_space_counts(a).misses, 1);
}
END_TEST

static void flood(struct cache_space *s, const char *prefix, unsigned count)
{
    char key[64];
    for (unsigned i = 0; i < count; i++) {
        snprintf(key, sizeof key, "%s-%u", prefix, i);
        put(s, key, "some value");
        ck_assert_uint_le(cache_bytes(cache), cache_limit(cache));
    }
}

START_TEST(stays_within_its_limit)
{
    flood(a, "k", 10000);
    ck_assert_uint_gt(cache_bytes(cache), LIMIT - LIMIT / 10);
    ck_assert_str_eq(known(a, "k-9999"), "=some value");
    ck_assert_str_eq(known(a, "k-0"), "unknown");
}
END_TEST

START_TEST(what_is_used_stays)
{
    put(a, "hot", "1");
    for (unsigned i = 0; i < 100; i++) {
        char prefix[16];
        snprintf(prefix, sizeof prefix, "cold-%u", i);
        flood(a, prefix, 100);
        ck_assert_str_eq(known(a, "hot"), "=1");
    }
}
END_TEST

/* Where all are used, somebody goes all the same, and soon. */
START_TEST(all_used_is_no_endless_search)
{
    char key[64];
    flood(a, "k", 1000);
    for (unsigned i = 0; i < 1000; i++) {
        snprintf(key, sizeof key, "k-%u", i);
        known(a, key);
    }
    flood(a, "more", 1000);
    ck_assert_str_eq(known(a, "more-999"), "=some value");
}
END_TEST

START_TEST(a_flood_leaves_others_their_share)
{
    flood(b, "mine", 300);
    ck_assert_uint_lt(cache_space_counts(b).bytes, LIMIT / 2 - LIMIT / 16);
    flood(a, "flood", 20000);
    ck_assert_uint_eq(cache_space_counts(b).entries, 300);
    ck_assert_str_eq(known(b, "mine-0"), "=some value");
    ck_assert_uint_gt(cache_bytes(cache), LIMIT - LIMIT / 10);
}
END_TEST

START_TEST(a_newcomer_gets_its_share)
{
    flood(a, "first", 20000);
    flood(b, "second", 20000);
    ck_assert_uint_ge(cache_space_counts(b).bytes, LIMIT / 2 - LIMIT / 8);
    ck_assert_uint_ge(cache_space_counts(a).bytes, LIMIT / 2 - LIMIT / 8);
}
END_TEST

START_TEST(too_large_is_not_kept_and_not_stale)
{
    static char large[LIMIT / 8];
    put(a, "k", "old");
    cache_put(a, label, slice_of("k"), (struct slice){large, sizeof large});
    ck_assert_str_eq(known(a, "k"), "unknown");
    ck_assert_uint_eq(cache_space_counts(a).bytes, 0);
    cache_put(a, label, (struct slice){large, LIMIT_KEY + 1}, slice_of("v"));
    ck_assert_uint_eq(cache_space_counts(a).bytes, 0);
    cache_put(a, label, (struct slice){large, LIMIT_KEY}, slice_of("v"));
    ck_assert_uint_eq(cache_space_counts(a).entries, 1);
}
END_TEST

START_TEST(without_memory_nothing_is_stale)
{
    put(a, "k", "old");
    no_memory = true;
    put(a, "k", "a value that needs another piece of memory than the old one");
    put(a, "new", "1");
    no_memory = false;
    ck_assert_str_eq(known(a, "k"), "unknown");
    ck_assert_str_eq(known(a, "new"), "unknown");
    ck_assert_uint_eq(cache_space_counts(a).bytes, 0);
    put(a, "k", "1");
    ck_assert_str_eq(known(a, "k"), "=1");
}
END_TEST

START_TEST(clearing_forgets_at_once)
{
    size_t before;
    flood(a, "k", 400);
    put(b, "other", "1");
    before = cache_bytes(cache);
    cache_space_clear(a);
    ck_assert_str_eq(known(a, "k-399"), "unknown");
    ck_assert_uint_eq(cache_space_counts(a).bytes, 0);
    ck_assert_str_eq(known(b, "other"), "=1");
    /* The memory goes bit by bit, and is first to go when there is need of some. */
    ck_assert_uint_eq(cache_bytes(cache), before);
    cache_tidy(cache, 10);
    ck_assert_uint_lt(cache_bytes(cache), before);
    put(a, "k-399", "new");
    ck_assert_str_eq(known(a, "k-399"), "=new");
    flood(b, "more", 350);
    ck_assert_str_eq(known(b, "other"), "=1");
    ck_assert_str_eq(known(a, "k-399"), "=new");
    cache_space_clear(b);
    cache_space_clear(b);
    ck_assert_uint_eq(cache_space_counts(b).entries, 0);
}
END_TEST

START_TEST(a_limit_of_nothing_keeps_nothing)
{
    teardown();
    make(0);
    put(a, "k", "1");
    ck_assert_str_eq(known(a, "k"), "unknown");
    ck_assert_uint_le(cache_bytes(cache), sizeof(void *));
}
END_TEST

/* The table grows under the entries, some of which are of spaces that were cleared. */
START_TEST(nothing_is_lost_while_the_table_grows)
{
    static struct cache *big;
    struct error e;
    char key[32];
    ck_assert_int_eq(cache_new((size_t)64 << 20, &big, &e), 0);
    struct cache_space *s = cache_space_new(big), *other = cache_space_new(big);
    for (unsigned i = 0; i < 100000; i++) {
        snprintf(key, sizeof key, "key-%u", i);
        put(s, key, key + 4);
        put(other, key, "x");
        if (i % 7 == 0)
            cache_remove(s, label, slice_of(key));
        if (i == 50000)
            cache_space_clear(other);
    }
    for (unsigned i = 0; i < 100000; i++) {
        char value[32];
        snprintf(key, sizeof key, "key-%u", i);
        snprintf(value, sizeof value, "=%u", i);
        ck_assert_str_eq(known(s, key), i % 7 == 0 ? "unknown" : value);
        ck_assert_str_eq(known(other, key), i <= 50000 ? "unknown" : "=x");
    }
    ck_assert_uint_le(cache_bytes(big), cache_limit(big));
    cache_space_free(s);
    cache_space_free(other);
    cache_tidy(big, UINT32_MAX);
    ck_assert_uint_le(cache_bytes(big), cache_limit(big) / 16);
    cache_free(big);
}
END_TEST

/* Where strings end counts, and so does every bit of the key. */
START_TEST(hash_tells_apart)
{
    struct siphash_key key = {UINT64_C(0x0706050403020100), UINT64_C(0x0f0e0d0c0b0a0908)};
    static const uint8_t bytes[] = {8, 9, 10, 11, 12, 13, 14};
    struct siphash x = siphash_begin(&key, 1), y = siphash_begin(&key, 1);
    siphash_add(&x, "ab", 2);
    siphash_add(&x, "c", 1);
    siphash_add(&y, "a", 1);
    siphash_add(&y, "bc", 2);
    ck_assert_uint_ne(siphash_end(&x), siphash_end(&y));
    x = siphash_begin(&key, 1);
    y = siphash_begin(&(struct siphash_key){key.k0, key.k1 ^ 1}, 1);
    siphash_add(&x, bytes, sizeof bytes);
    siphash_add(&y, bytes, sizeof bytes);
    ck_assert_uint_ne(siphash_end(&x), siphash_end(&y));
}
END_TEST

/* Operations as they come out of a batch. */
static struct op op_of(enum op_kind kind, const char *key)
{
    struct op op;
    op_init(&op, kind, NULL);
    op.label = label;
    op.key = slice_of(key);
    return op;
}

static void feed(struct op *op, const char *hex)
{
    uint8_t byte;
    for (; *hex; hex += 2) {
        ck_assert_int_eq(sscanf(hex, "%2hhx", &byte), 1);
        buffer_append(&op->result, &byte, 1);
    }
    cache_feed(a, op);
    op_fini(op);
}

static void feed_get(const char *key, const char *hex, bool lasting)
{
    struct op op = op_of(OP_GET, key);
    op.lasting = lasting;
    feed(&op, hex);
}

static void feed_set(const char *key, const char *value, int64_t ttl_ms, int status)
{
    struct op op = op_of(OP_SET, key);
    op.value = slice_of(value);
    op.ttl_ms = ttl_ms;
    op.status = status;
    feed(&op, "c0");
}

START_TEST(reads_fill)
{
    struct op op;
    feed_get("k", "c40131", true);
    ck_assert_str_eq(known(a, "k"), "=1");
    feed_get("none", "c0", true);
    ck_assert_str_eq(known(a, "none"), "absent");
    op = op_of(OP_EXISTS, "gone");
    op.lasting = true;
    feed(&op, "c2");
    ck_assert_str_eq(known(a, "gone"), "absent");
    op = op_of(OP_EXISTS, "there");
    op.lasting = true;
    feed(&op, "c3");
    ck_assert_str_eq(known(a, "there"), "unknown");
    op = op_of(OP_GET_MANY, "");
    op.lasting = true;
    op.items = reader_of("\xa1x\xa1y", 4);
    op.item_count = 2;
    feed(&op, "92c0c40132");
    ck_assert_str_eq(known(a, "x"), "absent");
    ck_assert_str_eq(known(a, "y"), "=2");
}
END_TEST

START_TEST(what_may_expire_is_not_kept)
{
    feed_get("k", "c40131", true);
    feed_get("k", "c40131", false);
    ck_assert_str_eq(known(a, "k"), "unknown");
    feed_set("k", "1", 0, 0);
    ck_assert_str_eq(known(a, "k"), "=1");
    feed_set("k", "2", 1000, 0);
    ck_assert_str_eq(known(a, "k"), "unknown");
}
END_TEST

START_TEST(the_last_of_a_batch_counts)
{
    struct op op;
    feed_get("k", "c40131", true);
    feed_set("k", "2", 0, 0);
    ck_assert_str_eq(known(a, "k"), "=2");
    op = op_of(OP_DELETE, "k");
    feed(&op, "c0");
    ck_assert_str_eq(known(a, "k"), "absent");
    feed_set("k", "3", 0, 0);
    /* What failed has changed nothing. */
    feed_set("k", "4", 0, ERR_OTHER);
    ck_assert_str_eq(known(a, "k"), "=3");
}
END_TEST

START_TEST(writes_of_many)
{
    struct op op = op_of(OP_SET_MANY, "");
    op.items = reader_of("\x92\xa1x\xa1" "1\x92\xa1y\xa1" "2", 10);
    op.item_count = 2;
    feed(&op, "c0");
    ck_assert_str_eq(known(a, "x"), "=1");
    ck_assert_str_eq(known(a, "y"), "=2");
    op = op_of(OP_DELETE_MANY, "");
    op.items = reader_of("\xa1x\xa1z", 4);
    op.item_count = 2;
    feed(&op, "c0");
    ck_assert_str_eq(known(a, "x"), "absent");
    ck_assert_str_eq(known(a, "z"), "absent");
    ck_assert_str_eq(known(a, "y"), "=2");
}
END_TEST

START_TEST(increments_and_swaps)
{
    struct slice value;
    struct op op;
    put(a, "n", "\1\0\0\0\0\0\0\0");
    op = op_of(OP_INCREMENT, "n");
    put(a, "n", "12345678");
    feed(&op, "fe");
    ck_assert_int_eq(cache_get(a, label, slice_of("n"), &value), CACHE_VALUE);
    ck_assert_uint_eq(value.len, 8);
    ck_assert_mem_eq(value.data, "\xfe\xff\xff\xff\xff\xff\xff\xff", 8);
    /* It may have a time to live. */
    op = op_of(OP_INCREMENT, "m");
    feed(&op, "05");
    ck_assert_str_eq(known(a, "m"), "unknown");
    cache_put_absent(a, label, slice_of("m"));
    op = op_of(OP_INCREMENT, "m");
    feed(&op, "05");
    ck_assert_str_eq(known(a, "m"), "unknown");
    op = op_of(OP_SWAP, "s");
    op.value = slice_of("new");
    feed(&op, "92c3c0");
    ck_assert_str_eq(known(a, "s"), "=new");
    op = op_of(OP_SWAP, "s");
    op.value = slice_of("newer");
    feed(&op, "92c2c4036e6577");
    ck_assert_str_eq(known(a, "s"), "=new");
    op = op_of(OP_SWAP, "s");
    op.value = slice_of("newer");
    op.ttl_ms = 5;
    feed(&op, "92c3c0");
    ck_assert_str_eq(known(a, "s"), "unknown");
}
END_TEST

START_TEST(atomic_forgets_what_it_touches)
{
    static const char items[] = "\x94\xa3set\xa1x\xa1" "1\x81\xa6ttl_ms\x05" /* with a time to live */
                                "\x92\xa6" "delete\xa1y\x93\xa9increment\xa1z\x01";
    struct op op = op_of(OP_ATOMIC, "");
    put(a, "x", "0");
    put(a, "y", "0");
    put(a, "z", "00000000");
    put(a, "other", "0");
    op.items = reader_of(items, sizeof items - 1);
    op.item_count = 3;
    feed(&op, "92c3c0");
    ck_assert_str_eq(known(a, "x"), "unknown");
    ck_assert_str_eq(known(a, "y"), "unknown");
    ck_assert_str_eq(known(a, "z"), "unknown");
    ck_assert_str_eq(known(a, "other"), "=0");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("cache");
    TCase *keep = tcase_create("keep"), *learn = tcase_create("learn");
    tcase_add_checked_fixture(keep, setup, teardown);
    tcase_add_test(keep, keeps_what_it_is_told);
    tcase_add_test(keep, tells_apps_labels_and_keys_apart);
    tcase_add_test(keep, counts_exactly);
    tcase_add_test(keep, stays_within_its_limit);
    tcase_add_test(keep, what_is_used_stays);
    tcase_add_test(keep, all_used_is_no_endless_search);
    tcase_add_test(keep, a_flood_leaves_others_their_share);
    tcase_add_test(keep, a_newcomer_gets_its_share);
    tcase_add_test(keep, too_large_is_not_kept_and_not_stale);
    tcase_add_test(keep, without_memory_nothing_is_stale);
    tcase_add_test(keep, clearing_forgets_at_once);
    tcase_add_test(keep, a_limit_of_nothing_keeps_nothing);
    tcase_add_test(keep, nothing_is_lost_while_the_table_grows);
    tcase_add_test(keep, hash_tells_apart);
    suite_add_tcase(suite, keep);
    tcase_add_checked_fixture(learn, setup, teardown);
    tcase_add_test(learn, reads_fill);
    tcase_add_test(learn, what_may_expire_is_not_kept);
    tcase_add_test(learn, the_last_of_a_batch_counts);
    tcase_add_test(learn, writes_of_many);
    tcase_add_test(learn, increments_and_swaps);
    tcase_add_test(learn, atomic_forgets_what_it_touches);
    suite_add_tcase(suite, learn);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
