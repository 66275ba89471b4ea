#include "daemon/events.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "daemon/access.h"
#include "daemon/app.h"
#include "daemon/apps.h"
#include "daemon/conn.h"
#include "daemon/dispatch.h"
#include "daemon/options_map.h"
#include "daemon/server.h"

/* What a request asks for. */
struct events_query {
    struct slice app;        /* a name or directory; data NULL: all */
    uint64_t since;          /* only those behind this one … */
    uint64_t limit;          /* … the latest of them */
    uint64_t deadline_ms;    /* how long it waits for one, by uv_now */
};

void events_init(struct events *events)
{
    memset(events, 0, sizeof *events);
    list_init(&events->waiters);
}

static void event_clear(struct event *event)
{
    free(event->app);
    free(event->directory);
    free(event->component);
    free(event->kind);
    free(event->text);
    memset(event, 0, sizeof *event);
}

void events_fini(struct events *events)
{
    for (size_t i = 0; i < LIMIT_EVENTS; i++)
        event_clear(&events->kept[i]);
}

static int64_t now_wall_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void events_note(struct app *app, const struct component *component, const char *kind,
                 const char *text)
{
    struct events *events = &app->server->events;
    struct event *event = &events->kept[(events->last + 1) % LIMIT_EVENTS];
    event_clear(event);
    event->time_ms = now_wall_ms();
    event->owner = app->directory.uid;
    event->app = strdup(app_name(app));
    event->directory = strdup(app->directory.path);
    event->component = component ? strdup(component_spec(component)->id) : NULL;
    event->instance = component ? component_instance(component) : 0;
    event->kind = strdup(kind);
    event->text = strdup(text);
    /* Without memory there is no event; what happened is in the log. */
    if (!event->app || !event->directory || !event->kind || !event->text ||
        (component && !event->component)) {
        event_clear(event);
        return;
    }
    event->number = ++events->last;
    events->woken = true;
}

static uint64_t events_oldest(const struct events *events)
{
    return events->last > LIMIT_EVENTS ? events->last - LIMIT_EVENTS + 1 : 1;
}

void events_save(const struct events *events, msgpack_packer *pk)
{
    uint64_t oldest = events_oldest(events);
    msgpack_pack_array(pk, events->last + 1 - oldest);
    for (uint64_t n = oldest; n <= events->last; n++) {
        const struct event *event = &events->kept[n % LIMIT_EVENTS];
        msgpack_pack_array(pk, 9);
        msgpack_pack_uint64(pk, n);
        msgpack_pack_int64(pk, event->time_ms);
        msgpack_pack_uint64(pk, event->owner);
        pack_cstr(pk, event->app ? event->app : "");
        pack_cstr(pk, event->directory ? event->directory : "");
        pack_cstr(pk, event->component ? event->component : "");
        msgpack_pack_unsigned_int(pk, event->instance);
        pack_cstr(pk, event->kind ? event->kind : "");
        pack_cstr(pk, event->text ? event->text : "");
    }
}

static bool event_restore(struct events *events, struct reader *r)
{
    struct slice app, directory, component, kind, text;
    uint64_t number, owner, instance;
    struct event *event;
    uint32_t fields;
    int64_t time_ms;
    if (reader_array(r, &fields) || fields != 9 || reader_uint(r, &number) ||
        reader_int(r, &time_ms) || reader_uint(r, &owner) || reader_str(r, &app) ||
        reader_str(r, &directory) || reader_str(r, &component) || reader_uint(r, &instance) ||
        reader_str(r, &kind) || reader_str(r, &text))
        return false;
    events->last = number;
    event = &events->kept[number % LIMIT_EVENTS];
    event_clear(event);
    event->app = strndup(app.data, app.len);
    event->directory = strndup(directory.data, directory.len);
    event->component = component.len ? strndup(component.data, component.len) : NULL;
    event->kind = strndup(kind.data, kind.len);
    event->text = strndup(text.data, text.len);
    if (!event->app || !event->directory || !event->kind || !event->text || !app.len) {
        event_clear(event);
        return true;
    }
    event->number = number;
    event->time_ms = time_ms;
    event->owner = (uid_t)owner;
    event->instance = (unsigned)instance;
    return true;
}

bool events_restore(struct events *events, struct reader *r)
{
    uint32_t count;
    if (reader_array(r, &count))
        return false;
    while (count--)
        if (!event_restore(events, r))
            return false;
    return true;
}

static bool event_visible(struct server *server, const struct event *event,
                          const struct access_peer *peer)
{
    struct app *app;
    if (access_owns(peer, event->owner))
        return true;
    app = apps_at(&server->apps, event->directory);
    return app && apps_visible(app, peer);
}

static bool event_matches(struct server *server, const struct event *event,
                          const struct events_query *query, const struct access_peer *peer)
{
    if (!event->number || event->number <= query->since)
        return false;
    if (query->app.data && !slice_equals(query->app, event->app) &&
        !slice_equals(query->app, event->directory))
        return false;
    return event_visible(server, event, peer);
}

static void event_pack(const struct event *event, msgpack_packer *pk)
{
    msgpack_pack_map(pk, 8);
    pack_cstr(pk, "number");
    msgpack_pack_uint64(pk, event->number);
    pack_cstr(pk, "time");
    msgpack_pack_int64(pk, event->time_ms);
    pack_cstr(pk, "app");
    pack_cstr(pk, event->app);
    pack_cstr(pk, "directory");
    pack_cstr(pk, event->directory);
    pack_cstr(pk, "component");
    if (event->component)
        pack_cstr(pk, event->component);
    else
        msgpack_pack_nil(pk);
    pack_cstr(pk, "instance");
    msgpack_pack_unsigned_int(pk, event->instance);
    pack_cstr(pk, "event");
    pack_cstr(pk, event->kind);
    pack_cstr(pk, "text");
    pack_cstr(pk, event->text);
}

/* The number of the first event that belongs to the answer, and how many do. */
static uint64_t events_select(struct server *server, const struct events_query *query,
                              const struct access_peer *peer, uint32_t *ret_count)
{
    const struct events *events = &server->events;
    uint64_t first = events->last + 1;
    uint64_t oldest = events_oldest(events);
    uint32_t count = 0;
    for (uint64_t n = events->last; n >= oldest && n > query->since && count < query->limit; n--) {
        if (!event_matches(server, &events->kept[n % LIMIT_EVENTS], query, peer))
            continue;
        first = n;
        count++;
    }
    *ret_count = count;
    return first;
}

/* False: there is none, and `must` is not set. */
static bool events_answer(struct request *r, bool must)
{
    struct server *server = r->conn->server;
    struct events_query *query = r->detail;
    struct buffer result;
    msgpack_packer pk;
    uint32_t count;
    uint64_t first = events_select(server, query, &r->conn->peer, &count);
    if (!count && !must)
        return false;
    buffer_init(&result);
    pack_init(&pk, &result);
    msgpack_pack_array(&pk, 2);
    msgpack_pack_array(&pk, count);
    for (uint64_t n = first; n <= server->events.last; n++)
        if (event_matches(server, &server->events.kept[n % LIMIT_EVENTS], query, &r->conn->peer))
            event_pack(&server->events.kept[n % LIMIT_EVENTS], &pk);
    msgpack_pack_uint64(&pk, server->events.last);
    free(query);
    r->detail = NULL;
    request_reply_packed(r, &result);
    buffer_fini(&result);
    return true;
}

void events_wake(struct server *server)
{
    struct list *it, *tmp;
    if (!server->events.woken)
        return;
    server->events.woken = false;
    list_each(it, tmp, &server->events.waiters) {
        struct request *r = container_of(it, struct request, link);
        list_remove(it);
        if (!events_answer(r, r->conn->state == CONN_CLOSED))
            list_push(tmp, it); /* in front of the next one: where it was */
    }
}

static void events_end(struct request *r)
{
    list_remove(&r->link);
    events_answer(r, true);
}

void events_tick(struct server *server)
{
    struct list *it, *tmp;
    list_each(it, tmp, &server->events.waiters) {
        struct request *r = container_of(it, struct request, link);
        const struct events_query *query = r->detail;
        if (query->deadline_ms <= uv_now(&server->loop) || r->conn->state == CONN_CLOSED)
            events_end(r);
    }
}

void events_end_waits(struct server *server, const struct app *app)
{
    struct list *it, *tmp;
    list_each(it, tmp, &server->events.waiters) {
        struct request *r = container_of(it, struct request, link);
        if (!app || r->conn->app == app)
            events_end(r);
    }
}

int events_get(struct request *r, struct error *e)
{
    struct server *server = r->conn->server;
    struct events_query query = {0};
    int64_t limit = LIMIT_EVENTS_DEFAULT, wait_ms = 0;
    const struct option_field fields[] = {
        {"app", OPTION_BYTES, &query.app, 0, 0},
        {"since", OPTION_UINT, &query.since, 0, 0},
        {"limit", OPTION_INT, &limit, 1, LIMIT_EVENTS},
        {"wait_ms", OPTION_INT, &wait_ms, 0, LIMIT_WAIT_MS},
    };
    int rc = r->param_count ? options_map_read(&r->params, "events", fields,
                                               sizeof fields / sizeof *fields, e)
                            : 0;
    if (rc)
        return rc;
    r->detail = malloc(sizeof query);
    if (!r->detail)
        return error_set(e, ERR_OTHER, "out of memory");
    query.limit = (uint64_t)limit;
    query.deadline_ms = uv_now(&server->loop) + (uint64_t)wait_ms;
    *(struct events_query *)r->detail = query;
    if (!events_answer(r, !wait_ms))
        list_push(&server->events.waiters, &r->link);
    return 0;
}
