#include "daemon/snapshot.h"

#include <string.h>

#include "daemon/app.h"
#include "daemon/server.h"

/* Apps that are copied in one turn of the loop: about a third of a millisecond. */
enum { SNAPSHOT_APPS = 256 };

void snapshot_init(struct snapshot *s)
{
    memset(s, 0, sizeof *s);
    buffer_init(&s->apps);
    buffer_init(&s->stores);
    buffer_init(&s->components);
    buffer_init(&s->texts);
}

void snapshot_fini(struct snapshot *s)
{
    if (s->next)
        app_unpin(s->next);
    buffer_fini(&s->apps);
    buffer_fini(&s->stores);
    buffer_fini(&s->components);
    buffer_fini(&s->texts);
    s->next = NULL;
}

bool snapshot_failed(const struct snapshot *s)
{
    return s->apps.failed || s->stores.failed || s->components.failed || s->texts.failed;
}

static size_t snapshot_text(struct snapshot *s, const char *text)
{
    size_t at = s->texts.len;

    buffer_append(&s->texts, text, strlen(text) + 1);
    return at;
}

static void snapshot_add_store(struct snapshot *s, const char *label,
                               const struct tally_calls *calls)
{
    struct snapshot_store store = {snapshot_text(s, label), *calls};

    buffer_append(&s->stores, &store, sizeof store);
}

static void snapshot_take_stores(struct snapshot *s, const struct tally *tally)
{
    struct list *it, *tmp;

    list_each(it, tmp, &tally->stores) {
        const struct tally_store *store = container_of(it, struct tally_store, link);
        snapshot_add_store(s, store->label, &store->calls);
    }
    snapshot_add_store(s, "", &tally->other);
}

static void snapshot_take_components(struct snapshot *s, const struct app *app)
{
    for (size_t i = 0; i < app->slot_count; i++) {
        const struct component *c = app->slots[i].component;
        struct component_status status = component_status(c);
        struct snapshot_component component = {
            .id = snapshot_text(s, component_spec(c)->id),
            .instance = component_instance(c),
            .state = status.state,
            .restarts = status.restarts,
            .pid = status.pid,
        };
        buffer_append(&s->components, &component, sizeof component);
    }
}

static bool snapshot_is_troubled(const struct app *app)
{
    for (size_t i = 0; i < APP_TROUBLE_COUNT; i++)
        if (app->trouble[i])
            return true;
    return app->manifest_error;
}

static void snapshot_take_app(struct snapshot *s, const struct app *app)
{
    struct snapshot_app a = {
        .name = snapshot_text(s, app_name(app)),
        .directory = snapshot_text(s, app->directory.path),
        .counts = *batcher_counts(app->batcher),
        .cache = cache_space_counts(app->cache),
        .received = app->tally.received,
        .sent = app->tally.sent,
        .queued = batcher_queued(app->batcher),
        .connections = app->conn_count,
        .watches = app->watch_count,
        .store_bytes = app->store_bytes,
        .troubled = snapshot_is_troubled(app),
    };

    memcpy(a.errors, app->tally.errors, sizeof a.errors);
    snapshot_take_stores(s, &app->tally);
    snapshot_take_components(s, app);
    a.store_end = s->stores.len / sizeof(struct snapshot_store);
    a.component_end = s->components.len / sizeof(struct snapshot_component);
    buffer_append(&s->apps, &a, sizeof a);
}

static void snapshot_take_server(struct snapshot *s, const struct server *server)
{
    s->uptime_ns = uv_hrtime() - server->started_ns;
    s->requests = server->requests;
    s->accepted = server->accepted;
    s->connections = server->conn_count;
    s->cache_bytes = cache_bytes(server->cache);
    s->cache_limit = cache_limit(server->cache);
    memcpy(s->errors, server->errors, sizeof s->errors);
}

/* Where to go on: the app that the last turn stopped at, or the first one. */
static struct list *snapshot_resume(struct snapshot *s, struct server *server)
{
    struct app *app = s->next;
    struct list *at;

    if (!app) {
        snapshot_take_server(s, server);
        return server->apps.all.next;
    }
    at = &app->link;
    s->next = NULL;
    app_unpin(app); /* frees it at the end of the turn, if at all */
    return at;
}

bool snapshot_take(struct snapshot *s, struct server *server)
{
    uint64_t began = uv_hrtime();
    struct list *at = snapshot_resume(s, server);
    unsigned count = 0;

    for (; at != &server->apps.all && count < SNAPSHOT_APPS; at = at->next, count++) {
        const struct app *app = container_of(at, struct app, link);
        if (app->state == APP_ACTIVE)
            snapshot_take_app(s, app);
    }
    if (at != &server->apps.all && !snapshot_failed(s)) {
        s->next = container_of(at, struct app, link);
        app_pin(s->next);
    }
    s->loop_ns += uv_hrtime() - began;
    return s->next;
}
