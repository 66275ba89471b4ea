#include "daemon/trace.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "daemon/app.h"
#include "daemon/conn.h"
#include "daemon/dispatch.h"
#include "daemon/options_map.h"
#include "daemon/server.h"

/* A trace that nobody has asked for in so long ends. */
#define TRACE_IDLE_MS 5000u

/* What a request asks for. */
struct trace_query {
    uint64_t since;
    uint64_t limit;
    uint64_t deadline_ms; /* how long it waits for one, by uv_now */
};

/* As much as fits, whole characters of UTF-8. */
static void trace_copy(char *to, size_t size, struct slice from)
{
    size_t len = from.len < size ? from.len : size - 1;

    while (len && len < from.len && ((uint8_t)from.data[len] & 0xc0) == 0x80)
        len--;
    if (len)
        memcpy(to, from.data, len);
    to[len] = '\0';
}

static int64_t trace_now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void trace_note(struct conn *c, uint32_t id, enum method_id method, struct slice store,
                struct slice key, const struct trace_op *what)
{
    struct trace *t = c->app->trace;
    struct trace_op *op = &t->ops[(t->last + 1) % LIMIT_TRACE];

    *op = *what;
    op->number = ++t->last;
    op->time_ms = trace_now_ms();
    op->connection = c->number;
    op->request = id;
    op->pid = c->component ? 0 : c->peer.pid;
    op->method = method;
    if (c->component)
        trace_copy(op->component, sizeof op->component,
                   (struct slice){c->component->id, strlen(c->component->id)});
    trace_copy(op->store, sizeof op->store, store);
    trace_copy(op->key, sizeof op->key, key);
    t->woken = true;
}

static int trace_begin(struct app *app, struct error *e)
{
    struct server *server = app->server;
    struct trace *t;
    struct list *it, *tmp;
    unsigned count = 0;

    list_each(it, tmp, &server->traces) count++;
    if (count >= LIMIT_TRACES)
        return error_set(e, ERR_BUSY, "%u apps are traced already", count);
    t = calloc(1, sizeof *t);
    if (!t)
        return error_set(e, ERR_OTHER, "out of memory");
    t->app = app;
    t->last = app->traced;
    t->first = app->traced + 1;
    list_init(&t->waiters);
    list_push(&server->traces, &t->link);
    app->trace = t;
    return 0;
}

static void trace_free(struct trace *t)
{
    t->app->traced = t->last;
    t->app->trace = NULL;
    list_remove(&t->link);
    free(t);
}

static void trace_pack(const struct trace_op *op, msgpack_packer *pk)
{
    msgpack_pack_array(pk, 13);
    msgpack_pack_uint64(pk, op->number);
    msgpack_pack_int64(pk, op->time_ms);
    msgpack_pack_uint64(pk, op->connection);
    msgpack_pack_uint32(pk, op->request);
    if (op->component[0])
        pack_cstr(pk, op->component);
    else
        msgpack_pack_nil(pk);
    msgpack_pack_int64(pk, op->pid);
    pack_cstr(pk, method_table[op->method].name);
    pack_cstr(pk, op->store);
    pack_cstr(pk, op->key);
    msgpack_pack_uint64(pk, op->in);
    msgpack_pack_uint64(pk, op->out);
    msgpack_pack_uint64(pk, op->ns);
    if (op->status)
        pack_cstr(pk, error_name(op->status));
    else
        msgpack_pack_nil(pk);
}

/* False: there is none, and `must` is not set. */
static bool trace_answer(const struct trace *t, struct request *r, bool must)
{
    struct trace_query *query = r->detail;
    uint64_t oldest = t->last >= t->first + LIMIT_TRACE ? t->last - LIMIT_TRACE + 1 : t->first;
    uint64_t from = query->since + 1 < oldest ? oldest : query->since + 1;
    uint64_t count = from > t->last ? 0 : t->last - from + 1;
    uint64_t dropped = query->since && from > query->since + 1 ? from - query->since - 1 : 0;
    struct buffer result;
    msgpack_packer pk;

    if (!count && !must)
        return false;
    count = count > query->limit ? query->limit : count;
    buffer_init(&result);
    pack_init(&pk, &result);
    msgpack_pack_array(&pk, 3);
    msgpack_pack_array(&pk, count);
    for (uint64_t n = from; n < from + count; n++)
        trace_pack(&t->ops[n % LIMIT_TRACE], &pk);
    msgpack_pack_uint64(&pk, count ? from + count - 1 : t->last);
    msgpack_pack_uint64(&pk, dropped);
    free(query);
    r->detail = NULL;
    request_reply_packed(r, &result);
    buffer_fini(&result);
    return true;
}

static void trace_wake_one(struct trace *t)
{
    struct list *it, *tmp;

    t->woken = false;
    list_each(it, tmp, &t->waiters) {
        struct request *r = container_of(it, struct request, link);
        list_remove(it);
        if (!trace_answer(t, r, r->conn->state == CONN_CLOSED))
            list_push(tmp, it); /* in front of the next one: where it was */
    }
}

void trace_wake(struct server *server)
{
    struct list *it, *tmp;

    list_each(it, tmp, &server->traces) {
        struct trace *t = container_of(it, struct trace, link);
        if (t->woken)
            trace_wake_one(t);
    }
}

/* Those who have waited long enough, or with `all` everybody. */
static void trace_answer_waiters(struct trace *t, bool all)
{
    uint64_t now = uv_now(&t->app->server->loop);
    struct list *it, *tmp;

    list_each(it, tmp, &t->waiters) {
        struct request *r = container_of(it, struct request, link);
        const struct trace_query *query = r->detail;
        if (!all && query->deadline_ms > now && r->conn->state != CONN_CLOSED)
            continue;
        list_remove(it);
        trace_answer(t, r, true);
    }
}

void trace_tick(struct server *server)
{
    struct list *it, *tmp;

    list_each(it, tmp, &server->traces) {
        struct trace *t = container_of(it, struct trace, link);
        trace_answer_waiters(t, false);
        if (list_empty(&t->waiters) && t->until_ms <= uv_now(&server->loop))
            trace_free(t);
    }
}

void trace_end_waits(struct server *server)
{
    struct list *it, *tmp;

    list_each(it, tmp, &server->traces)
        trace_answer_waiters(container_of(it, struct trace, link), true);
}

void trace_end(struct app *app)
{
    if (!app->trace)
        return;
    trace_answer_waiters(app->trace, true);
    trace_free(app->trace);
}

int trace_get(struct request *r, struct error *e)
{
    struct server *server = r->conn->server;
    struct trace_query query = {0};
    int64_t limit = LIMIT_TRACE_DEFAULT, wait_ms = 0;
    const struct option_field fields[] = {
        {"since", OPTION_UINT, &query.since, 0, 0},
        {"limit", OPTION_INT, &limit, 1, LIMIT_TRACE},
        {"wait_ms", OPTION_INT, &wait_ms, 0, LIMIT_WAIT_MS},
    };
    struct slice name;
    struct app *app;
    int rc = 0;

    if (reader_str(&r->params, &name))
        return error_set(e, ERR_INVALID_REQUEST, "trace: app must be a string");
    if (r->param_count > 1)
        rc = options_map_read(&r->params, "trace", fields, sizeof fields / sizeof *fields, e);
    if (!rc)
        rc = apps_find(&server->apps, &r->conn->peer, name, &app, e);
    if (!rc && !app->trace)
        rc = trace_begin(app, e);
    if (rc)
        return rc;
    app->trace->until_ms = uv_now(&server->loop) + (uint64_t)wait_ms + TRACE_IDLE_MS;
    r->detail = malloc(sizeof query);
    if (!r->detail)
        return error_set(e, ERR_OTHER, "out of memory");
    query.limit = (uint64_t)limit;
    query.deadline_ms = uv_now(&server->loop) + (uint64_t)wait_ms;
    *(struct trace_query *)r->detail = query;
    if (!trace_answer(app->trace, r, !wait_ms))
        list_push(&app->trace->waiters, &r->link);
    return 0;
}
