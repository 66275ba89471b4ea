/* Goes through version 1 of the key/value interface, as lowered by the canonical ABI, and prints
 * what comes back: `error N`, where N is the case of the variant, or the result. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define IMPORT(name) __attribute__((import_module("key-value"), import_name(name)))

struct result {
    uint32_t tag; /* a byte in truth; the host clears the others */
    uint32_t first, second, third;
};

IMPORT("open") void kv_open(const char *label, size_t len, struct result *ret);
IMPORT("get") void kv_get(uint32_t store, const char *key, size_t len, struct result *ret);
IMPORT("set")
void kv_set(uint32_t store, const char *key, size_t len, const void *value, size_t value_len,
            struct result *ret);
IMPORT("delete") void kv_delete(uint32_t store, const char *key, size_t len, struct result *ret);
IMPORT("exists") void kv_exists(uint32_t store, const char *key, size_t len, struct result *ret);
IMPORT("get-keys") void kv_get_keys(uint32_t store, struct result *ret);
IMPORT("close") void kv_close(uint32_t store);

static unsigned allocations;

__attribute__((export_name("canonical_abi_realloc"))) void *canonical_abi_realloc(void *old,
                                                                                  size_t old_size,
                                                                                  size_t align,
                                                                                  size_t new_size)
{
    (void)old_size, (void)align;
    allocations++;
    return realloc(old, new_size ? new_size : 1);
}

/* The program's own destructor: it runs once, however often the host calls realloc. */
__attribute__((destructor)) static void at_end(void)
{
    puts("end");
}

static void print(const char *what, const struct result *r, const char *ok)
{
    if (r->tag == 0)
        printf("%s: %s\n", what, ok);
    else if (r->first == 5)
        printf("%s: error 5 %.*s\n", what, (int)r->third, (const char *)(uintptr_t)r->second);
    else
        printf("%s: error %u\n", what, (unsigned)r->first);
}

static void print_open(const char *label)
{
    struct result r;
    char what[64];
    kv_open(label, strlen(label), &r);
    snprintf(what, sizeof(what), "open %s", label);
    print(what, &r, "ok");
    if (r.tag == 0)
        kv_close(r.first);
}

static void print_get(uint32_t store, const char *key)
{
    struct result r;
    char what[64], ok[64] = "";
    kv_get(store, key, strlen(key), &r);
    if (r.tag == 0)
        snprintf(ok, sizeof(ok), "%u bytes '%.*s'", (unsigned)r.second, (int)r.second,
                 (const char *)(uintptr_t)r.first);
    snprintf(what, sizeof(what), "get %s", key);
    print(what, &r, ok);
}

static void print_exists(uint32_t store, const char *key)
{
    struct result r;
    char what[64];
    kv_exists(store, key, strlen(key), &r);
    snprintf(what, sizeof(what), "exists %s", key);
    print(what, &r, r.first == 1 ? "true" : r.first == 0 ? "false" : "neither");
}

static void print_keys(uint32_t store)
{
    struct result r;
    kv_get_keys(store, &r);
    print("get-keys", &r, "ok");
    const uint32_t *keys = (const uint32_t *)(uintptr_t)r.first;
    for (uint32_t i = 0; r.tag == 0 && i < r.second; i++)
        printf("  %.*s\n", (int)keys[2 * i + 1], (const char *)(uintptr_t)keys[2 * i]);
}

static void set_and_delete(uint32_t store)
{
    struct result r;
    kv_set(store, "k", 1, "value", 5, &r);
    print("set k", &r, "ok");
    kv_set(store, "empty", 5, NULL, 0, &r);
    print("set empty", &r, "ok");
    print_get(store, "k");
    print_get(store, "empty");
    print_get(store, "absent");
    print_exists(store, "k");
    print_exists(store, "absent");
    print_keys(store);
    kv_delete(store, "k", 1, &r);
    print("delete k", &r, "ok");
    kv_delete(store, "k", 1, &r);
    print("delete k again", &r, "ok");
    print_exists(store, "k");
    kv_delete(store, "empty", 5, &r);
}

static void invalid_stores(uint32_t store)
{
    struct result r;
    print_get(store, "k");
    print_exists(4000000000u, "k");
    kv_set(0, "k", 1, "v", 1, &r);
    print("set in 0", &r, "ok");
    kv_delete(store, "k", 1, &r);
    print("delete when closed", &r, "ok");
    print_keys(store);
    kv_close(store);
}

static void fill_table(void)
{
    struct result r = {0};
    unsigned opened = 0;
    while (opened < 1000) {
        kv_open("default", 7, &r);
        if (r.tag)
            break;
        opened++;
    }
    printf("%u stores\n", opened);
    print("open one more", &r, "ok");
}

int main(int argc, char **argv)
{
    struct result r;
    if (argc > 1 && strcmp(argv[1], "nothing") == 0)
        return 0;
    kv_open("default", 7, &r);
    print("open default", &r, "ok");
    uint32_t store = r.first;
    print_open("other");
    print_open("nobody");
    print_open("");
    set_and_delete(store);

    char *large = calloc(1, (16 << 20) + 1);
    kv_set(store, "large", 5, large, (16 << 20) + 1, &r);
    printf("set too large: error %u with text: %s\n", (unsigned)r.first,
           r.third > 0 ? "yes" : "no");
    kv_close(store);
    invalid_stores(store);
    fill_table();
    printf("allocations: %s\n", allocations > 3 ? "some" : "none");
    return 0;
}
