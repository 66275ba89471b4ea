#include "daemon/store_internal.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILE_NAME "/.spin/sqlite_key_value.db"
/* What SQLite appends to the path for its own files, such as "-journal". */
#define SUFFIX_LEN 8
/* How much of a long path is shown in errors. */
#define SHOWN_LEN 350
/* A WAL that one large batch has blown up is cut back to this when it starts over. */
#define WAL_KEEP "16777216"

static const char *const statement_sql[STORE_STATEMENT_COUNT] = {
#define X(id, sql) [STORE_##id] = sql,
    STORE_STATEMENT_LIST(X)
#undef X
};

static void store_free(struct store *s)
{
    struct error ignored;

    for (int i = 0; i < STORE_STATEMENT_COUNT; i++)
        sqlite3_finalize(s->statements[i]);
    /* Closing may still tidy up beside the file. */
    bool entered = s->db && store_owner_enter(s, &ignored) == 0;
    sqlite3_close(s->db);
    if (entered)
        store_owner_leave(s);
    directory_fini(&s->directory);
    store_changes_fini(s);
    store_log_fini(s);
    free(s->path);
    free(s);
}

static int store_new(const struct directory *directory, struct store **ret, struct error *e)
{
    struct store *s = calloc(1, sizeof(*s));

    if (!s)
        return error_set(e, ERR_OTHER, "out of memory");
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

static int open_file(struct store *s, struct error *e)
{
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW |
                      SQLITE_OPEN_PRIVATECACHE;
    const sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);

    if (vfs && strlen(s->path) + SUFFIX_LEN > (size_t)vfs->mxPathname)
        return error_set(e, ERR_OTHER, "cannot open '%s': longer than SQLite's %d bytes", s->shown,
                         vfs->mxPathname - SUFFIX_LEN);
    int dirfd = directory_open_state(&s->directory, e);
    if (dirfd < 0)
        return dirfd;
    int code = store_file_prepare(s, dirfd, e);
    close(dirfd);
    if (code)
        return code;
    int rc = sqlite3_open_v2(s->path, &s->db, flags, NULL);
    if (rc != SQLITE_OK)
        return store_error(s, rc, "open", e);
    sqlite3_extended_result_codes(s->db, 1);
    if (sqlite3_db_readonly(s->db, "main") == 1)
        return error_set(e, ERR_OTHER, "cannot open '%s': not writable", s->shown);
    return 0;
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

/* Take the file for ourselves, and look before changing anything in it. */
static int take_ownership(struct store *s, struct error *e)
{
    int rc = store_schema_guard(s);

    if (rc == SQLITE_OK)
        rc = store_exec(s, "PRAGMA locking_mode=EXCLUSIVE; PRAGMA synchronous=FULL;"
                           "PRAGMA cell_size_check=ON; PRAGMA temp_store=MEMORY;"
                           "PRAGMA mmap_size=0; PRAGMA journal_size_limit=" WAL_KEEP ";"
                           "BEGIN IMMEDIATE");
    if (rc != SQLITE_OK)
        return store_error(s, rc, "open", e);
    rc = store_log_counter(s);
    if (rc != SQLITE_OK)
        return store_error(s, rc, "open", e);
    int code = store_schema_ensure(s, e);
    if (code)
        return code;
    rc = store_exec(s, "COMMIT");
    if (rc != SQLITE_OK)
        return store_error(s, rc, "open", e);
    return set_journal_mode(s, "wal", e);
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

static int open_log(struct store *s, struct error *e)
{
    int rc = store_exec(s, "BEGIN IMMEDIATE");

    if (rc == SQLITE_OK)
        rc = store_log_open(s);
    if (rc == SQLITE_OK)
        rc = store_exec(s, "COMMIT");
    return rc == SQLITE_OK ? 0 : store_error(s, rc, "open", e);
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
        code = open_log(s, e);
    store_owner_leave(s);
    return code;
}

int store_open(const struct directory *directory, struct store **ret, struct error *e)
{
    struct store *s = NULL;
    int code = store_new(directory, &s, e);

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

/* The last transaction. Under the exclusive lock its journal would stay behind, emptied. */
static int seal(struct store *s, struct error *e)
{
    int rc = store_exec(s, "PRAGMA locking_mode=NORMAL");

    if (rc == SQLITE_OK)
        rc = sqlite3_prepare_v2(s->db, statement_sql[STORE_META_SET], -1,
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
    int rc = sqlite3_wal_checkpoint_v2(s->db, "main", SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    if (rc == SQLITE_OK)
        code = set_journal_mode(s, "delete", e);
    else
        code = store_error(s, rc, "checkpoint", e);
    if (!code)
        code = seal(s, e);
    store_owner_leave(s);
    return code;
}

int store_close(struct store *s, struct error *e)
{
    int code = 0;

    if (!s)
        return 0;
    store_rollback(s);
    for (int i = 0; i < STORE_STATEMENT_COUNT; i++) {
        sqlite3_finalize(s->statements[i]);
        s->statements[i] = NULL;
    }
    /* The names beside a file that has moved may be those of its successor. */
    if (has_moved(s))
        sqlite3_db_config(s->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, (int *)NULL);
    else
        code = leave_plain_file(s, e);
    store_free(s);
    return code;
}

int store_check(struct store *s, struct error *e)
{
    int code = directory_check(&s->directory, e);

    if (!code && has_moved(s))
        code =
            error_set(e, ERR_OTHER, "'%s' was deleted or replaced while it was in use", s->shown);
    return code;
}

int store_begin(struct store *s, struct error *e)
{
    assert(!s->in_batch);
    int rc = store_run_plain(s, STORE_BEGIN);
    if (rc != SQLITE_OK)
        return store_error(s, rc, "write", e);
    s->in_batch = true;
    s->lost.code = 0;
    s->told = false;
    store_changes_clear(s);
    s->quota_before = s->quota;
    return 0;
}

int store_commit(struct store *s, struct error *e)
{
    assert(s->in_batch);
    if (s->lost.code) {
        int code = error_set(e, s->lost.code, "%s", s->lost.text);
        store_rollback(s);
        return code;
    }
    int rc = store_log_write(s);
    if (rc == SQLITE_OK)
        rc = store_run_plain(s, STORE_COMMIT);
    if (rc == SQLITE_OK) {
        s->in_batch = false;
        store_log_written(s);
        return 0;
    }
    int code = store_error(s, rc, "write", e);
    store_rollback(s);
    /* The WAL may hold the whole batch already, only not synced: after a crash it would be back.
     * Emptying the WAL prevents that; if it fails, the next commit overwrites the same place. */
    sqlite3_wal_checkpoint_v2(s->db, "main", SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    return code;
}

void store_rollback(struct store *s)
{
    if (s->in_batch && !sqlite3_get_autocommit(s->db))
        store_run_plain(s, STORE_ROLLBACK);
    if (s->in_batch) {
        store_changes_clear(s);
        s->quota = s->quota_before;
        store_expiry_load(s);
    }
    s->in_batch = false;
    s->lost.code = 0;
}
