/* What Spin's own test of its key/value store asks for, through the second interface. */
#include "check.h"
#include "spin_key_value.h"

static kv_store store;

static int has(const char *key, const char *expected)
{
    kv_value value;
    CHECK(kv_get(store, key, &value) == KV_OK);
    int same = expected ? value.data && value.len == strlen(expected) &&
                              memcmp(value.data, expected, value.len) == 0
                        : !value.data;
    free(value.data);
    return same;
}

static int exists(const char *key)
{
    bool there;
    CHECK(kv_exists(store, key, &there) == KV_OK);
    return there;
}

static size_t count_keys(const char *first)
{
    kv_keys keys;
    CHECK(kv_get_keys(store, &keys) == KV_OK);
    size_t count = keys.count;
    CHECK(count == 0 || strcmp(keys.keys[0].data, first) == 0);
    kv_keys_free(&keys);
    return count;
}

int main(void)
{
    CHECK(kv_open("forbidden", &store) == KV_ACCESS_DENIED);
    CHECK(kv_open("default", &store) == KV_OK);
    CHECK(kv_delete(store, "bar") == KV_OK);
    CHECK(!exists("bar") && has("bar", NULL) && count_keys(NULL) == 0);
    CHECK(kv_set_text(store, "bar", "baz") == KV_OK);
    CHECK(exists("bar") && has("bar", "baz") && count_keys("bar") == 1);
    CHECK(kv_set_text(store, "bar", "wow") == KV_OK);
    CHECK(exists("bar") && has("bar", "wow") && count_keys("bar") == 1);
    CHECK(kv_set_text(store, "qux", "yay") == KV_OK);
    CHECK(count_keys("bar") == 2);
    CHECK(kv_delete(store, "bar") == KV_OK && kv_delete(store, "bar") == KV_OK);
    CHECK(kv_delete(store, "qux") == KV_OK);
    CHECK(!exists("bar") && has("qux", NULL) && count_keys(NULL) == 0);
    kv_close(store);
    puts("as in Spin");
    return 0;
}
