/* app.*: registering, starting and stopping. What is recorded is recorded before it is done. */
#include <stdlib.h>
#include <string.h>

#include "daemon/admin.h"
#include "daemon/app.h"
#include "daemon/apps.h"
#include "daemon/conn.h"
#include "daemon/dispatch.h"
#include "daemon/log.h"
#include "daemon/server.h"

/* What a request that changes an app carries through the worker. */
struct admin_change {
    struct app *app;     /* pinned */
    struct slice id;     /* the component named; data NULL: all */
    char *wanted;        /* as the registry shall have it */
    struct error error;  /* what came of recording it */
    int status;
    bool leaving;        /* unregister: the answer comes when the app is gone */
};

void admin_reply_status(struct request *r, const struct app *app)
{
    struct buffer result;
    msgpack_packer pk;
    buffer_init(&result);
    pack_init(&pk, &result);
    app_pack_status(app, &pk);
    request_reply_packed(r, &result);
    buffer_fini(&result);
}

int admin_find(struct request *r, struct app **ret, struct error *e)
{
    struct slice name;
    if (reader_str(&r->params, &name))
        return error_set(e, ERR_INVALID_REQUEST, "%s: app must be a string",
                         method_table[r->method].name);
    return apps_find(&r->conn->server->apps, &r->conn->peer, name, ret, e);
}

int admin_status(struct request *r, struct error *e)
{
    struct app *app;
    int rc = admin_find(r, &app, e);
    if (rc)
        return rc;
    admin_reply_status(r, app);
    return 0;
}

int admin_list(struct request *r, struct error *e)
{
    struct server *server = r->conn->server;
    struct list *it, *tmp;
    struct buffer result;
    msgpack_packer pk;
    size_t count = 0;
    (void)e;
    list_each(it, tmp, &server->apps.all)
        count += apps_visible(container_of(it, struct app, link), &r->conn->peer);
    buffer_init(&result);
    pack_init(&pk, &result);
    msgpack_pack_array(&pk, count);
    list_each(it, tmp, &server->apps.all) {
        struct app *app = container_of(it, struct app, link);
        if (apps_visible(app, &r->conn->peer))
            app_pack_status(app, &pk);
    }
    request_reply_packed(r, &result);
    buffer_fini(&result);
    return 0;
}

static struct admin_change *admin_change_of(struct request *r)
{
    return r->detail;
}

static void admin_change_free(struct request *r)
{
    struct admin_change *change = admin_change_of(r);
    r->detail = NULL;
    if (change->app)
        app_unpin(change->app);
    free(change->wanted);
    free(change);
}

static int admin_change_new(struct request *r, struct app *app, struct error *e)
{
    struct admin_change *change = calloc(1, sizeof *change);
    if (!change)
        return error_set(e, ERR_OTHER, "out of memory");
    change->app = app;
    app_pin(app);
    r->detail = change;
    return 0;
}

/* End a change whose app left, or whose record could not be written, meanwhile. True: ended. */
static bool admin_change_failed(struct request *r)
{
    struct admin_change *change = admin_change_of(r);
    struct error e = change->error;
    int status = change->status;
    if (!status && change->app->state != APP_ACTIVE)
        status = error_set(&e, ERR_NO_SUCH_APP, "app '%s' is gone", app_name(change->app));
    if (!status)
        return false;
    admin_change_free(r);
    request_fail(r, status, e.text);
    return true;
}

static void admin_record_work(struct job *job)
{
    struct request *r = container_of(job, struct request, job);
    struct admin_change *change = admin_change_of(r);
    change->status = registry_set_wanted(r->conn->server->apps.registry,
                                         change->app->directory.path, change->wanted,
                                         &change->error);
}

static void admin_set_wanted(struct admin_change *change, bool wanted)
{
    for (size_t i = 0; i < change->app->slot_count; i++) {
        struct app_slot *slot = &change->app->slots[i];
        if (!change->id.data || slice_equals(change->id, component_spec(slot->component)->id))
            slot->wanted = wanted;
    }
}

/* The second param, a component's id; data NULL: all. */
static int admin_read_component(struct request *r, struct app *app, struct slice *ret,
                                struct error *e)
{
    if (r->param_count < 2 || reader_peek(&r->params) == READER_NIL)
        return 0;
    if (reader_str(&r->params, ret))
        return error_set(e, ERR_INVALID_REQUEST, "%s: component must be a string",
                         method_table[r->method].name);
    if (!app_slot_find(app, *ret))
        return error_set(e, ERR_INVALID_REQUEST, "app '%s' has no component '%.*s'",
                         app_name(app), (int)(ret->len > 200 ? 200 : ret->len), ret->data);
    return 0;
}

/* start and stop: read the params, note what is wanted, record it, then `done`. */
static int admin_change_wanted(struct request *r, bool wanted, void (*done)(struct job *),
                               struct error *e)
{
    struct admin_change *change;
    struct app *app;
    struct slice id = {0};
    int rc = admin_find(r, &app, e);
    if (rc)
        return rc;
    if (app->manifest_error)
        return error_set(e, ERR_INVALID_REQUEST, "%s", app->manifest_error);
    rc = admin_read_component(r, app, &id, e);
    if (!rc)
        rc = admin_change_new(r, app, e);
    if (rc)
        return rc;
    change = admin_change_of(r);
    change->id = id;
    if (wanted && app->restoring) {
        admin_change_free(r);
        return error_set(e, ERR_BUSY, "app '%s' is being restored", app_name(app));
    }
    admin_set_wanted(change, wanted);
    change->wanted = app_wanted_text(app);
    if (!change->wanted) {
        admin_change_free(r);
        return error_set(e, ERR_OTHER, "out of memory");
    }
    r->job.work = admin_record_work;
    r->job.done = done;
    worker_submit(&r->conn->server->worker, &r->job);
    return 0;
}

/* Call `step` for the components that the change is about. */
static void admin_each(struct admin_change *change, void (*step)(struct component *c))
{
    for (size_t i = 0; i < change->app->slot_count; i++) {
        struct component *c = change->app->slots[i].component;
        if (!change->id.data || slice_equals(change->id, component_spec(c)->id))
            step(c);
    }
}

/* Those who wait for a stop that a start has overtaken would wait as long as the app runs. */
static void admin_stop_overtaken(struct app *app)
{
    while (!list_empty(&app->rest_waiters)) {
        struct request *r = container_of(list_pop(&app->rest_waiters), struct request, link);
        admin_change_free(r);
        request_fail(r, ERR_OTHER, "the app was started again meanwhile");
    }
}

static bool admin_is_starter(const struct app *app, const struct component *c)
{
    for (struct list *it = app->retired.next; it != &app->retired; it = it->next)
        if (container_of(it, struct app_retired, link)->successor == c)
            return false;
    return true;
}

/* Start what the change is about, but for what waits until its predecessor is gone. */
static void admin_start_each(struct admin_change *change)
{
    for (size_t i = 0; i < change->app->slot_count; i++) {
        struct component *c = change->app->slots[i].component;
        if ((!change->id.data || slice_equals(change->id, component_spec(c)->id)) &&
            admin_is_starter(change->app, c))
            component_start(c);
    }
}

static void admin_start_done(struct job *job)
{
    struct request *r = container_of(job, struct request, job);
    struct app *app = admin_change_of(r)->app;
    if (admin_change_failed(r))
        return;
    admin_start_each(admin_change_of(r));
    app_pin(app);
    admin_stop_overtaken(app);
    admin_change_free(r);
    admin_reply_status(r, app);
    app_unpin(app);
}

int admin_start(struct request *r, struct error *e)
{
    return admin_change_wanted(r, true, admin_start_done, e);
}

static bool admin_change_at_rest(const struct admin_change *change)
{
    for (size_t i = 0; i < change->app->slot_count; i++) {
        const struct component *c = change->app->slots[i].component;
        if ((!change->id.data || slice_equals(change->id, component_spec(c)->id)) &&
            !component_at_rest(c))
            return false;
    }
    /* What was replaced, or is not in the manifest any more, may still be stopping. */
    return list_empty(&change->app->retired);
}

void admin_app_changed(struct app *app)
{
    struct list *it, *tmp;
    list_each(it, tmp, &app->rest_waiters) {
        struct request *r = container_of(it, struct request, link);
        if (!admin_change_at_rest(admin_change_of(r)))
            continue;
        list_remove(&r->link);
        admin_change_free(r);
        admin_reply_status(r, app);
    }
}

static void admin_stop_done(struct job *job)
{
    struct request *r = container_of(job, struct request, job);
    struct app *app = admin_change_of(r)->app;
    if (admin_change_failed(r))
        return;
    list_push(&app->rest_waiters, &r->link);
    app_pin(app);
    admin_each(admin_change_of(r), component_stop);
    admin_app_changed(app);
    app_unpin(app);
}

int admin_stop(struct request *r, struct error *e)
{
    return admin_change_wanted(r, false, admin_stop_done, e);
}

static void admin_restart_done(struct job *job)
{
    struct request *r = container_of(job, struct request, job);
    if (!admin_change_of(r)->status && admin_change_of(r)->app->state == APP_ACTIVE)
        admin_each(admin_change_of(r), component_stop);
    admin_start_done(job);
}

int admin_restart(struct request *r, struct error *e)
{
    return admin_change_wanted(r, true, admin_restart_done, e);
}

/* What is wanted stays as it is: the next daemon tries again. */
int admin_reset(struct request *r, struct error *e)
{
    struct admin_change change = {0};
    int rc = admin_find(r, &change.app, e);
    if (!rc)
        rc = admin_read_component(r, change.app, &change.id, e);
    if (rc)
        return rc;
    admin_each(&change, component_reset);
    admin_reply_status(r, change.app);
    return 0;
}

static void admin_unregister_work(struct job *job)
{
    struct request *r = container_of(job, struct request, job);
    struct admin_change *change = admin_change_of(r);
    change->status = registry_remove(r->conn->server->apps.registry, change->app->directory.path,
                                     &change->error);
}

static void admin_unregister_done(struct job *job)
{
    struct request *r = container_of(job, struct request, job);
    struct admin_change *change = admin_change_of(r);
    struct app *app = change->app;
    if (admin_change_failed(r))
        return;
    app_await_leave(app, r);
    app_leave(app, ERR_NO_SUCH_APP, "the app was unregistered", false);
    change->app = NULL;
    app_unpin(app);
}

int admin_unregister(struct request *r, struct error *e)
{
    struct app *app;
    int rc = admin_find(r, &app, e);
    if (!rc)
        rc = admin_change_new(r, app, e);
    if (rc)
        return rc;
    /* A connection that is bound to the app would wait for itself to go. */
    if (r->conn->app == app) {
        admin_change_free(r);
        return error_set(e, ERR_INVALID_REQUEST,
                         "app.unregister: this connection is attached to the app; use another");
    }
    r->job.work = admin_unregister_work;
    r->job.done = admin_unregister_done;
    worker_submit(&r->conn->server->worker, &r->job);
    return 0;
}

void admin_resume(struct request *r)
{
    if (r->method == METHOD_APP_REGISTER) {
        admin_register_resume(r);
        return;
    }
    admin_change_free(r);
    request_reply_nil(r);
}
