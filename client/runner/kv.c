#include "client/runner/kv.h"

#include <string.h>

#include "client/runner/canonical.h"

const struct kv_shape kv_plain = {16, 4, 4};

static uint8_t *result_of(const struct kv_call *c)
{
    return canonical_result(c->h, c->ret, c->shape->size, c->shape->align);
}

uint8_t *kv_ok(const struct kv_call *c)
{
    return result_of(c);
}

void kv_fail_case(const struct kv_call *c, uint8_t discriminant)
{
    uint8_t *result = result_of(c);
    result[0] = 1;
    result[c->shape->error] = discriminant;
}

void kv_fail_text(const struct kv_call *c, const char *text)
{
    size_t len = strlen(text);
    uint32_t at = canonical_copy(c->h, text, len);
    uint8_t *result = result_of(c);
    result[0] = 1;
    result[c->shape->error] = c->errors->other;
    canonical_store_pair(result + c->shape->error + 4, at, len);
}

void kv_fail(const struct kv_call *c, bobbin_status status)
{
    if (status == BOBBIN_STORE_TABLE_FULL && c->errors->store_table_full >= 0)
        kv_fail_case(c, (uint8_t)c->errors->store_table_full);
    else if (status == BOBBIN_STORE_TABLE_FULL)
        kv_fail_text(c, "too many open handles");
    else if (status == BOBBIN_NO_SUCH_STORE)
        kv_fail_case(c, c->errors->no_such_store);
    else if (status == BOBBIN_ACCESS_DENIED)
        kv_fail_case(c, c->errors->access_denied);
    else if (status == BOBBIN_NO_MEMORY)
        kv_fail_text(c, "out of memory");
    else
        kv_fail_text(c, stores_error(c->h->stores));
}

void kv_finish(const struct kv_call *c, bobbin_status status)
{
    if (status)
        kv_fail(c, status);
    else
        kv_ok(c);
}

void kv_open(const struct kv_call *c, enum store_kind kind, uint32_t label, uint32_t len)
{
    const char *name = canonical_string(c->h, label, len);
    uint32_t handle;
    bobbin_status status = stores_open(c->h->stores, kind, name, len, &handle);
    if (status)
        kv_fail(c, status);
    else
        host_store32(kv_ok(c) + KV_PAYLOAD, handle);
}

bobbin_status kv_get(struct host *h, const char *label, const char *key, size_t len,
                     void **ret_value, size_t *ret_value_len)
{
    bobbin *b;
    bobbin_status status = stores_connection(h->stores, &b);
    if (status)
        return status;
    status = bobbin_get(b, label, key, len, ret_value, ret_value_len);
    stores_finished(h->stores, status);
    return status;
}

void kv_get_option(const struct kv_call *c, const char *label, const char *key, size_t len)
{
    void *value;
    size_t value_len;
    bobbin_status status = kv_get(c->h, label, key, len, &value, &value_len);
    if (status || !value) {
        kv_finish(c, status);
        return;
    }
    uint32_t at = canonical_copy(c->h, value, value_len);
    bobbin_free(value);
    uint8_t *result = kv_ok(c);
    result[KV_PAYLOAD] = 1;
    canonical_store_pair(result + KV_SECOND, at, value_len);
}

void kv_set(const struct kv_call *c, const char *label, const uint32_t key[2],
            const uint32_t value[2])
{
    const char *name = canonical_string(c->h, key[0], key[1]);
    const uint8_t *bytes = host_memory_or_trap(c->h, value[0], value[1]);
    bobbin *b;
    bobbin_status status = stores_connection(c->h->stores, &b);
    if (!status) {
        status = bobbin_set(b, label, name, key[1], bytes, value[1]);
        stores_finished(c->h->stores, status);
    }
    kv_finish(c, status);
}

void kv_delete(const struct kv_call *c, const char *label, uint32_t key, uint32_t len)
{
    const char *name = canonical_string(c->h, key, len);
    bobbin *b;
    bobbin_status status = stores_connection(c->h->stores, &b);
    if (!status) {
        status = bobbin_delete(b, label, name, len);
        stores_finished(c->h->stores, status);
    }
    kv_finish(c, status);
}

void kv_exists(const struct kv_call *c, const char *label, uint32_t key, uint32_t len)
{
    const char *name = canonical_string(c->h, key, len);
    bool there = false;
    bobbin *b;
    bobbin_status status = stores_connection(c->h->stores, &b);
    if (!status) {
        status = bobbin_exists(b, label, name, len, &there);
        stores_finished(c->h->stores, status);
    }
    if (status)
        kv_fail(c, status);
    else
        kv_ok(c)[KV_PAYLOAD] = there;
}

uint32_t kv_copy_keys(struct host *h, const bobbin_key_page *const *pages, size_t page_count,
                      size_t count)
{
    uint32_t array = canonical_alloc(h, 4, (uint64_t)count * 8);
    uint32_t next = array;
    for (size_t i = 0; i < page_count; i++) {
        for (size_t k = 0; k < pages[i]->count; k++, next += 8) {
            const bobbin_string *key = &pages[i]->keys[k];
            uint32_t at = canonical_copy(h, key->data, key->len);
            canonical_store_pair(host_memory_or_trap(h, next, 8), at, key->len);
        }
    }
    return array;
}

void kv_get_keys(const struct kv_call *c, const char *label)
{
    bobbin *b;
    bobbin_status status = stores_connection(c->h->stores, &b);
    if (status) {
        kv_fail(c, status);
        return;
    }
    struct key_list list;
    status = key_list_read(b, label, KV_RESULT_MAX, &list);
    if (list.bytes > KV_RESULT_MAX) {
        kv_fail_text(c, KV_RESULT_TEXT);
    } else if (status) {
        stores_finished(c->h->stores, status);
        kv_fail(c, status);
    } else {
        uint32_t array = kv_copy_keys(c->h, (const bobbin_key_page *const *)list.pages,
                                      list.page_count, list.count);
        canonical_store_pair(kv_ok(c) + KV_PAYLOAD, array, list.count);
    }
    key_list_fini(&list);
}
