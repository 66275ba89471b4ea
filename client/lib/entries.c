/* Reading, writing and listing the entries of a store. */
#include <stdlib.h>
#include <string.h>

#include "handle.h"

/* Begin a request whose first params are a store and a key. */
static bobbin_status begin(bobbin *b, struct request *r, enum method_id method, uint32_t params,
                           const char *store, const char *key, size_t key_len)
{
    if (store == NULL)
        return handle_misuse(b, "the store is NULL");
    if (key == NULL)
        return handle_misuse(b, "the key is NULL");
    bobbin_status status = handle_begin(b, r, method, params);
    if (status != BOBBIN_OK)
        return status;
    request_cstr(r, store);
    request_str(r, key, key_len);
    return BOBBIN_OK;
}

struct value {
    void *data;
    size_t len;
};

static bobbin_status take_value(struct reader *result, void *ret, struct failure *f)
{
    struct slice s;
    if (reader_nil(result) == 0) {
        *(struct value *)ret = (struct value){0};
        return BOBBIN_OK;
    }
    if (reader_peek(result) != READER_BIN || reader_bytes(result, &s) != 0)
        return failure_set(f, BOBBIN_BAD_RESPONSE,
                           "the daemon's answer is wrong: the value is not binary");
    char *data = malloc(s.len + 1);
    if (data == NULL)
        return failure_no_memory(f);
    if (s.len > 0)
        memcpy(data, s.data, s.len);
    data[s.len] = '\0';
    *(struct value *)ret = (struct value){data, s.len};
    return BOBBIN_OK;
}

bobbin_status bobbin_get(bobbin *b, const char *store, const char *key, size_t key_len,
                         void **ret_value, size_t *ret_value_len)
{
    struct request r;
    struct value value;
    if (ret_value == NULL || ret_value_len == NULL)
        return handle_misuse(b, "there is nowhere to put the value");
    bobbin_status status = begin(b, &r, METHOD_GET, 2, store, key, key_len);
    if (status == BOBBIN_OK)
        status = handle_call(b, &r, take_value, &value);
    if (status == BOBBIN_OK) {
        *ret_value = value.data;
        *ret_value_len = value.len;
    }
    return status;
}

bobbin_status bobbin_set(bobbin *b, const char *store, const char *key, size_t key_len,
                         const void *value, size_t value_len)
{
    struct request r;
    if (value == NULL && value_len > 0)
        return handle_misuse(b, "the value is NULL");
    bobbin_status status = begin(b, &r, METHOD_SET, 3, store, key, key_len);
    if (status != BOBBIN_OK)
        return status;
    request_bin(&r, value != NULL ? value : "", value_len);
    return handle_call(b, &r, take_nil, NULL);
}

bobbin_status bobbin_delete(bobbin *b, const char *store, const char *key, size_t key_len)
{
    struct request r;
    bobbin_status status = begin(b, &r, METHOD_DELETE, 2, store, key, key_len);
    return status != BOBBIN_OK ? status : handle_call(b, &r, take_nil, NULL);
}

static bobbin_status take_bool(struct reader *result, void *ret, struct failure *f)
{
    if (reader_bool(result, ret) == 0)
        return BOBBIN_OK;
    return failure_set(f, BOBBIN_BAD_RESPONSE, "the daemon's answer is wrong: it is not a boolean");
}

bobbin_status bobbin_exists(bobbin *b, const char *store, const char *key, size_t key_len,
                            bool *ret_exists)
{
    struct request r;
    if (ret_exists == NULL)
        return handle_misuse(b, "there is nowhere to put the result");
    bobbin_status status = begin(b, &r, METHOD_EXISTS, 2, store, key, key_len);
    return status != BOBBIN_OK ? status : handle_call(b, &r, take_bool, ret_exists);
}
