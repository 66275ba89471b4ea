/* Key/value storage for wasm programs in C, over the imports of Spin's first interface (module
 * "key-value"). New programs take spin_key_value.h or wasi_keyvalue.h; this is for those that must
 * run on old versions of Spin as well.
 *
 *     #include "spin_key_value_v1.h"
 *
 *     kv1_store store;
 *     kv_value value;
 *     if (kv1_open("default", &store) || kv1_set(store, "greeting", "hello", 5) ||
 *         kv1_get(store, "greeting", &value))
 *         fprintf(stderr, "%s\n", kv1_error());
 *
 * Build, kinds of program, and the rules for results and keys: as spin_key_value.h says. Where it
 * differs: a key without entry is an error, KV1_NO_SUCH_KEY, and so is a store that is not open. */
#ifndef SPIN_KEY_VALUE_V1_H
#define SPIN_KEY_VALUE_V1_H

#include "kv_guest.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum kv1_status {
    KV1_OK = 0,
    KV1_STORE_TABLE_FULL, /* too many stores are open */
    KV1_NO_SUCH_STORE,    /* the label is not known */
    KV1_ACCESS_DENIED,    /* the component's key_value_stores does not have the label */
    KV1_INVALID_STORE,    /* this store is not open */
    KV1_NO_SUCH_KEY,      /* there is no such entry */
    KV1_IO,               /* kv1_error() tells */
} kv1_status;

/* An open store. */
typedef uint32_t kv1_store;

/* What the host writes: the tag of a result, then its payload or the error. */
typedef struct kv1_result {
    uint8_t tag; /* 0: ok, 1: error */
    union {
        uint32_t handle;
        bool exists;
        struct {
            uint32_t data, len;
        } list;
        struct {
            uint8_t code;
            uint32_t data, len;
        } error;
    } as;
} kv1_result;

_Static_assert(sizeof(kv1_result) == 16, "this header is for wasm32");

#define KV1_IMPORT(name) __attribute__((import_module("key-value"), import_name(name)))

KV1_IMPORT("open") void kv1_import_open(const char *label, size_t len, kv1_result *ret);
KV1_IMPORT("get")
void kv1_import_get(uint32_t store, const char *key, size_t len, kv1_result *ret);
KV1_IMPORT("set")
void kv1_import_set(uint32_t store, const char *key, size_t len, const void *value,
                    size_t value_len, kv1_result *ret);
KV1_IMPORT("delete")
void kv1_import_delete(uint32_t store, const char *key, size_t len, kv1_result *ret);
KV1_IMPORT("exists")
void kv1_import_exists(uint32_t store, const char *key, size_t len, kv1_result *ret);
KV1_IMPORT("get-keys") void kv1_import_get_keys(uint32_t store, kv1_result *ret);
KV1_IMPORT("close") void kv1_import_close(uint32_t store);

/* The last failure; kv1_error() hands out its text. One per program. */
__attribute__((weak)) char *kv1_last_text;
__attribute__((weak)) kv1_status kv1_last_status;

static inline const char *kv1_error(void)
{
    static const char *const texts[] = {
        "no error",          "too many open stores",  "no such store",
        "access denied",     "the store is not open", "no such key",
        "input/output error"};
    return kv1_last_status == KV1_IO && kv1_last_text ? kv1_last_text : texts[kv1_last_status];
}

static inline kv1_status kv1_finish(const kv1_result *result)
{
    if (result->tag == 0)
        return KV1_OK;
    kv1_last_status = (kv1_status)(result->as.error.code + 1);
    if (kv1_last_status == KV1_IO) {
        free(kv1_last_text);
        kv1_last_text = (char *)(uintptr_t)result->as.error.data;
    }
    return kv1_last_status;
}

/* Open a store: "default", or another label that the manifest grants. */
static inline kv1_status kv1_open(const char *label, kv1_store *ret_store)
{
    kv1_result result;
    kv1_import_open(label, strlen(label), &result);
    if (result.tag == 0)
        *ret_store = result.as.handle;
    return kv1_finish(&result);
}

/* No effect on a store that is not open. */
static inline void kv1_close(kv1_store store)
{
    kv1_import_close(store);
}

/* ret_value->data is to be freed. */
static inline kv1_status kv1_get(kv1_store store, const char *key, kv_value *ret_value)
{
    kv1_result result;
    kv1_import_get(store, key, strlen(key), &result);
    if (result.tag == 0) {
        ret_value->data = (char *)(uintptr_t)result.as.list.data;
        ret_value->len = result.as.list.len;
    }
    return kv1_finish(&result);
}

/* When this returns KV1_OK, the value is on disk. */
static inline kv1_status kv1_set(kv1_store store, const char *key, const void *value, size_t len)
{
    kv1_result result;
    kv1_import_set(store, key, strlen(key), value, len, &result);
    return kv1_finish(&result);
}

/* No error where there is no entry. */
static inline kv1_status kv1_delete(kv1_store store, const char *key)
{
    kv1_result result;
    kv1_import_delete(store, key, strlen(key), &result);
    return kv1_finish(&result);
}

static inline kv1_status kv1_exists(kv1_store store, const char *key, bool *ret_exists)
{
    kv1_result result;
    kv1_import_exists(store, key, strlen(key), &result);
    if (result.tag == 0)
        *ret_exists = result.as.exists;
    return kv1_finish(&result);
}

/* All keys; free them with kv_keys_free. */
static inline kv1_status kv1_get_keys(kv1_store store, kv_keys *ret_keys)
{
    kv1_result result;
    kv1_import_get_keys(store, &result);
    if (result.tag == 0) {
        ret_keys->keys = (kv_value *)(uintptr_t)result.as.list.data;
        ret_keys->count = result.as.list.len;
    }
    return kv1_finish(&result);
}

#ifdef __cplusplus
}
#endif

#endif
