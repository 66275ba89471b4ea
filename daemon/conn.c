#include "daemon/conn.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/app.h"
#include "daemon/dispatch.h"
#include "daemon/log.h"
#include "daemon/manifest.h"
#include "daemon/server.h"
#include "daemon/watch.h"
#include "protocol/limits.h"
#include "protocol/message.h"

/* How much room a read offers: enough for many small messages, more while a large one comes in. */
enum { CONN_READ_CHUNK = 64 << 10, CONN_READ_CHUNK_MAX = 1 << 20 };
/* Answers that a connection may leave unread at the very most. */
#define CONN_UNREAD_MAX ((size_t)LIMIT_RESPONSE + ((size_t)1 << 30))
/* Memory that an idle connection may keep. */
enum { CONN_KEEP = 256 << 10 };

static const bool conn_moves[CONN_STATE_COUNT][CONN_STATE_COUNT] = {
    [CONN_NEW] = {[CONN_OPEN] = true, [CONN_CLOSED] = true},
    [CONN_OPEN] = {[CONN_REFUSING] = true, [CONN_DRAINING] = true, [CONN_CLOSED] = true},
    [CONN_REFUSING] = {[CONN_DRAINING] = true, [CONN_CLOSED] = true},
    [CONN_DRAINING] = {[CONN_CLOSED] = true},
};

static void conn_move(struct conn *c, enum conn_state state)
{
    assert(conn_moves[c->state][state]);
    c->state = state;
}

struct conn *conn_new(struct server *server)
{
    struct conn *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    c->server = server;
    c->state = CONN_NEW;
    c->handle_open = true;
    uv_pipe_init(&server->loop, &c->pipe, 0);
    scanner_init(&c->scanner, server->options.limits.message);
    buffer_init(&c->in);
    buffer_init(&c->out);
    buffer_init(&c->sending);
    list_init(&c->ready);
    list_init(&c->in_app);
    list_init(&c->watches);
    list_push(&server->conns, &c->link);
    server->conn_count++;
    return c;
}

uv_pipe_t *conn_pipe(struct conn *c)
{
    return &c->pipe;
}

static void conn_free(struct conn *c)
{
    struct server *server = c->server;
    list_remove(&c->link);
    list_remove(&c->ready);
    buffer_fini(&c->in);
    buffer_fini(&c->out);
    buffer_fini(&c->sending);
    access_peer_fini(&c->peer);
    component_spec_unref(c->component);
    free(c);
    server->conn_count--;
}

static void conn_close_cb(uv_handle_t *handle)
{
    struct conn *c = container_of((uv_pipe_t *)handle, struct conn, pipe);
    c->handle_open = false;
    conn_wake(c);
}

void conn_close(struct conn *c, const char *format, ...)
{
    char reason[300];
    va_list args;
    if (c->state == CONN_CLOSED)
        return;
    va_start(args, format);
    vsnprintf(reason, sizeof reason, format, args);
    va_end(args);
    if (c->component)
        log_debug("app '%s' component '%s': connection closed: %s", app_name(c->app),
                  c->component->id, reason);
    else
        log_debug("connection of uid %u pid %d closed: %s", (unsigned)c->peer.uid,
                  (int)c->peer.pid, reason);
    conn_move(c, CONN_CLOSED);
    watch_end_all(c);
    c->process = NULL;
    if (c->app) {
        list_remove(&c->in_app);
        app_conn_gone(c->app);
        c->app = NULL;
    }
    uv_close((uv_handle_t *)&c->pipe, conn_close_cb);
}

/* Whether the next message of `in` may be handed on now. */
static bool conn_may_serve(const struct conn *c)
{
    const struct limits *limits = &c->server->options.limits;
    return (c->state == CONN_OPEN || c->state == CONN_REFUSING) && !c->barriers &&
           c->inflight < limits->inflight && c->inflight_bytes < limits->inflight_bytes &&
           c->out.len + c->sending.len < limits->unread_bytes;
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
        c->server->requests++;
        if (c->app)
            c->app->requests++;
        dispatch(c, &m);
        return;
    }
    if (has_id)
        message_write_error(&c->out, id, rc, e.text);
    log_info("connection of uid %u pid %d sent a malformed message: %s", (unsigned)c->peer.uid,
             (int)c->peer.pid, e.text);
    conn_move(c, CONN_DRAINING);
}

/* Hand on what has arrived whole, as far as the limits let it. */
static void conn_pump(struct conn *c)
{
    size_t used = 0;
    while (used < c->in.len && conn_may_serve(c)) {
        const uint8_t *bytes = c->in.data + used;
        size_t len = c->in.len - used;
        enum scanner_result result = scanner_scan(&c->scanner, bytes, len);
        if (result == SCANNER_MORE)
            break;
        if (result != SCANNER_FRAME) {
            conn_malformed(c, bytes, len, result);
            break;
        }
        len = c->scanner.pos;
        scanner_next(&c->scanner);
        conn_handle(c, bytes, len);
        used += len;
    }
    buffer_consume(&c->in, used);
    if (!c->in.len && c->in.cap > CONN_KEEP)
        buffer_fini(&c->in);
}

static void conn_alloc_cb(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct conn *c = container_of((uv_pipe_t *)handle, struct conn, pipe);
    size_t want = c->scanner.skip;
    (void)suggested;
    want = want < CONN_READ_CHUNK ? CONN_READ_CHUNK : want;
    want = want > CONN_READ_CHUNK_MAX ? CONN_READ_CHUNK_MAX : want;
    if (buffer_reserve(&c->in, want))
        *buf = uv_buf_init(NULL, 0);
    else
        *buf = uv_buf_init((char *)c->in.data + c->in.len, (unsigned)(c->in.cap - c->in.len));
}

static void conn_read_cb(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct conn *c = container_of((uv_pipe_t *)stream, struct conn, pipe);
    (void)buf;
    if (n > 0) {
        c->in.len += (size_t)n;
        conn_wake(c);
    } else if (n == UV_EOF) {
        /* What it sent before is still answered: it may only have shut down its sending side. */
        c->eof = true;
        conn_wake(c);
    } else if (n < 0) {
        conn_close(c, "cannot read: %s", uv_strerror((int)n));
    }
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

static void conn_start_write(struct conn *c, size_t written)
{
    uv_buf_t buf;
    int rc;
    c->sending = c->out;
    buffer_init(&c->out);
    buf = uv_buf_init((char *)c->sending.data + written, (unsigned)(c->sending.len - written));
    rc = uv_write(&c->write, (uv_stream_t *)&c->pipe, &buf, 1, conn_write_cb);
    if (rc) {
        buffer_fini(&c->sending);
        conn_close(c, "cannot write: %s", uv_strerror(rc));
    }
}

/* One write for all answers of the turn; only what the socket does not take now waits. */
static void conn_flush(struct conn *c)
{
    uv_buf_t buf = uv_buf_init((char *)c->out.data, (unsigned)c->out.len);
    int n;
    if (c->out.failed) {
        conn_close(c, "out of memory");
        return;
    }
    /* Results of requests that were admitted before: one large answer is fine, a heap of them is not,
     * and libuv counts in 32 bits. */
    if (c->out.len > CONN_UNREAD_MAX) {
        conn_close(c, "does not read its answers: %zu bytes", c->out.len);
        return;
    }
    if (!c->out.len || c->sending.len || c->state == CONN_CLOSED)
        return;
    n = uv_try_write((uv_stream_t *)&c->pipe, &buf, 1);
    if (n < 0 && n != UV_EAGAIN)
        conn_close(c, "cannot write: %s", uv_strerror(n));
    else if (n < 0 || (size_t)n < c->out.len)
        conn_start_write(c, n < 0 ? 0 : (size_t)n);
    else if (c->out.cap > CONN_KEEP)
        buffer_fini(&c->out);
    else
        buffer_clear(&c->out);
}

static void conn_pump_again(struct conn *c)
{
    size_t before;
    do {
        before = c->in.len;
        conn_pump(c);
        conn_flush(c);
    } while (c->in.len && c->in.len < before && conn_may_serve(c));
}

/* Close where nothing more is to come. */
static void conn_settle(struct conn *c)
{
    if (c->inflight || c->out.len || c->sending.len || c->state == CONN_CLOSED)
        return;
    if (c->state == CONN_DRAINING)
        conn_close(c, "malformed message");
    else if (c->state == CONN_REFUSING)
        conn_close(c, "%s", c->refuse_reason);
    else if (c->eof)
        conn_close(c, c->in.len ? "closed by the peer inside a message" : "closed by the peer");
}

static void conn_run(struct conn *c)
{
    if (c->state == CONN_CLOSED) {
        if (!c->handle_open && !c->inflight)
            conn_free(c);
        return;
    }
    if (c->in.failed)
        conn_close(c, "out of memory");
    conn_pump(c);
    conn_flush(c);
    /* Writing may have made room for what had to wait. */
    if (c->in.len && conn_may_serve(c))
        conn_pump_again(c);
    conn_settle(c);
    conn_update_reading(c);
    /* What was answered in here woke it again, and is written by now. */
    if (c->state != CONN_CLOSED)
        list_remove(&c->ready);
}

void conn_run_ready(struct server *server)
{
    while (!list_empty(&server->ready))
        conn_run(container_of(list_pop(&server->ready), struct conn, ready));
}

void conn_wake(struct conn *c)
{
    if (list_empty(&c->ready))
        list_push(&c->server->ready, &c->ready);
}

void conn_start_peer(struct conn *c, const struct access_peer *peer)
{
    c->peer = *peer;
    conn_move(c, CONN_OPEN);
    if (c->server->conn_count > c->server->options.limits.connections) {
        conn_close(c, "more than %u connections", c->server->options.limits.connections);
        return;
    }
    log_debug("connection of uid %u pid %d accepted", (unsigned)peer->uid, (int)peer->pid);
    conn_wake(c);
}

int conn_start_component(struct server *server, int fd, struct app *app,
                         struct component *process)
{
    struct conn *c = conn_new(server);
    int rc = c ? uv_pipe_open(&c->pipe, fd) : UV_ENOMEM;
    if (rc) {
        uv_fs_t close_request;
        uv_fs_close(NULL, &close_request, fd, NULL);
        if (c)
            conn_close(c, "cannot open: %s", uv_strerror(rc));
        return ERR_OTHER;
    }
    conn_set_component(c, component_spec(process));
    c->process = process;
    conn_bind(c, app);
    conn_move(c, CONN_OPEN);
    if (app->conn_count > server->options.limits.app_connections)
        conn_refuse(c, ERR_BUSY, "the app has too many connections");
    conn_wake(c);
    return 0;
}

void conn_set_component(struct conn *c, struct component_spec *spec)
{
    component_spec_ref(spec);
    component_spec_unref(c->component);
    c->component = spec;
}

void conn_refuse(struct conn *c, int code, const char *reason)
{
    if (c->state != CONN_OPEN)
        return;
    c->refuse_code = code;
    c->refuse_reason = reason;
    conn_move(c, CONN_REFUSING);
    conn_wake(c);
}

void conn_audit(const struct conn *c, const char *method, const char *text)
{
    if (c->component)
        log_warning("denied: %s by app '%s' component '%s': %s", method,
                    c->app ? app_name(c->app) : "", c->component->id, text ? text : "");
    else
        log_warning("denied: %s by uid %u pid %d: %s", method, (unsigned)c->peer.uid,
                    (int)c->peer.pid, text ? text : "");
}

void conn_bind(struct conn *c, struct app *app)
{
    if (c->app == app)
        return;
    assert(!c->app);
    c->app = app;
    list_push(&app->conns, &c->in_app);
    app_conn_came(app);
}

int conn_label_rule(const struct conn *c, struct slice label, enum op_label_rule *ret,
                    struct error *e)
{
    bool known = app_grants(c->app, label);
    if (!c->component) {
        *ret = known ? LABEL_GRANTED : LABEL_IF_PRESENT;
        return 0;
    }
    for (char **store = c->component->stores; *store; store++) {
        if (slice_equals(label, *store)) {
            *ret = LABEL_GRANTED;
            return 0;
        }
    }
    if (known)
        return error_set(e, ERR_ACCESS_DENIED,
                         "store '%.*s' is not in key_value_stores of component '%s' of app '%s'",
                         (int)label.len, label.data, c->component->id, app_name(c->app));
    *ret = LABEL_REFUSED;
    return 0;
}
