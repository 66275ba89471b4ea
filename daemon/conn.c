#include "daemon/conn.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/app.h"
#include "daemon/conn_io.h"
#include "daemon/log.h"
#include "daemon/manifest.h"
#include "daemon/server.h"
#include "daemon/watch.h"

static const bool conn_moves[CONN_STATE_COUNT][CONN_STATE_COUNT] = {
    [CONN_NEW] = {[CONN_OPEN] = true, [CONN_CLOSED] = true},
    [CONN_OPEN] = {[CONN_REFUSING] = true, [CONN_DRAINING] = true, [CONN_CLOSED] = true},
    [CONN_REFUSING] = {[CONN_DRAINING] = true, [CONN_CLOSED] = true},
    [CONN_DRAINING] = {[CONN_CLOSED] = true},
};

void conn_move(struct conn *c, enum conn_state state)
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
    list_init(&c->later);
    list_init(&c->watches);
    list_init(&c->parked);
    list_push(&server->conns, &c->link);
    server->conn_count++;
    c->number = ++server->accepted;
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
    list_remove(&c->later);
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
    list_remove(&c->later);
    conn_share_account(c);
    watch_end_all(c);
    c->process = NULL;
    conn_unpark(c);
    if (c->app) {
        list_remove(&c->in_app);
        app_conn_gone(c->app);
        c->app = NULL;
    }
    uv_close((uv_handle_t *)&c->pipe, conn_close_cb);
}

static void conn_run(struct conn *c)
{
    if (c->state != CONN_CLOSED)
        conn_io_run(c);
    else if (!c->handle_open && !c->inflight)
        conn_free(c);
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

void conn_open(struct conn *c)
{
    conn_move(c, CONN_OPEN);
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
    c->label.len = 0;
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

void conn_count_error(const struct conn *c, int code)
{
    c->server->errors[tally_error(code)]++;
    if (c->app)
        c->app->tally.errors[tally_error(code)]++;
}

void conn_bind(struct conn *c, struct app *app)
{
    if (c->app == app)
        return;
    assert(!c->app);
    c->app = app;
    app->held += c->held;
    c->label.len = 0;
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
