#include "daemon/conn_io.h"

#include "daemon/app.h"
#include "daemon/dispatch.h"
#include "daemon/log.h"
#include "daemon/server.h"
#include "protocol/limits.h"
#include "protocol/message.h"

/* More room for a read while a large message comes in. */
enum { CONN_READ_CHUNK_MAX = 1 << 20 };
/* What may come on top of limits.unread_bytes: the results of one batch, and what watches have kept. More
 * is nobody's plan. */
#define CONN_UNREAD_MORE ((size_t)LIMIT_RESPONSE + ((size_t)512 << 20))
/* Memory that an idle connection may keep in each direction. */
enum { CONN_KEEP = 64 << 10 };

static bool conn_has_room(const struct conn *c)
{
    return c->out.len + c->sending.len < c->server->options.limits.unread_bytes;
}

bool conn_admit(struct conn *c, struct op *op)
{
    /* Behind one that is parked all are: they take effect in their order. */
    if (c->state == CONN_CLOSED || (list_empty(&c->parked) && conn_has_room(c)))
        return true;
    list_push(&c->parked, &op->link);
    return false;
}

void conn_unpark(struct conn *c)
{
    if (!list_empty(&c->parked) && (c->state == CONN_CLOSED || conn_has_room(c)))
        batcher_resume(c->app->batcher, &c->parked);
}

bool conn_may_serve(const struct conn *c)
{
    const struct limits *limits = &c->server->options.limits;
    return (c->state == CONN_OPEN || c->state == CONN_REFUSING) && !c->barriers &&
           c->server->state != SERVER_PAUSED &&
           c->inflight < limits->inflight && c->inflight_bytes < limits->inflight_bytes &&
           conn_has_room(c) && list_empty(&c->later);
}

/* The message cannot be understood, so neither can be what follows: answer if it has an id, close. */
static void conn_malformed(struct conn *c, const uint8_t *bytes, size_t len,
                           enum scanner_result result)
{
    struct error e;
    uint32_t id;
    int code;
    if (result == SCANNER_TOO_LARGE)
        code = error_set(&e, ERR_TOO_LARGE, "message exceeds limit of %u bytes",
                         c->server->options.limits.message);
    else if (result == SCANNER_TOO_DEEP)
        code = error_set(&e, ERR_INVALID_REQUEST, "message is nested deeper than %d", LIMIT_DEPTH);
    else
        code = error_set(&e, ERR_INVALID_REQUEST, "message is not a MessagePack array");
    if (message_peek_id(bytes, len, &id))
        message_write_error(&c->out, id, code, e.text);
    log_info("connection of uid %u pid %d sent a malformed message: %s", (unsigned)c->peer.uid,
             (int)c->peer.pid, e.text);
    conn_move(c, CONN_DRAINING);
}

static void conn_handle(struct conn *c, const uint8_t *frame, size_t len)
{
    struct message m;
    struct error e;
    uint32_t id;
    bool has_id;
    int rc = message_read(frame, len, &m, &id, &has_id, &e);
    if (!rc && m.kind != MESSAGE_REQUEST)
        rc = error_set(&e, ERR_INVALID_REQUEST, "only requests are accepted from a client");
    if (!rc) {
        dispatch(c, &m);
        return;
    }
    if (has_id)
        message_write_error(&c->out, id, rc, e.text);
    log_info("connection of uid %u pid %d sent a malformed message: %s", (unsigned)c->peer.uid,
             (int)c->peer.pid, e.text);
    conn_move(c, CONN_DRAINING);
}

/* One message by the long way. Its length; 0: it is not whole yet, or nothing more is to be read. */
static size_t conn_serve_message(struct conn *c, const uint8_t *bytes, size_t len)
{
    enum scanner_result result = scanner_scan(&c->scanner, bytes, len);
    if (result == SCANNER_MORE)
        return 0;
    if (result != SCANNER_FRAME) {
        conn_malformed(c, bytes, len, result);
        return 0;
    }
    len = c->scanner.pos;
    scanner_next(&c->scanner);
    conn_handle(c, bytes, len);
    return len;
}

/* Hand on what has arrived whole, as far as the limits let it. How many bytes that were. */
static size_t conn_serve(struct conn *c, const uint8_t *bytes, size_t len)
{
    size_t used = 0, before = c->out.len;
    while (used < len && conn_may_serve(c) && conn_share_left(c)) {
        size_t n = c->scanner.pos ? 0 : kv_call(c, bytes + used, len - used);
        if (!n)
            n = conn_serve_message(c, bytes + used, len - used);
        if (!n)
            break;
        used += n;
        conn_share_take(c, n + c->out.len - before);
        before = c->out.len;
    }
    c->handed += used;
    return used;
}

/* The same for what lies in `in`. */
static void conn_pump(struct conn *c)
{
    c->taken += conn_serve(c, c->in.data + c->taken, c->in.len - c->taken);
    if (c->taken < c->in.len)
        return;
    c->taken = 0;
    if (c->in.cap > CONN_KEEP)
        buffer_fini(&c->in);
    else
        buffer_clear(&c->in);
}

/* What a read brings is looked at where all connections read to, and only a message that is not whole
 * becomes the connection's own: an idle one has no buffer, and a busy one's is warm. */
static void conn_alloc_cb(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct conn *c = container_of((uv_pipe_t *)handle, struct conn, pipe);
    size_t want = c->scanner.skip;
    (void)suggested;
    if (!c->in.len) {
        *buf = uv_buf_init((char *)c->server->read_buffer, CONN_READ_CHUNK);
        return;
    }
    buffer_consume(&c->in, c->taken);
    c->taken = 0;
    want = want < CONN_READ_CHUNK ? CONN_READ_CHUNK : want;
    want = want > CONN_READ_CHUNK_MAX ? CONN_READ_CHUNK_MAX : want;
    if (buffer_reserve(&c->in, want))
        *buf = uv_buf_init(NULL, 0);
    else
        *buf = uv_buf_init((char *)c->in.data + c->in.len, (unsigned)(c->in.cap - c->in.len));
}

static void conn_take(struct conn *c, const uint8_t *bytes, size_t len)
{
    size_t used;
    if (bytes != c->server->read_buffer) {
        c->in.len += len;
        conn_pump(c);
        return;
    }
    used = conn_serve(c, bytes, len);
    buffer_append(&c->in, bytes + used, len - used);
}

static void conn_update_reading(struct conn *c);
static void conn_flush(struct conn *c);

static void conn_read_cb(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct conn *c = container_of((uv_pipe_t *)stream, struct conn, pipe);
    if (n > 0) {
        if (c->app)
            c->app->tally.received += (uint64_t)n;
        conn_take(c, (const uint8_t *)buf->base, (size_t)n);
        /* Where all is answered there is nothing to wait for, and often nothing left to do. */
        if (!c->inflight)
            conn_flush(c);
        if (c->out.len || c->in.len || c->state != CONN_OPEN)
            conn_wake(c);
    } else if (n == UV_EOF) {
        /* What it sent before is still answered: it may only have shut down its sending side. */
        c->eof = true;
        conn_wake(c);
    } else if (n < 0) {
        conn_close(c, "cannot read: %s", uv_strerror((int)n));
    }
    conn_update_reading(c);
}

static void conn_update_reading(struct conn *c)
{
    bool want = !c->eof && conn_may_serve(c);
    if (c->state == CONN_CLOSED || want == c->reading)
        return;
    c->reading = want;
    if (!want)
        uv_read_stop((uv_stream_t *)&c->pipe);
    else if (uv_read_start((uv_stream_t *)&c->pipe, conn_alloc_cb, conn_read_cb))
        conn_close(c, "cannot read");
}

static void conn_write_cb(uv_write_t *write, int status)
{
    struct conn *c = container_of(write, struct conn, write);
    buffer_fini(&c->sending);
    if (status)
        conn_close(c, "cannot write: %s", uv_strerror(status));
    conn_wake(c);
}

static void conn_count_sent(const struct conn *c, size_t n)
{
    if (c->app)
        c->app->tally.sent += n;
}

static void conn_start_write(struct conn *c, size_t written)
{
    uv_buf_t buf;
    int rc;
    conn_count_sent(c, c->out.len - written);
    c->sending = c->out;
    c->written += c->sending.len;
    buffer_init(&c->out);
    buf = uv_buf_init((char *)c->sending.data + written, (unsigned)(c->sending.len - written));
    rc = uv_write(&c->write, (uv_stream_t *)&c->pipe, &buf, 1, conn_write_cb);
    if (rc) {
        buffer_fini(&c->sending);
        conn_close(c, "cannot write: %s", uv_strerror(rc));
    }
}

/* One write for all answers of the turn; only what the socket does not take now waits. */
static void conn_write(struct conn *c)
{
    uv_buf_t buf = uv_buf_init((char *)c->out.data, (unsigned)c->out.len);
    int n;
    if (c->out.failed) {
        conn_close(c, "out of memory");
        return;
    }
    /* libuv counts in 32 bits. */
    if (c->out.len > c->server->options.limits.unread_bytes + CONN_UNREAD_MORE) {
        conn_close(c, "does not read its answers: %zu bytes", c->out.len);
        return;
    }
    if (!c->out.len || c->sending.len || c->state == CONN_CLOSED)
        return;
    n = uv_try_write((uv_stream_t *)&c->pipe, &buf, 1);
    if (n > 0)
        conn_count_sent(c, (size_t)n);
    if (n < 0 && n != UV_EAGAIN)
        conn_close(c, "cannot write: %s", uv_strerror(n));
    else if (n < 0 || (size_t)n < c->out.len)
        conn_start_write(c, n < 0 ? 0 : (size_t)n);
    else if (c->out.cap > CONN_KEEP)
        buffer_fini(&c->out);
    else
        buffer_clear(&c->out);
}

static void conn_flush(struct conn *c)
{
    conn_write(c);
    conn_share_account(c);
}

static bool conn_is_waiting(const struct conn *c)
{
    return c->in.len && conn_may_serve(c);
}

/* Writing may make room for what had to wait, and so on, as long as it gets anywhere. */
static void conn_pump_and_flush(struct conn *c)
{
    size_t before;
    do {
        before = c->in.len - c->taken;
        conn_pump(c);
        conn_flush(c);
    } while (conn_is_waiting(c) && c->in.len - c->taken < before);
}

/* Close where nothing more is to come. */
static void conn_settle(struct conn *c)
{
    if (c->inflight || c->out.len || c->sending.len || !list_empty(&c->later) ||
        c->state == CONN_CLOSED)
        return;
    if (c->state == CONN_DRAINING)
        conn_close(c, "malformed message");
    else if (c->state == CONN_REFUSING)
        conn_close(c, "%s", c->refuse_reason);
    else if (c->eof)
        conn_close(c, c->in.len ? "closed by the peer inside a message" : "closed by the peer");
}

void conn_io_run(struct conn *c)
{
    if (c->in.failed)
        conn_close(c, "out of memory");
    conn_flush(c);
    conn_unpark(c);
    if (conn_is_waiting(c))
        conn_pump_and_flush(c);
    conn_settle(c);
    conn_update_reading(c);
    /* What was answered in here woke it again, and is written by now. */
    if (c->state != CONN_CLOSED)
        list_remove(&c->ready);
}
