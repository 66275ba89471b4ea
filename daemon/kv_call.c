/* The short way of the requests that make up nearly all traffic: from where they stand in the read
 * buffer to the cache's answer, or to an operation in the batcher's queue. Whatever is not quite as
 * expected is left to the long way, which then says what is wrong with it. */
#include <string.h>

#include "daemon/app.h"
#include "daemon/conn.h"
#include "daemon/dispatch.h"
#include "daemon/kv_cached.h"
#include "daemon/kv_params.h"
#include "daemon/probes.h"
#include "daemon/server.h"
#include "protocol/call.h"
#include "protocol/utf8.h"

/* So many requests are looked at before the first of them is answered: what they need from memory
 * comes while others are being taken apart. */
enum { KV_AHEAD = 16 };

struct kv_ahead {
    struct call call;
    enum op_label_rule rule;
    struct tally_calls *calls;
    bool hashed; /* the cache may answer it */
    uint32_t hash;
};

/* What is known of the label that this connection named last; NULL: the long way has to say what it is. */
static const struct conn_label *kv_call_label(struct conn *c, struct slice label)
{
    struct conn_label *known = &c->label;
    struct error e;
    if (label.len && known->len == label.len && known->epoch == c->app->grants_epoch &&
        !memcmp(known->bytes, label.data, label.len))
        return known;
    known->len = 0;
    if (!label.len || label.len > sizeof known->bytes || !utf8_valid(label.data, label.len) ||
        conn_label_rule(c, label, &known->rule, &e))
        return NULL;
    known->len = label.len;
    known->epoch = c->app->grants_epoch;
    known->hash = cache_label_hash(c->app->cache, label);
    known->calls = tally_of(&c->app->tally, label, known->rule == LABEL_GRANTED);
    memcpy(known->bytes, label.data, label.len);
    return known;
}

static bool kv_call_next(struct conn *c, const uint8_t *bytes, size_t len, struct kv_ahead *ret)
{
    const struct conn_label *label;
    enum method_id method;
    if (!call_read(bytes, len, &ret->call) ||
        ret->call.size > c->server->options.limits.message)
        return false;
    label = kv_call_label(c, ret->call.label);
    if (!label)
        return false;
    method = ret->call.method;
    ret->rule = label->rule;
    ret->calls = label->calls;
    ret->hashed = (method == METHOD_GET || method == METHOD_EXISTS) && kv_cached_may(c, 0);
    if (ret->hashed)
        ret->hash = cache_key_hash(&label->hash, ret->call.key);
    return true;
}

static void kv_call_fetch(const struct conn *c, const struct kv_ahead *ahead, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        if (ahead[i].hashed)
            cache_fetch_bucket(c->app->cache, ahead[i].hash);
    for (unsigned i = 0; i < count; i++)
        if (ahead[i].hashed)
            cache_fetch_entry(c->app->cache, ahead[i].hash);
}

static bool kv_call_cached(struct conn *c, const struct kv_ahead *a)
{
    const struct kv_name name = {a->rule, a->hash, a->call.label, a->call.key, false};
    bool answered;
    if (!a->hashed || !kv_cached_may(c, 0))
        return false;
    answered = a->call.method == METHOD_GET ? kv_cached_get(c, a->call.id, &name)
                                            : kv_cached_exists(c, a->call.id, &name);
    if (answered) {
        PROBE_REQUEST(c->number, a->call.id, method_table[a->call.method].name);
        PROBE_ANSWER(c->number, a->call.id, 0);
    }
    return answered;
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

/* The same with somebody watching. */
static bool kv_call_cached_traced(struct conn *c, const struct kv_ahead *a)
{
    uint64_t began = uv_hrtime();
    size_t before = c->out.len;
    struct trace_op op = {.in = a->call.size};
    if (!kv_call_cached(c, a))
        return false;
    op.out = c->out.len - before;
    op.ns = uv_hrtime() - began;
    trace_note(c, a->call.id, a->call.method, a->call.label, a->call.key, &op);
    return true;
}

/* False: nothing was done. */
static bool kv_call_take(struct conn *c, const uint8_t *bytes, const struct kv_ahead *a)
{
    if (!(c->app->trace ? kv_call_cached_traced(c, a) : kv_call_cached(c, a))) {
        if (!kv_call_is_valid(c, &a->call))
            return false;
        kv_call_submit(c, bytes, &a->call, a->rule);
    }
    c->server->requests++;
    c->app->requests++;
    a->calls->of[a->call.method]++;
    return true;
}

size_t kv_call(struct conn *c, const uint8_t *bytes, size_t len)
{
    struct kv_ahead ahead[KV_AHEAD];
    unsigned count = 0;
    size_t used = 0;
    if (!c->app || c->state != CONN_OPEN)
        return 0;
    for (size_t at = 0; at < len && count < KV_AHEAD; at += ahead[count++].call.size)
        if (!kv_call_next(c, bytes + at, len - at, &ahead[count]))
            break;
    if (count > 1)
        kv_call_fetch(c, ahead, count);
    for (unsigned i = 0; i < count && conn_may_serve(c); i++) {
        if (!kv_call_take(c, bytes + used, &ahead[i]))
            break;
        used += ahead[i].call.size;
    }
    return used;
}
