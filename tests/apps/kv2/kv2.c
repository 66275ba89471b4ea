/* Goes through version 2 of the key/value interface with the header for guests and prints what
 * comes back. A reactor: the host calls `run`. */
#include <stdio.h>
#include <string.h>
#include <wasi/api.h>

#include "spin_key_value.h"

static void print(const char *what, kv_status status, const char *ok)
{
    if (status)
        printf("%s: error %d %s\n", what, (int)status - 1, kv_error());
    else
        printf("%s: %s\n", what, ok);
}

static void print_open(const char *label)
{
    kv_store store;
    char what[64];
    kv_status status = kv_open(label, &store);
    snprintf(what, sizeof(what), "open %s", label);
    print(what, status, "ok");
    if (!status)
        kv_close(store);
}

static void print_get(kv_store store, const char *key)
{
    kv_value value = {0};
    char what[64], ok[64] = "none";
    kv_status status = kv_get(store, key, &value);
    if (value.data)
        snprintf(ok, sizeof(ok), "%zu bytes '%s'", value.len, value.data);
    snprintf(what, sizeof(what), "get %s", key);
    print(what, status, ok);
    free(value.data);
}

static void print_exists(kv_store store, const char *key)
{
    bool exists = false;
    char what[64];
    kv_status status = kv_exists(store, key, &exists);
    snprintf(what, sizeof(what), "exists %s", key);
    print(what, status, exists ? "true" : "false");
}

static void print_keys(kv_store store)
{
    kv_keys keys = {0};
    print("get-keys", kv_get_keys(store, &keys), "ok");
    for (size_t i = 0; i < keys.count; i++)
        printf("  %s\n", keys.keys[i].data);
    kv_keys_free(&keys);
}

/* More than a page of the protocol has, with a value that needs more memory than there is. */
static void many_and_large(kv_store store)
{
    char key[16];
    kv_keys keys = {0};
    kv_value value = {0};
    size_t size = 4 << 20;
    char *large = malloc(size);
    int failed = 0;
    memset(large, 'L', size);
    for (int i = 0; i < 1100; i++) {
        snprintf(key, sizeof(key), "many-%04d", i);
        failed += kv_set_text(store, key, "x") != KV_OK;
    }
    failed += kv_get_keys(store, &keys) != KV_OK;
    printf("many: %zu keys, %d failures\n", keys.count, failed);
    for (size_t i = 0; i < keys.count; i++)
        failed += kv_delete(store, keys.keys[i].data) != KV_OK;
    kv_keys_free(&keys);
    failed += kv_set(store, "large", large, size) != KV_OK;
    failed += kv_get(store, "large", &value) != KV_OK;
    printf("large: %s, %d failures\n",
           value.len == size && memcmp(value.data, large, size) == 0 ? "same" : "different",
           failed);
    kv_delete(store, "large");
    free(value.data);
    free(large);
}

static void through_all(kv_store store)
{
    print("set k", kv_set_text(store, "k", "value"), "ok");
    print("set empty", kv_set(store, "empty", NULL, 0), "ok");
    print("set key in unicode", kv_set_text(store, "schl\xc3\xbcssel", "\xe2\x82\xac"), "ok");
    print_get(store, "k");
    print_get(store, "empty");
    print_get(store, "schl\xc3\xbcssel");
    print_get(store, "absent");
    print_exists(store, "k");
    print_exists(store, "absent");
    print_keys(store);
    print("delete k", kv_delete(store, "k"), "ok");
    print("delete k again", kv_delete(store, "k"), "ok");
    print_exists(store, "k");
    kv_delete(store, "empty");
    kv_delete(store, "schl\xc3\xbcssel");
    char *large = calloc(1, (16 << 20) + 1);
    printf("set too large: error %d\n", (int)kv_set(store, "l", large, (16 << 20) + 1) - 1);
    free(large);
}

static void fill_table(void)
{
    kv_store store;
    kv_status status = KV_OK;
    int opened = 0;
    while (opened < 1000 && (status = kv_open("default", &store)) == KV_OK)
        opened++;
    printf("%d stores\n", opened);
    print("open one more", status, "ok");
}

/* The arguments of a reactor are not collected by anybody. */
static const char *first_argument(void)
{
    static uint8_t *argv[16], bytes[1024];
    __wasi_size_t argc, size;
    if (__wasi_args_sizes_get(&argc, &size) || argc < 2 || argc > 16 || size > sizeof(bytes) ||
        __wasi_args_get(argv, bytes))
        return "";
    return (const char *)argv[1];
}

__attribute__((export_name("run"))) int run(void)
{
    kv_store store;
    kv_status status = kv_open("default", &store);
    print("open default", status, "ok");
    fflush(stdout);
    if (status)
        return 1;
    if (strcmp(first_argument(), "bad-handle") == 0)
        kv_close(store + 1);
    if (strcmp(first_argument(), "bad-key") == 0)
        kv_delete(store, "\xff");
    if (strcmp(first_argument(), "bad-pointer") == 0)
        kv_set(store, "k", (const void *)0xfffffff0, 8);
    print_open("other");
    print_open("nobody");
    through_all(store);
    many_and_large(store);
    kv_close(store);
    fill_table();
    puts("end");
    fflush(stdout);
    return 5;
}
