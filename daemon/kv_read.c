/* The methods that read one key or a whole store: get, exists, ttl, count, get_many. */
#include "daemon/dispatch.h"
#include "daemon/kv_cached.h"
#include "daemon/kv_params.h"
#include "daemon/conn.h"
#include "protocol/limits.h"

static int kv_read_by_key(struct request *r, enum op_kind kind, struct error *e)
{
    int rc = kv_begin(r, kind, e);
    if (!rc)
        rc = kv_read_key(r, &r->params, "key", &r->op.key, e);
    if (!rc)
        rc = kv_read_commit(r, 2, e);
    return rc;
}

static int kv_read_one(struct request *r, enum op_kind kind,
                       bool (*cached)(struct conn *c, uint32_t id, const struct kv_name *name),
                       struct error *e)
{
    struct kv_name name;
    int rc = kv_read_by_key(r, kind, e);
    if (rc)
        return rc;
    if (!kv_cached_may(r->conn, 1))
        return kv_submit(r);
    name = kv_cached_name(r->conn, &r->op, r->op.key);
    if (!cached(r->conn, r->id, &name))
        return kv_submit(r);
    request_end(r);
    return 0;
}

int kv_get(struct request *r, struct error *e)
{
    return kv_read_one(r, OP_GET, kv_cached_get, e);
}

int kv_exists(struct request *r, struct error *e)
{
    return kv_read_one(r, OP_EXISTS, kv_cached_exists, e);
}

int kv_ttl(struct request *r, struct error *e)
{
    int rc = kv_read_by_key(r, OP_TTL, e);
    return rc ? rc : kv_submit(r);
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
    if (rc)
        return rc;
    if (!kv_cached_may(r->conn, 1) || !kv_cached_get_many(r->conn, r->id, &r->op))
        return kv_submit(r);
    request_end(r);
    return 0;
}
