/* app.reload, and SIGHUP for all apps: read a manifest again on the worker, apply what has changed. */
#include <stdlib.h>
#include <string.h>

#include "daemon/admin.h"
#include "daemon/app.h"
#include "daemon/apps.h"
#include "daemon/conn.h"
#include "daemon/dispatch.h"
#include "daemon/log.h"
#include "daemon/server.h"

struct admin_reloading {
    struct job job;
    struct app *app;           /* pinned */
    struct request *request;   /* who waits for it; NULL: nobody, it is the daemon's own wish */
    struct manifest *manifest; /* as read */
    struct error error;
    int status;
};

static void admin_reload_work(struct job *job)
{
    struct admin_reloading *reloading = container_of(job, struct admin_reloading, job);
    const struct directory *directory = &reloading->app->directory;
    struct error *e = &reloading->error;
    reloading->status = directory_check(directory, e);
    if (!reloading->status)
        reloading->status = manifest_load(directory->path, &reloading->manifest, e);
}

/* 0 when the manifest is the app's. */
static int admin_reload_apply(struct admin_reloading *reloading)
{
    struct app *app = reloading->app;
    struct error *e = &reloading->error;
    int rc = reloading->status;
    if (!rc && app->state != APP_ACTIVE)
        return error_set(e, ERR_NO_SUCH_APP, "app '%s' is gone", app_name(app));
    if (!rc && app->restoring)
        return error_set(e, ERR_BUSY, "the store of app '%s' is being restored", app_name(app));
    if (!rc && strcmp(app_name(app), reloading->manifest->name) != 0)
        rc = apps_check_name(&app->server->apps, &app->directory, reloading->manifest->name, e);
    if (!rc)
        rc = app_reload(app, reloading->manifest, e);
    if (!rc)
        reloading->manifest = NULL;
    app_set_trouble(app, APP_TROUBLE_MANIFEST, rc ? e->text : NULL);
    return rc;
}

static void admin_reload_done(struct job *job)
{
    struct admin_reloading *reloading = container_of(job, struct admin_reloading, job);
    struct app *app = reloading->app;
    struct request *r = reloading->request;
    int rc = admin_reload_apply(reloading);
    if (rc && r)
        request_fail(r, rc, reloading->error.text);
    else if (r && app->state == APP_ACTIVE && !list_empty(&app->retired))
        list_push(&app->reload_waiters, &r->link);
    else if (r)
        admin_reply_status(r, app);
    app_unpin(app);
    manifest_free(reloading->manifest);
    free(reloading);
}

/* False: no memory. */
static bool admin_reload_start(struct app *app, struct request *request)
{
    struct admin_reloading *reloading = calloc(1, sizeof *reloading);
    if (!reloading)
        return false;
    app_pin(app);
    reloading->app = app;
    reloading->request = request;
    reloading->job.work = admin_reload_work;
    reloading->job.done = admin_reload_done;
    worker_submit(&app->server->worker, &reloading->job);
    return true;
}

int admin_reload(struct request *r, struct error *e)
{
    struct app *app;
    int rc = admin_find(r, &app, e);
    if (!rc && !admin_reload_start(app, r))
        rc = error_set(e, ERR_OTHER, "out of memory");
    return rc;
}

void apps_reload(struct apps *apps)
{
    struct list *it, *tmp;
    list_each(it, tmp, &apps->all) {
        struct app *app = container_of(it, struct app, link);
        if (app->state == APP_ACTIVE && !admin_reload_start(app, NULL))
            log_error("app '%s': cannot read its manifest again: out of memory", app_name(app));
    }
}

void admin_app_reloaded(struct app *app)
{
    while (!list_empty(&app->reload_waiters))
        admin_reply_status(container_of(list_pop(&app->reload_waiters), struct request, link), app);
}
