/* Several keys in one step. */
#include "handle.h"

bobbin_status bobbin_get_many(bobbin *b, const char *store, const bobbin_string *keys, size_t count,
                              bobbin_values **ret_values)
{
    struct result res;
    bobbin_request q = {
        .kind = BOBBIN_REQUEST_GET_MANY, .store = store, .keys = keys, .key_count = count};
    if (ret_values == NULL)
        return handle_misuse(b, "there is nowhere to put the values");
    bobbin_status status = handle_run(b, &q, &res);
    if (status == BOBBIN_OK)
        *ret_values = res.values;
    return status;
}

bobbin_status bobbin_set_many(bobbin *b, const char *store, const bobbin_entry *entries,
                              size_t count, int64_t ttl_ms)
{
    struct result res;
    bobbin_request q = {.kind = BOBBIN_REQUEST_SET_MANY,
                        .store = store,
                        .entries = entries,
                        .entry_count = count,
                        .ttl_ms = ttl_ms};
    return handle_run(b, &q, &res);
}

bobbin_status bobbin_delete_many(bobbin *b, const char *store, const bobbin_string *keys,
                                 size_t count)
{
    struct result res;
    bobbin_request q = {
        .kind = BOBBIN_REQUEST_DELETE_MANY, .store = store, .keys = keys, .key_count = count};
    return handle_run(b, &q, &res);
}

bobbin_status bobbin_atomic(bobbin *b, const char *store, const bobbin_check *checks,
                            size_t check_count, const bobbin_op *ops, size_t op_count,
                            bool *ret_applied, size_t *ret_failed_check)
{
    struct result res;
    bobbin_request q = {.kind = BOBBIN_REQUEST_ATOMIC,
                        .store = store,
                        .checks = checks,
                        .check_count = check_count,
                        .ops = ops,
                        .op_count = op_count};
    if (ret_applied == NULL)
        return handle_misuse(b, "there is nowhere to put the result");
    bobbin_status status = handle_run(b, &q, &res);
    if (status != BOBBIN_OK)
        return status;
    *ret_applied = res.shown.flag;
    if (!res.shown.flag && ret_failed_check != NULL)
        *ret_failed_check = res.shown.failed_check;
    return BOBBIN_OK;
}
