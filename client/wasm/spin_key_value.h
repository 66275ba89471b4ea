/* Key/value storage for wasm programs in C, over the imports of fermyon:spin/key-value@2.0.0.
 *
 *     #include "spin_key_value.h"
 *
 *     kv_store store;
 *     kv_value value;
 *     if (kv_open("default", &store) || kv_set_text(store, "greeting", "hello") ||
 *         kv_get(store, "greeting", &value))
 *         fprintf(stderr, "%s\n", kv_error());
 *
 * Build:
 *
 *     clang --target=wasm32-wasi -O2 -I DIR program.c -o program.wasm
 *
 * That is a command: it has a `main`. bobbin-run executes it as it is. Where you want a reactor
 * (-mexec-model=reactor), export a function `run` instead, without parameters and with nothing or
 * an int, the exit status, as its result; bobbin-run calls `_initialize`, then `run`; stdio is not
 * flushed behind it, so call fflush(NULL).
 *
 * Everything is static inline; include the header in as many files as you like. Functions return 0
 * or one of the errors below, results go to ret_ pointers, which are written only on success. Keys
 * and labels are UTF-8, NUL-terminated; anything but UTF-8 is a trap. */
#ifndef SPIN_KEY_VALUE_H
#define SPIN_KEY_VALUE_H

#include "kv_guest.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum kv_status {
    KV_OK = 0,
    KV_STORE_TABLE_FULL, /* too many stores are open */
    KV_NO_SUCH_STORE,    /* the label is not known */
    KV_ACCESS_DENIED,    /* the component's key_value_stores does not have the label */
    KV_OTHER,            /* kv_error() tells */
} kv_status;

/* An open store. */
typedef uint32_t kv_store;

/* What the host writes: the tag of a result, then its payload or the error. */
typedef struct kv_result {
    uint8_t tag; /* 0: ok, 1: error */
    union {
        uint32_t handle;
        bool exists;
        struct {
            uint32_t data, len;
        } list;
        struct {
            uint8_t tag; /* 0: none, 1: some */
            uint32_t data, len;
        } option;
        struct {
            uint8_t code;
            uint32_t data, len;
        } error;
    } as;
} kv_result;

_Static_assert(sizeof(kv_result) == 16, "this header is for wasm32");

#define KV_IMPORT(name)                                                                            \
    __attribute__((import_module("fermyon:spin/key-value@2.0.0"), import_name(name)))

KV_IMPORT("[static]store.open")
void kv_import_open(const char *label, size_t len, kv_result *ret);
KV_IMPORT("[method]store.get")
void kv_import_get(uint32_t store, const char *key, size_t len, kv_result *ret);
KV_IMPORT("[method]store.set")
void kv_import_set(uint32_t store, const char *key, size_t len, const void *value, size_t value_len,
                   kv_result *ret);
KV_IMPORT("[method]store.delete")
void kv_import_delete(uint32_t store, const char *key, size_t len, kv_result *ret);
KV_IMPORT("[method]store.exists")
void kv_import_exists(uint32_t store, const char *key, size_t len, kv_result *ret);
KV_IMPORT("[method]store.get-keys")
void kv_import_get_keys(uint32_t store, kv_result *ret);
KV_IMPORT("[resource-drop]store")
void kv_import_drop(uint32_t store);

/* The text of the last KV_OTHER; kv_error() hands it out. One per program. */
__attribute__((weak)) char *kv_last_text;
__attribute__((weak)) kv_status kv_last_status;

static inline const char *kv_error(void)
{
    static const char *const texts[] = {"no error", "too many open stores", "no such store",
                                        "access denied"};
    return kv_last_status == KV_OTHER && kv_last_text ? kv_last_text : texts[kv_last_status & 3];
}

static inline kv_status kv_finish(const kv_result *result)
{
    if (result->tag == 0)
        return KV_OK;
    kv_last_status = (kv_status)(result->as.error.code + 1);
    if (kv_last_status == KV_OTHER) {
        free(kv_last_text);
        kv_last_text = (char *)(uintptr_t)result->as.error.data;
    }
    return kv_last_status;
}

/* Open a store: "default", or another label that the manifest grants. */
static inline kv_status kv_open(const char *label, kv_store *ret_store)
{
    kv_result result;
    kv_import_open(label, strlen(label), &result);
    if (result.tag == 0)
        *ret_store = result.as.handle;
    return kv_finish(&result);
}

static inline void kv_close(kv_store store)
{
    kv_import_drop(store);
}

/* No error where there is no entry: ret_value->data is NULL then. */
static inline kv_status kv_get(kv_store store, const char *key, kv_value *ret_value)
{
    kv_result result;
    kv_import_get(store, key, strlen(key), &result);
    if (result.tag == 0) {
        bool some = result.as.option.tag == 1;
        ret_value->data = some ? (char *)(uintptr_t)result.as.option.data : NULL;
        ret_value->len = some ? result.as.option.len : 0;
    }
    return kv_finish(&result);
}

/* When this returns KV_OK, the value is on disk. */
static inline kv_status kv_set(kv_store store, const char *key, const void *value, size_t len)
{
    kv_result result;
    kv_import_set(store, key, strlen(key), value, len, &result);
    return kv_finish(&result);
}

static inline kv_status kv_set_text(kv_store store, const char *key, const char *text)
{
    return kv_set(store, key, text, strlen(text));
}

/* No error where there is no entry. */
static inline kv_status kv_delete(kv_store store, const char *key)
{
    kv_result result;
    kv_import_delete(store, key, strlen(key), &result);
    return kv_finish(&result);
}

static inline kv_status kv_exists(kv_store store, const char *key, bool *ret_exists)
{
    kv_result result;
    kv_import_exists(store, key, strlen(key), &result);
    if (result.tag == 0)
        *ret_exists = result.as.exists;
    return kv_finish(&result);
}

/* All keys; free them with kv_keys_free. */
static inline kv_status kv_get_keys(kv_store store, kv_keys *ret_keys)
{
    kv_result result;
    kv_import_get_keys(store, &result);
    if (result.tag == 0) {
        ret_keys->keys = (kv_value *)(uintptr_t)result.as.list.data;
        ret_keys->count = result.as.list.len;
    }
    return kv_finish(&result);
}

#ifdef __cplusplus
}
#endif

#endif
