#include "daemon/conn_share.h"

#include <unistd.h>

#include "daemon/app.h"
#include "daemon/conn.h"
#include "daemon/log.h"
#include "daemon/run_soon.h"
#include "daemon/server.h"
#include "protocol/limits.h"

/* What one app's connections may have of a turn, requests and answers, beside others': some 50 µs. */
enum { SHARE_TURN_BYTES = 32 << 10 };
/* An app counts as in use for so many seconds after its last request. */
enum { SHARE_RECENT = 10 };
/* Connections that are looked at in one second. */
enum { SHARE_LOOKS = 2000 };

bool conn_share_left(struct conn *c)
{
    struct server *s = c->server;
    struct app *app = c->app;
    if (!s->contended || !app || app->turn != s->turn || app->turn_bytes < SHARE_TURN_BYTES)
        return true;
    if (list_empty(&c->later))
        list_push(&s->later, &c->later);
    return false;
}

void conn_share_take(struct conn *c, size_t bytes)
{
    struct app *app = c->app;
    if (!app || !c->server->contended)
        return;
    if (app->turn != c->server->turn) {
        app->turn = c->server->turn;
        app->turn_bytes = 0;
    }
    app->turn_bytes += bytes;
}

static void later_cb(uv_idle_t *idle)
{
    (void)idle; /* only keeps the loop from sleeping */
}

/* In the order in which they were put off, whatever else woke them: who has waited longest has first what is there. */
void conn_share_next_turn(struct server *s)
{
    s->turn++;
    while (!list_empty(&s->later)) {
        struct conn *c = container_of(list_pop(&s->later), struct conn, later);
        list_remove(&c->ready);
        conn_wake(c);
    }
    uv_idle_stop(&s->later_idle);
}

void conn_share_account(struct conn *c)
{
    size_t held = c->state == CONN_CLOSED ? 0 : c->out.len + c->sending.len;
    if (held == c->held)
        return;
    c->server->held += held - c->held;
    if (c->app)
        c->app->held += held - c->held;
    c->held = held;
}

/* NULL: those without an app hold more than any app. */
static struct app *share_largest_app(struct server *s)
{
    struct list *it, *tmp;
    struct app *largest = NULL;
    uint64_t unbound = s->held;
    list_each(it, tmp, &s->apps.all) {
        struct app *app = container_of(it, struct app, link);
        unbound -= app->held;
        if (!largest || app->held > largest->held)
            largest = app;
    }
    return largest && largest->held >= unbound ? largest : NULL;
}

static struct conn *share_largest_conn(struct server *s, const struct app *app)
{
    struct list *it, *tmp;
    struct conn *largest = NULL;
    list_each(it, tmp, &s->conns) {
        struct conn *c = container_of(it, struct conn, link);
        if (c->app == app && c->held && (!largest || c->held > largest->held))
            largest = c;
    }
    return largest;
}

static void share_close(struct conn *c, const char *reason, uint64_t seconds)
{
    if (c->component)
        log_warning("app '%s' component '%s': its connection is closed: %s for %llu s, %zu bytes unread",
                    app_name(c->app), c->component->id, reason, (unsigned long long)seconds, c->held);
    else
        log_warning("connection of uid %u pid %d is closed: %s for %llu s, %zu bytes unread",
                    (unsigned)c->peer.uid, (int)c->peer.pid, reason, (unsigned long long)seconds,
                    c->held);
    conn_close(c, "%s", reason);
}

void conn_share_shed(struct server *s)
{
    while (s->held > LIMIT_UNREAD_TOTAL) {
        struct conn *c = share_largest_conn(s, share_largest_app(s));
        if (!c)
            return;
        log_warning("unread answers hold %llu bytes, more than %u",
                    (unsigned long long)s->held, LIMIT_UNREAD_TOTAL);
        share_close(c, "does not read its answers", 0);
    }
    if (!list_empty(&s->later))
        uv_idle_start(&s->later_idle, later_cb);
}

/* What the daemon waits for it to do; NULL: nothing. */
static const char *share_awaits(const struct conn *c)
{
    if (c->state == CONN_CLOSED || c->state == CONN_NEW)
        return NULL;
    if (c->held)
        return "does not read its answers";
    /* Nothing is under way that would keep a whole message waiting in there. */
    if (c->in.len > c->taken && c->reading)
        return "holds back the rest of a message";
    return NULL;
}

static void share_look(struct conn *c, uint64_t now, uint64_t patience_ms)
{
    const char *reason = share_awaits(c);
    uint64_t written = c->written - uv_stream_get_write_queue_size((uv_stream_t *)&c->pipe);
    struct conn_look *look = &c->look;
    if (!reason) {
        look->since_ms = 0;
    } else if (!look->since_ms || look->written != written || look->handed != c->handed) {
        *look = (struct conn_look){now, written, c->handed};
    } else if (now - look->since_ms >= patience_ms) {
        share_close(c, reason, (now - look->since_ms) / 1000);
    }
}

/* The first go to the end, so that all are looked at in turn. */
static void share_look_at_some(struct server *s)
{
    uint64_t now = uv_now(&s->loop);
    unsigned count = s->conn_count < SHARE_LOOKS ? s->conn_count : SHARE_LOOKS;
    while (count-- && !list_empty(&s->conns)) {
        struct list *l = list_pop(&s->conns);
        list_push(&s->conns, l);
        share_look(container_of(l, struct conn, link), now, s->options.stall_ms);
    }
}

static void share_count_apps(struct server *s)
{
    struct list *it, *tmp;
    unsigned busy = 0;
    list_each(it, tmp, &s->apps.all) {
        struct app *app = container_of(it, struct app, link);
        app->unused_ticks = app->rate ? 0 : app->unused_ticks + 1;
        busy += app->unused_ticks <= SHARE_RECENT && app->requests;
    }
    if (s->contended == (busy > 1))
        return;
    s->contended = busy > 1;
    run_soon_want(s->contended);
    run_soon(RUN_NEXT);
    list_each(it, tmp, &s->apps.all)
        batcher_set_shared(container_of(it, struct app, link)->batcher, s->contended);
}

void conn_share_tick(struct server *s)
{
    share_count_apps(s);
    if (s->options.stall_ms)
        share_look_at_some(s);
}
