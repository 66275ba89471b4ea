/* Salvage: the pages are read by ourselves (salvage_rows.h), since SQLite gives up where its B-trees do not hold
 * together; what they hold goes into a new file, and the commit log on top of it. */
#include "daemon/store_recover.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "daemon/salvage_rows.h"
#include "daemon/store_internal.h"
#include "protocol/limits.h"
#include "protocol/utf8.h"

#define FILE_NAME "sqlite_key_value.db"
#define WAL_NAME FILE_NAME "-wal"
#define JOURNAL_NAME FILE_NAME "-journal"
#define COPY_NAME "bobbin_recover.db"
/* Bytes that SQLite locks in a file that is in use. */
#define LOCK_AT 0x40000000
#define LOCK_LEN 512
/* A number that is a time, in milliseconds since 1970, rather than a row's: from 1973 on. */
#define TIME_LEAST INT64_C(100000000000)
/* A key in a file may be longer than what can be written now, but not without end. */
#define KEY_MOST (1u << 16)
/* Commit numbers of a damaged file beyond this are not believed. */
#define COMMIT_MOST (INT64_MAX / 2)

enum tree { TREE_SCHEMA, TREE_ENTRIES, TREE_INDEX, TREE_EXPIRY, TREE_META, TREE_COUNT };

static const char *const tree_names[TREE_COUNT] = {
    [TREE_ENTRIES] = "spin_key_value",
    [TREE_INDEX] = "sqlite_autoindex_spin_key_value_1",
    [TREE_EXPIRY] = "bobbin_expiry",
    [TREE_META] = "bobbin_meta",
};

#define STATEMENT_LIST(X)                                                                          \
    X(ENTRY, "INSERT OR IGNORE INTO spin_key_value (store, key, value) VALUES (?1, ?2, ?3)")       \
    X(EXPIRY, "INSERT OR IGNORE INTO bobbin_expiry (store, key, expires_ms) VALUES (?1, ?2, ?3)")  \
    X(KEY, "INSERT OR IGNORE INTO temp.known (store, key) VALUES (?1, ?2)")                        \
    X(SET, "INSERT OR REPLACE INTO spin_key_value (store, key, value) VALUES (?1, ?2, ?3)")        \
    X(DELETE, "DELETE FROM spin_key_value WHERE store = ?1 AND key = ?2")                          \
    X(EXPIRY_SET, "INSERT OR REPLACE INTO bobbin_expiry (store, key, expires_ms)"                  \
                  " VALUES (?1, ?2, ?3)")                                                          \
    X(EXPIRY_CLEAR, "DELETE FROM bobbin_expiry WHERE store = ?1 AND key = ?2")                     \
    X(FORGET, "DELETE FROM temp.known WHERE store = ?1 AND key = ?2")

enum statement {
#define X(id, sql) STATEMENT_##id,
    STATEMENT_LIST(X)
#undef X
        STATEMENT_COUNT
};

struct recovery {
    struct store copy; /* directory, path, shown, db, dirfd and commit_log alone are in use */
    sqlite3_stmt *statements[STATEMENT_COUNT];
    enum tree tree;               /* that is being read */
    uint32_t roots[TREE_COUNT];   /* 0: not known */
    int fd, wal_fd;
    uint64_t commit, time_ms;     /* the latest that anything tells of */
    uint64_t folded;              /* the file says that all up to this commit is in it; UINT64_MAX: that all is */
    struct commit_log_id id;      /* database 0: not known */
    bool made;                    /* the copy is there */
    struct store_recovered *result;
};

static int fail(const char *name, int errnum, struct error *e)
{
    return error_set(e, ERR_OTHER, "cannot recover: '%s': %s", name,
                     errnum == ENOSPC || errnum == EDQUOT ? "disk full" : strerror(errnum));
}

static int fail_sqlite(const struct recovery *r, int rc, struct error *e)
{
    return store_error(&r->copy, rc, "write", e);
}

/* Run a statement with a label, a key, and what more it takes. */
static int run(struct recovery *r, enum statement which, struct slice label, struct slice key,
               const struct salvage_value *third, struct error *e)
{
    sqlite3_stmt *stmt = r->statements[which];
    int rc;

    sqlite3_bind_text64(stmt, 1, label.len ? label.data : "", label.len, SQLITE_STATIC, SQLITE_UTF8);
    sqlite3_bind_text64(stmt, 2, key.len ? key.data : "", key.len, SQLITE_STATIC, SQLITE_UTF8);
    if (third && third->type == SALVAGE_INTEGER)
        sqlite3_bind_int64(stmt, 3, third->number);
    else if (third)
        sqlite3_bind_blob64(stmt, 3, third->bytes.len ? third->bytes.data : "", third->bytes.len,
                            SQLITE_STATIC);
    sqlite3_step(stmt);
    rc = sqlite3_reset(stmt);
    sqlite3_clear_bindings(stmt);
    return rc == SQLITE_OK ? 0 : fail_sqlite(r, rc, e);
}

static bool is_text(const struct salvage_value *v, size_t most)
{
    return v->type == SALVAGE_TEXT && v->bytes.len <= most && utf8_valid(v->bytes.data, v->bytes.len);
}

static bool is_name(const struct salvage_row *row)
{
    return row->columns >= 2 && is_text(&row->values[0], LIMIT_LABEL) && row->values[0].bytes.len &&
           is_text(&row->values[1], KEY_MOST);
}

static int take_entry(struct recovery *r, const struct salvage_row *row, struct error *e)
{
    const struct salvage_value *v = row->values;
    int code = run(r, STATEMENT_ENTRY, v[0].bytes, v[1].bytes, &v[2], e);

    if (!code && row->orphan)
        r->result->orphans += (uint64_t)sqlite3_changes(r->copy.db);
    return code;
}

/* A row of sqlite_schema: type, name, table, root page, SQL. */
static void take_schema(struct recovery *r, const struct salvage_row *row)
{
    const struct salvage_value *v = row->values;

    if (row->columns < 4 || v[1].type != SALVAGE_TEXT || v[3].type != SALVAGE_INTEGER ||
        v[3].number < 2 || v[3].number > UINT32_MAX)
        return;
    for (int i = TREE_ENTRIES; i < TREE_COUNT; i++)
        if (slice_equals(v[1].bytes, tree_names[i]))
            r->roots[i] = (uint32_t)v[3].number;
}

static void take_meta(struct recovery *r, const struct salvage_row *row)
{
    const struct salvage_value *v = row->values;
    uint64_t n;

    if (row->columns != 2 || v[0].type != SALVAGE_TEXT || v[1].type != SALVAGE_INTEGER)
        return;
    n = (uint64_t)v[1].number;
    if (slice_equals(v[0].bytes, "commit") && n <= COMMIT_MOST && n > r->commit)
        r->commit = n;
    else if (slice_equals(v[0].bytes, STORE_FOLDED_ROW))
        r->folded = n < r->folded ? n : r->folded;
    else if (slice_equals(v[0].bytes, "time_ms") && n <= COMMIT_MOST)
        r->time_ms = n;
    else if (slice_equals(v[0].bytes, "commit_log"))
        r->id.database = n;
    else if (slice_equals(v[0].bytes, "commit_log_epoch"))
        r->id.epoch = n;
}

/* What a row is follows from where it stands, or, where nothing leads, from its form. */
static int on_row(void *arg, const struct salvage_row *row, struct error *e)
{
    struct recovery *r = arg;
    const struct salvage_value *v = row->values;
    bool orphan = row->orphan, named = is_name(row) && row->columns == 3;
    bool value = v[2].type == SALVAGE_BLOB || v[2].type == SALVAGE_TEXT;

    if (r->tree == TREE_SCHEMA && !orphan)
        take_schema(r, row);
    else if (row->columns == 2 && (r->tree == TREE_META || orphan))
        take_meta(r, row);
    else if (named && value && (r->tree == TREE_ENTRIES || (orphan && row->rowid)))
        return take_entry(r, row, e);
    else if (named && v[2].type == SALVAGE_INTEGER && !row->rowid &&
             (orphan ? v[2].number >= TIME_LEAST : r->tree == TREE_EXPIRY))
        return run(r, STATEMENT_EXPIRY, v[0].bytes, v[1].bytes, &v[2], e);
    else if (named && v[2].type == SALVAGE_INTEGER && !row->rowid &&
             (orphan || r->tree == TREE_INDEX))
        return run(r, STATEMENT_KEY, v[0].bytes, v[1].bytes, NULL, e);
    return 0;
}

static int read_rows(struct recovery *r, struct salvage_rows *rows, struct error *e)
{
    int code = salvage_tree(rows, 1, e);

    for (int i = TREE_ENTRIES; !code && i < TREE_COUNT; i++) {
        r->tree = (enum tree)i;
        if (r->roots[i])
            code = salvage_tree(rows, r->roots[i], e);
    }
    r->tree = TREE_SCHEMA;
    if (code)
        return code;
    salvage_free_list(rows);
    return salvage_orphans(rows, e);
}

static int read_pages(struct recovery *r, struct error *e)
{
    struct salvage_pages pages;
    struct salvage_rows rows;
    int code = salvage_pages_init(&pages, r->fd, r->wal_fd, e);

    if (code)
        return code;
    code = salvage_rows_init(&rows, &pages, e);
    if (!code) {
        rows.on_row = on_row;
        rows.arg = r;
        code = read_rows(r, &rows, e);
        r->result->broken = rows.broken;
        r->result->damaged = rows.damaged + pages.guessed;
        salvage_rows_fini(&rows);
    }
    salvage_pages_fini(&pages);
    return code;
}

static int redo_change(void *arg, const struct store_change *c, struct error *e)
{
    struct recovery *r = arg;
    struct salvage_value value = {.type = SALVAGE_BLOB, .bytes = c->value};
    struct salvage_value time = {.type = SALVAGE_INTEGER, .number = c->expires_ms};
    int code = run(r, STATEMENT_FORGET, c->label, c->key, NULL, e);

    if (code)
        return code;
    if (c->kind != CHANGE_SET)
        code = run(r, STATEMENT_DELETE, c->label, c->key, NULL, e);
    else
        code = run(r, STATEMENT_SET, c->label, c->key, &value, e);
    if (code || (c->kind == CHANGE_SET && c->expires_ms == STORE_KEEP_TTL))
        return code;
    if (c->kind == CHANGE_SET && c->expires_ms > 0)
        return run(r, STATEMENT_EXPIRY_SET, c->label, c->key, &time, e);
    return run(r, STATEMENT_EXPIRY_CLEAR, c->label, c->key, NULL, e);
}

static int redo_record(void *arg, const struct commit_log_record *record, struct error *e)
{
    struct recovery *r = arg;
    int code = store_redo_each(&r->copy, record, redo_change, r, e);

    /* One that makes no sense is left out; what comes behind it does not hang on it. */
    if (code && code != ERR_INVALID_REQUEST)
        return code;
    r->result->commits += !code;
    if (record->commit <= COMMIT_MOST && record->commit > r->commit)
        r->commit = record->commit;
    return 0;
}

static int read_log(struct recovery *r, struct error *e)
{
    struct error ignored;

    r->copy.commit_log =
        commit_log_new(r->copy.dirfd, &r->copy.directory, &(struct commit_log_limits){0});
    if (!r->copy.commit_log)
        return error_set(e, ERR_OTHER, "out of memory");
    /* Something else in its place holds nothing for us. */
    if (commit_log_load(r->copy.commit_log, &ignored) != 0)
        return 0;
    uint64_t after = r->folded < r->commit ? r->folded : r->commit;
    return commit_log_salvage(r->copy.commit_log, r->id, after, redo_record, r, e);
}

/* The descriptor; -1 with a code: it cannot be read; -1 without: it is not there. */
static int open_part(const struct recovery *r, const char *name, int *ret, struct error *e)
{
    struct stat st;

    *ret = openat(r->copy.dirfd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    if (*ret < 0)
        return errno == ENOENT ? 0 : fail(name, errno, e);
    if (fstat(*ret, &st) != 0)
        return fail(name, errno, e);
    return S_ISREG(st.st_mode) ? 0
                               : error_set(e, ERR_OTHER, "cannot recover: '%s' is not a regular file",
                                           name);
}

static int open_parts(struct recovery *r, struct error *e)
{
    struct flock lock = {
        .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = LOCK_AT, .l_len = LOCK_LEN};
    int code = open_part(r, FILE_NAME, &r->fd, e);

    if (!code && r->fd < 0)
        return error_set(e, ERR_OTHER, "cannot recover: there is no '%s'", FILE_NAME);
    if (!code && fcntl(r->fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK)
        return error_set(e, ERR_BUSY, "cannot recover: '%s' is held by process %d", FILE_NAME,
                         (int)lock.l_pid);
    return code ? code : open_part(r, WAL_NAME, &r->wal_fd, e);
}

static void remove_copy(struct recovery *r)
{
    unlinkat(r->copy.dirfd, COPY_NAME "-journal", 0);
    unlinkat(r->copy.dirfd, COPY_NAME, 0);
    r->made = false;
}

static int prepare_statements(struct recovery *r)
{
    static const char *const sql[] = {
#define X(id, sql) sql,
        STATEMENT_LIST(X)
#undef X
    };
    int rc = SQLITE_OK;

    for (int i = 0; rc == SQLITE_OK && i < STATEMENT_COUNT; i++)
        rc = sqlite3_prepare_v2(r->copy.db, sql[i], -1, &r->statements[i], NULL);
    return rc;
}

static int make_copy(struct recovery *r, struct error *e)
{
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW |
                      SQLITE_OPEN_PRIVATECACHE;
    int fd, rc, code;

    remove_copy(r);
    fd = openat(r->copy.dirfd, COPY_NAME, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return fail(COPY_NAME, errno, e);
    r->made = true;
    close(fd);
    rc = sqlite3_open_v2(r->copy.path, &r->copy.db, flags, NULL);
    /* It is nothing until it is complete, and then synced once. */
    if (rc == SQLITE_OK)
        rc = store_exec(&r->copy, "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; BEGIN;"
                                  "CREATE TEMP TABLE known(store, key, PRIMARY KEY (store, key))"
                                  " WITHOUT ROWID");
    if (rc != SQLITE_OK)
        return fail_sqlite(r, rc, e);
    code = store_schema_ensure(&r->copy, e);
    if (code)
        return code;
    rc = prepare_statements(r);
    return rc == SQLITE_OK ? 0 : fail_sqlite(r, rc, e);
}

static int count(const struct recovery *r, const char *sql, uint64_t *ret)
{
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v2(r->copy.db, sql, -1, &stmt, NULL);

    if (rc == SQLITE_OK && sqlite3_step(stmt) == SQLITE_ROW)
        *ret = (uint64_t)sqlite3_column_int64(stmt, 0);
    return rc == SQLITE_OK ? sqlite3_finalize(stmt) : rc;
}

/* The history ends here: whoever asks what has changed since is told that the log does not reach back. */
static int finish_copy(struct recovery *r, struct error *e)
{
    char *sql = sqlite3_mprintf(
        "DELETE FROM bobbin_expiry WHERE NOT EXISTS (SELECT 1 FROM spin_key_value AS e"
        " WHERE e.store = bobbin_expiry.store AND e.key = bobbin_expiry.key);"
        "INSERT OR REPLACE INTO bobbin_meta (name, value) VALUES ('commit', %lld),"
        " ('log_floor', %lld), ('sealed', -1), ('time_ms', %lld)",
        (long long)r->commit + 1, (long long)r->commit + 1, (long long)r->time_ms);
    int rc = sql ? store_exec(&r->copy, sql) : SQLITE_NOMEM;

    sqlite3_free(sql);
    if (rc == SQLITE_OK)
        rc = count(r, "SELECT count(*) FROM spin_key_value", &r->result->entries);
    if (rc == SQLITE_OK)
        rc = count(r, "SELECT count(*) FROM temp.known AS k WHERE NOT EXISTS (SELECT 1 FROM"
                      " main.spin_key_value AS e WHERE e.store = k.store AND e.key = k.key)",
                   &r->result->lost);
    for (int i = 0; i < STATEMENT_COUNT; i++) {
        sqlite3_finalize(r->statements[i]);
        r->statements[i] = NULL;
    }
    if (rc == SQLITE_OK)
        rc = store_exec(&r->copy, "COMMIT");
    if (rc == SQLITE_OK)
        rc = sqlite3_close(r->copy.db);
    if (rc != SQLITE_OK)
        return fail_sqlite(r, rc, e);
    r->copy.db = NULL;
    return 0;
}

static int sync_copy(const struct recovery *r, struct error *e)
{
    int fd = openat(r->copy.dirfd, COPY_NAME, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
    int errnum = fd < 0 || fsync(fd) != 0 ? errno : 0;

    if (fd >= 0)
        close(fd);
    return errnum ? fail(COPY_NAME, errnum, e) : 0;
}

/* 0 also when it is not there. */
static int put_aside(const struct recovery *r, const char *name, const char *suffix,
                     struct error *e)
{
    char aside[120];

    snprintf(aside, sizeof(aside), "%s%s", r->result->kept, suffix);
    if (renameat(r->copy.dirfd, name, r->copy.dirfd, aside) == 0 || errno == ENOENT)
        return 0;
    return fail(name, errno, e);
}

/* The WAL goes with its file before another one has that name: it would be taken for its own. The logs go last: until
 * then they are refused as another database's. */
static int swap(struct recovery *r, struct error *e)
{
    int code = sync_copy(r, e);

    snprintf(r->result->kept, sizeof(r->result->kept), "sqlite_key_value.damaged-%lld.db",
             (long long)time(NULL));
    if (!code)
        code = put_aside(r, FILE_NAME, "", e);
    if (!code)
        code = put_aside(r, WAL_NAME, "-wal", e);
    if (!code)
        code = put_aside(r, JOURNAL_NAME, "-journal", e);
    if (!code && renameat(r->copy.dirfd, COPY_NAME, r->copy.dirfd, FILE_NAME) != 0)
        code = fail(COPY_NAME, errno, e);
    if (code)
        return code;
    r->made = false;
    code = put_aside(r, "bobbin_commit_0.log", ".commit_0.log", e);
    if (!code)
        code = put_aside(r, "bobbin_commit_1.log", ".commit_1.log", e);
    if (!code && fsync(r->copy.dirfd) != 0)
        code = fail(FILE_NAME, errno, e);
    return code;
}

static int lock_state(struct recovery *r, struct error *e)
{
    r->copy.dirfd = directory_open_state(&r->copy.directory, e);
    if (r->copy.dirfd < 0)
        return r->copy.dirfd;
    if (flock(r->copy.dirfd, LOCK_EX | LOCK_NB) == 0)
        return 0;
    return error_set(e, ERR_BUSY,
                     "cannot recover: the store is in use; stop the app, and wait until its store"
                     " is closed");
}

static int recover(struct recovery *r, struct error *e)
{
    int code = lock_state(r, e);

    if (!code)
        code = open_parts(r, e);
    if (!code)
        code = make_copy(r, e);
    if (!code)
        code = read_pages(r, e);
    if (!code)
        code = read_log(r, e);
    if (!code)
        code = finish_copy(r, e);
    return code ? code : swap(r, e);
}

static void recovery_fini(struct recovery *r)
{
    for (int i = 0; i < STATEMENT_COUNT; i++)
        sqlite3_finalize(r->statements[i]);
    sqlite3_close(r->copy.db);
    commit_log_free(r->copy.commit_log);
    if (r->made)
        remove_copy(r);
    if (r->fd >= 0)
        close(r->fd);
    if (r->wal_fd >= 0)
        close(r->wal_fd);
    if (r->copy.dirfd >= 0)
        close(r->copy.dirfd);
    directory_fini(&r->copy.directory);
    free(r->copy.path);
}

int store_recover(const struct directory *directory, struct store_recovered *ret, struct error *e)
{
    struct recovery r = {.copy = {.dirfd = -1}, .fd = -1, .wal_fd = -1, .folded = UINT64_MAX, .result = ret};
    struct store_verified verified;
    int code;

    *ret = (struct store_recovered){0};
    code = store_verify(directory, &verified, e);
    ret->whole = !code && !verified.in_use && !verified.absent;
    if (ret->whole)
        return 0;
    code = directory_copy(&r.copy.directory, directory, e);
    if (code)
        return code;
    if (asprintf(&r.copy.path, "%s/.spin/" COPY_NAME, directory->path) < 0) {
        r.copy.path = NULL;
        code = error_set(e, ERR_OTHER, "out of memory");
    } else {
        r.copy.shown = r.copy.path;
        code = recover(&r, e);
    }
    recovery_fini(&r);
    return code;
}
