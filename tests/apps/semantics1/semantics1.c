/* What Spin's own test of its key/value store asks for, through the first interface. */
#include "check.h"
#include "spin_key_value_v1.h"

static kv1_store store;

static int has(const char *key, const char *expected)
{
    kv_value value;
    kv1_status status = kv1_get(store, key, &value);
    if (!expected)
        return status == KV1_NO_SUCH_KEY;
    int same = status == KV1_OK && value.len == strlen(expected) &&
               memcmp(value.data, expected, value.len) == 0;
    if (status == KV1_OK)
        free(value.data);
    return same;
}

static int exists(const char *key)
{
    bool there;
    CHECK(kv1_exists(store, key, &there) == KV1_OK);
    return there;
}

static size_t count_keys(const char *first)
{
    kv_keys keys;
    CHECK(kv1_get_keys(store, &keys) == KV1_OK);
    size_t count = keys.count;
    CHECK(count == 0 || strcmp(keys.keys[0].data, first) == 0);
    kv_keys_free(&keys);
    return count;
}

int main(void)
{
    CHECK(kv1_open("forbidden", &store) == KV1_ACCESS_DENIED);
    CHECK(kv1_open("default", &store) == KV1_OK);
    CHECK(kv1_delete(store, "bar") == KV1_OK);
    CHECK(!exists("bar") && has("bar", NULL) && count_keys(NULL) == 0);
    CHECK(kv1_set(store, "bar", "baz", 3) == KV1_OK);
    CHECK(exists("bar") && has("bar", "baz") && count_keys("bar") == 1);
    CHECK(kv1_set(store, "bar", "wow", 3) == KV1_OK);
    CHECK(exists("bar") && has("bar", "wow") && count_keys("bar") == 1);
    CHECK(kv1_set(store, "qux", "yay", 3) == KV1_OK);
    CHECK(count_keys("bar") == 2);
    CHECK(kv1_delete(store, "bar") == KV1_OK && kv1_delete(store, "bar") == KV1_OK);
    CHECK(kv1_delete(store, "qux") == KV1_OK);
    CHECK(!exists("bar") && has("qux", NULL) && count_keys(NULL) == 0);
    kv1_close(store);
    CHECK(kv1_delete(store, "bar") == KV1_INVALID_STORE);
    puts("as in Spin");
    return 0;
}
