#include "daemon/store_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "daemon/store_pace.h"

#define FILE_NAME "/.spin/sqlite_key_value.db"
/* What SQLite appends to the path for its own files, such as "-journal". */
#define SUFFIX_LEN 8
/* How much of a long path is shown in errors. */
#define SHOWN_LEN 350
/* Changes that gather before the first fold, which tells how many more may. */
#define FOLD_FIRST 4096u
/* A WAL that has grown longer is cut back when it starts over, in bytes for each of options.wal_pages: to write where the
 * file has blocks is faster than to let it grow, so it keeps what it needs while much is written. */
#define WAL_KEEP 8192u

static const char *const statement_sql[STORE_STATEMENT_COUNT] = {
#define X(id, sql) [STORE_##id] = sql,
    STORE_STATEMENT_LIST(X)
#undef X
};

const struct store_options store_defaults = {
    .log_first = 64u << 10,
    .log_most = 64u << 20,
    .fold_changes = 131072,
    .wal_pages = 8192,
    .page_size = STORE_PAGE_SIZE,
    .hold_from = 64u << 20,
    .hold_most = 128u << 20,
};

void store_library_init(void)
{
    /* SQLite counts its memory under one lock for all threads, and nobody asks for the sum. */
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    store_pace_init();
}

/* Let go of what keeps a second store of the directory from being opened. The lock outlives the
 * descriptor where a child process was forked meanwhile. */
static void unlock_state(struct store *s)
{
    commit_log_free(s->commit_log);
    if (s->dirfd < 0)
        return;
    flock(s->dirfd, LOCK_UN);
    close(s->dirfd);
}

static void store_free(struct store *s)
{
    struct error ignored;

    for (int i = 0; i < STORE_STATEMENT_COUNT; i++)
        sqlite3_finalize(s->statements[i]);
    /* Closing may still tidy up beside the file. What could not be left as a plain one is left as it is: had a sync of the WAL
     * failed, one more would say nothing of what was written before. */
    bool entered = s->db && store_owner_enter(s, &ignored) == 0;
    if (s->db)
        sqlite3_db_config(s->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, (int *)NULL);
    sqlite3_close(s->db);
    if (entered)
        store_owner_leave(s);
    store_memory_leave(s);
    unlock_state(s);
    directory_fini(&s->directory);
    store_changes_fini(s);
    store_log_fini(s);
    buffer_fini(&s->redo);
    store_early_fini(s);
    store_held_clear(s);
    free(s->path);
    free(s);
}

static int store_new(const struct directory *directory, const struct store_options *options,
                     struct store **ret, struct error *e)
{
    struct store *s = calloc(1, sizeof(*s));

    if (!s)
        return error_set(e, ERR_OTHER, "out of memory");
    s->dirfd = -1;
    s->options = *options;
    s->fold.bound = options->fold_changes < FOLD_FIRST ? options->fold_changes : FOLD_FIRST;
    buffer_init(&s->redo);
    buffer_init(&s->early.payload);
    store_held_init(s);
    int code = directory_copy(&s->directory, directory, e);
    if (code) {
        free(s);
        return code;
    }
    if (asprintf(&s->path, "%s" FILE_NAME, directory->path) < 0) {
        s->path = NULL;
        store_free(s);
        return error_set(e, ERR_OTHER, "out of memory");
    }
    size_t len = strlen(s->path);
    s->shown = s->path + (len > SHOWN_LEN ? len - SHOWN_LEN : 0);
    *ret = s;
    return 0;
}

/* One store a directory, also within this process, where SQLite's locks do not tell us apart. */
static int lock_state(struct store *s, struct error *e)
{
    int fd = directory_open_state(&s->directory, e);

    if (fd < 0)
        return fd;
    s->dirfd = fd;
    if (flock(fd, LOCK_EX | LOCK_NB) == 0)
        return 0;
    if (errno == EWOULDBLOCK)
        return error_set(e, ERR_BUSY, "cannot open '%s': held by another process", s->shown);
    return error_set(e, ERR_OTHER, "cannot lock '%s': %s", s->shown, strerror(errno));
}

/* Whoever made `.spin` and what is in it: a sync of his may have failed, or he was killed before. */
static int sync_names(struct store *s, struct error *e)
{
    if (fsync(s->dirfd) != 0)
        return error_set(e, ERR_OTHER, "cannot open '%s': %s", s->shown, strerror(errno));
    return directory_sync(&s->directory, e);
}

static int find_commit_log(struct store *s, struct error *e)
{
    struct commit_log_limits limits = {s->options.log_first, s->options.log_most};

    s->commit_log = commit_log_new(s->dirfd, &s->directory, &limits);
    if (!s->commit_log)
        return error_set(e, ERR_OTHER, "out of memory");
    return commit_log_load(s->commit_log, e);
}

static int open_file(struct store *s, struct error *e)
{
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW |
                      SQLITE_OPEN_PRIVATECACHE;
    const sqlite3_vfs *vfs = sqlite3_vfs_find(STORE_VFS);

    if (vfs && strlen(s->path) + SUFFIX_LEN > (size_t)vfs->mxPathname)
        return error_set(e, ERR_OTHER, "cannot open '%s': longer than SQLite's %d bytes", s->shown,
                         vfs->mxPathname - SUFFIX_LEN);
    int code = lock_state(s, e);
    if (!code)
        code = sync_names(s, e);
    if (!code)
        code = find_commit_log(s, e);
    if (!code)
        code = store_file_prepare(s, s->dirfd, commit_log_holds_records(s->commit_log), e);
    if (!code)
        code = store_file_renew_wal(s, e);
    if (code)
        return code;
    int rc = sqlite3_open_v2(s->path, &s->db, flags, STORE_VFS);
    if (rc != SQLITE_OK)
        return store_error(s, rc, "open", e);
    sqlite3_extended_result_codes(s->db, 1);
    if (sqlite3_db_readonly(s->db, "main") == 1)
        return error_set(e, ERR_OTHER, "cannot open '%s': not writable", s->shown);
    return store_file_check_form(s, e);
}

/* Ask for a journal mode and believe only its answer. */
static int set_journal_mode(struct store *s, const char *mode, struct error *e)
{
    char sql[64];
    sqlite3_stmt *stmt;
    bool granted = false;

    snprintf(sql, sizeof(sql), "PRAGMA journal_mode=%s", mode);
    int rc = sqlite3_prepare_v2(s->db, sql, -1, &stmt, NULL);
    if (rc == SQLITE_OK) {
        if (sqlite3_step(stmt) == SQLITE_ROW) {
            const char *answer = (const char *)sqlite3_column_text(stmt, 0);
            granted = answer && strcmp(answer, mode) == 0;
        }
        rc = sqlite3_finalize(stmt);
    }
    if (rc != SQLITE_OK)
        return store_error(s, rc, "change the journal of", e);
    if (!granted)
        return error_set(e, ERR_OTHER, "cannot change the journal of '%s' to %s", s->shown, mode);
    return 0;
}

/* A power cut may leave a WAL beside a file whose header says that there is none: that it was removed, or that the file was
 * to have one, was not durable. SQLite would use it and leave the header as it is. Then a checkpoint that is cut off would
 * leave a file that cannot be told from one with another file's WAL beside it. */
static int drop_left_wal(struct store *s, struct error *e)
{
    if (!store_file_has_left_wal(s))
        return 0;
    int code = set_journal_mode(s, "delete", e);
    return code ? code : store_file_remove_wal(s, e);
}

/* Take the file for ourselves, and look before changing anything in it. As long as it has a
 * rollback journal, FULL: with less, a journal of which a power cut has left a part may be taken
 * for whole. */
static int take_ownership(struct store *s, struct error *e)
{
    char page_size[48], keep[64];
    int rc = store_schema_guard(s);

    /* A file that has pages already keeps their size. */
    snprintf(page_size, sizeof(page_size), "PRAGMA page_size=%u", (unsigned)s->options.page_size);
    snprintf(keep, sizeof(keep), "PRAGMA journal_size_limit=%llu",
             (unsigned long long)s->options.wal_pages * WAL_KEEP);
    if (rc == SQLITE_OK)
        rc = store_exec(s, page_size);
    if (rc == SQLITE_OK)
        rc = store_exec(s, keep);
    if (rc == SQLITE_OK)
        rc = store_exec(s, "PRAGMA synchronous=FULL; PRAGMA cache_spill=OFF;"
                           "PRAGMA cell_size_check=ON; PRAGMA temp_store=MEMORY;"
                           "PRAGMA mmap_size=0; PRAGMA schema_version");
    if (rc != SQLITE_OK)
        return store_error(s, rc, "open", e);
    int code = drop_left_wal(s, e);
    if (code)
        return code;
    rc = store_exec(s, "BEGIN IMMEDIATE");
    if (rc == SQLITE_OK)
        rc = store_log_counter(s);
    if (rc != SQLITE_OK)
        return store_error(s, rc, "open", e);
    code = store_schema_ensure(s, e);
    if (code)
        return code;
    rc = store_log_unseal(s);
    if (rc == SQLITE_OK)
        rc = store_schema_page_bytes(s, &s->page_bytes);
    if (rc == SQLITE_OK)
        rc = store_exec(s, "COMMIT");
    if (rc != SQLITE_OK)
        return store_error(s, rc, "open", e);
    code = set_journal_mode(s, "wal", e);
    if (code)
        return code;
    rc = store_exec(s, "PRAGMA synchronous=NORMAL");
    return rc == SQLITE_OK ? 0 : store_error(s, rc, "open", e);
}

static int prepare_statements(struct store *s, struct error *e)
{
    for (int i = 0; i < STORE_STATEMENT_COUNT; i++) {
        int rc = sqlite3_prepare_v3(s->db, statement_sql[i], -1, SQLITE_PREPARE_PERSISTENT,
                                    &s->statements[i], NULL);
        if (rc != SQLITE_OK)
            return store_error(s, rc, "open", e);
    }
    return 0;
}

static int on_wal_commit(void *arg, sqlite3 *db, const char *name, int pages)
{
    struct store *s = arg;

    (void)db;
    (void)name;
    s->fold.wal_pages = pages;
    if (pages < s->fold.wal_done)
        s->fold.wal_done = 0; /* it was begun anew */
    return SQLITE_OK;
}

/* What the database knows of commits, then what the commit log has beyond that. */
static int open_logs(struct store *s, struct error *e)
{
    uint64_t last;
    int rc = store_exec(s, "BEGIN IMMEDIATE");

    sqlite3_wal_hook(s->db, on_wal_commit, s);
    if (rc == SQLITE_OK) {
        s->phase = STORE_GATHERING;
        rc = store_log_open(s);
    }
    if (rc != SQLITE_OK)
        return store_error(s, rc, "open", e);
    /* Nothing is held here: whether all that an earlier process has written to the log is on the disk is not known. */
    int code = store_redo_replay(s, true, &last, e);
    if (code)
        return code;
    if (last < s->fold.rows)
        return store_redo_short(s, last, s->fold.rows, e);
    rc = store_log_go_on(s);
    if (rc == SQLITE_OK)
        rc = store_expiry_load(s);
    return rc == SQLITE_OK ? store_settle(s, e) : store_error(s, rc, "open", e);
}

/* All files are opened in here, the WAL included. */
static int open_all(struct store *s, struct error *e)
{
    int code = store_owner_enter(s, e);

    if (code)
        return code;
    code = open_file(s, e);
    if (!code)
        code = take_ownership(s, e);
    if (!code)
        code = prepare_statements(s, e);
    if (!code)
        store_memory_follow(s);
    if (!code)
        code = open_logs(s, e);
    store_owner_leave(s);
    return code;
}

int store_open(const struct directory *directory, struct store **ret, struct error *e)
{
    return store_open_with(directory, &store_defaults, ret, e);
}

int store_open_with(const struct directory *directory, const struct store_options *options,
                    struct store **ret, struct error *e)
{
    struct store *s = NULL;
    int code = store_new(directory, options, &s, e);

    if (code)
        return code;
    code = open_all(s, e);
    if (code) {
        store_free(s);
        return code;
    }
    *ret = s;
    return 0;
}

static bool has_moved(const struct store *s)
{
    int moved = 0;
    int rc = sqlite3_file_control(s->db, "main", SQLITE_FCNTL_HAS_MOVED, &moved);

    return rc == SQLITE_OK && moved;
}

/* The last transaction. */
static int seal(struct store *s, struct error *e)
{
    int rc = sqlite3_prepare_v2(s->db, statement_sql[STORE_META_SET], -1,
                                &s->statements[STORE_META_SET], NULL);
    if (rc == SQLITE_OK)
        rc = store_log_seal(s);
    return rc == SQLITE_OK ? 0 : store_error(s, rc, "close", e);
}

/* Statements must be gone: leaving WAL mode is refused while any is in use. */
static int leave_plain_file(struct store *s, struct error *e)
{
    int code = store_owner_enter(s, e);

    if (code)
        return code;
    int rc = store_exec(s, "PRAGMA synchronous=FULL");
    if (rc == SQLITE_OK)
        rc = sqlite3_wal_checkpoint_v2(s->db, "main", SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    if (rc == SQLITE_OK)
        code = set_journal_mode(s, "delete", e);
    else
        code = store_error(s, rc, "checkpoint", e);
    if (!code)
        code = store_file_remove_wal(s, e);
    if (!code)
        code = seal(s, e);
    store_owner_leave(s);
    return code ? code : commit_log_remove(s->commit_log, e);
}

/* The names beside a file that has moved may be those of its successor: nothing is written there. A
 * directory that was only renamed keeps all that belongs to it; a file that was deleted or replaced
 * in its place takes its commit log along. */
static void leave_moved_file(struct store *s)
{
    struct error ignored;

    if (directory_check(&s->directory, &ignored) == 0)
        commit_log_remove(s->commit_log, &ignored);
}

int store_close(struct store *s, struct error *e)
{
    int code = 0;

    if (!s)
        return 0;
    store_rollback(s);
    bool moved = has_moved(s);
    if (store_must_reopen(s))
        code = error_set(e, ERR_OTHER, "cannot close '%s': a sync of its WAL has failed", s->shown);
    else if (!moved)
        code = store_fold(s, e);
    /* SQLite has nothing more to bring there, and then does not sync either. */
    if (!moved && !code)
        code = store_sync_file(s, e);
    for (int i = 0; i < STORE_STATEMENT_COUNT; i++) {
        sqlite3_finalize(s->statements[i]);
        s->statements[i] = NULL;
    }
    if (moved)
        leave_moved_file(s);
    else if (!code)
        code = leave_plain_file(s, e);
    store_free(s);
    return code;
}

int store_forget_log(const struct directory *directory, struct error *e)
{
    struct store *s = NULL;
    int code = store_new(directory, &store_defaults, &s, e);

    if (code)
        return code;
    code = lock_state(s, e);
    if (!code) {
        s->commit_log = commit_log_new(s->dirfd, &s->directory, &(struct commit_log_limits){0});
        code = s->commit_log ? commit_log_remove(s->commit_log, e)
                             : error_set(e, ERR_OTHER, "out of memory");
    }
    store_free(s);
    return code;
}

int store_check(struct store *s, struct error *e)
{
    int code = directory_check(&s->directory, e);

    store_memory_follow(s);
    if (!code && has_moved(s))
        code =
            error_set(e, ERR_OTHER, "'%s' was deleted or replaced while it was in use", s->shown);
    return code;
}
