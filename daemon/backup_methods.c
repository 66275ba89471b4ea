/* store.backup: a task of the app's batcher that ends in an answer. */
#include <stdlib.h>

#include "daemon/app.h"
#include "daemon/batcher.h"
#include "daemon/conn.h"
#include "daemon/dispatch.h"
#include "daemon/file_request.h"
#include "daemon/log.h"
#include "daemon/options_map.h"
#include "daemon/store.h"

/* Pages a step: about a megabyte, between two batches. */
enum { BACKUP_STEP_PAGES = 256 };

struct backup {
    struct task task;
    struct request *request;
    char *path;
    uid_t uid; /* on whose behalf */
    gid_t gid;
    struct store_backup *copy; /* under way; NULL: not begun, or over */
    struct error error;        /* with a code: why it failed */
    uint64_t bytes;            /* once done */
    uint64_t pages;
    uint64_t commit;
};

static bool backup_step(struct task *task, struct store *store)
{
    struct backup *b = container_of(task, struct backup, task);
    struct store_backup *copy;
    bool done = false;
    if (!b->copy && store_backup_begin(store, b->path, b->uid, b->gid, &b->copy, &b->error) != 0)
        return false;
    if (store_backup_step(b->copy, BACKUP_STEP_PAGES, &done, &b->error) == 0 && !done)
        return true;
    copy = b->copy;
    b->copy = NULL;
    if (!done) {
        store_backup_abandon(copy);
        return false;
    }
    b->commit = store_commit_number(store);
    store_backup_finish(copy, &b->bytes, &b->pages, &b->error);
    return false;
}

static void backup_cancel(struct task *task, const struct error *e)
{
    struct backup *b = container_of(task, struct backup, task);
    store_backup_abandon(b->copy);
    b->copy = NULL;
    b->error = *e;
}

static void backup_on_done(struct task *task)
{
    struct backup *b = container_of(task, struct backup, task);
    if (b->error.code) {
        log_info("backup to '%s' failed: %s", b->path, b->error.text);
        request_fail(b->request, b->error.code, b->error.text);
    } else {
        log_info("backup of %llu bytes written to '%s'", (unsigned long long)b->bytes, b->path);
        file_request_reply(b->request, b->bytes, b->pages, b->commit);
    }
    free(b->path);
    free(b);
}

static int backup_read(struct request *r, struct backup *b, struct error *e)
{
    int rc = file_request_path(r, "destination", &b->path, e);
    if (!rc && r->param_count > 1)
        rc = options_map_read(&r->params, "store.backup", NULL, 0, e);
    return rc ? rc : file_request_peer(r, &b->uid, &b->gid, e);
}

int backup_start(struct request *r, struct error *e)
{
    struct backup *b = calloc(1, sizeof *b);
    int rc = b ? backup_read(r, b, e) : error_set(e, ERR_OTHER, "out of memory");
    if (rc) {
        free(b ? b->path : NULL);
        free(b);
        return rc;
    }
    b->request = r;
    b->task = (struct task){.step = backup_step, .cancel = backup_cancel, .done = backup_on_done};
    list_init(&b->task.link);
    batcher_start_task(app_batcher(r->conn->app), &b->task);
    return 0;
}
