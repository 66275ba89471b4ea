/* Key/value storage for wasm programs in C, over the imports of wasi:keyvalue@0.2.0-draft2: store,
 * atomics and batch.
 *
 *     #include "wasi_keyvalue.h"
 *
 *     wkv_bucket bucket;
 *     int64_t visits;
 *     if (wkv_open("default", &bucket) || wkv_increment(bucket, "visits", 1, &visits))
 *         fprintf(stderr, "%s\n", wkv_error());
 *
 * Read, change, write, so that nothing that others do in between is lost:
 *
 *     wkv_cas cas;
 *     wkv_status status = wkv_cas_new(bucket, "document", &cas);
 *     while (!status) {
 *         kv_value now;
 *         if ((status = wkv_cas_current(cas, &now)))
 *             break;
 *         ... make `text` of it ...
 *         free(now.data);
 *         status = wkv_swap(cas, text, strlen(text), &cas);
 *         if (status != WKV_CAS_FAILED)
 *             break;
 *         status = WKV_OK;
 *     }
 *
 * Build, kinds of program, and the rules for results and keys: as spin_key_value.h says. */
#ifndef WASI_KEYVALUE_H
#define WASI_KEYVALUE_H

#include "kv_guest.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum wkv_status {
    WKV_OK = 0,
    WKV_NO_SUCH_STORE, /* the identifier is not known */
    WKV_ACCESS_DENIED, /* the component's key_value_stores does not have it */
    WKV_OTHER,         /* wkv_error() tells */
    WKV_CAS_FAILED,    /* of wkv_swap: the entry has changed */
} wkv_status;

/* An open bucket: what Spin calls a store. */
typedef uint32_t wkv_bucket;
/* The right to replace the value of one key if nobody else does before. */
typedef uint32_t wkv_cas;

/* A key and a value to be written. */
typedef struct wkv_entry {
    const char *key; /* key_len bytes of UTF-8 */
    size_t key_len;
    const void *value;
    size_t value_len;
} wkv_entry;

/* What the host writes: the tag of a result, then its payload or the error. */
typedef struct wkv_error_payload {
    uint8_t code;
    uint32_t data, len;
} wkv_error_payload;

typedef struct wkv_option {
    uint8_t tag; /* 0: none, 1: some */
    uint32_t data, len;
} wkv_option;

typedef struct wkv_result {
    uint8_t tag; /* 0: ok, 1: error */
    union {
        uint32_t handle;
        bool exists;
        wkv_option option;
        struct {
            uint32_t data, len;
        } list;
        wkv_error_payload error;
    } as;
} wkv_result;

typedef struct wkv_result_number {
    uint8_t tag;
    union {
        int64_t number;
        wkv_error_payload error;
    } as;
} wkv_result_number;

typedef struct wkv_result_keys {
    uint8_t tag;
    union {
        struct {
            uint32_t data, len;
            wkv_option cursor;
        } page;
        wkv_error_payload error;
    } as;
} wkv_result_keys;

typedef struct wkv_result_swap {
    uint8_t tag;
    struct {
        uint8_t tag; /* 0: store-error, 1: cas-failed */
        union {
            uint32_t handle;
            wkv_error_payload error;
        } as;
    } error;
} wkv_result_swap;

/* An element of what get-many returns. */
typedef struct wkv_found {
    uint32_t key, key_len;
    wkv_option value;
} wkv_found;

_Static_assert(sizeof(wkv_result) == 16 && sizeof(wkv_result_number) == 24 &&
                   sizeof(wkv_result_keys) == 24 && sizeof(wkv_result_swap) == 20 &&
                   sizeof(wkv_found) == 20 && sizeof(wkv_entry) == 16,
               "this header is for wasm32");

#define WKV_IMPORT(interface, name)                                                                \
    __attribute__((import_module("wasi:keyvalue/" interface "@0.2.0-draft2"), import_name(name)))

WKV_IMPORT("store", "open")
void wkv_import_open(const char *identifier, size_t len, wkv_result *ret);
WKV_IMPORT("store", "[method]bucket.get")
void wkv_import_get(uint32_t bucket, const char *key, size_t len, wkv_result *ret);
WKV_IMPORT("store", "[method]bucket.set")
void wkv_import_set(uint32_t bucket, const char *key, size_t len, const void *value,
                    size_t value_len, wkv_result *ret);
WKV_IMPORT("store", "[method]bucket.delete")
void wkv_import_delete(uint32_t bucket, const char *key, size_t len, wkv_result *ret);
WKV_IMPORT("store", "[method]bucket.exists")
void wkv_import_exists(uint32_t bucket, const char *key, size_t len, wkv_result *ret);
WKV_IMPORT("store", "[method]bucket.list-keys")
void wkv_import_list_keys(uint32_t bucket, uint32_t has_cursor, const char *cursor, size_t len,
                          wkv_result_keys *ret);
WKV_IMPORT("store", "[resource-drop]bucket") void wkv_import_bucket_drop(uint32_t bucket);
WKV_IMPORT("atomics", "increment")
void wkv_import_increment(uint32_t bucket, const char *key, size_t len, int64_t delta,
                          wkv_result_number *ret);
WKV_IMPORT("atomics", "[static]cas.new")
void wkv_import_cas_new(uint32_t bucket, const char *key, size_t len, wkv_result *ret);
WKV_IMPORT("atomics", "[method]cas.current")
void wkv_import_cas_current(uint32_t cas, wkv_result *ret);
WKV_IMPORT("atomics", "swap")
void wkv_import_swap(uint32_t cas, const void *value, size_t len, wkv_result_swap *ret);
WKV_IMPORT("atomics", "[resource-drop]cas") void wkv_import_cas_drop(uint32_t cas);
WKV_IMPORT("batch", "get-many")
void wkv_import_get_many(uint32_t bucket, const void *keys, size_t count, wkv_result *ret);
WKV_IMPORT("batch", "set-many")
void wkv_import_set_many(uint32_t bucket, const void *entries, size_t count, wkv_result *ret);
WKV_IMPORT("batch", "delete-many")
void wkv_import_delete_many(uint32_t bucket, const void *keys, size_t count, wkv_result *ret);

/* The last failure; wkv_error() hands out its text. One per program. */
__attribute__((weak)) char *wkv_last_text;
__attribute__((weak)) wkv_status wkv_last_status;

static inline const char *wkv_error(void)
{
    static const char *const texts[] = {"no error", "no such store", "access denied", "other",
                                        "the entry has changed"};
    return wkv_last_status == WKV_OTHER && wkv_last_text ? wkv_last_text : texts[wkv_last_status];
}

static inline wkv_status wkv_finish(uint8_t tag, const wkv_error_payload *error)
{
    if (tag == 0)
        return WKV_OK;
    wkv_last_status = (wkv_status)(error->code + 1);
    if (wkv_last_status == WKV_OTHER) {
        free(wkv_last_text);
        wkv_last_text = (char *)(uintptr_t)error->data;
    }
    return wkv_last_status;
}

static inline kv_value wkv_take_option(const wkv_option *option)
{
    kv_value value = {option->tag == 1 ? (char *)(uintptr_t)option->data : NULL,
                      option->tag == 1 ? option->len : 0};
    return value;
}

/* Open a bucket: "default", or another label that the manifest grants. */
static inline wkv_status wkv_open(const char *identifier, wkv_bucket *ret_bucket)
{
    wkv_result result;
    wkv_import_open(identifier, strlen(identifier), &result);
    if (result.tag == 0)
        *ret_bucket = result.as.handle;
    return wkv_finish(result.tag, &result.as.error);
}

static inline void wkv_close(wkv_bucket bucket)
{
    wkv_import_bucket_drop(bucket);
}

/* No error where there is no entry: ret_value->data is NULL then. */
static inline wkv_status wkv_get(wkv_bucket bucket, const char *key, kv_value *ret_value)
{
    wkv_result result;
    wkv_import_get(bucket, key, strlen(key), &result);
    if (result.tag == 0)
        *ret_value = wkv_take_option(&result.as.option);
    return wkv_finish(result.tag, &result.as.error);
}

/* When this returns WKV_OK, the value is on disk. */
static inline wkv_status wkv_set(wkv_bucket bucket, const char *key, const void *value, size_t len)
{
    wkv_result result;
    wkv_import_set(bucket, key, strlen(key), value, len, &result);
    return wkv_finish(result.tag, &result.as.error);
}

/* No error where there is no entry. */
static inline wkv_status wkv_delete(wkv_bucket bucket, const char *key)
{
    wkv_result result;
    wkv_import_delete(bucket, key, strlen(key), &result);
    return wkv_finish(result.tag, &result.as.error);
}

static inline wkv_status wkv_exists(wkv_bucket bucket, const char *key, bool *ret_exists)
{
    wkv_result result;
    wkv_import_exists(bucket, key, strlen(key), &result);
    if (result.tag == 0)
        *ret_exists = result.as.exists;
    return wkv_finish(result.tag, &result.as.error);
}

/* Some of the keys; free them with kv_keys_free. cursor: NULL for the first ones, else from the
 * call before. *ret_cursor, to be freed, is NULL when there are no more. */
static inline wkv_status wkv_list_keys(wkv_bucket bucket, const char *cursor, kv_keys *ret_keys,
                                       char **ret_cursor)
{
    wkv_result_keys result;
    wkv_import_list_keys(bucket, cursor != NULL, cursor, cursor ? strlen(cursor) : 0, &result);
    if (result.tag == 0) {
        ret_keys->keys = (kv_value *)(uintptr_t)result.as.page.data;
        ret_keys->count = result.as.page.len;
        *ret_cursor = wkv_take_option(&result.as.page.cursor).data;
    }
    return wkv_finish(result.tag, &result.as.error);
}

/* Add delta to the number under the key, 8 bytes, little-endian; where there is no entry, to 0. */
static inline wkv_status wkv_increment(wkv_bucket bucket, const char *key, int64_t delta,
                                       int64_t *ret_value)
{
    wkv_result_number result;
    wkv_import_increment(bucket, key, strlen(key), delta, &result);
    if (result.tag == 0)
        *ret_value = result.as.number;
    return wkv_finish(result.tag, &result.as.error);
}

/* *ret_cas is good for one wkv_swap that succeeds if the entry does not change from now on. */
static inline wkv_status wkv_cas_new(wkv_bucket bucket, const char *key, wkv_cas *ret_cas)
{
    wkv_result result;
    wkv_import_cas_new(bucket, key, strlen(key), &result);
    if (result.tag == 0)
        *ret_cas = result.as.handle;
    return wkv_finish(result.tag, &result.as.error);
}

/* The value of now, as from wkv_get. */
static inline wkv_status wkv_cas_current(wkv_cas cas, kv_value *ret_value)
{
    wkv_result result;
    wkv_import_cas_current(cas, &result);
    if (result.tag == 0)
        *ret_value = wkv_take_option(&result.as.option);
    return wkv_finish(result.tag, &result.as.error);
}

/* `cas` is used up, whatever this returns. After WKV_CAS_FAILED *ret_cas is a new one, for another
 * attempt. */
static inline wkv_status wkv_swap(wkv_cas cas, const void *value, size_t len, wkv_cas *ret_cas)
{
    wkv_result_swap result;
    wkv_import_swap(cas, value, len, &result);
    if (result.tag == 1 && result.error.tag == 1) {
        *ret_cas = result.error.as.handle;
        wkv_last_status = WKV_CAS_FAILED;
        return WKV_CAS_FAILED;
    }
    return wkv_finish(result.tag, &result.error.as.error);
}

/* Give up a cas that is not swapped. */
static inline void wkv_cas_drop(wkv_cas cas)
{
    wkv_import_cas_drop(cas);
}

/* Several keys at once; some may have been done when it fails. Keys are kv_values here, because
 * that is how a list of strings lies in memory: data and len. */

/* *ret_values, to be freed with wkv_values_free, has the values in the order of the keys; data is
 * NULL where there is no entry. */
static inline wkv_status wkv_get_many(wkv_bucket bucket, const kv_value *keys, size_t count,
                                      kv_value **ret_values)
{
    wkv_result result;
    wkv_import_get_many(bucket, keys, count, &result);
    if (result.tag == 0) {
        wkv_found *found = (wkv_found *)(uintptr_t)result.as.list.data;
        kv_value *values = (kv_value *)calloc(count + 1, sizeof(kv_value));
        if (!values)
            abort();
        for (size_t i = 0; i < count; i++) {
            free((void *)(uintptr_t)found[i].key);
            values[i] = wkv_take_option(&found[i].value);
        }
        free(found);
        *ret_values = values;
    }
    return wkv_finish(result.tag, &result.as.error);
}

static inline void wkv_values_free(kv_value *values, size_t count)
{
    for (size_t i = 0; values && i < count; i++)
        free(values[i].data);
    free(values);
}

static inline wkv_status wkv_set_many(wkv_bucket bucket, const wkv_entry *entries, size_t count)
{
    wkv_result result;
    wkv_import_set_many(bucket, entries, count, &result);
    return wkv_finish(result.tag, &result.as.error);
}

static inline wkv_status wkv_delete_many(wkv_bucket bucket, const kv_value *keys, size_t count)
{
    wkv_result result;
    wkv_import_delete_many(bucket, keys, count, &result);
    return wkv_finish(result.tag, &result.as.error);
}

#ifdef __cplusplus
}
#endif

#endif
