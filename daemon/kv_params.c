#include "daemon/kv_params.h"

#include <stdio.h>

#include "daemon/app.h"
#include "daemon/conn.h"
#include "daemon/options_map.h"
#include "daemon/request.h"
#include "daemon/server.h"
#include "protocol/limits.h"
#include "protocol/utf8.h"

static const char *kv_method(const struct request *r)
{
    return method_table[r->method].name;
}

struct kv_place kv_place(const char *what, uint32_t position, const char *part)
{
    struct kv_place place;
    snprintf(place.text, sizeof place.text, part ? "%s %u: %s" : "%s %u", what, position, part);
    return place;
}

static void kv_on_done(struct op *op)
{
    request_reply_op(container_of(op, struct request, op));
}

/* What it results in has to wait for room with the peer. */
static bool kv_may_run(struct op *op)
{
    return conn_admit(container_of(op, struct request, op)->conn, op);
}

static void kv_init(struct request *r, enum op_kind kind)
{
    op_init(&r->op, kind, kv_on_done);
    r->op.may_run = kv_may_run;
}

void kv_start(struct request *r, enum op_kind kind, struct slice label, enum op_label_rule rule)
{
    kv_init(r, kind);
    r->op.label = label;
    r->op.label_rule = rule;
}

int kv_begin(struct request *r, enum op_kind kind, struct error *e)
{
    struct slice label;
    bool granted;
    int rc;
    kv_init(r, kind);
    if (reader_str(&r->params, &label))
        return error_set(e, ERR_INVALID_REQUEST, "%s: store must be a string", kv_method(r));
    if (!utf8_valid(label.data, label.len))
        return error_set(e, ERR_INVALID_REQUEST, "%s: store is not valid UTF-8", kv_method(r));
    if (label.len < 1 || label.len > LIMIT_LABEL)
        return error_set(e, ERR_INVALID_REQUEST, "%s: a store's label has 1 to %u bytes, not %zu",
                         kv_method(r), LIMIT_LABEL, label.len);
    r->op.label = label;
    rc = conn_label_rule(r->conn, label, &r->op.label_rule, e);
    granted = !rc && r->op.label_rule == LABEL_GRANTED;
    tally_of(&r->conn->app->tally, label, granted)->of[r->method]++;
    return rc;
}

int kv_read_key(struct request *r, struct reader *from, const char *what, struct slice *ret,
                struct error *e)
{
    if (reader_str(from, ret))
        return error_set(e, ERR_INVALID_REQUEST, "%s: %s must be a string", kv_method(r), what);
    if (!utf8_valid(ret->data, ret->len))
        return error_set(e, ERR_INVALID_REQUEST, "%s: %s is not valid UTF-8", kv_method(r), what);
    return 0;
}

/* Limits hold for what is written; what a file holds already stays within reach. */
static int kv_check_size(const struct request *r, const char *what, size_t len, unsigned limit,
                         struct error *e)
{
    if (len <= limit)
        return 0;
    return error_set(e, ERR_TOO_LARGE, "%s: %s of %zu bytes exceeds limit of %u bytes",
                     kv_method(r), what, len, limit);
}

int kv_read_written_key(struct request *r, struct reader *from, const char *what, struct slice *ret,
                        struct error *e)
{
    int rc = kv_read_key(r, from, what, ret, e);
    return rc ? rc : kv_check_size(r, what, ret->len, r->conn->server->options.limits.key, e);
}

int kv_read_value(struct request *r, struct reader *from, const char *what, struct slice *ret,
                  struct error *e)
{
    if (reader_bytes(from, ret))
        return error_set(e, ERR_INVALID_REQUEST, "%s: %s must be bytes", kv_method(r), what);
    return kv_check_size(r, what, ret->len, r->conn->server->options.limits.value, e);
}

int kv_read_expected(struct request *r, struct reader *from, const char *what, struct slice *ret,
                     struct error *e)
{
    *ret = (struct slice){0};
    if (reader_peek(from) == READER_NIL)
        return reader_nil(from);
    if (reader_bytes(from, ret))
        return error_set(e, ERR_INVALID_REQUEST, "%s: %s must be bytes or nil", kv_method(r), what);
    return 0;
}

int kv_read_delta(struct request *r, struct reader *from, const char *what, int64_t *ret,
                  struct error *e)
{
    if (reader_int(from, ret))
        return error_set(e, ERR_INVALID_REQUEST, "%s: %s must be an integer from -2^63 to 2^63-1",
                         kv_method(r), what);
    return 0;
}

int kv_read_array(struct request *r, struct reader *from, const char *what, uint32_t most,
                  uint32_t *ret_count, struct error *e)
{
    if (reader_array(from, ret_count))
        return error_set(e, ERR_INVALID_REQUEST, "%s: %s must be an array", kv_method(r), what);
    if (*ret_count > most)
        return error_set(e, ERR_TOO_LARGE, "%s: %u %s exceed limit of %u", kv_method(r), *ret_count,
                         what, most);
    return 0;
}

int kv_read_keys(struct request *r, struct error *e)
{
    int rc = kv_read_array(r, &r->params, "keys", LIMIT_MANY, &r->op.item_count, e);
    r->op.items = r->params;
    for (uint32_t i = 0; i < r->op.item_count && !rc; i++) {
        struct kv_place place = kv_place("key", i, NULL);
        struct slice key;
        rc = kv_read_key(r, &r->params, place.text, &key, e);
    }
    return rc;
}

int kv_read_commit(struct request *r, unsigned before, struct error *e)
{
    const struct option_field fields[] = {{"commit", OPTION_BOOL, &r->op.want_commit, 0, 0}};
    if (r->param_count <= before)
        return 0;
    return options_map_read(&r->params, kv_method(r), fields, 1, e);
}

int kv_read_write_options(struct request *r, unsigned before, struct error *e)
{
    const struct option_field fields[] = {
        {"ttl_ms", OPTION_INT, &r->op.ttl_ms, 1, LIMIT_TTL_MS},
        {"commit", OPTION_BOOL, &r->op.want_commit, 0, 0},
    };
    if (r->param_count <= before)
        return 0;
    return options_map_read(&r->params, kv_method(r), fields, 2, e);
}

int kv_submit(struct request *r)
{
    app_submit(r->conn->app, &r->op);
    return 0;
}
