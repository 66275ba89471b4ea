#include "daemon/request.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/app.h"
#include "daemon/conn.h"
#include "daemon/faillog.h"
#include "daemon/probes.h"
#include "daemon/server.h"

/* Requests with no more params than fit here share a pool, which keeps no more memory than these. */
enum { REQUEST_POOLED = 1024, REQUEST_POOL_MAX = 1024 };
/* A sanitizer shall see what is used after its end. */
#ifdef __SANITIZE_ADDRESS__
enum { REQUEST_POOL_KEEPS = 0 };
#else
enum { REQUEST_POOL_KEEPS = REQUEST_POOL_MAX };
#endif

void request_pool_init(struct request_pool *pool)
{
    list_init(&pool->free);
    pool->count = 0;
}

void request_pool_fini(struct request_pool *pool)
{
    while (!list_empty(&pool->free))
        free(container_of(list_pop(&pool->free), struct request, link));
    pool->count = 0;
}

static struct request *request_alloc(struct request_pool *pool, size_t params)
{
    struct request *r;
    if (sizeof *r + params > REQUEST_POOLED) {
        r = malloc(sizeof *r + params);
        if (r)
            r->pooled = false;
        return r;
    }
    if (list_empty(&pool->free)) {
        r = malloc(REQUEST_POOLED);
    } else {
        r = container_of(list_pop(&pool->free), struct request, link);
        pool->count--;
    }
    if (r)
        r->pooled = true;
    return r;
}

static void request_free(struct request_pool *pool, struct request *r)
{
    if (!r->pooled || pool->count + 1 > REQUEST_POOL_KEEPS) {
        free(r);
        return;
    }
    pool->count++;
    /* The one that was used last is still near. */
    list_push(pool->free.next, &r->link);
}

struct request *request_new(struct conn *c, const struct message *m, enum method_id method)
{
    size_t size = (size_t)(m->params.end - m->params.pos);
    struct request *r = request_alloc(&c->server->request_pool, size);
    if (!r)
        return NULL;
    memcpy(r->bytes, m->params.pos, size);
    r->conn = c;
    r->id = m->id;
    r->method = method;
    r->detail = NULL;
    r->barrier = method_is_for_peers(method_table[method].access);
    r->param_count = m->param_count;
    r->params = reader_of(r->bytes, size);
    r->size = size;
    /* Who watches does not watch itself. */
    r->began_ns = c->app && c->app->trace && method != METHOD_TRACE ? uv_hrtime() : 0;
    r->out_at = c->out.len;
    r->status = 0;
    list_init(&r->link);
    op_init(&r->op, OP_GET, NULL);
    c->inflight++;
    c->inflight_bytes += size;
    c->barriers += r->barrier;
    PROBE_REQUEST(c->number, m->id, method_table[method].name);
    return r;
}

static void request_trace(const struct request *r)
{
    struct conn *c = r->conn;
    const struct trace_op op = {
        .status = r->status,
        .in = r->size,
        .out = c->out.len - r->out_at,
        .ns = uv_hrtime() - r->began_ns,
    };
    trace_note(c, r->id, r->method, r->op.label, r->op.key, &op);
}

/* The connection goes on with what waited for this request, or is freed if it waited to be. */
void request_end(struct request *r)
{
    struct conn *c = r->conn;
    PROBE_ANSWER(c->number, r->id, r->status);
    if (r->began_ns && c->app && c->app->trace)
        request_trace(r);
    c->inflight--;
    c->inflight_bytes -= r->size;
    c->barriers -= r->barrier;
    op_fini(&r->op);
    list_remove(&r->link);
    request_free(&c->server->request_pool, r);
    conn_wake(c);
}

void request_fail(struct request *r, int code, const char *text)
{
    conn_count_error(r->conn, code);
    r->status = code;
    r->out_at = r->conn->out.len;
    faillog_note(r->conn, r->id, method_table[r->method].name, code, text);
    if (r->conn->state != CONN_CLOSED)
        message_write_error(&r->conn->out, r->id, code, text ? text : error_text(code));
    request_end(r);
}

void request_reply_nil(struct request *r)
{
    r->out_at = r->conn->out.len;
    if (r->conn->state != CONN_CLOSED)
        message_write_nil(&r->conn->out, r->id);
    request_end(r);
}

void request_reply_packed(struct request *r, const struct buffer *result)
{
    if (result->failed) {
        request_fail(r, ERR_OTHER, "out of memory");
        return;
    }
    r->out_at = r->conn->out.len;
    if (r->conn->state != CONN_CLOSED) {
        message_write_result(&r->conn->out, r->id);
        buffer_append(&r->conn->out, result->data, result->len);
    }
    request_end(r);
}

/* [result, commit] */
static void request_reply_with_commit(struct request *r)
{
    const struct buffer *result = &r->op.result;
    msgpack_packer pk;
    if (result->failed) {
        request_fail(r, ERR_OTHER, "out of memory");
        return;
    }
    r->out_at = r->conn->out.len;
    if (r->conn->state != CONN_CLOSED) {
        struct buffer *out = &r->conn->out;
        message_write_result(out, r->id);
        pack_init(&pk, out);
        msgpack_pack_array(&pk, 2);
        if (result->len)
            buffer_append(out, result->data, result->len);
        else
            msgpack_pack_nil(&pk);
        msgpack_pack_uint64(&pk, r->op.commit);
    }
    request_end(r);
}

void request_reply_op(struct request *r)
{
    if (r->op.status)
        request_fail(r, r->op.status, r->op.error);
    else if (r->op.want_commit)
        request_reply_with_commit(r);
    else if (!r->op.result.len)
        request_reply_nil(r);
    else
        request_reply_packed(r, &r->op.result);
}
