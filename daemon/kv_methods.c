/* The key/value methods: check the params, hand the operation to the app's batcher, answer. */
#include "daemon/app.h"
#include "daemon/batcher.h"
#include "daemon/conn.h"
#include "daemon/dispatch.h"
#include "daemon/options_map.h"
#include "protocol/limits.h"

static void kv_on_done(struct op *op)
{
    request_reply_op(container_of(op, struct request, op));
}

/* The first param of every method here. */
static int kv_read_label(struct request *r, struct error *e)
{
    struct slice *label = &r->op.label;
    if (reader_str(&r->params, label) || !utf8_valid(label->data, label->len))
        return error_set(e, ERR_INVALID_REQUEST, "store: must be a string");
    if (label->len < 1 || label->len > LIMIT_LABEL)
        return error_set(e, ERR_INVALID_REQUEST, "store: a label has 1 to %u bytes, not %zu",
                         LIMIT_LABEL, label->len);
    return conn_label_rule(r->conn, *label, &r->op.label_rule, e);
}

static int kv_read_key(struct request *r, struct error *e)
{
    struct slice *key = &r->op.key;
    if (reader_str(&r->params, key))
        return error_set(e, ERR_INVALID_REQUEST, "key: must be a string");
    if (!utf8_valid(key->data, key->len))
        return error_set(e, ERR_INVALID_REQUEST, "key: is not valid UTF-8");
    return 0;
}

static int kv_begin(struct request *r, enum op_kind kind, struct error *e)
{
    op_init(&r->op, kind, kv_on_done);
    return kv_read_label(r, e);
}

static int kv_submit(struct request *r)
{
    batcher_submit(r->conn->app->batcher, &r->op);
    return 0;
}

static int kv_by_key(struct request *r, enum op_kind kind, struct error *e)
{
    int rc = kv_begin(r, kind, e);
    if (!rc)
        rc = kv_read_key(r, e);
    return rc ? rc : kv_submit(r);
}

int kv_get(struct request *r, struct error *e)
{
    return kv_by_key(r, OP_GET, e);
}

int kv_delete(struct request *r, struct error *e)
{
    return kv_by_key(r, OP_DELETE, e);
}

int kv_exists(struct request *r, struct error *e)
{
    return kv_by_key(r, OP_EXISTS, e);
}

/* Limits hold for what is written; what a file holds already stays within reach. */
static int kv_check_written(const struct op *op, struct error *e)
{
    if (op->key.len > LIMIT_KEY)
        return error_set(e, ERR_TOO_LARGE, "key of %zu bytes exceeds limit of %u bytes",
                         op->key.len, LIMIT_KEY);
    if (op->value.len > LIMIT_VALUE)
        return error_set(e, ERR_TOO_LARGE, "value of %zu bytes exceeds limit of %u bytes",
                         op->value.len, LIMIT_VALUE);
    return 0;
}

int kv_set(struct request *r, struct error *e)
{
    int rc = kv_begin(r, OP_SET, e);
    if (!rc)
        rc = kv_read_key(r, e);
    if (!rc && reader_bytes(&r->params, &r->op.value))
        rc = error_set(e, ERR_INVALID_REQUEST, "value: must be bytes");
    if (!rc)
        rc = kv_check_written(&r->op, e);
    if (!rc && r->param_count > 3)
        rc = options_map_read(&r->params, "set", NULL, 0, e);
    return rc ? rc : kv_submit(r);
}

int kv_keys(struct request *r, struct error *e)
{
    uint64_t limit = 0;
    const struct option_field fields[] = {
        {"prefix", OPTION_BYTES, &r->op.prefix},
        {"cursor", OPTION_BYTES, &r->op.cursor},
        {"limit", OPTION_UINT, &limit},
    };
    int rc = kv_begin(r, OP_KEYS, e);
    if (!rc && r->param_count > 1)
        rc = options_map_read(&r->params, "keys", fields, sizeof fields / sizeof *fields, e);
    if (rc)
        return rc;
    limit = limit ? limit : LIMIT_PAGE_DEFAULT;
    r->op.limit = (uint32_t)(limit > LIMIT_PAGE ? LIMIT_PAGE : limit);
    return kv_submit(r);
}
