/* store.restore: a file is copied and checked on the pool, beside everything else; a task of the
 * app's batcher then puts it in the place of the store. */
#include <stdlib.h>
#include <uv.h>

#include "daemon/app.h"
#include "daemon/batcher.h"
#include "daemon/conn.h"
#include "daemon/dispatch.h"
#include "daemon/file_request.h"
#include "daemon/log.h"
#include "daemon/options_map.h"
#include "daemon/run_soon.h"
#include "daemon/server.h"
#include "daemon/store.h"
#include "daemon/watch.h"

struct restore {
    uv_work_t work;
    struct task task;
    struct request *request;
    struct app *app; /* pinned */
    char *path;
    bool keep;
    uid_t uid; /* on whose behalf */
    gid_t gid;
    struct directory directory;   /* a copy, for the pool */
    struct store_restore *copy;   /* NULL: not made, or over */
    struct store_restored result; /* once done */
    struct error error;           /* with a code: why it failed */
};

static void restore_free(struct restore *s)
{
    directory_fini(&s->directory);
    free(s->path);
    free(s);
}

/* Watchers hear of it before whoever asked does. */
static void restore_end(struct restore *s)
{
    struct app *app = s->app;
    if (s->error.code) {
        log_info("restoring '%s' from '%s' failed: %s", app_name(app), s->path, s->error.text);
        request_fail(s->request, s->error.code, s->error.text);
    } else {
        log_info("app '%s' restored from '%s'", app_name(app), s->path);
        watch_overflow_all(app, s->result.commit_before, s->result.commit);
        file_request_reply(s->request, s->result.bytes, s->result.pages, s->result.commit);
    }
    app->restoring = false;
    restore_free(s);
    app_unpin(app);
}

static bool restore_step(struct task *task, struct store *store)
{
    (void)task;
    (void)store;
    return false;
}

static void restore_swap(struct task *task, struct store **store)
{
    struct restore *s = container_of(task, struct restore, task);
    store_restore_swap(s->copy, store, s->keep, &s->result, &s->error);
    store_restore_abandon(s->copy);
    s->copy = NULL;
}

static void restore_cancel(struct task *task, const struct error *e)
{
    struct restore *s = container_of(task, struct restore, task);
    store_restore_abandon(s->copy);
    s->copy = NULL;
    s->error = *e;
}

static void restore_task_done(struct task *task)
{
    restore_end(container_of(task, struct restore, task));
}

static void restore_prepare_cb(uv_work_t *work)
{
    run_soon(RUN_THEN);
    struct restore *s = container_of(work, struct restore, work);
    store_restore_prepare(&s->directory, s->path, s->uid, s->gid, &s->copy, &s->error);
}

static void restore_prepared_cb(uv_work_t *work, int status)
{
    struct restore *s = container_of(work, struct restore, work);
    (void)status; /* never cancelled */
    if (s->error.code) {
        restore_end(s);
        return;
    }
    s->task = (struct task){.step = restore_step,
                            .swap = restore_swap,
                            .cancel = restore_cancel,
                            .done = restore_task_done};
    list_init(&s->task.link);
    batcher_start_task(s->app->batcher, &s->task);
}

static int restore_read(struct request *r, struct restore *s, struct error *e)
{
    const struct option_field fields[] = {{"keep", OPTION_BOOL, &s->keep, 0, 0}};
    int rc = file_request_path(r, "source", &s->path, e);
    if (!rc && r->param_count > 1)
        rc = options_map_read(&r->params, "store.restore", fields, 1, e);
    if (!rc)
        rc = file_request_peer(r, &s->uid, &s->gid, e);
    return rc ? rc : directory_copy(&s->directory, &r->conn->app->directory, e);
}

static int restore_check_app(const struct app *app, struct error *e)
{
    if (app->restoring)
        return error_set(e, ERR_BUSY, "app '%s' is being restored already", app_name(app));
    /* Its processes hold what they have read to be true. */
    if (!app_at_rest(app))
        return error_set(e, ERR_INVALID_REQUEST, "app '%s' runs; stop it first", app_name(app));
    return 0;
}

int restore_start(struct request *r, struct error *e)
{
    struct app *app = r->conn->app;
    struct restore *s;
    int rc = restore_check_app(app, e);
    if (rc)
        return rc;
    s = calloc(1, sizeof *s);
    rc = s ? restore_read(r, s, e) : error_set(e, ERR_OTHER, "out of memory");
    if (rc) {
        if (s)
            restore_free(s);
        return rc;
    }
    s->request = r;
    s->app = app;
    app_pin(app);
    app->restoring = true;
    /* Fails only without a work function. */
    if (uv_queue_work(&app->server->loop, &s->work, restore_prepare_cb, restore_prepared_cb))
        abort();
    return 0;
}
