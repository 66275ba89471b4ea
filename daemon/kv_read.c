/* The methods that read one key or a whole store: get, exists, ttl, count, get_many. */
#include "daemon/dispatch.h"
#include "daemon/kv_params.h"
#include "protocol/limits.h"

static int kv_read_by_key(struct request *r, enum op_kind kind, struct error *e)
{
    int rc = kv_begin(r, kind, e);
    if (!rc)
        rc = kv_read_key(r, &r->params, "key", &r->op.key, e);
    if (!rc)
        rc = kv_read_commit(r, 2, e);
    return rc ? rc : kv_submit(r);
}

int kv_get(struct request *r, struct error *e)
{
    return kv_read_by_key(r, OP_GET, e);
}

int kv_exists(struct request *r, struct error *e)
{
    return kv_read_by_key(r, OP_EXISTS, e);
}

int kv_ttl(struct request *r, struct error *e)
{
    return kv_read_by_key(r, OP_TTL, e);
}

int kv_count(struct request *r, struct error *e)
{
    int rc = kv_begin(r, OP_COUNT, e);
    if (!rc)
        rc = kv_read_commit(r, 1, e);
    return rc ? rc : kv_submit(r);
}

int kv_get_many(struct request *r, struct error *e)
{
    int rc = kv_begin(r, OP_GET_MANY, e);
    if (!rc)
        rc = kv_read_keys(r, e);
    if (!rc)
        rc = kv_read_commit(r, 2, e);
    return rc ? rc : kv_submit(r);
}
