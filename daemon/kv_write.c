/* The methods that write: set, delete, increment, swap, set_many, delete_many. */
#include "daemon/dispatch.h"
#include "daemon/kv_params.h"
#include "protocol/limits.h"

int kv_set(struct request *r, struct error *e)
{
    int rc = kv_begin(r, OP_SET, e);
    if (!rc)
        rc = kv_read_written_key(r, &r->params, "key", &r->op.key, e);
    if (!rc)
        rc = kv_read_value(r, &r->params, "value", &r->op.value, e);
    if (!rc)
        rc = kv_read_write_options(r, 3, e);
    return rc ? rc : kv_submit(r);
}

int kv_delete(struct request *r, struct error *e)
{
    int rc = kv_begin(r, OP_DELETE, e);
    if (!rc)
        rc = kv_read_key(r, &r->params, "key", &r->op.key, e);
    if (!rc)
        rc = kv_read_commit(r, 2, e);
    return rc ? rc : kv_submit(r);
}

int kv_increment(struct request *r, struct error *e)
{
    int rc = kv_begin(r, OP_INCREMENT, e);
    if (!rc)
        rc = kv_read_written_key(r, &r->params, "key", &r->op.key, e);
    if (!rc)
        rc = kv_read_delta(r, &r->params, "delta", &r->op.delta, e);
    if (!rc)
        rc = kv_read_commit(r, 3, e);
    return rc ? rc : kv_submit(r);
}

int kv_swap(struct request *r, struct error *e)
{
    int rc = kv_begin(r, OP_SWAP, e);
    if (!rc)
        rc = kv_read_written_key(r, &r->params, "key", &r->op.key, e);
    if (!rc)
        rc = kv_read_expected(r, &r->params, "expected", &r->op.expected, e);
    if (!rc)
        rc = kv_read_value(r, &r->params, "value", &r->op.value, e);
    if (!rc)
        rc = kv_read_write_options(r, 4, e);
    return rc ? rc : kv_submit(r);
}

/* [key, value] */
static int kv_check_entry(struct request *r, uint32_t position, struct error *e)
{
    struct kv_place place = kv_place("entry", position, "key");
    struct slice key, value;
    uint32_t count;
    int rc;
    if (reader_array(&r->params, &count) || count != 2)
        return error_set(e, ERR_INVALID_REQUEST, "set_many: entry %u: must be [key, value]",
                         position);
    rc = kv_read_written_key(r, &r->params, place.text, &key, e);
    if (rc)
        return rc;
    place = kv_place("entry", position, "value");
    return kv_read_value(r, &r->params, place.text, &value, e);
}

int kv_set_many(struct request *r, struct error *e)
{
    int rc = kv_begin(r, OP_SET_MANY, e);
    if (!rc)
        rc = kv_read_array(r, &r->params, "entries", LIMIT_MANY, &r->op.item_count, e);
    r->op.items = r->params;
    for (uint32_t i = 0; i < r->op.item_count && !rc; i++)
        rc = kv_check_entry(r, i, e);
    if (!rc)
        rc = kv_read_write_options(r, 2, e);
    return rc ? rc : kv_submit(r);
}

int kv_delete_many(struct request *r, struct error *e)
{
    int rc = kv_begin(r, OP_DELETE_MANY, e);
    if (!rc)
        rc = kv_read_keys(r, e);
    if (!rc)
        rc = kv_read_commit(r, 2, e);
    return rc ? rc : kv_submit(r);
}
