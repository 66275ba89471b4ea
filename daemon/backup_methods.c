/* store.backup: a task of the app's batcher that ends in an answer. */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "daemon/app.h"
#include "daemon/batcher.h"
#include "daemon/conn.h"
#include "daemon/dispatch.h"
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

static void backup_reply(struct backup *b)
{
    struct buffer result;
    msgpack_packer pk;
    buffer_init(&result);
    pack_init(&pk, &result);
    msgpack_pack_map(&pk, 3);
    pack_cstr(&pk, "bytes");
    msgpack_pack_uint64(&pk, b->bytes);
    pack_cstr(&pk, "pages");
    msgpack_pack_uint64(&pk, b->pages);
    pack_cstr(&pk, "commit");
    msgpack_pack_uint64(&pk, b->commit);
    request_reply_packed(b->request, &result);
    buffer_fini(&result);
}

static void backup_on_done(struct task *task)
{
    struct backup *b = container_of(task, struct backup, task);
    if (b->error.code) {
        log_info("backup to '%s' failed: %s", b->path, b->error.text);
        request_fail(b->request, b->error.code, b->error.text);
    } else {
        log_info("backup of %llu bytes written to '%s'", (unsigned long long)b->bytes, b->path);
        backup_reply(b);
    }
    free(b->path);
    free(b);
}

static int backup_read_path(struct request *r, struct slice *ret, struct error *e)
{
    if (reader_str(&r->params, ret))
        return error_set(e, ERR_INVALID_REQUEST, "store.backup: destination must be a string");
    if (!ret->len || ret->data[0] != '/' || memchr(ret->data, '\0', ret->len))
        return error_set(e, ERR_INVALID_REQUEST,
                         "store.backup: destination '%.*s' is not an absolute path",
                         (int)(ret->len > 350 ? 350 : ret->len), ret->data);
    return r->param_count > 1 ? options_map_read(&r->params, "store.backup", NULL, 0, e) : 0;
}

/* Whoever is at the other end, by the kernel's word. */
static int backup_find_peer(struct conn *c, struct backup *b, struct error *e)
{
    struct ucred peer;
    socklen_t len = sizeof peer;
    uv_os_fd_t fd;
    if (uv_fileno((uv_handle_t *)&c->pipe, &fd) ||
        getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len))
        return error_set(e, ERR_OTHER, "store.backup: the kernel does not say who asks");
    b->uid = peer.uid;
    b->gid = peer.gid;
    return 0;
}

int backup_start(struct request *r, struct error *e)
{
    struct slice path;
    struct backup *b;
    int rc = backup_read_path(r, &path, e);
    if (rc)
        return rc;
    b = calloc(1, sizeof *b);
    if (b)
        b->path = strndup(path.data, path.len);
    rc = b && b->path ? backup_find_peer(r->conn, b, e) : error_set(e, ERR_OTHER, "out of memory");
    if (rc) {
        free(b ? b->path : NULL);
        free(b);
        return rc;
    }
    b->request = r;
    b->task = (struct task){.step = backup_step, .cancel = backup_cancel, .done = backup_on_done};
    list_init(&b->task.link);
    batcher_start_task(r->conn->app->batcher, &b->task);
    return 0;
}
