/* What Spin's own test asks for through wasi:keyvalue, and what the interface promises beside it.
 */
#include "check.h"
#include "wasi_keyvalue.h"

static wkv_bucket bucket;

static int is(const kv_value *value, const char *expected)
{
    if (!expected || !value->data)
        return !expected && !value->data;
    return value->len == strlen(expected) && memcmp(value->data, expected, value->len) == 0;
}

static int has(const char *key, const char *expected)
{
    kv_value value;
    CHECK(wkv_get(bucket, key, &value) == WKV_OK);
    int same = is(&value, expected);
    free(value.data);
    return same;
}

static int exists(const char *key)
{
    bool there;
    CHECK(wkv_exists(bucket, key, &there) == WKV_OK);
    return there;
}

static size_t count_keys(const char *first)
{
    kv_keys keys;
    char *cursor;
    CHECK(wkv_list_keys(bucket, NULL, &keys, &cursor) == WKV_OK && !cursor);
    size_t count = keys.count;
    CHECK(count == 0 || strcmp(keys.keys[0].data, first) == 0);
    kv_keys_free(&keys);
    return count;
}

static int set(const char *key, const char *value)
{
    return wkv_set(bucket, key, value, strlen(value)) == WKV_OK;
}

static void test_store(void)
{
    kv_keys keys;
    char *cursor;
    CHECK(wkv_open("forbidden", &bucket) == WKV_ACCESS_DENIED);
    CHECK(wkv_open("default", &bucket) == WKV_OK);
    CHECK(wkv_delete(bucket, "bar") == WKV_OK);
    CHECK(!exists("bar") && has("bar", NULL) && count_keys(NULL) == 0);
    CHECK(set("bar", "baz"));
    CHECK(exists("bar") && has("bar", "baz") && count_keys("bar") == 1);
    CHECK(wkv_list_keys(bucket, "0", &keys, &cursor) == WKV_OTHER);
    CHECK(wkv_list_keys(bucket, "", &keys, &cursor) == WKV_OTHER);
    CHECK(wkv_list_keys(bucket, "xy", &keys, &cursor) == WKV_OTHER);
    CHECK(set("bar", "wow"));
    CHECK(exists("bar") && has("bar", "wow") && count_keys("bar") == 1);
    CHECK(set("qux", "yay"));
    CHECK(count_keys("bar") == 2);
    CHECK(wkv_delete(bucket, "bar") == WKV_OK && wkv_delete(bucket, "bar") == WKV_OK);
    CHECK(wkv_delete(bucket, "qux") == WKV_OK);
    CHECK(!exists("bar") && has("qux", NULL) && count_keys(NULL) == 0);
}

static void test_batch(void)
{
    static const wkv_entry entries[] = {{"bar", 3, "bin", 3}, {"baz", 3, "buzz", 4}};
    const kv_value keys[] = {{"bar", 3}, {"absent", 6}, {"baz", 3}};
    kv_value *values;
    CHECK(wkv_set_many(bucket, entries, 2) == WKV_OK);
    CHECK(wkv_get_many(bucket, keys, 3, &values) == WKV_OK);
    CHECK(is(&values[0], "bin") && is(&values[1], NULL) && is(&values[2], "buzz"));
    wkv_values_free(values, 3);
    CHECK(wkv_delete_many(bucket, keys, 3) == WKV_OK && count_keys(NULL) == 0);
    CHECK(wkv_get_many(bucket, NULL, 0, &values) == WKV_OK);
    wkv_values_free(values, 0);
    CHECK(wkv_set_many(bucket, NULL, 0) == WKV_OK && wkv_delete_many(bucket, NULL, 0) == WKV_OK);
}

static void test_increment(void)
{
    int64_t value;
    CHECK(wkv_increment(bucket, "counter", 10, &value) == WKV_OK && value == 10);
    CHECK(wkv_increment(bucket, "counter", 5, &value) == WKV_OK && value == 15);
    CHECK(wkv_increment(bucket, "counter", -20, &value) == WKV_OK && value == -5);
    CHECK(wkv_increment(bucket, "counter", INT64_MIN, &value) == WKV_OTHER);
    CHECK(set("text", "text") && wkv_increment(bucket, "text", 1, &value) == WKV_OTHER);
    CHECK(wkv_delete(bucket, "counter") == WKV_OK && wkv_delete(bucket, "text") == WKV_OK);
}

static void test_swap(void)
{
    wkv_cas cas;
    kv_value value;
    CHECK(set("bar", "wow"));
    CHECK(wkv_cas_new(bucket, "bar", &cas) == WKV_OK);
    CHECK(wkv_cas_current(cas, &value) == WKV_OK && is(&value, "wow"));
    free(value.data);
    CHECK(wkv_swap(cas, "swapped", 7, &cas) == WKV_OK && has("bar", "swapped"));

    CHECK(wkv_cas_new(bucket, "bar", &cas) == WKV_OK);
    CHECK(set("bar", "between"));
    CHECK(wkv_swap(cas, "late", 4, &cas) == WKV_CAS_FAILED && has("bar", "between"));
    CHECK(wkv_cas_current(cas, &value) == WKV_OK && is(&value, "between"));
    free(value.data);
    CHECK(wkv_swap(cas, "again", 5, &cas) == WKV_OK && has("bar", "again"));

    /* An entry that comes, that goes, and that comes back as it was. */
    CHECK(wkv_delete(bucket, "bar") == WKV_OK && wkv_cas_new(bucket, "bar", &cas) == WKV_OK);
    CHECK(set("bar", "new") && wkv_swap(cas, "late", 4, &cas) == WKV_CAS_FAILED);
    CHECK(wkv_delete(bucket, "bar") == WKV_OK);
    CHECK(wkv_swap(cas, "late", 4, &cas) == WKV_CAS_FAILED && has("bar", NULL));
    CHECK(wkv_swap(cas, "first", 5, &cas) == WKV_OK && has("bar", "first"));
    CHECK(wkv_cas_new(bucket, "bar", &cas) == WKV_OK);
    CHECK(set("bar", "other") && set("bar", "first"));
    CHECK(wkv_swap(cas, "late", 4, &cas) == WKV_CAS_FAILED);
    wkv_cas_drop(cas);
    CHECK(wkv_delete(bucket, "bar") == WKV_OK);
}

static void test_handles(void)
{
    static wkv_cas handles[300];
    static wkv_bucket buckets[300];
    int opened = 0, swaps = 0;
    while (swaps < 300 && wkv_cas_new(bucket, "k", &handles[swaps]) == WKV_OK)
        swaps++;
    CHECK(swaps == 256 && strcmp(wkv_error(), "too many open handles") == 0);
    while (swaps > 0)
        wkv_cas_drop(handles[--swaps]);
    CHECK(wkv_cas_new(bucket, "k", &handles[0]) == WKV_OK);
    wkv_cas_drop(handles[0]);
    while (opened < 300 && wkv_open("default", &buckets[opened]) == WKV_OK)
        opened++;
    CHECK(opened == 255 && strcmp(wkv_error(), "too many open handles") == 0);
    while (opened > 0)
        wkv_close(buckets[--opened]);
}

/* More keys than go into one request, and more than one page lists. */
static void test_many(void)
{
    enum { MANY = 12000 };
    static char names[MANY][8];
    static kv_value keys[MANY];
    static wkv_entry entries[MANY];
    kv_value *values;
    kv_keys page;
    char *cursor, *next;
    for (int i = 0; i < MANY; i++) {
        snprintf(names[i], sizeof(names[i]), "k%05d", i);
        keys[i] = (kv_value){names[i], 6};
        entries[i] = (wkv_entry){names[i], 6, names[i], 6};
    }
    CHECK(wkv_set_many(bucket, entries, MANY) == WKV_OK);
    CHECK(wkv_get_many(bucket, keys, MANY, &values) == WKV_OK);
    for (int i = 0; i < MANY; i++)
        CHECK(is(&values[i], names[i]));
    wkv_values_free(values, MANY);
    CHECK(wkv_list_keys(bucket, NULL, &page, &cursor) == WKV_OK && cursor);
    size_t listed = page.count;
    kv_keys_free(&page);
    CHECK(wkv_list_keys(bucket, cursor, &page, &next) == WKV_OK && !next);
    CHECK(strcmp(page.keys[0].data, names[listed]) == 0 && listed + page.count == MANY);
    kv_keys_free(&page);
    free(cursor);
    CHECK(wkv_delete_many(bucket, keys, MANY) == WKV_OK && count_keys(NULL) == 0);
}

/* 256 values of a mebibyte are twice what one call may return. */
static void test_too_much(void)
{
    enum { COUNT = 256 };
    static char names[COUNT][4];
    static kv_value keys[COUNT];
    static wkv_entry entries[COUNT];
    kv_value *values;
    char *text = malloc(1 << 20);
    CHECK(text != NULL);
    memset(text, 'y', 1 << 20);
    for (int i = 0; i < COUNT; i++) {
        size_t len = (size_t)snprintf(names[i], sizeof(names[i]), "%d", i);
        keys[i] = (kv_value){names[i], len};
        entries[i] = (wkv_entry){names[i], len, text, 1 << 20};
    }
    CHECK(wkv_set_many(bucket, entries, COUNT) == WKV_OK);
    CHECK(wkv_get_many(bucket, keys, COUNT, &values) == WKV_OTHER);
    CHECK(strstr(wkv_error(), "query result exceeds limit") != NULL);
    CHECK(wkv_get_many(bucket, keys, 3, &values) == WKV_OK && values[2].len == 1 << 20);
    wkv_values_free(values, 3);
    CHECK(wkv_delete_many(bucket, keys, COUNT) == WKV_OK);
    free(text);
}

int main(void)
{
    test_store();
    test_batch();
    test_increment();
    test_swap();
    test_handles();
    test_many();
    test_too_much();
    wkv_close(bucket);
    puts("as in Spin");
    return 0;
}
