/* The SQLite file of one app. Knows nothing of connections, batching or the event loop.
 *
 * Every function may wait for the disk and is called on one thread at a time, not on the loop's.
 * SQLite's own codes stop here: what comes out is ERR_… with a text that names the file. */
#ifndef BOBBIN_DAEMON_STORE_H
#define BOBBIN_DAEMON_STORE_H

#include "daemon/directory.h"
#include "daemon/op.h"
#include "protocol/errors.h"

struct store;

/* Memory for pages of SQLite, and entries that are held, that several stores share: each takes an equal part while it is in use.
 * Any thread. */
struct store_share {
    uint64_t bytes;       /* for all of them */
    _Atomic unsigned busy; /* stores in use */
};

/* How far a store had come: which database it is, and its last commit. All zero: not known. */
struct store_place {
    uint64_t database;
    uint64_t commit;
};

/* Whether a batch's record is written before the batch runs, where that can be. */
enum store_early_use { STORE_EARLY_AS_PAYS, STORE_EARLY_NEVER, STORE_EARLY_ALWAYS };

/* How a store works; what it holds does not depend on it. */
struct store_options {
    struct store_share *share; /* borrowed; NULL: its own, of STORE_MEMORY bytes */
    uint64_t log_first;      /* bytes of a new segment of the commit log … */
    uint64_t log_most;       /* … and up to which it grows under load */
    uint32_t fold_changes;   /* most changes that gather before they are folded into the database */
    uint32_t wal_pages;      /* pages of 4 KiB in the WAL at which it is brought into the database */
    uint32_t page_size;      /* of a new file, in bytes: a power of two from 512 to 65536 */
    enum store_early_use early;
    uint64_t hold_from;      /* bytes of the file from which on single sets are held in memory before they come to it */
    uint64_t hold_most;      /* bytes of them in memory, at most */
    bool checksums;          /* values have checksums: from the next opening on */
    struct store_place known; /* where the directory's store was when it was open last: numbers go on behind that, whatever
                                 file is there now */
    bool relaxed;            /* a commit is written before it is answered, synced within a second */
};

/* Small, so that few bytes are written for a small entry. */
#define STORE_PAGE_SIZE 4096u

/* What a store has of memory for pages at most, and what it has in any case. */
#define STORE_MEMORY (32u << 20)
#define STORE_MEMORY_LEAST (1u << 20)

/* Set the library up for many threads, once, before the first store is opened. */
void store_library_init(void);

/* What applies unless told otherwise. */
extern const struct store_options store_defaults;

/* Open (and make when it is not there) .spin/sqlite_key_value.db of an app directory and take sole
 * ownership of it; what the commit log holds beyond it is taken in. Fails at once, naming the file,
 * when another process holds it (ERR_BUSY); ERR_NO_SUCH_APP when the directory is gone or replaced,
 * ERR_OTHER for all else. A file that is not Spin's is left as it was. The options are copied. */
int store_open(const struct directory *directory, struct store **ret, struct error *e);
int store_open_with(const struct directory *directory, const struct store_options *options,
                    struct store **ret, struct error *e);

/* Leave one plain SQLite file: fold, checkpoint, no -wal, rollback journal mode, no commit log.
 * Frees the store also when that fails (the data is then still safe in file, -wal and log). Nothing
 * is touched when the file is no longer the one that was opened. NULL is fine. */
int store_close(struct store *s, struct error *e);

/* Whether the path still leads to the file that is open, in the directory that was registered:
 * ERR_NO_SUCH_APP when the directory is gone or replaced, ERR_OTHER when only the file is. What is
 * written after that is lost, so ask before each batch; such a store is good for nothing but
 * store_close. */
int store_check(struct store *s, struct error *e);

/* Whether a sync of SQLite's has failed, so that nobody knows what of the WAL is on the disk: to be closed and opened again,
 * which writes it anew, before anything else. Nothing acknowledged is missing then. */
bool store_must_reopen(const struct store *s);

/* For a store that is closed, whose file was replaced by another one: what the commit log holds does
 * not belong to that one; remove it. */
int store_forget_log(const struct directory *directory, struct error *e);

/* A batch: begin, any number of operations, commit. Only commit makes them durable. Reads need no
 * batch.
 *
 * Behind it stands one transaction of SQLite for many batches: everybody sees what is in it, and
 * what each batch changed is in the commit log before store_commit returns. When much has gathered,
 * store_begin folds it into the database first. */
int store_begin(struct store *s, struct error *e);
/* After store_begin, of a batch: these operations (struct op, by their links) will be run in it, in this order. A hint: the
 * disk may begin with them. */
void store_expect(struct store *s, struct list *ops);
/* Run one operation; its outcome is in the op. One that fails changes nothing and leaves the others
 * of the batch alone; if SQLite had to give up the whole batch for it (disk full, input/output
 * error), the commit fails with that reason. A write must be inside a batch. */
void store_run(struct store *s, struct op *op);
/* Whether the operation must be left to the next batch: it would write again what an operation of
 * this one wrote that is told the batch's number. A number stands for one state of a key only. */
bool store_must_wait(const struct store *s, const struct op *op);
/* On failure everything since store_begin is undone, also what a crash could have brought back. */
int store_commit(struct store *s, struct error *e);
void store_rollback(struct store *s);

/* Whether commits are synced before they are answered, from the next one on. */
void store_set_relaxed(struct store *s, bool relaxed);
/* Outside a batch: sync what relaxed commits have written, if that was long ago or `now` is asked
 * for. What cannot be synced goes to the database. */
int store_sync(struct store *s, bool now, struct error *e);

/* How many nanoseconds syncs of the commit log have taken, since it was opened. */
uint64_t store_sync_ns(const struct store *s);

/* Outside a batch: commit what has gathered to the database. Nothing is lost when that fails. */
int store_fold(struct store *s, struct error *e);
/* Outside a batch: bring entries that are held in memory to the database, for some milliseconds. *ret_more: there are more. */
int store_drain(struct store *s, bool *ret_more, struct error *e);
/* Nobody has used it for a moment: give memory back. */
void store_rest(struct store *s);
/* Whether there is anything to fold, or memory to give back. */
bool store_may_rest(const struct store *s);

/* A look at all values that have checksums, outside of batches. `*pass` is made with the first step; about `most` bytes are
 * looked at. *ret_whole: it has come to the end. What it says of values: how many it looked at, how many are not what
 * was written, the first of them in words. Any thread may free it. NULL is fine there. */
struct store_scrub;
int store_scrub_step(struct store *s, struct store_scrub **pass, size_t most, bool *ret_whole,
                     struct error *e);
void store_scrub_counts(const struct store_scrub *pass, uint64_t *ret_checked, uint64_t *ret_wrong);
void store_scrub_first(const struct store_scrub *pass, char *ret, size_t size);
void store_scrub_free(struct store_scrub *pass);

/* Bringing what was folded from SQLite's WAL into its file, while batches go on. One at a time. Two
 * threads take part: that of the store, and one that only waits for the disk. */
struct store_checkpoint;
/* On the store's thread: whether it is time. */
bool store_wants_checkpoint(const struct store *s);
/* On the store's thread. NULL: no memory. */
struct store_checkpoint *store_checkpoint_begin(struct store *s);
/* On any thread; the store may be in use meanwhile, or closed if its file has moved. */
void store_checkpoint_run(struct store_checkpoint *c);
/* On the store's thread, after it has run: take note, and free it. */
void store_checkpoint_end(struct store *s, struct store_checkpoint *c);
/* The same where the store is closed. NULL is fine. */
void store_checkpoint_free(struct store_checkpoint *c);

/* The number of the latest commit that changed the file; 0: none ever did. */
uint64_t store_commit_number(const struct store *s);
/* For store_options.known, when it is opened again. */
struct store_place store_place(const struct store *s);

enum store_change_kind { CHANGE_SET, CHANGE_DELETE, CHANGE_EXPIRE };

/* One change of the batch that was committed last, under store_commit_number. */
struct store_change {
    struct slice label;
    struct slice key;
    struct slice value; /* CHANGE_SET: the new value; else data NULL */
    int64_t expires_ms; /* CHANGE_SET: when it expires; 0: never; STORE_KEEP_TTL: as it was */
    enum store_change_kind kind;
};

#define STORE_KEEP_TTL INT64_C(-1)

/* The changes of the last batch in the order made; none when it changed nothing or failed. What they
 * point to is valid until the next store_begin, and no longer than the batch's ops. */
const struct store_change *store_changes(const struct store *s, size_t *ret_count);

/* Inside a batch: remove up to `most` entries whose time is over. Each is a change of the batch.
 * Returns how many were removed, or an ERR_… code. */
int store_sweep(struct store *s, unsigned most, struct error *e);
/* When the next entry expires, by clock_now_ms; -1: none does. Cheap: no disk. */
int64_t store_next_expiry(const struct store *s);

/* What the app may hold; 0: no limit. Writes beyond it fail with ERR_QUOTA_EXCEEDED. */
void store_set_quota(struct store *s, uint64_t max_bytes, uint64_t max_entries);

/* A copy of the store in the making, by SQLite's online backup: taken step by step between batches. It
 * is the state at its last step: what is written meanwhile is in it. */
struct store_backup;
/* Create `path` (which must not exist) with the rights of that user, as an empty database. */
int store_backup_begin(struct store *s, const char *path, uid_t uid, gid_t gid,
                       struct store_backup **ret, struct error *e);
/* Copy some pages; outside a batch. *ret_done says whether that was the last. */
int store_backup_step(struct store_backup *b, unsigned pages, bool *ret_done, struct error *e);
/* The copy is complete: make it durable and a plain file of its own. Frees the backup, in any case. */
int store_backup_finish(struct store_backup *b, uint64_t *ret_bytes, uint64_t *ret_pages,
                        struct error *e);
/* Give up: remove what was made. Frees the backup. NULL is fine. */
void store_backup_abandon(struct store_backup *b);

/* Another file in the place of the store, see store_restore.c. */
struct store_restore;

struct store_restored {
    uint64_t bytes;         /* of the file */
    uint64_t pages;
    uint64_t commit;        /* what the store goes on with … */
    uint64_t commit_before; /* … and where it was */
};

/* The old file's name beside it when it is kept; of the commit that the new content goes on with. */
#define STORE_KEPT_FORMAT "sqlite_key_value.before-%llu.db"

/* Copy the file at `path`, read with the rights of that user, beside the store's, and check the
 * copy: that it is whole, and of Spin's schema, else ERR_INVALID_REQUEST. The store is not touched
 * and may be open. One at a time for a directory. */
int store_restore_prepare(const struct directory *directory, const char *path, uid_t uid, gid_t gid,
                          struct store_restore **ret, struct error *e);
/* Put the copy in the place of the open store, outside a batch. Then, and after some failures, the
 * store is closed and *store NULL: what is opened next is the new content after success, and the old
 * one after any failure. With `keep`, the old file stays under another name. */
int store_restore_swap(struct store_restore *r, struct store **store, bool keep,
                       struct store_restored *ret, struct error *e);
/* Remove the copy if it is still one. In any case at the end. NULL is fine. */
void store_restore_abandon(struct store_restore *r);

#endif
