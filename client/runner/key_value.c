#include "client/runner/key_value.h"

#include <stdio.h>
#include <string.h>

#include "client/runner/canonical.h"
#include "client/runner/key_list.h"
#include "client/runner/stores.h"

/* Every result is "result<…, error>": its tag at 0, its payload at 4. An error is a variant: its
 * discriminant at 4, the string of the last case at 8 and 12. */
#define PAYLOAD 4
#define SECOND 8
#define THIRD 12

/* The discriminants of an interface's errors. Those of the first three are the same in both. */
enum { ERROR_STORE_TABLE_FULL, ERROR_NO_SUCH_STORE, ERROR_ACCESS_DENIED };
enum { ERROR_1_INVALID_STORE = 3, ERROR_1_NO_SUCH_KEY, ERROR_1_IO };
enum { ERROR_2_OTHER = 3 };

static void return_error(struct host *h, uint32_t ret, uint8_t discriminant)
{
    uint8_t *result = canonical_result(h, ret);
    result[0] = 1;
    result[PAYLOAD] = discriminant;
}

static void return_text(struct host *h, uint32_t ret, uint8_t discriminant, const char *text)
{
    size_t len = strlen(text);
    uint32_t at = canonical_copy(h, text, len);
    uint8_t *result = canonical_result(h, ret);
    result[0] = 1;
    result[PAYLOAD] = discriminant;
    host_store32(result + SECOND, at);
    host_store32(result + THIRD, (uint32_t)len);
}

/* `other`: the case that has a string. */
static void return_status(struct host *h, uint32_t ret, bobbin_status status, uint8_t other)
{
    switch (status) {
    case BOBBIN_OK:
        canonical_result(h, ret);
        return;
    case BOBBIN_STORE_TABLE_FULL:
        return_error(h, ret, ERROR_STORE_TABLE_FULL);
        return;
    case BOBBIN_NO_SUCH_STORE:
        return_error(h, ret, ERROR_NO_SUCH_STORE);
        return;
    case BOBBIN_ACCESS_DENIED:
        return_error(h, ret, ERROR_ACCESS_DENIED);
        return;
    default:
        return_text(h, ret, other, stores_error(h->stores));
    }
}

static void open_store(struct host *h, uint32_t label, uint32_t len, uint32_t ret, uint8_t other)
{
    const char *name = canonical_string(h, label, len);
    uint32_t handle;
    bobbin_status status = stores_open(h->stores, name, len, &handle);
    if (status)
        return_status(h, ret, status, other);
    else
        host_store32(canonical_result(h, ret) + PAYLOAD, handle);
}

/* *ret_value is to be freed. */
static bobbin_status get(struct host *h, const char *store, uint32_t key, uint32_t len,
                         void **ret_value, size_t *ret_value_len)
{
    const char *name = canonical_string(h, key, len);
    bobbin *b;
    bobbin_status status = stores_connection(h->stores, &b);
    if (status)
        return status;
    status = bobbin_get(b, store, name, len, ret_value, ret_value_len);
    stores_finished(h->stores, status);
    return status;
}

static void set(struct host *h, const char *store, const uint32_t key[2], const uint32_t value[2],
                uint32_t ret, uint8_t other)
{
    const char *name = canonical_string(h, key[0], key[1]);
    const uint8_t *bytes = host_memory_or_trap(h, value[0], value[1]);
    bobbin *b;
    bobbin_status status = stores_connection(h->stores, &b);
    if (!status) {
        status = bobbin_set(b, store, name, key[1], bytes, value[1]);
        stores_finished(h->stores, status);
    }
    return_status(h, ret, status, other);
}

static void remove_key(struct host *h, const char *store, uint32_t key, uint32_t len, uint32_t ret,
                       uint8_t other)
{
    const char *name = canonical_string(h, key, len);
    bobbin *b;
    bobbin_status status = stores_connection(h->stores, &b);
    if (!status) {
        status = bobbin_delete(b, store, name, len);
        stores_finished(h->stores, status);
    }
    return_status(h, ret, status, other);
}

static void exists(struct host *h, const char *store, uint32_t key, uint32_t len, uint32_t ret,
                   uint8_t other)
{
    const char *name = canonical_string(h, key, len);
    bool there = false;
    bobbin *b;
    bobbin_status status = stores_connection(h->stores, &b);
    if (!status) {
        status = bobbin_exists(b, store, name, len, &there);
        stores_finished(h->stores, status);
    }
    if (status)
        return_status(h, ret, status, other);
    else
        canonical_result(h, ret)[PAYLOAD] = there;
}

/* A list of strings in the module's memory: an array of address and length, and each string. */
static void return_keys(struct host *h, uint32_t ret, const struct key_list *list)
{
    uint32_t array = canonical_alloc(h, 4, (uint64_t)list->count * 8);
    uint32_t next = array;
    for (size_t i = 0; i < list->page_count; i++) {
        const bobbin_key_page *page = list->pages[i];
        for (size_t k = 0; k < page->count; k++, next += 8) {
            uint32_t at = canonical_copy(h, page->keys[k].data, page->keys[k].len);
            uint8_t *element = host_memory_or_trap(h, next, 8);
            host_store32(element, at);
            host_store32(element + 4, (uint32_t)page->keys[k].len);
        }
    }
    uint8_t *result = canonical_result(h, ret);
    host_store32(result + PAYLOAD, array);
    host_store32(result + SECOND, (uint32_t)list->count);
}

static void get_keys(struct host *h, const char *store, uint32_t ret, uint8_t other)
{
    bobbin *b;
    bobbin_status status = stores_connection(h->stores, &b);
    if (status) {
        return_status(h, ret, status, other);
        return;
    }
    struct key_list list;
    status = key_list_read(b, store, KEY_VALUE_RESULT_MAX, &list);
    if (list.bytes > KEY_VALUE_RESULT_MAX) {
        char text[80];
        snprintf(text, sizeof(text), "query result exceeds limit of %u bytes",
                 KEY_VALUE_RESULT_MAX);
        return_text(h, ret, other, text);
    } else if (status) {
        stores_finished(h->stores, status);
        return_status(h, ret, status, other);
    } else {
        return_keys(h, ret, &list);
    }
    key_list_fini(&list);
}

/* Version 1: a handle is a number; one that is not open is an error. */

static const char *store_1(struct host *h, uint32_t store, uint32_t ret)
{
    const char *label = stores_label(h->stores, store);
    if (!label)
        return_error(h, ret, ERROR_1_INVALID_STORE);
    return label;
}

void key_value_1_open(struct host *h, uint32_t label, uint32_t len, uint32_t ret)
{
    open_store(h, label, len, ret, ERROR_1_IO);
}

void key_value_1_get(struct host *h, uint32_t store, uint32_t key, uint32_t len, uint32_t ret)
{
    const char *label = store_1(h, store, ret);
    if (!label)
        return;
    void *value;
    size_t value_len;
    bobbin_status status = get(h, label, key, len, &value, &value_len);
    if (status) {
        return_status(h, ret, status, ERROR_1_IO);
    } else if (!value) {
        return_error(h, ret, ERROR_1_NO_SUCH_KEY);
    } else {
        uint32_t at = canonical_copy(h, value, value_len);
        bobbin_free(value);
        uint8_t *result = canonical_result(h, ret);
        host_store32(result + PAYLOAD, at);
        host_store32(result + SECOND, (uint32_t)value_len);
    }
}

void key_value_1_set(struct host *h, uint32_t store, uint32_t key, uint32_t len, uint32_t value,
                     uint32_t value_len, uint32_t ret)
{
    const char *label = store_1(h, store, ret);
    if (label)
        set(h, label, (uint32_t[]){key, len}, (uint32_t[]){value, value_len}, ret, ERROR_1_IO);
}

void key_value_1_delete(struct host *h, uint32_t store, uint32_t key, uint32_t len, uint32_t ret)
{
    const char *label = store_1(h, store, ret);
    if (label)
        remove_key(h, label, key, len, ret, ERROR_1_IO);
}

void key_value_1_exists(struct host *h, uint32_t store, uint32_t key, uint32_t len, uint32_t ret)
{
    const char *label = store_1(h, store, ret);
    if (label)
        exists(h, label, key, len, ret, ERROR_1_IO);
}

void key_value_1_get_keys(struct host *h, uint32_t store, uint32_t ret)
{
    const char *label = store_1(h, store, ret);
    if (label)
        get_keys(h, label, ret, ERROR_1_IO);
}

void key_value_1_close(struct host *h, uint32_t store)
{
    stores_close(h->stores, store);
}

/* Version 2: a handle is a resource; one that is not there is a trap. */

static const char *store_2(struct host *h, uint32_t store)
{
    const char *label = stores_label(h->stores, store);
    if (!label)
        host_trap(h, "unknown handle of a store");
    return label;
}

void key_value_2_open(struct host *h, uint32_t label, uint32_t len, uint32_t ret)
{
    open_store(h, label, len, ret, ERROR_2_OTHER);
}

void key_value_2_get(struct host *h, uint32_t store, uint32_t key, uint32_t len, uint32_t ret)
{
    void *value;
    size_t value_len;
    bobbin_status status = get(h, store_2(h, store), key, len, &value, &value_len);
    if (status) {
        return_status(h, ret, status, ERROR_2_OTHER);
    } else if (!value) {
        canonical_result(h, ret);
    } else {
        uint32_t at = canonical_copy(h, value, value_len);
        bobbin_free(value);
        uint8_t *result = canonical_result(h, ret);
        result[PAYLOAD] = 1;
        host_store32(result + SECOND, at);
        host_store32(result + THIRD, (uint32_t)value_len);
    }
}

void key_value_2_set(struct host *h, uint32_t store, uint32_t key, uint32_t len, uint32_t value,
                     uint32_t value_len, uint32_t ret)
{
    set(h, store_2(h, store), (uint32_t[]){key, len}, (uint32_t[]){value, value_len}, ret,
        ERROR_2_OTHER);
}

void key_value_2_delete(struct host *h, uint32_t store, uint32_t key, uint32_t len, uint32_t ret)
{
    remove_key(h, store_2(h, store), key, len, ret, ERROR_2_OTHER);
}

void key_value_2_exists(struct host *h, uint32_t store, uint32_t key, uint32_t len, uint32_t ret)
{
    exists(h, store_2(h, store), key, len, ret, ERROR_2_OTHER);
}

void key_value_2_get_keys(struct host *h, uint32_t store, uint32_t ret)
{
    get_keys(h, store_2(h, store), ret, ERROR_2_OTHER);
}

void key_value_2_drop(struct host *h, uint32_t store)
{
    store_2(h, store);
    stores_close(h->stores, store);
}
