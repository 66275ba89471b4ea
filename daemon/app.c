#include "daemon/app.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/admin.h"
#include "daemon/cache.h"
#include "daemon/conn.h"
#include "daemon/log.h"
#include "daemon/request.h"
#include "daemon/server.h"
#include "daemon/watch.h"
#include "protocol/limits.h"

/* How many ticks the connections of a leaving app have to read their last answers. */
enum { APP_LEAVE_TICKS = 3 };

static void app_check_left(struct app *app);

const char *app_name(const struct app *app)
{
    return app->manifest->name;
}

static void app_on_connection(void *arg, struct component *component, int fd)
{
    struct app *app = arg;
    if (conn_start_component(app->server, fd, app, component))
        log_error("app '%s' component '%s': cannot serve its connection", app_name(app),
                  component_spec(component)->id);
}

void app_set_trouble(struct app *app, enum app_trouble trouble, const char *text)
{
    char *was = app->trouble[trouble];
    if (text && was ? strcmp(text, was) == 0 : text == was)
        return;
    if (text)
        log_warning("app '%s': %s", app_name(app), text);
    else
        log_info("app '%s': in order again: %s", app_name(app), was);
    events_note(app, NULL, text ? "trouble" : "mended", text ? text : was);
    app->trouble[trouble] = text ? strdup(text) : NULL;
    free(was);
}

static void app_on_trouble(void *arg, const struct error *e)
{
    const struct app *app = arg;
    log_warning("app '%s': %s", app_name(app), e->text);
}

static void app_on_change(void *arg, struct component *component)
{
    struct app *app = arg;
    struct component_status status = component_status(component);
    events_note(app, component, component_state_word(status.state), status.reason);
    admin_app_changed(app);
    if (!list_empty(&app->retired))
        app->server->sweep = true;
    app_check_left(app);
}

/* Somebody else has written the file, or put another one there. */
static void app_on_jump(void *arg, uint64_t before, uint64_t now)
{
    watch_overflow_all(arg, before, now);
}

void app_free_slots(struct app_slot *slots, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (slots[i].component)
            component_free(slots[i].component, NULL, NULL);
    free(slots);
}

int app_make_component(struct app *app, struct component_spec *spec, unsigned instance,
                       const char *name, struct component **ret, struct error *e)
{
    struct component_host host = {
        .loop = &app->server->loop,
        .app = name,
        .directory = &app->directory,
        .runner = app->server->options.runner,
        .warden = app->server->options.warden,
        .gate = &app->server->gate,
        .leader = app->server->options.leader,
        .outlives = app->server->options.kept_max > 0,
        .cgroup = app->server->options.cgroup,
        .journal = app->server->journal,
        .on_connection = app_on_connection,
        .on_change = app_on_change,
        .arg = app,
    };
    return component_new(&host, spec, instance, ret, e);
}

int app_make_slots(struct app *app, const struct manifest *manifest, struct app_slot **ret,
                   size_t *ret_count, struct error *e)
{
    size_t count = 0, n = 0;
    struct app_slot *slots;
    for (size_t i = 0; i < manifest->component_count; i++)
        count += manifest->components[i]->instances;
    slots = calloc(count + 1, sizeof *slots);
    if (!slots)
        return error_set(e, ERR_OTHER, "out of memory");
    for (size_t i = 0; i < manifest->component_count; i++) {
        struct component_spec *spec = manifest->components[i];
        for (unsigned k = 1; k <= spec->instances; k++, n++) {
            int rc = app_make_component(app, spec, k, manifest->name, &slots[n].component, e);
            if (rc) {
                app_free_slots(slots, n);
                return rc;
            }
        }
    }
    *ret = slots;
    *ret_count = count;
    return 0;
}

void app_set_durability(struct app *app, const struct manifest *manifest)
{
    struct store_options options = app->server->options.store;

    options.relaxed = manifest->relaxed;
    options.checksums = manifest->checksums;
    batcher_set_options(app->batcher, &options);
}

int app_new(struct server *server, const struct directory *directory, struct manifest *manifest,
            struct app **ret, struct error *e)
{
    struct app *app = calloc(1, sizeof *app);
    int rc;
    if (!app)
        return error_set(e, ERR_OTHER, "out of memory");
    app->server = server;
    app->state = APP_ACTIVE;
    app->requests_measured = UINT64_MAX;
    scrub_init(&app->scrub, app);
    list_init(&app->submitted);
    list_init(&app->submitting);
    list_init(&app->conns);
    list_init(&app->watches);
    list_init(&app->rest_waiters);
    list_init(&app->leave_waiters);
    list_init(&app->reload_waiters);
    list_init(&app->retired);
    tally_init(&app->tally);
    rc = directory_copy(&app->directory, directory, e);
    if (rc)
        goto fail;
    rc = app_make_slots(app, manifest, &app->slots, &app->slot_count, e);
    if (rc)
        goto fail_slots;
    app->cache = cache_space_new(server->cache);
    rc = app->cache ? 0 : error_set(e, ERR_OTHER, "out of memory");
    if (rc)
        goto fail_batcher;
    rc = batcher_new(&server->loop, directory, server->options.store_idle_ms, &app->batcher, e);
    if (rc)
        goto fail_batcher;
    batcher_set_company(app->batcher, &server->rounds);
    batcher_set_cache(app->batcher, app->cache);
    batcher_on_trouble(app->batcher, app_on_trouble, app);
    batcher_on_jump(app->batcher, app_on_jump, app);
    app_set_durability(app, manifest);
    batcher_set_quota(app->batcher, server->options.quota_bytes, server->options.quota_entries);
    batcher_set_shared(app->batcher, server->contended);
    app->manifest = manifest;
    list_push(&server->apps.all, &app->link);
    apps_index_add(&server->apps.index, app);
    *ret = app;
    return 0;
fail_batcher:
    cache_space_free(app->cache);
    app_free_slots(app->slots, app->slot_count);
fail_slots:
    directory_fini(&app->directory);
fail:
    free(app);
    return rc;
}

bool app_at_rest(const struct app *app)
{
    for (size_t i = 0; i < app->slot_count; i++)
        if (!component_at_rest(app->slots[i].component))
            return false;
    return list_empty(&app->retired);
}

void app_close_component(struct app *app, const struct component *component, const char *reason)
{
    struct list *it, *tmp;
    list_each(it, tmp, &app->conns) {
        struct conn *c = container_of(it, struct conn, in_app);
        if (c->process == component)
            conn_close(c, "%s", reason);
    }
}

int app_replace_manifest(struct app *app, struct manifest *manifest, struct error *e)
{
    char *wanted = app_wanted_text(app);
    struct app_slot *slots;
    size_t count;
    int rc;
    assert(app_at_rest(app));
    if (!wanted)
        return error_set(e, ERR_OTHER, "out of memory");
    rc = app_make_slots(app, manifest, &slots, &count, e);
    if (rc) {
        free(wanted);
        return rc;
    }
    /* A descriptor that a process passed on before it ended belongs to a component of before. */
    for (size_t i = 0; i < app->slot_count; i++)
        app_close_component(app, app->slots[i].component, "the app was registered again");
    app_free_slots(app->slots, app->slot_count);
    manifest_free(app->manifest);
    free(app->manifest_error);
    free(app->wanted_before);
    app->manifest_error = NULL;
    app->wanted_before = NULL;
    app->slots = slots;
    app->slot_count = count;
    app->manifest = manifest;
    apps_index_rename(&app->server->apps.index, app);
    app_set_durability(app, manifest);
    app->grants_epoch++;
    app_set_wanted(app, wanted);
    free(wanted);
    return 0;
}

struct app_slot *app_slot_find(struct app *app, struct slice id)
{
    for (size_t i = 0; i < app->slot_count; i++)
        if (slice_equals(id, component_spec(app->slots[i].component)->id))
            return &app->slots[i];
    return NULL;
}

bool app_grants(const struct app *app, struct slice label)
{
    if (slice_equals(label, "default"))
        return true;
    for (size_t i = 0; i < app->manifest->component_count; i++)
        for (char **store = app->manifest->components[i]->stores; *store; store++)
            if (slice_equals(label, *store))
                return true;
    return false;
}

void app_start_wanted(struct app *app)
{
    for (size_t i = 0; i < app->slot_count; i++)
        if (app->slots[i].wanted)
            component_start(app->slots[i].component);
}

void app_await_leave(struct app *app, struct request *r)
{
    r->conn->leave_waiting++;
    list_push(&app->leave_waiters, &r->link);
}

static void app_leave_waiters(struct app *app)
{
    while (!list_empty(&app->leave_waiters)) {
        struct request *r = container_of(list_pop(&app->leave_waiters), struct request, link);
        r->conn->leave_waiting--;
        admin_resume(r);
    }
}

/* One of the callbacks that APP_CLOSING counts. */
static void app_on_closed(void *arg)
{
    struct app *app = arg;
    if (--app->closing)
        return;
    list_remove(&app->link);
    apps_index_remove(&app->server->apps.index, app);
    app_leave_waiters(app);
    directory_fini(&app->directory);
    tally_fini(&app->tally);
    cache_space_free(app->cache);
    manifest_free(app->manifest);
    free(app->manifest_error);
    free(app->wanted_before);
    for (size_t i = 0; i < APP_TROUBLE_COUNT; i++)
        free(app->trouble[i]);
    scrub_fini(&app->scrub);
    free(app->slots);
    free(app);
}

static void app_close_all(struct app *app)
{
    size_t count = app->slot_count;
    app->state = APP_CLOSING;
    app->closing = 1 + (unsigned)count;
    /* To close a large store takes a while, and all apps are looked at meanwhile: these are gone. */
    app->slot_count = 0;
    for (size_t i = 0; i < count; i++)
        component_free(app->slots[i].component, app_on_closed, app);
    batcher_close(app->batcher, app_on_closed, app);
}

/* Components are not freed on the stack of their own callback, nor connections on theirs: the turn's
 * end looks. */
static void app_check_left(struct app *app)
{
    if (app->state == APP_LEAVING)
        app->server->sweep = true;
}

void app_sweep(struct app *app)
{
    app_sweep_retired(app);
    if (app->state == APP_LEAVING && app_at_rest(app) && list_empty(&app->conns) && !app->pins)
        app_close_all(app);
}

void app_leave(struct app *app, int code, const char *reason, bool gone)
{
    struct list *it, *tmp;
    if (app->state != APP_ACTIVE)
        return;
    log_info("app '%s' at '%s' leaves: %s", app_name(app), app->directory.path, reason);
    events_note(app, NULL, "left", reason);
    events_end_waits(app->server, app);
    trace_end(app);
    app->state = APP_LEAVING;
    for (size_t i = 0; i < app->slot_count; i++)
        component_stop(app->slots[i].component);
    if (gone)
        batcher_refuse(app->batcher, code, reason);
    else
        batcher_cancel_tasks(app->batcher, code, reason);
    list_each(it, tmp, &app->conns) {
        struct conn *c = container_of(it, struct conn, in_app);
        /* An app process may still save something while it is being stopped. */
        if (gone || !c->component)
            conn_refuse(c, code, reason);
    }
    app_check_left(app);
}

/* A commit takes as long as the disk does; its answer still goes out. */
static bool app_is_answering(const struct app *app)
{
    struct list *it, *tmp;
    list_each(it, tmp, &app->conns)
        if (apps_conn_is_busy(container_of(it, struct conn, in_app)))
            return true;
    return false;
}

void app_leave_tick(struct app *app)
{
    struct list *it, *tmp;
    if (app->state != APP_LEAVING)
        return;
    app->leaving_ticks = app_is_answering(app) ? 0 : app->leaving_ticks + 1;
    if (app->leaving_ticks > APP_LEAVE_TICKS && app_at_rest(app))
        list_each(it, tmp, &app->conns)
            conn_close(container_of(it, struct conn, in_app), "the app is gone");
    app_check_left(app);
}

void app_count_rate(struct app *app)
{
    app->rate = (uint32_t)(app->requests - app->requests_seen);
    app->requests_seen = app->requests;
}

bool app_may_have_grown(struct app *app)
{
    if (app->requests == app->requests_measured)
        return false;
    app->requests_measured = app->requests;
    return true;
}

void app_pin(struct app *app)
{
    app->pins++;
}

void app_unpin(struct app *app)
{
    app->pins--;
    app_check_left(app);
}

int app_check_room(const struct app *app, struct error *e)
{
    if (app->conn_count < app->server->options.limits.app_connections)
        return 0;
    return error_set(e, ERR_BUSY, "app '%s' has %u connections already", app_name(app),
                     app->conn_count);
}

void app_submit(struct app *app, struct op *op)
{
    list_push(&app->submitted, &op->link);
    if (list_empty(&app->submitting))
        list_push(&app->server->submitting, &app->submitting);
}

struct batcher *app_batcher(struct app *app)
{
    list_remove(&app->submitting);
    batcher_submit_all(app->batcher, &app->submitted);
    return app->batcher;
}

static bool opening_step(struct task *task, struct store *store)
{
    (void)task;
    (void)store;
    return false;
}

static void opening_cancel(struct task *task, const struct error *e)
{
    (void)task;
    (void)e; /* the next operation is told */
}

static void opening_done(struct task *task)
{
    free(task);
}

void app_open_watched(struct app *app)
{
    struct task *task = app->watch_count ? calloc(1, sizeof *task) : NULL;
    if (!task)
        return;
    task->step = opening_step;
    task->cancel = opening_cancel;
    task->done = opening_done;
    batcher_start_task(app->batcher, task);
}

void app_submit_all(struct server *server)
{
    while (!list_empty(&server->submitting)) {
        struct list *l = server->submitting.next;
        app_batcher(container_of(l, struct app, submitting));
    }
}

void app_conn_came(struct app *app)
{
    app->conn_count++;
    batcher_hold(app->batcher);
}

void app_conn_gone(struct app *app)
{
    app->conn_count--;
    batcher_release(app->batcher);
    app_check_left(app);
}
