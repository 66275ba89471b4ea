/* Reading and writing single entries. */
#include "handle.h"

/* A request about one key. */
static bobbin_request about(bobbin_request_kind kind, const char *store, const char *key,
                            size_t key_len)
{
    return (bobbin_request){.kind = kind, .store = store, .key = {key, key_len}};
}

bobbin_status bobbin_ping(bobbin *b)
{
    struct result res;
    return handle_run(b, &(bobbin_request){.kind = BOBBIN_REQUEST_PING}, &res);
}

bobbin_status bobbin_get(bobbin *b, const char *store, const char *key, size_t key_len,
                         void **ret_value, size_t *ret_value_len)
{
    struct result res;
    bobbin_request q = about(BOBBIN_REQUEST_GET, store, key, key_len);
    if (ret_value == NULL || ret_value_len == NULL)
        return handle_misuse(b, "there is nowhere to put the value");
    bobbin_status status = handle_run(b, &q, &res);
    if (status == BOBBIN_OK) {
        *ret_value = res.value;
        *ret_value_len = res.shown.value.len;
    }
    return status;
}

bobbin_status bobbin_set(bobbin *b, const char *store, const char *key, size_t key_len,
                         const void *value, size_t value_len)
{
    struct result res;
    bobbin_request q = about(BOBBIN_REQUEST_SET, store, key, key_len);
    q.value = (bobbin_string){value, value_len};
    return handle_run(b, &q, &res);
}

bobbin_status bobbin_set_ttl(bobbin *b, const char *store, const char *key, size_t key_len,
                             const void *value, size_t value_len, int64_t ttl_ms)
{
    struct result res;
    bobbin_request q = about(BOBBIN_REQUEST_SET, store, key, key_len);
    if (ttl_ms <= 0)
        return handle_misuse(b, "the time to live is not positive");
    q.value = (bobbin_string){value, value_len};
    q.ttl_ms = ttl_ms;
    return handle_run(b, &q, &res);
}

bobbin_status bobbin_delete(bobbin *b, const char *store, const char *key, size_t key_len)
{
    struct result res;
    bobbin_request q = about(BOBBIN_REQUEST_DELETE, store, key, key_len);
    return handle_run(b, &q, &res);
}

bobbin_status bobbin_exists(bobbin *b, const char *store, const char *key, size_t key_len,
                            bool *ret_exists)
{
    struct result res;
    bobbin_request q = about(BOBBIN_REQUEST_EXISTS, store, key, key_len);
    if (ret_exists == NULL)
        return handle_misuse(b, "there is nowhere to put the result");
    bobbin_status status = handle_run(b, &q, &res);
    if (status == BOBBIN_OK)
        *ret_exists = res.shown.flag;
    return status;
}

bobbin_status bobbin_ttl(bobbin *b, const char *store, const char *key, size_t key_len,
                         int64_t *ret_ms)
{
    struct result res;
    bobbin_request q = about(BOBBIN_REQUEST_TTL, store, key, key_len);
    if (ret_ms == NULL)
        return handle_misuse(b, "there is nowhere to put the time");
    bobbin_status status = handle_run(b, &q, &res);
    if (status == BOBBIN_OK)
        *ret_ms = res.shown.number;
    return status;
}

bobbin_status bobbin_increment(bobbin *b, const char *store, const char *key, size_t key_len,
                               int64_t delta, int64_t *ret_value)
{
    struct result res;
    bobbin_request q = about(BOBBIN_REQUEST_INCREMENT, store, key, key_len);
    q.delta = delta;
    bobbin_status status = handle_run(b, &q, &res);
    if (status == BOBBIN_OK && ret_value != NULL)
        *ret_value = res.shown.number;
    return status;
}

bobbin_status bobbin_swap(bobbin *b, const char *store, const char *key, size_t key_len,
                          const void *expected, size_t expected_len, const void *value,
                          size_t value_len, bool *ret_swapped, void **ret_current,
                          size_t *ret_current_len)
{
    struct result res;
    bobbin_request q = about(BOBBIN_REQUEST_SWAP, store, key, key_len);
    if (ret_swapped == NULL || (ret_current == NULL) != (ret_current_len == NULL))
        return handle_misuse(b, "there is nowhere to put the result");
    q.expected = (bobbin_string){expected, expected_len};
    q.value = (bobbin_string){value, value_len};
    bobbin_status status = handle_run(b, &q, &res);
    if (status != BOBBIN_OK)
        return status;
    *ret_swapped = res.shown.flag;
    if (ret_current != NULL) {
        *ret_current = res.value;
        *ret_current_len = res.shown.value.len;
        res.value = NULL;
    }
    result_fini(&res);
    return BOBBIN_OK;
}
