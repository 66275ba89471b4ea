/* Putting another file in the place of a store: it is copied beside it and checked first, then made
 * to go on where the store is, and renamed over it. Whoever looks finds the old content or the new
 * one, whole, at any moment.
 *
 * The copy goes on from the store's last commit and is in a later epoch of its commit log: what an
 * old log holds cannot get into it, whatever is left behind by a machine that stops. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/store_internal.h"
#include "daemon/store_user.h"

#define COPY_NAME "bobbin_restore.db"
/* The old file's name until it is known that the new one stays. */
#define OLD_NAME "bobbin_restore.old"
#define FILE_NAME "sqlite_key_value.db"
#define COPY_STEP (1u << 20)
/* How much of a long path is shown in errors. */
#define SHOWN_LEN 350
/* Commit numbers of a file beyond this are not believed. */
#define COMMIT_MOST (INT64_MAX / 2)

struct store_restore {
    struct store copy;  /* directory, path, shown and db alone are in use */
    const char *source; /* what the caller named, its end, for errors */
    char *named;        /* owned */
    int dirfd;          /* the state directory; -1: not open */
    bool made;          /* the copy is there */
};

static int fail_source(const struct store_restore *r, int errnum, struct error *e)
{
    int code = errnum == EACCES || errnum == EPERM                        ? ERR_ACCESS_DENIED
               : errnum == ENOENT || errnum == ENOTDIR || errnum == ELOOP ? ERR_INVALID_REQUEST
                                                                          : ERR_OTHER;

    return error_set(e, code, "cannot read '%s': %s", r->source, strerror(errnum));
}

static int refuse(const struct store_restore *r, struct error *e, const char *reason)
{
    return error_set(e, ERR_INVALID_REQUEST, "cannot restore '%s': %s", r->source, reason);
}

static int fail_copy(const struct store_restore *r, int errnum, struct error *e)
{
    const char *reason = errnum == ENOSPC || errnum == EDQUOT ? "disk full" : strerror(errnum);

    return error_set(e, ERR_OTHER, "cannot write '%s': %s", r->copy.shown, reason);
}

/* A journal beside the file holds a part of it. */
static bool has_journal(const struct store_restore *r)
{
    static const char *const suffixes[] = {"-wal", "-journal"};
    struct stat st;
    char *path;
    bool found = false;

    for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]) && !found; i++) {
        if (asprintf(&path, "%s%s", r->named, suffixes[i]) < 0)
            return true;
        found = stat(path, &st) == 0 && st.st_size > 0;
        free(path);
    }
    return found;
}

/* The descriptor, or an ERR_… code. */
static int open_source(const struct store_restore *r, const struct store_user *user,
                       struct stat *ret, struct error *e)
{
    struct store_user_before before;
    int fd, code = store_user_enter(user, &before, e);
    bool journal;

    if (code)
        return code;
    /* Not to hang on a pipe. */
    fd = open(r->named, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        code = fail_source(r, errno, e);
    journal = fd >= 0 && has_journal(r);
    store_user_leave(&before);
    if (!code && fstat(fd, ret) != 0)
        code = fail_source(r, errno, e);
    else if (!code && !S_ISREG(ret->st_mode))
        code = refuse(r, e, "not a regular file");
    else if (!code && journal)
        code = refuse(r, e, "a journal beside it holds a part of it; close it first");
    if (code && fd >= 0)
        close(fd);
    return code ? code : fd;
}

/* What one that was killed has left counts as well: its journal would be rolled back into the next
 * copy. */
static void remove_copy(struct store_restore *r)
{
    static const char *const names[] = {COPY_NAME "-journal", COPY_NAME "-wal", COPY_NAME "-shm",
                                        COPY_NAME, OLD_NAME};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        unlinkat(r->dirfd, names[i], 0);
}

static int make_copy(struct store_restore *r, struct error *e)
{
    int fd, code = store_owner_enter(&r->copy, e);

    if (code)
        return code;
    remove_copy(r);
    fd = openat(r->dirfd, COPY_NAME, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        code = fail_copy(r, errno, e);
    store_owner_leave(&r->copy);
    r->made = fd >= 0;
    return code ? code : fd;
}

static int write_all(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, bytes, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno;
        bytes += n;
        len -= (size_t)n;
    }
    return 0;
}

/* No more than a step beyond `size`, however fast it grows. */
static int copy_bytes(struct store_restore *r, int from, int to, off_t size, struct error *e)
{
    static const char magic[16] = "SQLite format 3";
    char *bytes = malloc(COPY_STEP);
    int code = bytes ? 0 : error_set(e, ERR_OTHER, "out of memory");
    bool first = true;
    ssize_t n = 0;

    while (!code && size >= 0) {
        n = read(from, bytes, COPY_STEP);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            code = fail_source(r, errno, e);
        else if (first && (n < (ssize_t)sizeof(magic) || memcmp(bytes, magic, sizeof(magic)) != 0))
            code = refuse(r, e, "not a SQLite file");
        if (code || n == 0)
            break;
        first = false;
        size -= n;
        int errnum = write_all(to, bytes, (size_t)n);
        if (errnum)
            code = fail_copy(r, errnum, e);
    }
    if (!code && fsync(to) != 0)
        code = fail_copy(r, errno, e);
    free(bytes);
    return code;
}

static int fail_sqlite(const struct store_restore *r, int rc, struct error *e)
{
    int kind = rc & 0xff;

    if (kind == SQLITE_CORRUPT || kind == SQLITE_NOTADB || kind == SQLITE_ERROR)
        return refuse(r, e, sqlite3_errmsg(r->copy.db));
    return store_error(&r->copy, rc, "check", e);
}

static int64_t query(const struct store_restore *r, const char *sql, int *rc)
{
    sqlite3_stmt *stmt = NULL;
    int64_t number = 0;

    *rc = sqlite3_prepare_v2(r->copy.db, sql, -1, &stmt, NULL);
    if (*rc == SQLITE_OK && sqlite3_step(stmt) == SQLITE_ROW)
        number = sqlite3_column_int64(stmt, 0);
    if (stmt)
        *rc = sqlite3_finalize(stmt);
    return number;
}

static int check_integrity(const struct store_restore *r, struct error *e)
{
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v2(r->copy.db, "PRAGMA integrity_check(1)", -1, &stmt, NULL);
    int code = 0;

    if (rc == SQLITE_OK && sqlite3_step(stmt) == SQLITE_ROW) {
        const char *text = (const char *)sqlite3_column_text(stmt, 0);
        char reason[200];

        snprintf(reason, sizeof(reason), "it is damaged: %s", text ? text : "?");
        if (!text || strcmp(text, "ok") != 0)
            code = refuse(r, e, reason);
    }
    rc = stmt ? sqlite3_finalize(stmt) : rc;
    if (!code && rc != SQLITE_OK)
        code = fail_sqlite(r, rc, e);
    return code;
}

/* Spin's table, with Spin's columns, and ours beside it. */
static int check_schema(const struct store_restore *r, struct error *e)
{
    struct error why;
    int rc;
    int64_t found = query(r,
                          "SELECT count(*) FROM sqlite_schema WHERE type = 'table'"
                          " AND name = 'spin_key_value' COLLATE NOCASE",
                          &rc);

    if (rc != SQLITE_OK)
        return fail_sqlite(r, rc, e);
    if (!found)
        return refuse(r, e, "it has no table spin_key_value");
    if (store_schema_ensure(&r->copy, &why) == 0)
        return 0;
    return refuse(r, e, strstr(why.text, "its ") ? strstr(why.text, "its ") : why.text);
}

/* A copy of a file that was in use may lack what was held in memory; that is in the commit log beside it. */
static int check_whole(const struct store_restore *r, struct error *e)
{
    int rc;
    int64_t held = query(r, "SELECT count(*) FROM bobbin_meta WHERE name = '" STORE_FOLDED_ROW "'", &rc);

    if (rc != SQLITE_OK)
        return fail_sqlite(r, rc, e);
    return held ? refuse(r, e, "it is of a store in use, and not all of it; 'bobbin backup' copies all") : 0;
}

static int open_copy(struct store_restore *r, struct error *e)
{
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW |
                      SQLITE_OPEN_PRIVATECACHE;
    int rc = sqlite3_open_v2(r->copy.path, &r->copy.db, flags, NULL);

    if (rc == SQLITE_OK)
        rc = store_schema_guard(&r->copy);
    if (rc == SQLITE_OK)
        rc = store_exec(&r->copy, "PRAGMA locking_mode=EXCLUSIVE; PRAGMA mmap_size=0;"
                                  "PRAGMA cell_size_check=ON; PRAGMA temp_store=MEMORY;"
                                  "PRAGMA journal_mode=DELETE; PRAGMA synchronous=FULL");
    return rc == SQLITE_OK ? 0 : fail_sqlite(r, rc, e);
}

static int check_copy(struct store_restore *r, struct error *e)
{
    int code = store_owner_enter(&r->copy, e);

    if (code)
        return code;
    code = open_copy(r, e);
    if (!code)
        code = check_integrity(r, e);
    if (!code)
        code = check_schema(r, e);
    if (!code)
        code = check_whole(r, e);
    store_owner_leave(&r->copy);
    return code;
}

static int init(struct store_restore *r, const struct directory *directory, const char *path,
                struct error *e)
{
    size_t len = strlen(path);
    int code = directory_copy(&r->copy.directory, directory, e);

    r->dirfd = -1;
    if (code)
        return code;
    r->named = strdup(path);
    if (!r->named || asprintf(&r->copy.path, "%s/.spin/" COPY_NAME, directory->path) < 0) {
        r->copy.path = NULL;
        return error_set(e, ERR_OTHER, "out of memory");
    }
    r->source = r->named + (len > SHOWN_LEN ? len - SHOWN_LEN : 0);
    len = strlen(r->copy.path);
    r->copy.shown = r->copy.path + (len > SHOWN_LEN ? len - SHOWN_LEN : 0);
    r->dirfd = directory_open_state(directory, e);
    return r->dirfd < 0 ? r->dirfd : 0;
}

/* Whoever has written it meanwhile may have left it half copied. */
static int check_unchanged(const struct store_restore *r, const struct store_user *user, int fd,
                           const struct stat *was, struct error *e)
{
    struct store_user_before before;
    struct stat st;
    int code = store_user_enter(user, &before, e);
    bool journal;

    if (code)
        return code;
    journal = has_journal(r);
    store_user_leave(&before);
    if (fstat(fd, &st) != 0)
        return fail_source(r, errno, e);
    if (!journal && st.st_size == was->st_size && st.st_mtim.tv_sec == was->st_mtim.tv_sec &&
        st.st_mtim.tv_nsec == was->st_mtim.tv_nsec)
        return 0;
    return refuse(r, e, "it was written while it was read; close it first");
}

static int copy_as(struct store_restore *r, const struct store_user *user, struct error *e)
{
    struct stat was = {0};
    int to, from, code;

    from = open_source(r, user, &was, e);
    if (from < 0)
        return from;
    to = make_copy(r, e);
    code = to < 0 ? to : copy_bytes(r, from, to, was.st_size, e);
    if (!code)
        code = check_unchanged(r, user, from, &was, e);
    if (to >= 0)
        close(to);
    close(from);
    return code;
}

static int copy_source(struct store_restore *r, uid_t uid, gid_t gid, struct error *e)
{
    struct store_user user;
    int code = store_user_init(&user, uid, gid, e);

    if (code)
        return code;
    code = copy_as(r, &user, e);
    store_user_fini(&user);
    return code;
}

int store_restore_prepare(const struct directory *directory, const char *path, uid_t uid, gid_t gid,
                          struct store_restore **ret, struct error *e)
{
    struct store_restore *r = calloc(1, sizeof(*r));
    int code;

    if (!r)
        return error_set(e, ERR_OTHER, "out of memory");
    code = init(r, directory, path, e);
    if (!code)
        code = copy_source(r, uid, gid, e);
    if (!code)
        code = check_copy(r, e);
    if (code) {
        store_restore_abandon(r);
        return code;
    }
    *ret = r;
    return 0;
}

static int check_quota(const struct store_restore *r, const struct store_quota *q, struct error *e)
{
    int rc = SQLITE_OK;
    int64_t entries = 0, bytes = 0;

    if (q->max_entries)
        entries = query(r, "SELECT count(*) FROM spin_key_value", &rc);
    if (rc == SQLITE_OK && q->max_bytes)
        bytes = query(r,
                      "SELECT total(length(CAST(key AS BLOB)) + length(value))"
                      " FROM spin_key_value",
                      &rc);
    if (rc != SQLITE_OK)
        return fail_sqlite(r, rc, e);
    if ((q->max_entries && (uint64_t)entries > q->max_entries) ||
        (q->max_bytes && (uint64_t)bytes > q->max_bytes))
        return error_set(e, ERR_QUOTA_EXCEEDED,
                         "cannot restore '%s': it holds more than the app may", r->source);
    return 0;
}

/* Let the copy go on where the store is: a later commit, of which the log begins, and a later
 * epoch.
 */
static int continue_store(struct store_restore *r, const struct store *s,
                          struct store_restored *ret, struct error *e)
{
    int rc;
    int64_t own = query(r,
                        "SELECT max(value) FROM bobbin_meta WHERE name = 'commit'"
                        " AND typeof(value) = 'integer'",
                        &rc);
    char *sql;

    own = own < 0 || own > COMMIT_MOST ? 0 : own;
    ret->commit = (s->commit > (uint64_t)own ? s->commit : (uint64_t)own) + 1;
    ret->commit_before = s->commit;
    if (rc != SQLITE_OK)
        return fail_sqlite(r, rc, e);
    sql = sqlite3_mprintf("BEGIN IMMEDIATE; DELETE FROM bobbin_commit; DELETE FROM bobbin_sum;"
                          "INSERT OR REPLACE INTO bobbin_meta (name, value) VALUES"
                          " ('commit', %lld), ('log_floor', %lld), ('sealed', -1),"
                          " ('commit_log', %lld), ('commit_log_epoch', %lld),"
                          " ('time_ms', max(%lld, coalesce((SELECT value FROM bobbin_meta"
                          "   WHERE name = 'time_ms' AND typeof(value) = 'integer'), 0)));"
                          "COMMIT",
                          (long long)ret->commit, (long long)ret->commit,
                          (long long)s->log_id.database,
                          /* NOLINTNEXTLINE(bugprone-misplaced-widening-cast) ; it may wrap around */
                          (long long)(s->log_id.epoch + 1),
                          (long long)s->now_ms);
    rc = sql ? store_exec(&r->copy, sql) : SQLITE_NOMEM;
    sqlite3_free(sql);
    if (rc == SQLITE_OK)
        ret->pages = (uint64_t)query(r, "PRAGMA page_count", &rc);
    if (rc == SQLITE_OK)
        ret->bytes = ret->pages * (uint64_t)query(r, "PRAGMA page_size", &rc);
    return rc == SQLITE_OK ? 0 : fail_sqlite(r, rc, e);
}

static int finish_copy(struct store_restore *r, const struct store *s, struct store_restored *ret,
                       struct error *e)
{
    int code = store_owner_enter(&r->copy, e);

    if (code)
        return code;
    code = check_quota(r, &s->quota, e);
    if (!code)
        code = continue_store(r, s, ret, e);
    sqlite3_close(r->copy.db);
    r->copy.db = NULL;
    store_owner_leave(&r->copy);
    return code;
}

/* Let the copy have the file's name; the file has the other one as well, if `linked`. An errno: all is as
 * before. */
static int take_name(struct store_restore *r, const char *old, bool linked)
{
    int errnum;

    if (renameat(r->dirfd, COPY_NAME, r->dirfd, FILE_NAME) != 0)
        return errno;
    r->made = false;
    if (fsync(r->dirfd) == 0)
        return 0;
    errnum = errno;
    if (linked && renameat(r->dirfd, old, r->dirfd, FILE_NAME) == 0)
        fsync(r->dirfd);
    return errnum;
}

/* The store is closed: one plain file, no journal, no commit log. Nobody opens it meanwhile. */
static int rename_copy(struct store_restore *r, bool keep, const struct store_restored *restored,
                       struct error *e)
{
    char kept[80];
    const char *old = keep ? kept : OLD_NAME;
    int errnum;

    if (flock(r->dirfd, LOCK_EX | LOCK_NB) != 0)
        return error_set(e, ERR_BUSY, "cannot restore: the store is held by another process");
    snprintf(kept, sizeof(kept), STORE_KEPT_FORMAT, (unsigned long long)restored->commit);
    unlinkat(r->dirfd, old, 0);
    /* Where there are no such links it is only not to be undone. */
    bool linked = linkat(r->dirfd, FILE_NAME, r->dirfd, old, 0) == 0;
    errnum = !linked && keep ? errno : take_name(r, old, linked);
    /* Not where it could not be undone: then it is the only name. */
    if (r->made || (!errnum && !keep))
        unlinkat(r->dirfd, old, 0);
    flock(r->dirfd, LOCK_UN);
    return errnum ? fail_copy(r, errnum, e) : 0;
}

int store_restore_swap(struct store_restore *r, struct store **store, bool keep,
                       struct store_restored *ret, struct error *e)
{
    struct store *s = *store;
    int code = store_check(s, e);

    if (!code)
        code = store_fold(s, e);
    if (!code)
        code = finish_copy(r, s, ret, e);
    if (code)
        return code;
    *store = NULL;
    /* Where that fails, a part of the old content is beside the file: it stays. */
    code = store_close(s, e);
    if (!code)
        code = store_owner_enter(&r->copy, e);
    if (code)
        return code;
    code = rename_copy(r, keep, ret, e);
    store_owner_leave(&r->copy);
    return code;
}

void store_restore_abandon(struct store_restore *r)
{
    struct error ignored;

    if (!r)
        return;
    bool entered = r->copy.path && store_owner_enter(&r->copy, &ignored) == 0;
    sqlite3_close(r->copy.db);
    if (r->made)
        remove_copy(r);
    if (entered)
        store_owner_leave(&r->copy);
    if (r->dirfd >= 0)
        close(r->dirfd);
    directory_fini(&r->copy.directory);
    free(r->copy.path);
    free(r->named);
    free(r);
}
