/* Another manifest for an app that runs: what it says the same of stays as it is. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/admin.h"
#include "daemon/app.h"
#include "daemon/conn.h"
#include "daemon/log.h"
#include "daemon/server.h"
#include "daemon/watch.h"

/* The slot of before of that instance; NULL: there was none. */
static struct app_slot *reload_find(struct app *app, const char *id, unsigned instance)
{
    for (size_t i = 0; i < app->slot_count; i++) {
        struct component *c = app->slots[i].component;
        if (c && component_instance(c) == instance && !strcmp(component_spec(c)->id, id))
            return &app->slots[i];
    }
    return NULL;
}

/* Whether the component of before can go on under the new spec. The app's name is part of what a
 * process was told. */
static bool reload_keeps(const struct app *app, const struct app_slot *old,
                         const struct component_spec *spec, const struct manifest *manifest)
{
    return old && !strcmp(app_name(app), manifest->name) &&
           component_spec_compare(component_spec(old->component), spec) != SPEC_PROCESS;
}

static void reload_set_spec(struct app *app, struct component *component,
                            struct component_spec *spec)
{
    struct list *it, *tmp;
    component_set_spec(component, spec);
    list_each(it, tmp, &app->conns) {
        struct conn *c = container_of(it, struct conn, in_app);
        if (c->process != component)
            continue;
        conn_set_component(c, spec);
        watch_end_revoked(c, batcher_last_commit(app->batcher));
    }
}

/* New components where old ones cannot stay, and room to retire every old one. */
struct reload {
    struct app_slot *slots;
    size_t count;
    struct list room; /* struct app_retired, one for each slot of before */
};

static void reload_abandon(struct reload *reload)
{
    app_free_slots(reload->slots, reload->slots ? reload->count : 0);
    while (!list_empty(&reload->room))
        free(container_of(list_pop(&reload->room), struct app_retired, link));
}

/* All that can fail, before anything changes. */
static int reload_prepare(struct app *app, const struct manifest *manifest, struct reload *reload,
                          struct error *e)
{
    size_t n = 0;
    for (size_t i = 0; i < manifest->component_count; i++)
        reload->count += manifest->components[i]->instances;
    reload->slots = calloc(reload->count + 1, sizeof *reload->slots);
    if (!reload->slots)
        return error_set(e, ERR_OTHER, "out of memory");
    for (size_t i = 0; i < app->slot_count; i++) {
        struct app_retired *retired = calloc(1, sizeof *retired);
        if (!retired)
            return error_set(e, ERR_OTHER, "out of memory");
        list_push(&reload->room, &retired->link);
    }
    for (size_t i = 0; i < manifest->component_count; i++) {
        struct component_spec *spec = manifest->components[i];
        for (unsigned k = 1; k <= spec->instances; k++, n++) {
            int rc = 0;
            if (!reload_keeps(app, reload_find(app, spec->id, k), spec, manifest))
                rc = app_make_component(app, spec, k, manifest->name, &reload->slots[n].component,
                                        e);
            if (rc)
                return rc;
        }
    }
    return 0;
}

static struct app_retired *reload_predecessor(const struct app *app, const struct component *component)
{
    for (struct list *it = app->retired.next; it != &app->retired; it = it->next) {
        struct app_retired *retired = container_of(it, struct app_retired, link);
        if (retired->successor == component)
            return retired;
    }
    return NULL;
}

static void reload_retire(struct app *app, struct reload *reload, struct component *component,
                          struct component *successor)
{
    struct app_retired *retired = container_of(list_pop(&reload->room), struct app_retired, link);
    struct app_retired *before = reload_predecessor(app, component);
    retired->component = component;
    /* One that still waits for its own predecessor has not begun: that one's end is awaited. */
    if (before)
        before->successor = successor;
    else
        retired->successor = successor;
    list_push(&app->retired, &retired->link);
    component_stop(component);
}

/* Move what stays into its new slot, retire the rest. */
static void reload_apply(struct app *app, const struct manifest *manifest, struct reload *reload)
{
    size_t n = 0;
    for (size_t i = 0; i < manifest->component_count; i++) {
        struct component_spec *spec = manifest->components[i];
        for (unsigned k = 1; k <= spec->instances; k++, n++) {
            struct app_slot *old = reload_find(app, spec->id, k);
            struct app_slot *slot = &reload->slots[n];
            if (!slot->component) {
                assert(old); /* it stays, so it was there */
                slot->component = old->component;
                reload_set_spec(app, slot->component, spec);
            } else if (old) {
                reload_retire(app, reload, old->component, slot->component);
            }
            if (old)
                old->component = NULL;
        }
    }
    for (size_t i = 0; i < app->slot_count; i++)
        if (app->slots[i].component)
            reload_retire(app, reload, app->slots[i].component, NULL);
}

/* Those who have lost what the manifest granted them. */
static void reload_check_peers(struct app *app)
{
    struct list *it, *tmp;
    list_each(it, tmp, &app->conns) {
        struct conn *c = container_of(it, struct conn, in_app);
        if (!c->component && !access_allows(&c->peer, app->directory.uid, app->manifest))
            conn_refuse(c, ERR_ACCESS_DENIED, "the app's manifest does not allow it any more");
    }
}

/* Start what is new and wanted, unless something in its place has to be gone first. What stayed is
 * left alone, failed or not: its history is its own. */
static void reload_start(struct app *app, const struct app_slot *fresh)
{
    for (size_t i = 0; i < app->slot_count; i++)
        if (app->slots[i].wanted && fresh[i].component &&
            !reload_predecessor(app, app->slots[i].component))
            component_start(app->slots[i].component);
}

int app_reload(struct app *app, struct manifest *manifest, struct error *e)
{
    struct reload reload = {0};
    struct app_slot *fresh = NULL;
    char *wanted = app_wanted_text(app);
    int rc;
    list_init(&reload.room);
    rc = wanted ? reload_prepare(app, manifest, &reload, e)
                : error_set(e, ERR_OTHER, "out of memory");
    if (!rc) {
        fresh = calloc(reload.count + 1, sizeof *fresh);
        rc = fresh ? 0 : error_set(e, ERR_OTHER, "out of memory");
    }
    if (rc) {
        reload_abandon(&reload);
        free(wanted);
        return rc;
    }
    memcpy(fresh, reload.slots, reload.count * sizeof *fresh);
    reload_apply(app, manifest, &reload);
    while (!list_empty(&reload.room))
        free(container_of(list_pop(&reload.room), struct app_retired, link));
    free(app->slots);
    manifest_free(app->manifest);
    free(app->manifest_error);
    free(app->wanted_before);
    app->manifest_error = app->wanted_before = NULL;
    app->slots = reload.slots;
    app->slot_count = reload.count;
    app->manifest = manifest;
    apps_index_rename(&app->server->apps.index, app);
    app->grants_epoch++;
    app_set_durability(app, manifest);
    app_set_wanted(app, wanted);
    free(wanted);
    reload_check_peers(app);
    reload_start(app, fresh);
    free(fresh);
    events_note(app, NULL, "reloaded", "");
    app->server->sweep = true; /* what was at rest is free to go */
    return 0;
}

static bool reload_wants(const struct app *app, const struct component *component)
{
    for (size_t i = 0; i < app->slot_count; i++)
        if (app->slots[i].component == component)
            return app->slots[i].wanted;
    return false;
}

void app_sweep_retired(struct app *app)
{
    struct list *it, *tmp;
    if (list_empty(&app->retired))
        return;
    list_each(it, tmp, &app->retired) {
        struct app_retired *retired = container_of(it, struct app_retired, link);
        if (!component_at_rest(retired->component))
            continue;
        list_remove(&retired->link);
        app_close_component(app, retired->component, "another manifest took the component's place");
        component_free(retired->component, NULL, NULL);
        if (app->state == APP_ACTIVE && retired->successor && reload_wants(app, retired->successor))
            component_start(retired->successor);
        free(retired);
    }
    if (list_empty(&app->retired))
        admin_app_reloaded(app);
}
