/* app.register: look at the directory and its manifest on the worker, record it, make the app. */
#include <stdlib.h>
#include <string.h>

#include "daemon/access.h"
#include "daemon/admin.h"
#include "daemon/app.h"
#include "daemon/apps.h"
#include "daemon/conn.h"
#include "daemon/dispatch.h"
#include "daemon/log.h"
#include "daemon/server.h"
#include "protocol/utf8.h"

struct admin_registration {
    char *path;                 /* as asked */
    const struct access_peer *peer; /* by whom; its connection's, which waits for the answer */
    struct directory directory; /* what is there; path NULL until looked at */
    struct manifest *manifest;
    struct apps_claim claim;    /* while it is being recorded */
    struct error error;
    int status;
};

static void admin_registration_free(struct request *r)
{
    struct admin_registration *reg = r->detail;
    r->detail = NULL;
    if (reg->directory.path)
        directory_fini(&reg->directory);
    manifest_free(reg->manifest);
    free(reg->path);
    free(reg);
}

static void admin_registration_fail(struct request *r)
{
    struct admin_registration *reg = r->detail;
    struct error e = reg->error;
    int status = reg->status;
    admin_registration_free(r);
    request_fail(r, status, e.text);
}

static void admin_registration_reply(struct request *r, const struct app *app)
{
    struct buffer result;
    msgpack_packer pk;
    admin_registration_free(r);
    buffer_init(&result);
    pack_init(&pk, &result);
    app_pack_status(app, &pk);
    request_reply_packed(r, &result);
    buffer_fini(&result);
}

/* What the wire, the registry and the manifest's default name have as text. */
static int admin_check_path(const char *path, struct error *e)
{
    if (utf8_valid(path, strlen(path)))
        return 0;
    return error_set(e, ERR_INVALID_REQUEST, "cannot register '%s': its path is not valid UTF-8",
                     path);
}

/* The owner is checked before anything of the directory is read or told. Who may not use every
 * directory is told the same of one that is not there and of one that is another's. */
static void admin_look_work(struct job *job)
{
    struct request *r = container_of(job, struct request, job);
    struct admin_registration *reg = r->detail;
    struct error *e = &reg->error;
    bool allowed = reg->peer->admin;
    reg->status = directory_init(&reg->directory, reg->path, e);
    if (reg->status)
        reg->directory.path = NULL;
    else
        allowed = access_owns(reg->peer, reg->directory.uid);
    if (!allowed)
        reg->status = error_set(e, ERR_ACCESS_DENIED,
                                "cannot register '%s': there is no such directory of yours",
                                reg->path);
    if (!reg->status)
        reg->status = admin_check_path(reg->directory.path, e);
    if (!reg->status)
        reg->status = directory_check_private(&reg->directory, e);
    if (!reg->status)
        reg->status = manifest_load(reg->directory.path, &reg->manifest, e);
}

static void admin_record_work(struct job *job)
{
    struct request *r = container_of(job, struct request, job);
    struct admin_registration *reg = r->detail;
    reg->status =
        registry_put(r->conn->server->apps.registry, &reg->directory, "", &reg->error);
}

static void admin_record_done(struct job *job)
{
    struct request *r = container_of(job, struct request, job);
    struct admin_registration *reg = r->detail;
    struct server *server = r->conn->server;
    struct app *app = NULL;
    apps_release(&reg->claim);
    if (!reg->status && server->state != SERVER_RUNNING)
        reg->status = error_set(&reg->error, ERR_SHUTTING_DOWN, "the daemon is shutting down");
    /* Somebody else registered it at the same time: theirs is as good. */
    if (!reg->status)
        app = apps_at(&server->apps, reg->directory.path);
    if (!reg->status && !app)
        reg->status = app_new(server, &reg->directory, reg->manifest, &app, &reg->error);
    if (reg->status) {
        admin_registration_fail(r);
        return;
    }
    if (app->manifest == reg->manifest)
        reg->manifest = NULL;
    log_info("app '%s' at '%s' registered", app_name(app), app->directory.path);
    events_note(app, NULL, "registered", "");
    admin_registration_reply(r, app);
}

static bool admin_same_directory(const struct directory *a, const struct directory *b)
{
    return a->dev == b->dev && a->ino == b->ino &&
           (!a->born_ns || !b->born_ns || a->born_ns == b->born_ns);
}

/* It is registered already: nothing to record, but a manifest that may have changed. The worker's
 * jobs that come back to the app look at its directory and name components by their ids. */
static void admin_register_again(struct request *r, struct app *app)
{
    struct admin_registration *reg = r->detail;
    if (app_at_rest(app)) {
        bool mended = app->manifest_error;
        reg->status = app_replace_manifest(app, reg->manifest, &reg->error);
        if (!reg->status)
            reg->manifest = NULL;
        if (!reg->status && mended)
            app_start_wanted(app);
    }
    if (reg->status)
        admin_registration_fail(r);
    else
        admin_registration_reply(r, app);
}

/* What is at the path is known. An app of before at that path has to be gone first. */
static void admin_register_go(struct request *r)
{
    struct admin_registration *reg = r->detail;
    struct server *server = r->conn->server;
    struct app *app = apps_at(&server->apps, reg->directory.path);
    if (app && app->state == APP_ACTIVE && !admin_same_directory(&app->directory, &reg->directory))
        app_leave(app, ERR_NO_SUCH_APP, "another directory is in its place", true);
    /* The app waits for its connections, and this one waits for the app. */
    if (app && app->state != APP_ACTIVE && r->conn->app == app) {
        reg->status = error_set(&reg->error, ERR_BUSY,
                                "cannot register '%s': this connection is attached to the app that "
                                "was there before; use another",
                                reg->path);
        admin_registration_fail(r);
        return;
    }
    if (app && app->state != APP_ACTIVE) {
        app_await_leave(app, r);
        return;
    }
    reg->status = apps_check_name(&server->apps, &reg->directory, reg->manifest->name, &reg->error);
    if (reg->status) {
        admin_registration_fail(r);
    } else if (app) {
        admin_register_again(r, app);
    } else {
        reg->claim.directory = &reg->directory;
        reg->claim.name = reg->manifest->name;
        apps_claim(&server->apps, &reg->claim);
        r->job.work = admin_record_work;
        r->job.done = admin_record_done;
        worker_submit(&server->worker, &r->job);
    }
}

void admin_register_resume(struct request *r)
{
    struct admin_registration *reg = r->detail;
    if (r->conn->server->state == SERVER_RUNNING) {
        admin_register_go(r);
        return;
    }
    reg->status = error_set(&reg->error, ERR_SHUTTING_DOWN, "the daemon is shutting down");
    admin_registration_fail(r);
}

static void admin_look_done(struct job *job)
{
    struct request *r = container_of(job, struct request, job);
    struct admin_registration *reg = r->detail;
    if (reg->status)
        admin_registration_fail(r);
    else
        admin_register_resume(r);
}

int admin_register(struct request *r, struct error *e)
{
    struct admin_registration *reg;
    struct slice path;
    if (reader_str(&r->params, &path) || !path.len || path.data[0] != '/' ||
        memchr(path.data, 0, path.len))
        return error_set(e, ERR_INVALID_REQUEST,
                         "app.register: directory must be an absolute path");
    if (!utf8_valid(path.data, path.len))
        return error_set(e, ERR_INVALID_REQUEST,
                         "app.register: the directory's path is not valid UTF-8");
    reg = calloc(1, sizeof *reg);
    if (reg)
        reg->path = strndup(path.data, path.len);
    if (!reg || !reg->path) {
        free(reg);
        return error_set(e, ERR_OTHER, "out of memory");
    }
    reg->peer = &r->conn->peer;
    r->detail = reg;
    r->job.work = admin_look_work;
    r->job.done = admin_look_done;
    worker_submit(&r->conn->server->worker, &r->job);
    return 0;
}
