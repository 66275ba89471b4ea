/* What the files of the store share; nobody else includes this. */
#ifndef BOBBIN_DAEMON_STORE_INTERNAL_H
#define BOBBIN_DAEMON_STORE_INTERNAL_H

#include <sqlite3.h>

#include "daemon/commit_log.h"
#include "daemon/log_rows.h"
#include "daemon/memtable.h"
#include "daemon/store.h"

/* The statements that are prepared once, when a store is opened: X(identifier, SQL) */
#define STORE_STATEMENT_LIST(X)                                                                    \
    X(BEGIN, "BEGIN IMMEDIATE")                                                                    \
    X(COMMIT, "COMMIT")                                                                            \
    X(ROLLBACK, "ROLLBACK")                                                                        \
    X(HAS_LABEL, "SELECT 1 FROM spin_key_value WHERE store = ?1 LIMIT 1")                          \
    X(HAS_LASTING, "SELECT 1 FROM spin_key_value AS e WHERE store = ?1 AND NOT EXISTS"             \
                   " (SELECT 1 FROM bobbin_expiry AS x WHERE x.store = e.store AND x.key = e.key"  \
                   " AND x.expires_ms <= ?3) LIMIT 1")                                             \
    X(NEXT_LABEL, "SELECT min(store) FROM spin_key_value WHERE store > ?1")                        \
    X(GET, "SELECT value FROM spin_key_value WHERE store = ?1 AND key = ?2")                       \
    X(EXISTS, "SELECT 1 FROM spin_key_value WHERE store = ?1 AND key = ?2")                        \
    X(SET, "INSERT INTO spin_key_value (store, key, value) VALUES (?1, ?2, ?3)"                    \
           " ON CONFLICT (store, key) DO UPDATE SET value = excluded.value")                       \
    X(DELETE, "DELETE FROM spin_key_value WHERE store = ?1 AND key = ?2")                          \
    X(LENGTH, "SELECT length(value) FROM spin_key_value WHERE store = ?1 AND key = ?2")            \
    X(LIST_FROM, "SELECT key, value FROM spin_key_value"                                           \
      " WHERE store = ?1 AND key >= ?2 ORDER BY key")                                              \
    X(LIST_BEHIND, "SELECT key, value FROM spin_key_value"                                         \
      " WHERE store = ?1 AND key > ?2 ORDER BY key")                                               \
    X(LIST_BACK, "SELECT key, value FROM spin_key_value"                                           \
      " WHERE store = ?1 AND key < ?2 ORDER BY key DESC")                                          \
    X(LIST_BACK_ALL, "SELECT key, value FROM spin_key_value"                                       \
      " WHERE store = ?1 ORDER BY key DESC")                                                       \
    X(KEYS_FROM, "SELECT key FROM spin_key_value"                                                  \
      " WHERE store = ?1 AND key >= ?2 ORDER BY key")                                              \
    X(KEYS_BEHIND, "SELECT key FROM spin_key_value"                                                \
      " WHERE store = ?1 AND key > ?2 ORDER BY key")                                               \
    X(KEYS_BACK, "SELECT key FROM spin_key_value"                                                  \
      " WHERE store = ?1 AND key < ?2 ORDER BY key DESC")                                          \
    X(KEYS_BACK_ALL, "SELECT key FROM spin_key_value"                                              \
      " WHERE store = ?1 ORDER BY key DESC")                                                       \
    X(COUNT, "SELECT count(*), total(length(CAST(key AS BLOB)) + length(value))"                   \
             " FROM spin_key_value WHERE store = ?1")                                              \
    X(COUNT_EXPIRED, "SELECT count(*), total(length(CAST(key AS BLOB)) + length(value))"           \
                     " FROM bobbin_expiry JOIN spin_key_value USING (store, key)"                  \
                     " WHERE store = ?1 AND expires_ms <= ?3")                                     \
    X(COUNT_ALL, "SELECT count(*), total(length(CAST(key AS BLOB)) + length(value))"               \
                 " FROM spin_key_value")                                                           \
    X(EXPIRES, "SELECT expires_ms FROM bobbin_expiry WHERE store = ?1 AND key = ?2")               \
    X(EXPIRE_SET, "INSERT INTO bobbin_expiry (store, key, expires_ms) VALUES (?1, ?2, ?3)"         \
                  " ON CONFLICT (store, key) DO UPDATE SET expires_ms = excluded.expires_ms")      \
    X(EXPIRE_CLEAR, "DELETE FROM bobbin_expiry WHERE store = ?1 AND key = ?2")                     \
    X(EXPIRE_NEXT, "SELECT min(expires_ms) FROM bobbin_expiry")                                    \
    X(EXPIRE_DUE, "SELECT store, key FROM bobbin_expiry WHERE expires_ms <= ?1"                    \
                  " ORDER BY expires_ms LIMIT ?2")                                                 \
    X(LOG_ADD, "INSERT INTO bobbin_commit (n, time_ms, changes) VALUES (?1, ?2, ?3)")              \
    X(LOG_PRUNE, "DELETE FROM bobbin_commit WHERE n <= ?1")                                        \
    X(LOG_AFTER, "SELECT n, changes, time_ms FROM bobbin_commit WHERE n > ?1 ORDER BY n")          \
    X(META_SET, "INSERT INTO bobbin_meta (name, value) VALUES (?1, ?2)"                            \
                " ON CONFLICT (name) DO UPDATE SET value = excluded.value")                        \
    X(META_CLEAR, "DELETE FROM bobbin_meta WHERE name = ?1")                                         \
    X(META_GET, "SELECT value FROM bobbin_meta WHERE name = ?1")                                   \
    X(SUM_SET, "INSERT INTO bobbin_sum (store, key, sum) VALUES (?1, ?2, ?3)"                      \
               " ON CONFLICT (store, key) DO UPDATE SET sum = excluded.sum")                       \
    X(SUM_CLEAR, "DELETE FROM bobbin_sum WHERE store = ?1 AND key = ?2")                           \
    X(SUM_GET, "SELECT sum FROM bobbin_sum WHERE store = ?1 AND key = ?2")                         \
    X(PAGE_COUNT, "PRAGMA page_count")                                                             \
    X(SAVE, "SAVEPOINT op")                                                                        \
    X(SAVE_UNDO, "ROLLBACK TO op")                                                                 \
    X(SAVE_END, "RELEASE op")

/* SQLite's own layer that holds the file against all other processes and keeps the WAL's index in
 * memory: several connections of this process may use it. */
#define STORE_VFS "unix-excl"

enum store_statement {
#define X(id, sql) STORE_##id,
    STORE_STATEMENT_LIST(X)
#undef X
        STORE_STATEMENT_COUNT
};

/* The changes of the batch under way, and what they point to that no op owns. */
struct store_changes {
    struct store_change *list;
    size_t count;
    size_t cap;
    struct buffer packed;      /* the commit's row in the making */
    void **owned;              /* copies made for changes, freed with the batch */
    size_t owned_count;
    size_t owned_cap;
};

struct store_log {
    uint64_t floor;            /* the log knows all changes after this commit */
    struct log_rows rows;
};

/* What an app holds, when somebody wants to know: scanned once, then kept up to date. */
struct store_quota {
    uint64_t max_bytes, max_entries; /* 0: no limit */
    uint64_t bytes, entries;         /* in use … */
    bool known;                      /* … if they have been counted */
};

/* Where an operation began, to undo it alone. */
struct store_mark {
    size_t changes;
    struct store_quota quota;
    int64_t next_expiry;
};

enum store_phase {
    STORE_FOLDED,    /* no transaction is open: the database holds all commits, but for what is held */
    STORE_GATHERING, /* one is open and holds what the database does not */
    STORE_LOST,      /* that one is gone: to be made again from the commit log, before anything else */
};

/* What has gathered since the last fold, and when the next one is due. */
struct store_fold {
    uint64_t commit;      /* the last one up to which the database holds all */
    uint64_t durable;     /* the last one up to which it does for certain */
    uint64_t rows;        /* the last one of which it has the row */
    uint32_t changes;     /* gathered since … */
    uint64_t bytes;       /* … and what they took in the log */
    uint32_t bound;       /* fold when so many have; follows the pages that a fold writes */
    uint32_t missed;      /* pages that writes had to fetch from the file since */
    bool sparse;          /* so many were missed that the last fold took little more than a change for each page */
    struct error failure; /* with a code: why the last one failed … */
    int64_t retry_ms;     /* … and when to try again, by clock_now_ms */
    int wal_pages;        /* in the WAL, as of the last fold … */
    int wal_done;         /* … and of them those that are in the database too */
    bool checkpointing;   /* another thread is at it */
    bool unsynced;        /* all of the WAL is in the database, but that was not synced: no frame of the WAL may be written over */
    bool presynced;       /* another thread was told to sync it, so that a fold need not wait long */
    bool doubtful;        /* a sync of the WAL has failed: what of it is on the disk is not known */
};

/* A batch's record that is written before the batch runs. */
struct store_early {
    bool written;          /* it is in the log, and to be ended or undone */
    struct buffer payload; /* of it */
    uint32_t count;        /* operations of the batch; 0: they are not all plain */
    uint64_t began_ns;     /* when it began … */
    uint64_t synced_ns;    /* … and how long syncs had taken by then */
    uint64_t op_ns;        /* an operation takes about this … */
    uint64_t sync_ns;      /* … and the log's sync this */
};

/* Entries that the log holds and the database does not (store_held.c). */
struct store_held {
    struct memtable table;
    bool on;        /* the file is large enough for more of them */
    bool takes;     /* what the operation under way writes is to be held */
    size_t most;    /* bytes of memory for them */
    size_t batch;   /* changes of the batch that are held */
    bool noted;     /* the database may say that not all is in it */
};

struct store {
    struct directory directory; /* a copy */
    char *path;                 /* of the file; owned */
    const char *shown;          /* the end of the path, short enough to leave
                                   room for the reason in a struct error */
    dev_t file_dev;             /* which file was opened */
    ino_t file_ino;
    sqlite3 *db;
    sqlite3_stmt *statements[STORE_STATEMENT_COUNT];
    struct store_options options;
    int dirfd;                  /* the state directory, locked; -1: not yet */
    struct commit_log *commit_log;
    struct commit_log_id log_id; /* as the database has it */
    struct buffer redo;         /* the commit log's record in the making */
    struct store_early early;
    struct store_held held;
    uint64_t redoing;           /* the commit that is being done again; 0: none */
    bool redo_folds;            /* … and what has gathered may be committed midway */
    int64_t unsynced_ms;        /* when the first commit that is not synced was written; 0: none is */
    bool busy;                  /* counted in options.share */
    uint32_t page_bytes;        /* the size of a page of the file */
    uint64_t memory;            /* for pages; 0: what is needed at least */
    enum store_phase phase;
    struct store_fold fold;
    uint64_t commit;      /* of the last batch that changed the file */
    int64_t now_ms;       /* the time of the operation under way; never behind an earlier one */
    int64_t ahead_ms;     /* of clock_now_ms: the wall clock was set back since the file was last in use */
    int64_t next_expiry;  /* no entry expires before; -1: none does. May be early, never late */
    struct store_changes changes;
    struct store_log log;
    uint64_t log_pruned;   /* commits up to here were removed from the table too, as of the last fold */
    int64_t opened_counter; /* SQLite's change counter, as the file was found */
    struct store_quota quota;
    struct store_quota quota_before; /* as the batch began */
    bool told;         /* a write of this batch will be told its number */
    bool in_batch;     /* between store_begin and its end */
    struct error lost; /* why SQLite gave up the batch before its end; code 0: it did not */
};

/* Translate a result of SQLite: the code goes into *e with "cannot DOING 'PATH': REASON". */
int store_error(const struct store *s, int rc, const char *doing, struct error *e);

/* As root, open files as the directory's owner from here on, on this thread, until
 * store_owner_leave; on failure there is nothing to leave. Descriptors that are open already are
 * not affected. */
int store_owner_enter(const struct store *s, struct error *e);
void store_owner_leave(const struct store *s);

/* A statement with ?1 and, unless `key` is NULL, ?2 bound; it borrows the bytes until store_finish.
 */
sqlite3_stmt *store_start(struct store *s, enum store_statement which, struct slice label,
                          const struct slice *key);
/* Make a statement ready for its next use. The result of its last step, SQLITE_OK for a row. */
int store_finish(sqlite3_stmt *stmt);
/* The bytes of the first column; valid until the statement moves on. */
struct slice store_column(sqlite3_stmt *stmt);
/* Fail an op with a result of SQLite, and because its answer would be too long. */
void store_fail(struct store *s, struct op *op, int rc);
void store_fail_too_large(struct op *op);

/* An array whose length is known only when all of it has been packed. */
struct store_array {
    size_t at;      /* where its header is in the buffer */
    uint32_t count; /* elements so far */
};
struct store_array store_array_begin(struct buffer *b);
void store_array_end(struct buffer *b, const struct store_array *array);

/* Bind a number or bytes to a parameter of a statement that store_start began. */
void store_bind_int(sqlite3_stmt *stmt, int index, int64_t value);
void store_bind_blob(sqlite3_stmt *stmt, int index, struct slice blob);
/* Run a statement without rows to its end. A result of SQLite. */
int store_run_plain(struct store *s, enum store_statement which);

/* Single entries. Each returns a result of SQLite, or STORE_FAILED with the op failed already. */
enum { STORE_FAILED = -1 };
/* *ret_found: there is one and its time is not over; then *ret points to a copy in `copy`. */
int store_entry_get(struct store *s, struct slice label, struct slice key, struct buffer *copy,
                    bool *ret_found);
int store_entry_exists(struct store *s, struct slice label, struct slice key, bool *ret_found);
/* The length of the value that the database has, expired or not; -1: none. */
int store_entry_length(struct store *s, struct slice label, struct slice key, int64_t *ret);
/* Whether the app has a quota. */
bool store_is_limited(const struct store *s);
/* Do to the database what a change says, and to its checksum, which is to be in a mark of the caller's. */
int store_entry_write(struct store *s, const struct store_change *c);
/* Write it and note the change. The slices must stay until the batch's end. ttl_ms 0: for ever;
 * STORE_KEEP_TTL: as it was. */
int store_entry_set(struct store *s, struct op *op, struct slice key, struct slice value,
                    int64_t ttl_ms);
/* Remove it and note the change, if it was there. */
int store_entry_delete(struct store *s, struct slice label, struct slice key);

/* Checksums (store_sum.c); all do nothing where the app wants none, and return results of SQLite. */
int store_sum_set(struct store *s, struct slice label, struct slice key, struct slice value);
int store_sum_clear(struct store *s, struct slice label, struct slice key);
/* STORE_SUM_WRONG: this is not the value that was written. */
int store_sum_check(struct store *s, struct slice label, struct slice key, struct slice value);
#define STORE_SUM_WRONG (SQLITE_CORRUPT | 0xb0 << 8)
/* What bobbin_meta says of the sums: the commit up to which they hold, in a file that was closed; else … */
enum { STORE_SUMS_OPEN = -1, STORE_SUMS_NONE = -2 };
bool store_sums_hold(int64_t mark, int64_t sealed, uint64_t commit);
int store_sums_forget(struct store *s);

/* Begin an operation of several steps; end it by keeping all of them or none. */
int store_mark(struct store *s, struct store_mark *ret);
int store_mark_end(struct store *s, const struct store_mark *mark, bool keep);

/* Changes. */
void store_changes_add(struct store *s, const struct store_change *change);
/* A copy that lives as long as the batch's changes; data NULL: no memory. */
struct slice store_changes_copy(struct store *s, struct slice bytes);
/* Have room for one more, so that adding it cannot fail. A result of SQLite. */
int store_changes_reserve(struct store *s);
void store_changes_clear(struct store *s);
void store_changes_fini(struct store *s);

/* Memory (store_memory.c). */
/* Take part in the share, and follow it. */
void store_memory_follow(struct store *s);
/* Leave it. */
void store_memory_leave(struct store *s);

/* The open transaction (store_fold.c). */
/* Have the transaction open. A result of SQLite. */
int store_gather(struct store *s);
/* The error of a fold that has failed a moment ago. */
int store_may_fold(const struct store *s, struct error *e);
/* Whether what has gathered is to be committed. */
bool store_fold_is_due(const struct store *s);
/* Outside a batch: commit what has gathered, and leave what is held. */
int store_fold_gathered(struct store *s, struct error *e);
/* While commits are done again: commit what has gathered so far. */
int store_fold_midway(struct store *s, struct error *e);
/* Have the state that all commits so far have led to; call before anything reads or writes. */
int store_ready(struct store *s, struct error *e);
/* Sync one of SQLite's files, as SQLITE_FCNTL_… names it. A result of SQLite. */
int store_sync_one(const struct store *s, int which);
/* Sync the database's file, if what is in it is not in the WAL any more, or soon will not be. */
int store_sync_file(struct store *s, struct error *e);
/* At what length the WAL is brought into the database, in pages. */
int store_wal_limit(const struct store *s);
/* Note that SQLite has rolled the transaction back by itself, if it has. */
void store_note_lost(struct store *s);
/* What has just run did, or did not, write: of the pages that SQLite has fetched since the last call. */
void store_note_pages(struct store *s, bool written);
/* Take note of a result of SQLite: whether a sync has failed. */
void store_note_sync(struct store *s, int rc);
/* Whether a statement may write: it would be committed on its own outside the transaction. */
bool store_may_write(const struct store *s);
/* Everything in the database, durably, and the commit log begun anew. */
int store_settle(struct store *s, struct error *e);

/* The batch's record that was written before it ran, if there is one (store_early.c). */
/* The batch has run; its commit is done. */
void store_early_ran(struct store *s);
void store_early_committed(struct store *s);
/* Whether it is there and of that payload; then it counts, and is to be ended. */
bool store_early_holds(struct store *s, const struct buffer *payload);
/* Take it back, durably. */
int store_early_undo(struct store *s, struct error *e);
void store_early_fini(struct store *s);

/* Entries that are held (store_held.c). What returns an int returns a result of SQLite. */
void store_held_init(struct store *s);
void store_held_clear(struct store *s);
/* As a transaction begins: whether the file is large enough by now. */
int store_held_look(struct store *s);
/* Whether a set of one entry without a time to live is to be held. */
bool store_held_takes(const struct store *s);
int store_held_set(struct store *s, const struct store_change *c, uint64_t commit);
/* Whether it is held. *ret: its value, until anything is done to the store. */
bool store_held_get(struct store *s, struct slice label, struct slice key, struct slice *ret);
/* It does not count any more, if it was held. */
void store_held_forget(struct store *s, struct slice label, struct slice key);
/* The first commit that the database has not all of; 0: nothing is held. */
uint64_t store_held_behind(const struct store *s);
/* In a transaction: bring some to the database, in order. */
int store_held_settle(struct store *s, unsigned count);
/* Whether there are so many that something is done about it while a batch waits for the disk. */
bool store_held_is_pressed(const struct store *s);
bool store_held_is_full(const struct store *s);
/* The batch is to wait for the disk. */
int store_held_drain(struct store *s);
/* Bring what an operation is about to the database, unless it knows of what is held. */
int store_held_make_way(struct store *s, const struct op *op);
/* What the held entries of a label, or with NULL all, add to the database's. */
int store_held_count(struct store *s, const struct slice *label, int64_t *entries, int64_t *bytes);

/* The commit log's records (store_redo.c). */
/* Append what the batch changed. */
int store_redo_append(struct store *s, struct error *e);
/* Pack one change; `before` is the one in front of it, or NULL. */
void store_redo_pack(struct buffer *b, const struct store_change *c,
                     const struct store_change *before);
/* Whether it would be done again from a record. */
bool store_redo_acceptable(const struct store_change *c);
/* The next commit's record, of such a payload. */
struct commit_log_record store_redo_record(const struct store *s, const struct buffer *payload,
                                           uint32_t changes);
/* Each change of a record; ERR_INVALID_REQUEST when it is malformed, else what `each` returns. */
int store_redo_each(const struct store *s, const struct commit_log_record *record,
                    int (*each)(void *arg, const struct store_change *change, struct error *e),
                    void *arg, struct error *e);
/* Do again what the log holds behind the last fold, inside a transaction. *ret_last: the last commit. `folds`: commit what has
 * gathered midway where it is much. */
int store_redo_replay(struct store *s, bool folds, uint64_t *ret_last, struct error *e);
/* The error of a log that ends too early. */
int store_redo_short(const struct store *s, uint64_t last, uint64_t wanted, struct error *e);

/* The row of bobbin_meta that says up to which commit the file holds all, where entries are held. */
#define STORE_FOLDED_ROW "folded"

/* Tables of our own, the log and the time. All return results of SQLite. */
int store_log_open(struct store *s);
/* Behind store_log_open and what is done again: not to say again what was said of another file. */
int store_log_go_on(struct store *s);
/* Before anything is written: how the file was found. */
int store_log_counter(struct store *s);
int store_log_write(struct store *s);
void store_log_written(struct store *s);
/* Right before the open transaction is committed, which then holds all up to the commit `folded`, and the rows of all up to
 * `rows`. */
int store_log_fold(struct store *s, uint64_t folded, uint64_t rows);
/* Note a commit that was done before: its row. */
int store_log_add(struct store *s, uint64_t n, int64_t time_ms, struct slice changes);
/* Inside a transaction: the commit log that goes with the database from its commit on. */
int store_log_identify(struct store *s, struct commit_log_id id);
/* After the file has become a plain one: remember it, so that a change by somebody else is seen. */
int store_log_seal(struct store *s);
/* In the transaction that looks at a plain file first: if it is as it was sealed, take the seal off.
 * Becoming a WAL counts as a change; who is killed behind that would seem to be somebody else. */
int store_log_unseal(const struct store *s);
void store_log_fini(struct store *s);
/* *ret_changed: whether the key changed after that commit, in the log or in this batch. */
int store_log_changed(struct store *s, struct slice label, struct slice key, uint64_t since,
                      bool *ret_changed);
void store_log_list(struct store *s, struct op *op);

/* *ret: when the entry expires; 0: never. A result of SQLite. */
int store_expires_at(struct store *s, struct slice label, struct slice key, int64_t *ret);
/* *ret: whether its time is over. A result of SQLite. */
int store_expired(struct store *s, struct slice label, struct slice key, bool *ret);
/* Whether no entry that the operation asks for has a time to live; false when it is not known. */
bool store_lasting(struct store *s, const struct op *op);
int store_expiry_load(struct store *s);
/* Whether there may be something to sweep by now. */
bool store_has_due(const struct store *s);
/* Inside a batch: remove up to `most` entries whose time is over. *ret_removed: how many. */
int store_sweep_due(struct store *s, unsigned most, unsigned *ret_removed);
void store_tick(struct store *s);
/* When the store is opened: the latest time that the file has seen. */
void store_tick_from(struct store *s, int64_t seen);

/* *ret: whether the label has an entry whose time is not over. A result of SQLite. */
int store_label_present(struct store *s, struct slice label, bool *ret);

/* One op kind each. */
void store_list_labels(struct store *s, struct op *op);
void store_list_keys(struct store *s, struct op *op);
void store_list_entries(struct store *s, struct op *op);
void store_count(struct store *s, struct op *op);
void store_stats(struct store *s, struct op *op);
void store_get_many(struct store *s, struct op *op);
void store_set_many(struct store *s, struct op *op);
void store_delete_many(struct store *s, struct op *op);
void store_increment(struct store *s, struct op *op);
void store_swap(struct store *s, struct op *op);
void store_atomic(struct store *s, struct op *op);
void store_ttl(struct store *s, struct op *op);

/* Find the file in the state directory `dirfd`, or make it: 0600, empty, durable, its owner's; not
 * where a commit log holds data that was in it. Refuses what is not a regular file of the directory's owner. */
int store_file_prepare(struct store *s, int dirfd, bool has_log, struct error *e);
/* Write again what the WAL holds, and sync it: the kernel tells once that it could not be, then takes it for written. What
 * was lost does not verify, and is in the commit log. */
int store_file_renew_wal(const struct store *s, struct error *e);
/* Of a file that has become a plain one; durable, as is that the journal of this step is gone. SQLite does so too, and does
 * not mind when it fails. */
int store_file_remove_wal(const struct store *s, struct error *e);
/* Behind sqlite3_open_v2: refuse a WAL of another file, and one that was cut off. */
int store_file_check_form(const struct store *s, struct error *e);
/* Behind SQLite's first look at the file, which ends what a journal says: whether the file is a plain one, and a WAL beside
 * it all the same. All that is in that WAL is in the file too, or has never been promised. */
bool store_file_has_left_wal(const struct store *s);

/* Run SQL whose rows, if any, are of no interest. A result of SQLite. */
int store_exec(const struct store *s, const char *sql);
/* Set SQLite up for a file that somebody else may have written. A result of SQLite. */
int store_schema_guard(const struct store *s);
/* Check that the table is Spin's, or make it; changes nothing in a foreign file. */
int store_schema_ensure(const struct store *s, struct error *e);
/* *ret: the size of its pages. A result of SQLite. */
int store_schema_page_bytes(const struct store *s, uint32_t *ret);

#endif
