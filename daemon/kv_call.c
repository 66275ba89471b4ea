/* The short way of the requests that make up nearly all traffic: from where they stand in the read
 * buffer to the cache's answer, or to an operation in the batcher's queue. Whatever is not quite as
 * expected is left to the long way, which then says what is wrong with it. */
#include <string.h>

#include "daemon/app.h"
#include "daemon/conn.h"
#include "daemon/dispatch.h"
#include "daemon/kv_cached.h"
#include "daemon/kv_params.h"
#include "daemon/server.h"
#include "protocol/call.h"
#include "protocol/utf8.h"

/* The rule of the label that this connection named last; false: the long way has to say what it is. */
static bool kv_call_rule(struct conn *c, struct slice label, enum op_label_rule *ret)
{
    struct conn_label *known = &c->label;
    struct error e;
    if (label.len && known->len == label.len && known->epoch == c->app->grants_epoch &&
        !memcmp(known->bytes, label.data, label.len)) {
        *ret = known->rule;
        return true;
    }
    if (!label.len || label.len > sizeof known->bytes || !utf8_valid(label.data, label.len) ||
        conn_label_rule(c, label, ret, &e))
        return false;
    known->len = label.len;
    known->epoch = c->app->grants_epoch;
    known->rule = *ret;
    memcpy(known->bytes, label.data, label.len);
    return true;
}

static bool kv_call_cached(struct conn *c, const struct call *call, enum op_label_rule rule)
{
    if (!kv_cached_may(c, 0))
        return false;
    if (call->method == METHOD_GET)
        return kv_cached_get(c, call->id, rule, call->label, call->key);
    return call->method == METHOD_EXISTS &&
           kv_cached_exists(c, call->id, rule, call->label, call->key);
}

static bool kv_call_is_valid(const struct conn *c, const struct call *call)
{
    const struct limits *limits = &c->server->options.limits;
    if (!utf8_valid(call->key.data, call->key.len))
        return false;
    return call->method != METHOD_SET ||
           (call->key.len <= limits->key && call->value.len <= limits->value);
}

static enum op_kind kv_call_kind(enum method_id method)
{
    switch (method) {
    case METHOD_SET:
        return OP_SET;
    case METHOD_DELETE:
        return OP_DELETE;
    case METHOD_EXISTS:
        return OP_EXISTS;
    default:
        return OP_GET;
    }
}

/* The same bytes in the request's copy of the params. */
static struct slice kv_call_moved(const struct request *r, const struct call *call,
                                  struct slice slice)
{
    ptrdiff_t at = (const uint8_t *)slice.data - call->params;
    return (struct slice){(const char *)r->bytes + at, slice.len};
}

static void kv_call_submit(struct conn *c, const uint8_t *bytes, const struct call *call,
                           enum op_label_rule rule)
{
    const struct message m = {
        .id = call->id,
        .param_count = call->param_count,
        .params = {call->params, bytes + call->size},
    };
    struct request *r = request_new(c, &m, call->method);
    if (!r) {
        message_write_error(&c->out, call->id, ERR_OTHER, "out of memory");
        return;
    }
    kv_start(r, kv_call_kind(call->method), kv_call_moved(r, call, call->label), rule);
    r->op.key = kv_call_moved(r, call, call->key);
    if (call->method == METHOD_SET)
        r->op.value = kv_call_moved(r, call, call->value);
    kv_submit(r);
}

size_t kv_call(struct conn *c, const uint8_t *bytes, size_t len)
{
    enum op_label_rule rule;
    struct call call;
    if (!c->app || c->state != CONN_OPEN || !call_read(bytes, len, &call) ||
        call.size > c->server->options.limits.message || !kv_call_rule(c, call.label, &rule))
        return 0;
    if (!kv_call_cached(c, &call, rule)) {
        if (!kv_call_is_valid(c, &call))
            return 0;
        kv_call_submit(c, bytes, &call, rule);
    }
    c->server->requests++;
    if (c->app)
        c->app->requests++;
    return call.size;
}
