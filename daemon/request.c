#include "daemon/request.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/conn.h"

struct request *request_new(struct conn *c, const struct message *m, enum method_id method)
{
    size_t size = (size_t)(m->params.end - m->params.pos);
    struct request *r = malloc(sizeof *r + size);
    if (!r)
        return NULL;
    memset(r, 0, sizeof *r);
    memcpy(r->bytes, m->params.pos, size);
    r->conn = c;
    r->id = m->id;
    r->method = method;
    r->barrier = method_is_for_peers(method_table[method].access);
    r->param_count = m->param_count;
    r->params = reader_of(r->bytes, size);
    r->size = size;
    list_init(&r->link);
    op_init(&r->op, OP_GET, NULL);
    c->inflight++;
    c->inflight_bytes += size;
    c->barriers += r->barrier;
    return r;
}

/* The connection goes on with what waited for this request, or is freed if it waited to be. */
void request_end(struct request *r)
{
    struct conn *c = r->conn;
    c->inflight--;
    c->inflight_bytes -= r->size;
    c->barriers -= r->barrier;
    op_fini(&r->op);
    free(r);
    conn_wake(c);
}

void request_fail(struct request *r, int code, const char *text)
{
    if (code == ERR_ACCESS_DENIED)
        conn_audit(r->conn, method_table[r->method].name, text);
    if (r->conn->state != CONN_CLOSED)
        message_write_error(&r->conn->out, r->id, code, text ? text : error_text(code));
    request_end(r);
}

void request_reply_nil(struct request *r)
{
    static const uint8_t nil = 0xc0;
    if (r->conn->state != CONN_CLOSED) {
        message_write_result(&r->conn->out, r->id);
        buffer_append(&r->conn->out, &nil, 1);
    }
    request_end(r);
}

void request_reply_packed(struct request *r, const struct buffer *result)
{
    if (result->failed) {
        request_fail(r, ERR_OTHER, "out of memory");
        return;
    }
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
    if (r->conn->state != CONN_CLOSED) {
        struct buffer *out = &r->conn->out;
        message_write_result(out, r->id);
        pack_init(&pk, out);
        msgpack_pack_array(&pk, 2);
        buffer_append(out, result->data, result->len);
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
    else
        request_reply_packed(r, &r->op.result);
}
