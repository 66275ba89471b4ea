/* The one transaction that gathers many batches, and its way into the database.
 *
 * While it is open it holds what the commit log has behind the database's last commit. Whatever ends
 * it without our asking (an input/output error, a full disk, a batch that is undone) costs nothing
 * but doing those commits again from the log. */
#include <assert.h>
#include <limits.h>

#include "daemon/clock.h"
#include "daemon/run_soon.h"
#include "daemon/store_internal.h"
#include "daemon/store_pace.h"

/* A fold writes pages of about so many bytes at most, which takes some 15 ms: meanwhile the batch
 * behind it waits. Until then they are in memory, of which they take half at most. */
#define FOLD_PAGE_BYTES (16u << 20)
/* What options.wal_pages counts. */
#define WAL_UNIT 4096u
/* Fewer changes than this are not worth a fold of their own. */
#define FOLD_LEAST 128u
/* A fold of fewer changes to a page than this is sparse, unless most of its pages were in memory: its pages would not have
 * had another change soon. */
#define SPARSE 2u
/* Bytes of values that may gather in memory. */
#define FOLD_BYTES (16u << 20)
/* A multiple of options.wal_pages: at what length of the WAL a batch waits until all of it is in the database. */
#define WAL_MOST 4
/* How long a relaxed commit may stay unsynced while others come, in milliseconds: with what the sync
 * takes it is to be less than a second. */
#define SYNC_MS 500
/* A fold that failed is tried again after this, or after some times of what it took. */
#define RETRY_MS 100
#define RETRY_TIMES 4
/* Where entries are held folds are so much smaller: the next one has other pages, so a large one saves nothing. */
#define FOLD_HELD_PART 4
/* How long store_drain goes on, in nanoseconds: whoever comes meanwhile waits for its end. */
#define DRAIN_NS 2000000u
/* Entries that are brought to the database before it is looked whether a fold is due. */
#define SETTLE_STEP 16u

void store_note_lost(struct store *s)
{
    if (s->phase == STORE_GATHERING && sqlite3_get_autocommit(s->db))
        s->phase = STORE_LOST;
}

bool store_may_write(const struct store *s)
{
    return s->phase == STORE_GATHERING && !sqlite3_get_autocommit(s->db);
}

void store_note_sync(struct store *s, int rc)
{
    if (rc == SQLITE_IOERR_FSYNC)
        s->fold.doubtful = true;
}

bool store_must_reopen(const struct store *s)
{
    return s->fold.doubtful;
}

int store_gather(struct store *s)
{
    int rc = s->phase == STORE_FOLDED ? store_run_plain(s, STORE_BEGIN) : SQLITE_OK;

    if (rc == SQLITE_OK && s->phase == STORE_FOLDED)
        s->phase = STORE_GATHERING;
    return rc;
}

static int begin(struct store *s, struct error *e)
{
    s->phase = STORE_FOLDED;
    int rc = store_gather(s);

    if (rc == SQLITE_OK)
        rc = store_held_look(s);
    return rc == SQLITE_OK ? 0 : store_error(s, rc, "write", e);
}

/* Let go of all that is not in the database. */
static void drop(struct store *s)
{
    if (!sqlite3_get_autocommit(s->db))
        store_run_plain(s, STORE_ROLLBACK);
    store_held_clear(s);
    s->phase = s->fold.commit == s->commit ? STORE_FOLDED : STORE_LOST;
}

/* Where the database takes nothing now it can all be in memory, for which the log is small enough. */
static int replay(struct store *s, bool folds, uint64_t *ret_last, struct error *e)
{
    int code = begin(s, e);

    if (!code)
        code = store_redo_replay(s, folds, ret_last, e);
    if (code)
        drop(s);
    return code;
}

/* Do again what the log holds and the database does not. */
static int rebuild(struct store *s, struct error *e)
{
    uint64_t last;
    int code;

    drop(s);
    if (s->phase == STORE_LOST) {
        code = replay(s, true, &last, e);
        if (code)
            code = replay(s, false, &last, e);
        if (!code && last != s->commit)
            code = store_redo_short(s, last, s->commit, e);
        if (code) {
            drop(s);
            return code;
        }
    }
    int rc = store_expiry_load(s);
    return rc == SQLITE_OK ? 0 : store_error(s, rc, "read", e);
}

int store_ready(struct store *s, struct error *e)
{
    store_note_lost(s);
    return s->phase == STORE_LOST ? rebuild(s, e) : 0;
}

/* Bring the WAL into the database, as far as it goes. All that was committed is durable then. */
static int checkpoint(struct store *s, struct error *e)
{
    int rc;

    assert(s->phase == STORE_FOLDED);
    if (s->fold.doubtful)
        return error_set(e, ERR_OTHER, "cannot checkpoint '%s': a sync of its WAL has failed", s->shown);
    rc = sqlite3_wal_checkpoint_v2(s->db, "main", SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    store_note_sync(s, rc);
    if (rc != SQLITE_OK)
        return store_error(s, rc, "checkpoint", e);
    s->fold.durable = s->fold.commit;
    s->fold.wal_done = s->fold.wal_pages;
    commit_log_release(s->commit_log, s->fold.durable);
    return 0;
}

int store_sync_one(const struct store *s, int which)
{
    sqlite3_file *file = NULL;
    int rc = sqlite3_file_control(s->db, "main", which, &file);

    if (rc != SQLITE_OK)
        return rc;
    return file && file->pMethods ? file->pMethods->xSync(file, SQLITE_SYNC_NORMAL) : SQLITE_IOERR;
}

static int sync_noted(struct store *s, int which, struct error *e)
{
    int rc = store_sync_one(s, which);

    store_note_sync(s, rc);
    return rc == SQLITE_OK ? 0 : store_error(s, rc, "checkpoint", e);
}

int store_sync_file(struct store *s, struct error *e)
{
    int code = s->fold.unsynced ? sync_noted(s, SQLITE_FCNTL_FILE_POINTER, e) : 0;

    if (!code)
        s->fold.unsynced = false;
    return code;
}

/* Bring what is left of the WAL into the database, so that it begins anew, without waiting for the disk to take it. Until
 * that has been synced the WAL, which is durable, stays as it is: see commit. */
static int copy_rest(struct store *s, struct error *e)
{
    int code = sync_noted(s, SQLITE_FCNTL_JOURNAL_POINTER, e);

    if (code)
        return code;
    s->fold.durable = s->fold.commit;
    int rc = store_exec(s, "PRAGMA synchronous=OFF");
    s->fold.unsynced = true;
    s->fold.presynced = false;
    if (rc == SQLITE_OK)
        rc = sqlite3_wal_checkpoint_v2(s->db, "main", SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    if (store_exec(s, "PRAGMA synchronous=NORMAL") != SQLITE_OK)
        s->fold.doubtful = true; /* what it does from here on is not synced */
    if (rc != SQLITE_OK)
        return store_error(s, rc, "checkpoint", e);
    s->fold.wal_done = s->fold.wal_pages;
    commit_log_release(s->commit_log, s->fold.durable);
    return 0;
}

int store_wal_limit(const struct store *s)
{
    uint64_t pages = (uint64_t)s->options.wal_pages * WAL_UNIT / s->page_bytes;

    return pages < 1 ? 1 : pages < INT_MAX / WAL_MOST ? (int)pages : INT_MAX / WAL_MOST;
}

/* The WAL begins anew only when all of it is in the database as a transaction begins. While batches
 * keep coming that is never so by itself: what a checkpoint beside them has left is copied here … */
static bool rest_is_due(const struct store *s)
{
    const struct store_fold *f = &s->fold;
    int limit = store_wal_limit(s);
    int rest = f->wal_pages - f->wal_done;

    return !f->checkpointing && !f->doubtful && f->wal_pages >= limit && rest > 0 && rest <= limit;
}

/* … or brought there durably, when checkpoints do not keep up at all. */
static bool wal_is_due(const struct store *s)
{
    const struct store_fold *f = &s->fold;

    return !f->checkpointing && f->wal_pages > f->wal_done && f->wal_pages >= store_wal_limit(s) * WAL_MOST;
}

/* How many pages a fold is to write at most. */
static int fold_pages(const struct store *s)
{
    uint64_t part = s->memory / 2 < FOLD_PAGE_BYTES ? s->memory / 2 : FOLD_PAGE_BYTES;

    return (int)(part / s->page_bytes);
}

void store_note_pages(struct store *s, bool written)
{
    int missed, highest;

    if (sqlite3_db_status(s->db, SQLITE_DBSTATUS_CACHE_MISS, &missed, &highest, 1) == SQLITE_OK && written)
        s->fold.missed += (uint32_t)missed;
}

/* Where the file is much larger than the memory for its pages, each change may have a page of its own: then it is not known
 * before how many changes are too many, and waiting for more saves nothing. While a checkpoint goes on the next one would
 * only be put off. */
static bool has_missed_much(const struct store *s)
{
    const struct store_fold *f = &s->fold;
    uint32_t most = (uint32_t)fold_pages(s) / (s->held.on ? FOLD_HELD_PART : 1);

    return f->changes >= FOLD_LEAST && f->missed >= (f->checkpointing ? most * 2 : most);
}

/* Let the next fold write about as many pages as it should. A file that is small takes more changes
 * to the same pages. */
static void follow_pages(struct store *s, int pages)
{
    struct store_fold *f = &s->fold;
    int most = fold_pages(s);

    if (pages > most && f->bound / 2 >= FOLD_LEAST)
        f->bound /= 2;
    else if (pages < most / 4 * 3 && f->changes >= f->bound)
        f->bound = f->bound > s->options.fold_changes / 2 ? s->options.fold_changes : f->bound * 2;
}

/* The commits whose rows the transaction holds. Some of those that are done again were in the database before. */
static uint64_t rows_now(const struct store *s)
{
    if (!s->redoing)
        return s->commit;
    return s->redoing > s->fold.rows ? s->redoing : s->fold.rows;
}

/* … and those of which it holds all. */
static uint64_t folded_now(const struct store *s)
{
    uint64_t held = store_held_behind(s);

    return held ? held - 1 : s->redoing ? s->redoing : s->commit;
}

/* What is not in the database must be in the log, once the database says that it is not there. */
static int sync_before(struct store *s, struct error *e)
{
    if (!s->held.table.count || commit_log_is_synced(s->commit_log))
        return 0;
    return commit_log_sync(s->commit_log, e);
}

static int commit(struct store *s, struct error *e)
{
    uint64_t rows = rows_now(s);
    uint64_t folded = folded_now(s);
    int rc = SQLITE_OK;
    int code = sync_before(s, e);

    if (!code && rows > s->fold.commit)
        rc = store_log_fold(s, folded, rows);
    if (!code && rc == SQLITE_OK)
        code = store_sync_file(s, e);
    if (code)
        return code;
    store_pace_set(PACE_BEGUN);
    if (rc == SQLITE_OK)
        rc = store_run_plain(s, STORE_COMMIT);
    store_pace_set(PACE_OWN);
    store_note_sync(s, rc);
    if (rc != SQLITE_OK)
        return store_error(s, rc, "write", e);
    s->phase = STORE_FOLDED;
    s->fold.commit = folded;
    s->fold.rows = rows;
    s->held.noted = folded < rows;
    s->log_pruned = s->log.floor;
    return 0;
}

static void begin_anew(struct store_fold *f)
{
    f->changes = 0;
    f->missed = 0;
    f->bytes = 0;
}

/* Commit the open transaction. When that fails it is there again as before, if that can be. */
static int fold(struct store *s, struct error *e)
{
    struct store_fold *f = &s->fold;
    struct error ignored;
    int64_t began = clock_now_ms();
    int before = f->wal_pages;

    run_soon(RUN_THEN); /* it may take some 15 ms, however little waits behind it */
    int code = commit(s, e);

    if (code) {
        s->phase = STORE_LOST;
        rebuild(s, &ignored);
        f->failure = *e;
        f->retry_ms = clock_now_ms() + RETRY_MS + RETRY_TIMES * (clock_now_ms() - began);
        return code;
    }
    int pages = f->wal_pages > before ? f->wal_pages - before : f->wal_pages;
    f->sparse = f->missed > (uint32_t)pages / SPARSE && (uint32_t)pages > f->changes / SPARSE;
    follow_pages(s, pages);
    begin_anew(f);
    f->failure.code = 0;
    return 0;
}

int store_fold_midway(struct store *s, struct error *e)
{
    struct store_fold *f = &s->fold;
    int code = commit(s, e);

    if (code)
        return code;
    begin_anew(f);
    /* The log is being read: nothing of it is given back yet. */
    if (!f->checkpointing && !f->doubtful && f->wal_pages >= store_wal_limit(s)) {
        int rc = sqlite3_wal_checkpoint_v2(s->db, "main", SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
        store_note_sync(s, rc);
        if (rc == SQLITE_OK)
            f->wal_done = f->wal_pages;
    }
    return begin(s, e);
}

/* … and leave what is held. */
int store_fold_gathered(struct store *s, struct error *e)
{
    struct error ignored;
    int code;

    assert(!s->in_batch);
    code = store_ready(s, e);
    if (!code && s->phase == STORE_GATHERING)
        code = fold(s, e);
    /* The data is safe as it is; the next fold tries again. */
    if (!code && rest_is_due(s))
        copy_rest(s, &ignored);
    else if (!code && wal_is_due(s))
        checkpoint(s, &ignored);
    return code;
}

int store_may_fold(const struct store *s, struct error *e)
{
    const struct store_fold *f = &s->fold;

    if (!f->failure.code || clock_now_ms() >= f->retry_ms)
        return 0;
    return error_set(e, f->failure.code, "%s", f->failure.text);
}

/* Some, and the fold that is due then. */
static int settle_some(struct store *s, unsigned count, struct error *e)
{
    int rc = store_held_settle(s, count);

    if (rc != SQLITE_OK)
        return store_error(s, rc, "write", e);
    /* What is held must not be missing in a log that cannot be synced. */
    if (!store_fold_is_due(s) || commit_log_is_broken(s->commit_log))
        return 0;
    return store_fold_gathered(s, e);
}

static int settle_held(struct store *s, struct error *e)
{
    int code = store_ready(s, e); /* which may hold what was in the database's transaction */

    while (!code && s->held.table.count)
        code = settle_some(s, SETTLE_STEP, e);
    return code;
}

int store_drain(struct store *s, bool *ret_more, struct error *e)
{
    uint64_t until = clock_ns() + DRAIN_NS;
    int code = store_may_fold(s, e);

    if (!code)
        code = store_ready(s, e);

    while (!code && s->held.table.count && clock_ns() < until)
        code = settle_some(s, SETTLE_STEP, e);
    *ret_more = s->held.table.count > 0;
    return code;
}

int store_fold(struct store *s, struct error *e)
{
    int code = settle_held(s, e);

    return code ? code : store_fold_gathered(s, e);
}

/* A log whose sync has failed, or that is somebody's before us: have everything in the database,
 * with a new epoch, so that no record of before counts any more. */
int store_settle(struct store *s, struct error *e)
{
    struct commit_log_id id = {s->log_id.database, s->log_id.epoch + 1};
    int code = settle_held(s, e);

    if (!code && s->phase == STORE_FOLDED)
        code = begin(s, e);
    if (code)
        return code;
    int rc = store_log_identify(s, id);
    if (rc != SQLITE_OK) {
        code = store_error(s, rc, "write", e);
        drop(s);
        return code;
    }
    code = fold(s, e);
    if (code)
        return code;
    s->log_id = id;
    code = checkpoint(s, e);
    if (!code)
        code = commit_log_start(s->commit_log, id, e);
    if (!code)
        s->unsynced_ms = 0;
    return code;
}

void store_set_relaxed(struct store *s, bool relaxed)
{
    s->options.relaxed = relaxed;
}

uint64_t store_sync_ns(const struct store *s)
{
    return commit_log_sync_ns(s->commit_log);
}

int store_sync(struct store *s, bool now, struct error *e)
{
    struct error why;

    if (!s->unsynced_ms || (!now && clock_now_ms() - s->unsynced_ms < SYNC_MS))
        return 0;
    int code = commit_log_sync(s->commit_log, &why);
    if (code)
        code = store_settle(s, e);
    if (!code)
        s->unsynced_ms = 0;
    return code;
}

/* The log could forget something then. */
static bool log_waits(const struct store *s)
{
    uint64_t wanted = commit_log_wants_release(s->commit_log);

    return wanted > s->fold.commit && wanted <= folded_now(s);
}

bool store_fold_is_due(const struct store *s)
{
    const struct store_fold *f = &s->fold;

    return f->changes >= f->bound || f->bytes >= FOLD_BYTES || has_missed_much(s) || log_waits(s);
}

/* Make room for another batch, in memory and in the log. */
static int prepare(struct store *s, struct error *e)
{
    struct store_fold *f = &s->fold;

    int code = store_sync(s, false, e);
    if (!code && commit_log_is_broken(s->commit_log))
        code = store_settle(s, e);
    if (code)
        return code;
    code = store_may_fold(s, e);
    if (code)
        return code;
    if (f->failure.code || store_fold_is_due(s)) {
        code = store_fold_gathered(s, e);
        if (code)
            return code;
    }
    if (!commit_log_is_full(s->commit_log) || s->fold.checkpointing)
        return 0;
    code = store_fold(s, e);
    return code ? code : checkpoint(s, e);
}

int store_begin(struct store *s, struct error *e)
{
    assert(!s->in_batch);
    int code = store_ready(s, e);
    if (!code)
        code = prepare(s, e);
    if (!code && s->phase == STORE_FOLDED)
        code = begin(s, e);
    if (code)
        return code;
    s->in_batch = true;
    s->early.count = 0;
    s->lost.code = 0;
    s->told = false;
    s->held.batch = 0;
    store_changes_clear(s);
    s->quota_before = s->quota;
    return 0;
}

/* What the batch has done to the open transaction is in the log now. */
static void note_batch(struct store *s)
{
    struct store_changes *c = &s->changes;

    s->in_batch = false;
    s->fold.changes += (uint32_t)(c->count - s->held.batch);
    s->fold.bytes += c->count > s->held.batch ? s->redo.len : c->packed.len;
    if (commit_log_is_synced(s->commit_log))
        s->unsynced_ms = 0;
    else if (!s->unsynced_ms)
        s->unsynced_ms = clock_now_ms();
    store_log_written(s);
}

/* What cannot be brought to the database stays where it is, unless the batch is lost for it. */
static int drain(struct store *s, struct error *e)
{
    int rc = s->held.table.count ? store_held_drain(s) : SQLITE_OK;

    store_note_lost(s);
    return s->phase == STORE_LOST ? store_error(s, rc, "write", e) : 0;
}

int store_commit(struct store *s, struct error *e)
{
    assert(s->in_batch);
    int rc = SQLITE_OK;
    int code = 0;

    store_early_ran(s);
    store_note_lost(s);
    if (s->lost.code)
        code = error_set(e, s->lost.code, "%s", s->lost.text);
    else if (s->changes.count)
        rc = store_log_write(s);
    if (!code && rc == SQLITE_OK)
        code = drain(s, e);
    if (rc != SQLITE_OK)
        code = store_error(s, rc, "write", e);
    if (!code)
        code = s->changes.count ? store_redo_append(s, e) : store_early_undo(s, e);
    store_early_committed(s);
    if (code)
        store_rollback(s);
    else if (s->changes.count)
        note_batch(s);
    else
        s->in_batch = false;
    return code;
}

void store_rollback(struct store *s)
{
    struct error ignored;

    if (!s->in_batch)
        return;
    s->in_batch = false;
    s->lost.code = 0;
    store_early_undo(s, &ignored);
    store_changes_clear(s);
    s->quota = s->quota_before;
    /* What fails here is tried again, and told, by whoever comes next. */
    if (rebuild(s, &ignored) == 0 && commit_log_is_broken(s->commit_log))
        store_settle(s, &ignored);
}
