/* A copy of a store by SQLite's online backup, made with the rights of whoever asked for it.
 *
 * The copy is read from the store's own connection, so that what is written meanwhile goes into it
 * as well and nothing has to be started over. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/store_internal.h"
#include "daemon/store_user.h"

/* How much of a long path is shown in errors. */
#define SHOWN_LEN 350
/* Where a database's header says whether its journal is a WAL: format versions for writing and for
 * reading. */
#define HEADER_VERSIONS 18
/* … and how often the file was changed. */
#define HEADER_COUNTER 24

struct store_backup {
    struct store *store;
    struct store_user user;
    char *path;        /* of the copy, its directory canonical; owned */
    const char *shown; /* the end of it */
    bool made;         /* the file is there, and ours to remove */
    sqlite3 *db;       /* the copy */
    sqlite3_backup *backup;
    int pages; /* the store's, at the step before */
};

static int fail(const struct store_backup *b, int errnum, const char *doing, struct error *e)
{
    int code = errnum == EACCES || errnum == EPERM || errnum == EROFS      ? ERR_ACCESS_DENIED
               : errnum == EEXIST || errnum == ENOENT || errnum == ENOTDIR ? ERR_INVALID_REQUEST
                                                                           : ERR_OTHER;

    if (errnum == EEXIST)
        return error_set(e, code, "'%s' exists already", b->shown);
    return error_set(e, code, "cannot %s '%s': %s", doing, b->shown, strerror(errnum));
}

static int fail_sqlite(const struct store_backup *b, int rc, struct error *e)
{
    int errnum = sqlite3_system_errno(b->db);

    if ((rc & 0xff) == SQLITE_FULL || errnum == ENOSPC || errnum == EDQUOT)
        return error_set(e, ERR_OTHER, "cannot write '%s': disk full", b->shown);
    if (errnum && ((rc & 0xff) == SQLITE_IOERR || (rc & 0xff) == SQLITE_CANTOPEN))
        return fail(b, errnum, "write", e);
    return error_set(e, ERR_OTHER, "cannot write '%s': %s", b->shown, sqlite3_errstr(rc));
}

static void show(struct store_backup *b)
{
    size_t len = strlen(b->path);

    b->shown = b->path + (len > SHOWN_LEN ? len - SHOWN_LEN : 0);
}

/* Replace the path by one whose directory has no symbolic links, which SQLite refuses. */
static int canonicalize(struct store_backup *b, struct error *e)
{
    char *slash = strrchr(b->path, '/');
    char *parent;
    char *path;
    int errnum;

    if (b->path[0] != '/')
        return error_set(e, ERR_INVALID_REQUEST, "'%s' is not an absolute path", b->shown);
    if (!slash[1] || strcmp(slash, "/.") == 0 || strcmp(slash, "/..") == 0)
        return error_set(e, ERR_INVALID_REQUEST, "'%s' does not name a file", b->shown);
    *slash = '\0';
    parent = realpath(slash == b->path ? "/" : b->path, NULL);
    errnum = errno;
    *slash = '/';
    if (!parent)
        return fail(b, errnum, "make", e);
    if (asprintf(&path, "%s%s", strcmp(parent, "/") == 0 ? "" : parent, slash) < 0)
        path = NULL;
    free(parent);
    if (!path)
        return error_set(e, ERR_OTHER, "out of memory");
    free(b->path);
    b->path = path;
    show(b);
    return 0;
}

static int make_file(struct store_backup *b, struct error *e)
{
    int fd = open(b->path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

    if (fd < 0)
        return fail(b, errno, "make", e);
    b->made = true;
    close(fd);
    return 0;
}

/* The file is nothing until it is complete: no journal, no syncing on the way. */
static int open_copy(struct store_backup *b, struct error *e)
{
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW |
                      SQLITE_OPEN_PRIVATECACHE;
    int rc = sqlite3_open_v2(b->path, &b->db, flags, NULL);

    if (rc == SQLITE_OK)
        rc = sqlite3_exec(b->db,
                          "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA mmap_size=0;"
                          "PRAGMA temp_store=MEMORY",
                          NULL, NULL, NULL);
    if (rc == SQLITE_OK) {
        b->backup = sqlite3_backup_init(b->db, "main", b->store->db, "main");
        if (!b->backup)
            rc = sqlite3_errcode(b->db);
    }
    return rc == SQLITE_OK ? 0 : fail_sqlite(b, rc, e);
}

static int begin(struct store_backup *b, struct error *e)
{
    struct store_user_before before;
    int code = store_user_enter(&b->user, &before, e);

    if (code)
        return code;
    code = canonicalize(b, e);
    if (!code)
        code = make_file(b, e);
    if (!code)
        code = open_copy(b, e);
    store_user_leave(&before);
    return code;
}

int store_backup_begin(struct store *s, const char *path, uid_t uid, gid_t gid,
                       struct store_backup **ret, struct error *e)
{
    struct store_backup *b = calloc(1, sizeof(*b));
    int code;

    if (!b)
        return error_set(e, ERR_OTHER, "out of memory");
    b->store = s;
    b->path = strdup(path);
    if (b->path) {
        show(b);
        code = store_user_init(&b->user, uid, gid, e);
    } else {
        code = error_set(e, ERR_OTHER, "out of memory");
    }
    if (!code)
        code = begin(b, e);
    if (code) {
        store_backup_abandon(b);
        return code;
    }
    *ret = b;
    return 0;
}

/* What the store has grown by since the step before comes on top, so that there is an end to it
 * however much is written. */
static int step_size(struct store_backup *b, unsigned pages)
{
    int now = sqlite3_backup_pagecount(b->backup);
    int grown = b->pages && now > b->pages ? now - b->pages : 0;

    b->pages = now;
    return (int)pages + grown;
}

int store_backup_step(struct store_backup *b, unsigned pages, bool *ret_done, struct error *e)
{
    struct store_user_before before;
    /* What has gathered is not in the database yet, and SQLite copies none that is being written. */
    int code = store_fold(b->store, e);
    int rc;

    if (!code)
        code = store_user_enter(&b->user, &before, e);
    if (code)
        return code;
    rc = sqlite3_backup_step(b->backup, step_size(b, pages));
    store_user_leave(&before);
    if (rc != SQLITE_OK && rc != SQLITE_DONE)
        return fail_sqlite(b, rc, e);
    *ret_done = rc == SQLITE_DONE;
    return 0;
}

static int close_copy(struct store_backup *b)
{
    int rc = sqlite3_backup_finish(b->backup);
    int close_rc = sqlite3_close(b->db);

    b->backup = NULL;
    b->db = NULL;
    return rc == SQLITE_OK ? close_rc : rc;
}

/* The header is the store's, which says WAL: whoever opens the copy would make a -wal beside it,
 * and could not where he may only read. */
static int make_plain(int fd)
{
    static const uint8_t rollback_journal[2] = {1, 1};
    ssize_t n = pwrite(fd, rollback_journal, sizeof(rollback_journal), HEADER_VERSIONS);

    return n == sizeof(rollback_journal) ? 0 : n < 0 ? errno : EIO;
}

static int sync_parent(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *parent = strndup(path, slash == path ? 1 : (size_t)(slash - path));
    int fd = parent ? open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    int errnum = fd < 0 || fsync(fd) != 0 ? errno : 0;

    if (fd >= 0)
        close(fd);
    free(parent);
    /* One may write into a directory that one may not read. */
    return errnum == EACCES ? 0 : errnum;
}

/* SQLite's change counter, as a plain file's header has it behind the next transaction. */
static int64_t next_counter(int fd)
{
    uint8_t bytes[4];

    if (pread(fd, bytes, sizeof(bytes), HEADER_COUNTER) != sizeof(bytes))
        return -1;
    return (((int64_t)bytes[0] << 24 | bytes[1] << 16 | bytes[2] << 8 | bytes[3]) + 1) & 0xffffffff;
}

/* From here on it is a database of its own, and closed: neither the commit log nor the WAL of the one that it was made of
 * is taken for its own where it is put in that one's place. Its checksums hold all the same. */
static int make_own(struct store_backup *b, int64_t sealed)
{
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW |
                      SQLITE_OPEN_PRIVATECACHE;
    struct store copy = {0};
    char *sql = sqlite3_mprintf(
        "PRAGMA journal_mode=MEMORY; PRAGMA synchronous=OFF; PRAGMA mmap_size=0;"
        "PRAGMA temp_store=MEMORY; BEGIN IMMEDIATE;"
        "DELETE FROM bobbin_meta WHERE name IN ('commit_log', 'commit_log_epoch');"
        "UPDATE bobbin_meta SET value = (SELECT value FROM bobbin_meta WHERE name = 'commit')"
        " WHERE name = 'sums' AND value = -1;"
        "INSERT OR REPLACE INTO bobbin_meta (name, value) VALUES ('sealed', %lld), ('time_ms', %lld);"
        "COMMIT",
        (long long)sealed, (long long)b->store->now_ms);
    int rc = sql ? sqlite3_open_v2(b->path, &copy.db, flags, NULL) : SQLITE_NOMEM;

    if (rc == SQLITE_OK)
        rc = store_schema_guard(&copy);
    if (rc == SQLITE_OK)
        rc = store_exec(&copy, sql);
    sqlite3_free(sql);
    b->db = copy.db; /* for the reason, and to be closed */
    return rc;
}

/* The copy of a store is never empty: its tables are in it. */
static int settle(struct store_backup *b, uint64_t *ret_bytes, struct error *e)
{
    struct stat st = {0};
    int fd = open(b->path, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
    int errnum = fd < 0 ? errno : make_plain(fd);
    int64_t sealed = errnum ? -1 : next_counter(fd);
    int code = 0;

    if (!errnum && sealed < 0)
        errnum = EIO;
    if (!errnum) {
        int rc = make_own(b, sealed);
        code = rc == SQLITE_OK ? 0 : fail_sqlite(b, rc, e);
        sqlite3_close(b->db);
        b->db = NULL;
    }
    if (!errnum && !code && (fsync(fd) != 0 || fstat(fd, &st) != 0))
        errnum = errno;
    if (fd >= 0)
        close(fd);
    if (!errnum && !code)
        errnum = sync_parent(b->path);
    if (errnum)
        code = fail(b, errnum, "write", e);
    if (!code)
        *ret_bytes = (uint64_t)st.st_size;
    return code;
}

static int finish(struct store_backup *b, uint64_t *ret_bytes, struct error *e)
{
    struct store_user_before before;
    int code = store_user_enter(&b->user, &before, e);
    int rc;

    if (code)
        return code;
    rc = close_copy(b);
    code = rc == SQLITE_OK ? settle(b, ret_bytes, e) : fail_sqlite(b, rc, e);
    store_user_leave(&before);
    return code;
}

static void free_backup(struct store_backup *b)
{
    store_user_fini(&b->user);
    free(b->path);
    free(b);
}

int store_backup_finish(struct store_backup *b, uint64_t *ret_bytes, uint64_t *ret_pages,
                        struct error *e)
{
    uint32_t page_bytes = b->store->page_bytes;
    int code = finish(b, ret_bytes, e);

    if (code) {
        store_backup_abandon(b);
        return code;
    }
    *ret_pages = *ret_bytes / page_bytes;
    free_backup(b);
    return 0;
}

void store_backup_abandon(struct store_backup *b)
{
    struct store_user_before before;
    struct error ignored;

    if (!b)
        return;
    close_copy(b);
    /* Never with more rights than the user's: he may have put something else in its place. */
    if (b->made && store_user_enter(&b->user, &before, &ignored) == 0) {
        unlink(b->path);
        store_user_leave(&before);
    }
    free_backup(b);
}
