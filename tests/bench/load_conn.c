#include "load_conn.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#define IN_CAP 65536u

static size_t request_max(const struct load_flow *flow)
{
    size_t max = 0;
    for (int op = 0; op < OPS; op++)
        if (flow->templates[op].bytes.len > max)
            max = flow->templates[op].bytes.len;
    return max;
}

int load_conn_init(struct load_conn *c, struct load_flow *flow, unsigned i, struct error *e)
{
    const struct load_group *g = flow->group;
    unsigned depth = g->shape.depth;
    int rc;
    *c = (struct load_conn){.flow = flow, .fd = -1, .in_cap = IN_CAP};
    c->slots = calloc(depth, sizeof *c->slots);
    c->free_slots = calloc(depth, sizeof *c->free_slots);
    c->fresh = calloc(depth, sizeof *c->fresh);
    c->out = malloc(depth * request_max(flow));
    c->in = malloc(c->in_cap);
    if (!c->slots || !c->free_slots || !c->fresh || !c->out || !c->in)
        rc = error_set(e, ERR_OTHER, "out of memory");
    else
        rc = server_connect(g->server, g->first_app + i % g->apps, &c->fd, e);
    if (!rc && fcntl(c->fd, F_SETFL, O_NONBLOCK))
        rc = error_set(e, ERR_OTHER, "cannot set a socket up: %m");
    if (rc) {
        load_conn_fini(c);
        return rc;
    }
    for (unsigned slot = 0; slot < depth; slot++)
        c->free_slots[slot] = depth - 1 - slot;
    c->next = i / g->apps;
    c->step = g->connections / g->apps;
    return 0;
}

void load_conn_fini(struct load_conn *c)
{
    if (c->fd >= 0)
        close(c->fd);
    free(c->slots);
    free(c->free_slots);
    free(c->fresh);
    free(c->out);
    free(c->in);
}

static enum op choose_op(struct load_flow *flow)
{
    const struct load_group *g = flow->group;
    if (g->reads == 100)
        return g->op;
    return bench_below(&flow->random, 100) < g->reads ? OP_GET : OP_SET;
}

static uint32_t take_slot(struct load_conn *c)
{
    unsigned depth = c->flow->group->shape.depth;
    return c->flow->dialect->by_id ? c->free_slots[depth - 1 - c->inflight]
                                   : (c->oldest + c->inflight) % depth;
}

/* The caller has seen that a slot is free. */
static uint32_t add_request(struct load_conn *c)
{
    struct load_flow *flow = c->flow;
    uint32_t at = take_slot(c);
    struct slot *slot = &c->slots[at];
    const struct template *t;
    slot->op = choose_op(flow);
    slot->busy = true;
    if (flow->fill) {
        slot->key = c->next;
        c->next += c->step;
    } else {
        slot->key = bench_below(&flow->random, flow->group->keys);
    }
    t = &flow->templates[slot->op];
    template_fill(t, c->out + c->out_len, slot->op, at, slot->key, &flow->values);
    c->out_len += t->bytes.len;
    c->inflight++;
    flow->inflight++;
    return at;
}

static bool may_add(const struct load_conn *c)
{
    const struct load_flow *flow = c->flow;
    return !flow->stopped && c->inflight < flow->group->shape.depth &&
           (!flow->fill || c->next < flow->group->keys);
}

/* The output has room for `depth` requests from its start: nothing is added behind what waits. */
void load_conn_refill(struct load_conn *c)
{
    uint64_t now;
    if (c->out_len || (c->inflight && !c->flow->group->window))
        return;
    while (may_add(c))
        c->fresh[c->nfresh++] = add_request(c);
    now = bench_now();
    while (c->nfresh)
        c->slots[c->fresh[--c->nfresh]].sent = now;
}

bool load_conn_add(struct load_conn *c, uint64_t due)
{
    if (c->out_sent || !may_add(c))
        return false;
    c->slots[add_request(c)].sent = due;
    return true;
}

int load_conn_flush(struct load_conn *c, struct error *e)
{
    ssize_t n;
    if (!c->out_len)
        return 0;
    n = write(c->fd, c->out + c->out_sent, c->out_len - c->out_sent);
    if (n < 0 && errno != EAGAIN && errno != EINTR)
        return error_set(e, ERR_OTHER, "%s: cannot send: %m", c->flow->dialect->name);
    if (n > 0)
        c->out_sent += (size_t)n;
    if (c->out_sent == c->out_len)
        c->out_sent = c->out_len = 0;
    return 0;
}

/* What is wrong with an answer: NULL if nothing. */
static const char *find_fault(const struct load_flow *flow, const struct slot *slot,
                              const struct reply *reply)
{
    if (reply->kind == REPLY_ERROR)
        return "the server reports an error";
    if (flow->dialect == &dialect_echo)
        return NULL;
    switch (slot->op) {
    case OP_GET:
        if (reply->kind == REPLY_NONE)
            return "a key that was set has no value";
        if (reply->kind != REPLY_VALUE)
            return "the answer to a get is no value";
        return values_check(reply->data, reply->len, flow->values.len, slot->key)
                   ? NULL
                   : "a value is not the one of its key";
    case OP_SET:
        return reply->kind == flow->dialect->set_reply ? NULL : "the answer to a set is another";
    default:
        return reply->kind == REPLY_NUMBER && reply->number > 0
                   ? NULL
                   : "the answer to an increment is no number above 0";
    }
}

static void note_fault(struct load_flow *flow, const struct slot *slot, const char *fault,
                       const struct reply *reply)
{
    struct load_group *g = flow->group;
    bool told = reply->kind == REPLY_ERROR;
    if (g->errors++ == 0)
        error_set(&g->problem, ERR_OTHER, "%s: %s of key %llu: %s%s%.*s", flow->dialect->name,
                  op_names[slot->op], (unsigned long long)slot->key, fault, told ? ": " : "",
                  told ? (int)(reply->len < 200 ? reply->len : 200) : 0,
                  told ? (const char *)reply->data : "");
}

/* The slot that an answer belongs to; NULL: none. */
static struct slot *find_slot(struct load_conn *c, const struct reply *reply)
{
    unsigned depth = c->flow->group->shape.depth;
    struct slot *slot;
    if (!c->flow->dialect->by_id) {
        slot = &c->slots[c->oldest];
        if (++c->oldest == depth)
            c->oldest = 0;
        return slot;
    }
    slot = reply->id < depth ? &c->slots[reply->id] : NULL;
    if (!slot || !slot->busy)
        return NULL;
    c->free_slots[depth - c->inflight] = reply->id;
    return slot;
}

static int take_reply(struct load_conn *c, const struct reply *reply, uint64_t now, struct error *e)
{
    struct load_flow *flow = c->flow;
    struct slot *slot = find_slot(c, reply);
    const char *fault;
    if (!slot)
        return error_set(e, ERR_OTHER, "%s: an answer with the id %u, which nothing asked for",
                         flow->dialect->name, reply->id);
    slot->busy = false;
    c->inflight--;
    flow->inflight--;
    fault = find_fault(flow, slot, reply);
    if (fault)
        note_fault(flow, slot, fault, reply);
    else if (flow->fill)
        flow->filled++;
    else
        hist_record(&flow->group->hist, now > slot->sent ? now - slot->sent : 0);
    return 0;
}

static int take_replies(struct load_conn *c, uint64_t now, struct error *e)
{
    struct load_flow *flow = c->flow;
    size_t pos = 0;
    while (pos < c->in_len) {
        struct reply reply = {0};
        ssize_t n;
        int rc;
        if (!c->inflight)
            return error_set(e, ERR_OTHER, "%s: bytes that nothing asked for", flow->dialect->name);
        n = flow->dialect->decode(c->slots[c->oldest].op, &flow->group->shape, c->in + pos,
                                  c->in_len - pos, &reply);
        if (n == DECODE_BROKEN)
            return error_set(e, ERR_OTHER, "%s: an answer that cannot be read",
                             flow->dialect->name);
        if (n == DECODE_MORE)
            break;
        rc = take_reply(c, &reply, now, e);
        if (rc)
            return rc;
        pos += (size_t)n;
    }
    c->in_len -= pos;
    memmove(c->in, c->in + pos, c->in_len);
    return 0;
}

static int make_room(struct load_conn *c, struct error *e)
{
    uint8_t *larger;
    if (c->in_len < c->in_cap)
        return 0;
    larger = realloc(c->in, c->in_cap * 2);
    if (!larger)
        return error_set(e, ERR_OTHER, "out of memory");
    c->in = larger;
    c->in_cap *= 2;
    return 0;
}

int load_conn_read(struct load_conn *c, struct error *e)
{
    ssize_t n = read(c->fd, c->in + c->in_len, c->in_cap - c->in_len);
    uint64_t now = bench_now();
    int rc;
    if (n == 0)
        return error_set(e, ERR_OTHER, "%s closed the connection", c->flow->dialect->name);
    if (n < 0)
        return errno == EAGAIN || errno == EINTR
                   ? 0
                   : error_set(e, ERR_OTHER, "%s: cannot receive: %m", c->flow->dialect->name);
    c->in_len += (size_t)n;
    rc = take_replies(c, now, e);
    return rc ? rc : make_room(c, e);
}
