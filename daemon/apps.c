#include "daemon/apps.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/access.h"
#include "daemon/conn.h"
#include "daemon/log.h"
#include "daemon/request.h"
#include "daemon/server.h"
#include "protocol/limits.h"
#include "protocol/utf8.h"

/* Every second tick looks after the directories, so that a change is noticed within a second. */
enum { APPS_TICK_MS = 1000, APPS_LOOK_MS = 500 };

/* Make an app from its row. A directory that is gone or another one is no reason not to start. */
static int apps_load_one(struct apps *apps, const struct directory *directory, const char *wanted)
{
    struct manifest *manifest = NULL;
    char *manifest_error = NULL;
    struct app *app;
    struct error e;
    if (manifest_load(directory->path, &manifest, &e)) {
        log_error("%s", e.text);
        manifest_error = strdup(e.text);
        if (manifest_empty(directory->path, &manifest, &e)) {
            free(manifest_error);
            return -1;
        }
    }
    if (app_new(apps->server, directory, manifest, &app, &e)) {
        log_error("%s", e.text);
        manifest_free(manifest);
        free(manifest_error);
        return -1;
    }
    app->manifest_error = manifest_error;
    if (manifest_error)
        app->wanted_before = strdup(wanted);
    app_set_wanted(app, wanted);
    return 0;
}

struct apps_load {
    struct apps *apps;
    struct buffer lost; /* paths, each with its NUL */
};

/* A disk's number may change over a reboot, so it does not count. */
static bool apps_is_same(const struct directory *was, const struct directory *is)
{
    return was->ino == is->ino && !strcmp(was->path, is->path) &&
           (!was->born_ns || !is->born_ns || was->born_ns == is->born_ns);
}

static int apps_load_each(void *arg, const struct directory *registered, const char *wanted)
{
    struct apps_load *load = arg;
    const char *path = registered->path;
    struct directory directory;
    struct error e;
    /* It was registered before such names were refused. */
    if (!utf8_valid(path, strlen(path))) {
        log_warning("a directory is left out: its path is not valid UTF-8");
        return 0;
    }
    if (directory_init(&directory, path, &e)) {
        bool gone = access(path, F_OK) && (errno == ENOENT || errno == ENOTDIR);
        log_warning("'%s' is %s: %s", path, gone ? "dropped" : "left out until the next start",
                    e.text);
        if (gone)
            buffer_append(&load->lost, path, strlen(path) + 1);
        return 0;
    }
    if (!apps_is_same(registered, &directory)) {
        log_warning("'%s' is dropped: another directory is in its place", path);
        buffer_append(&load->lost, path, strlen(path) + 1);
    } else {
        apps_load_one(load->apps, &directory, wanted);
    }
    directory_fini(&directory);
    return 0;
}

int apps_init(struct apps *apps, struct server *server, const char *state_dir, struct error *e)
{
    struct apps_load load = {.apps = apps};
    int rc;
    apps->server = server;
    apps->looking = false;
    apps->ticks = 0;
    list_init(&apps->all);
    apps_index_init(&apps->index);
    list_init(&apps->claims);
    buffer_init(&load.lost);
    rc = registry_open(state_dir, &apps->registry, e);
    if (rc)
        return rc;
    rc = registry_each(apps->registry, apps_load_each, &load, e);
    for (size_t i = 0; !rc && i < load.lost.len; i += strlen((char *)load.lost.data + i) + 1)
        rc = registry_remove(apps->registry, (char *)load.lost.data + i, e);
    buffer_fini(&load.lost);
    uv_timer_init(&server->loop, &apps->tick);
    return rc;
}

/* One look at all directories; the worker does it, so that a slow disk stops nobody. */
struct apps_look {
    struct job job;
    struct apps *apps;
    size_t count;
    struct apps_looked {
        struct app *app; /* pinned */
        struct error error;
        int status;
        bool measure; /* the store may have grown */
        uint64_t store_bytes;
    } looked[];
};

static void apps_look_work(struct job *job)
{
    struct apps_look *look = container_of(job, struct apps_look, job);
    for (size_t i = 0; i < look->count; i++) {
        struct apps_looked *looked = &look->looked[i];
        const struct directory *directory = &looked->app->directory;
        looked->status = directory_check(directory, &looked->error);
        if (!looked->status)
            looked->status = directory_check_usable(directory, &looked->error);
        if (!looked->status && looked->measure)
            looked->store_bytes = directory_store_bytes(directory);
    }
    for (size_t i = 0; i < look->count; i++)
        if (look->looked[i].status == ERR_NO_SUCH_APP)
            registry_remove(look->apps->registry, look->looked[i].app->directory.path,
                            &look->looked[i].error);
}

static void apps_look_done(struct job *job)
{
    struct apps_look *look = container_of(job, struct apps_look, job);
    look->apps->looking = false;
    for (size_t i = 0; i < look->count; i++) {
        struct app *app = look->looked[i].app;
        if (look->looked[i].status == ERR_NO_SUCH_APP)
            app_leave(app, ERR_NO_SUCH_APP, "its directory is gone or another one is in its place",
                      true);
        else
            app_set_trouble(app, APP_TROUBLE_DIRECTORY,
                            look->looked[i].status ? look->looked[i].error.text : NULL);
        if (!look->looked[i].status && look->looked[i].measure)
            app->store_bytes = look->looked[i].store_bytes;
        app_unpin(app);
    }
    free(look);
}

static void apps_look(struct apps *apps)
{
    size_t count = apps->index.count;
    struct apps_look *look;
    struct list *it, *tmp;
    look = calloc(1, sizeof *look + count * sizeof look->looked[0]);
    if (!look)
        return;
    look->apps = apps;
    list_each(it, tmp, &apps->all) {
        struct app *app = container_of(it, struct app, link);
        if (app->state != APP_ACTIVE)
            continue;
        app_pin(app);
        look->looked[look->count].measure = app_may_have_grown(app);
        look->looked[look->count++].app = app;
    }
    look->job.work = apps_look_work;
    look->job.done = apps_look_done;
    apps->looking = true;
    worker_submit(&apps->server->worker, &look->job);
}

static void apps_tick_cb(uv_timer_t *timer)
{
    struct apps *apps = container_of(timer, struct apps, tick);
    struct list *it, *tmp;
    apps->ticks++;
    events_tick(apps->server);
    trace_tick(apps->server);
    if (apps->ticks % (APPS_TICK_MS / APPS_LOOK_MS) == 0) {
        list_each(it, tmp, &apps->all) {
            struct app *app = container_of(it, struct app, link);
            app_leave_tick(app);
            app_count_rate(app);
        }
        server_tick(apps->server);
    }
    if (!apps->looking && apps->server->state == SERVER_RUNNING && !list_empty(&apps->all))
        apps_look(apps);
}

void apps_start(struct apps *apps, bool all)
{
    struct list *it, *tmp;
    list_each(it, tmp, &apps->all)
        if (all)
            app_start_wanted(container_of(it, struct app, link));
    uv_timer_start(&apps->tick, apps_tick_cb, APPS_LOOK_MS, APPS_LOOK_MS);
}

void apps_stop(struct apps *apps)
{
    struct list *it, *tmp;
    list_each(it, tmp, &apps->all)
        app_leave(container_of(it, struct app, link), ERR_SHUTTING_DOWN, "the daemon stops", false);
}

bool apps_empty(const struct apps *apps)
{
    return list_empty(&apps->all);
}

void apps_fini(struct apps *apps)
{
    registry_close(apps->registry);
    apps->registry = NULL;
}

struct app *apps_at(struct apps *apps, const char *path)
{
    struct list *it, *tmp;
    list_each(it, tmp, apps_index_paths(&apps->index, path, strlen(path))) {
        struct app *app = container_of(it, struct app, in_paths);
        if (!strcmp(app->directory.path, path))
            return app;
    }
    return NULL;
}

bool apps_visible(const struct app *app, const struct access_peer *peer)
{
    return app->state == APP_ACTIVE && access_allows(peer, app->directory.uid, app->manifest);
}

/* One of the directory; any of them that `peer` may use. */
static struct app *apps_find_path(struct apps *apps, const struct access_peer *peer, struct slice path)
{
    struct list *it, *tmp;
    list_each(it, tmp, apps_index_paths(&apps->index, path.data, path.len)) {
        struct app *app = container_of(it, struct app, in_paths);
        if (slice_equals(path, app->directory.path) && apps_visible(app, peer))
            return app;
    }
    return NULL;
}

/* *ret_other is a second one, where the name is not one app's. */
static struct app *apps_find_name(struct apps *apps, const struct access_peer *peer, struct slice name,
                                  struct app **ret_other)
{
    struct app *found = NULL;
    struct list *it, *tmp;
    *ret_other = NULL;
    list_each(it, tmp, apps_index_names(&apps->index, name.data, name.len)) {
        struct app *app = container_of(it, struct app, in_names);
        if (!slice_equals(name, app_name(app)) || !apps_visible(app, peer))
            continue;
        if (found) {
            *ret_other = app;
            break;
        }
        found = app;
    }
    return found;
}

int apps_find(struct apps *apps, const struct access_peer *peer, struct slice name, struct app **ret, struct error *e)
{
    struct app *found, *other = NULL;
    int shown = (int)(name.len > 200 ? 200 : name.len);
    if (name.len && name.data[0] == '/')
        found = apps_find_path(apps, peer, name);
    else
        found = apps_find_name(apps, peer, name, &other);
    if (other)
        return error_set(e, ERR_INVALID_REQUEST,
                         "app name '%.*s' stands for '%s' and '%s': use the directory", shown,
                         name.data, found->directory.path, other->directory.path);
    if (!found && peer->admin)
        return error_set(e, ERR_NO_SUCH_APP, "no app '%.*s' is registered", shown, name.data);
    if (!found)
        return error_set(e, ERR_ACCESS_DENIED, "there is no app '%.*s' that you may use", shown,
                         name.data);
    *ret = found;
    return 0;
}

void apps_claim(struct apps *apps, struct apps_claim *claim)
{
    list_push(&apps->claims, &claim->link);
}

void apps_release(struct apps_claim *claim)
{
    list_remove(&claim->link);
}

bool apps_conn_is_busy(const struct conn *c)
{
    /* What is parked waits for the peer to read, not for us. */
    return c->inflight > c->leave_waiting && list_empty(&c->parked);
}

static int apps_name_taken(const struct directory *directory, const char *name,
                           const char *other_path, struct error *e)
{
    return error_set(e, ERR_INVALID_REQUEST,
                     "cannot register '%s': its name '%s' is that of the app at '%s'",
                     directory->path, name, other_path);
}

static bool apps_is_rival(const struct directory *directory, const char *name,
                          const struct directory *other, const char *other_name)
{
    return other->uid == directory->uid && !strcmp(other_name, name) &&
           strcmp(other->path, directory->path) != 0;
}

int apps_check_name(struct apps *apps, const struct directory *directory, const char *name,
                    struct error *e)
{
    struct list *it, *tmp;
    size_t count = apps->index.count;
    list_each(it, tmp, &apps->claims) {
        const struct apps_claim *claim = container_of(it, struct apps_claim, link);
        count++;
        if (apps_is_rival(directory, name, claim->directory, claim->name))
            return apps_name_taken(directory, name, claim->directory->path, e);
    }
    list_each(it, tmp, apps_index_names(&apps->index, name, strlen(name))) {
        struct app *app = container_of(it, struct app, in_names);
        if (app->state == APP_ACTIVE &&
            apps_is_rival(directory, name, &app->directory, app_name(app)))
            return apps_name_taken(directory, name, app->directory.path, e);
    }
    /* What is there already takes no more room. */
    if (!apps_at(apps, directory->path) && count >= apps->server->options.limits.apps)
        return error_set(e, ERR_QUOTA_EXCEEDED, "cannot register '%s': %zu apps are registered",
                         directory->path, count);
    return 0;
}
