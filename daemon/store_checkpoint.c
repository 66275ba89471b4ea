/* Bringing the WAL into the database beside the batches, on a connection and a thread of its own. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/store_internal.h"
#include "daemon/store_pace.h"

struct store_checkpoint {
    struct store shell;  /* what opening the file needs of a store, copied */
    struct commit_log_id log_id; /* as it began; another one: it was of another store, or of this one before all of it was
                                    durable */
    uint64_t commit;     /* the last one in the WAL when it began */
    bool sync;           /* all is in the database, and only to be synced: the next fold waits for less then */
    int result;          /* of SQLite, once run */
    int pages;           /* in the database now, counted from the WAL's start */
};

bool store_wants_checkpoint(const struct store *s)
{
    const struct store_fold *f = &s->fold;
    uint64_t wanted = commit_log_wants_release(s->commit_log);

    if (f->unsynced && !f->presynced && !f->checkpointing && !f->doubtful)
        return true;
    if (f->checkpointing || f->doubtful || (f->commit == f->durable && f->wal_pages == f->wal_done))
        return false;
    return f->wal_pages - f->wal_done >= (f->sparse ? 1 : store_wal_limit(s)) ||
           (wanted > f->durable && wanted <= f->commit);
}

void store_checkpoint_free(struct store_checkpoint *c)
{
    if (!c)
        return;
    directory_fini(&c->shell.directory);
    free(c->shell.path);
    free(c);
}

struct store_checkpoint *store_checkpoint_begin(struct store *s)
{
    struct store_checkpoint *c = calloc(1, sizeof(*c));
    struct error ignored;

    if (!c)
        return NULL;
    c->log_id = s->log_id;
    c->commit = s->fold.commit;
    c->sync = s->fold.unsynced && !s->fold.presynced;
    s->fold.presynced = s->fold.unsynced;
    c->result = SQLITE_ABORT;
    c->shell.file_dev = s->file_dev;
    c->shell.file_ino = s->file_ino;
    c->shell.path = strdup(s->path);
    if (!c->shell.path || directory_copy(&c->shell.directory, &s->directory, &ignored) != 0) {
        store_checkpoint_free(c);
        return NULL;
    }
    c->shell.shown = c->shell.path;
    s->fold.checkpointing = true;
    return c;
}

/* Whether the path still leads to the file that the store has open. */
static bool same_file(const struct store *s)
{
    struct error ignored;
    struct stat st;

    return directory_check(&s->directory, &ignored) == 0 && lstat(s->path, &st) == 0 &&
           st.st_dev == s->file_dev && st.st_ino == s->file_ino;
}

static int open_again(struct store *s)
{
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW |
                      SQLITE_OPEN_PRIVATECACHE;
    struct error ignored;
    int rc = SQLITE_CANTOPEN;

    if (!same_file(s) || store_owner_enter(s, &ignored) != 0)
        return rc;
    rc = sqlite3_open_v2(s->path, &s->db, flags, STORE_VFS);
    if (rc == SQLITE_OK)
        rc = sqlite3_extended_result_codes(s->db, 1);
    if (rc == SQLITE_OK)
        rc = sqlite3_db_config(s->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, (int *)NULL);
    if (rc == SQLITE_OK)
        rc = store_schema_guard(s);
    /* The first look at the file opens the WAL too. */
    if (rc == SQLITE_OK)
        rc = store_exec(s, "PRAGMA synchronous=NORMAL; PRAGMA schema_version");
    store_owner_leave(s);
    return rc == SQLITE_OK && !same_file(s) ? SQLITE_CANTOPEN : rc;
}

void store_checkpoint_run(struct store_checkpoint *c)
{
    struct store *s = &c->shell;

    c->result = open_again(s);
    if (c->result == SQLITE_OK && c->sync)
        c->result = store_sync_one(s, SQLITE_FCNTL_FILE_POINTER);
    store_pace_set(PACE_SLOW);
    if (c->result == SQLITE_OK && !c->sync)
        c->result = sqlite3_wal_checkpoint_v2(s->db, "main", SQLITE_CHECKPOINT_PASSIVE, NULL,
                                              &c->pages);
    store_pace_set(PACE_OWN);
    sqlite3_close(s->db);
    s->db = NULL;
}

void store_checkpoint_end(struct store *s, struct store_checkpoint *c)
{
    struct store_fold *f = &s->fold;
    bool ours = c->log_id.database == s->log_id.database && c->log_id.epoch == s->log_id.epoch;

    f->checkpointing = false;
    store_note_sync(s, c->result);
    /* The store may have been closed meanwhile, since its file was not where it should be, and another one opened. */
    if (ours && c->result == SQLITE_OK && !c->sync) {
        /* The WAL is not begun anew while a checkpoint goes on. */
        f->wal_done = c->pages < f->wal_pages ? c->pages : f->wal_pages;
        if (c->commit > f->durable)
            f->durable = c->commit;
        commit_log_release(s->commit_log, f->durable);
    }
    store_checkpoint_free(c);
}
