/* The store's file on disk, before SQLite sees it. */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/store_internal.h"

#define WAL_NAME "sqlite_key_value.db-wal"
#define JOURNAL_NAME "sqlite_key_value.db-journal"
/* Where the header says whether the journal is a WAL: versions for writing and for reading. */
#define HEADER_SIZE 100
#define HEADER_VERSIONS 18
/* … and how long a page is. */
#define HEADER_PAGE 16
/* … and how often the file was changed. */
#define HEADER_COUNTER 24
/* The smallest page. */
#define SIZE_LEAST 512

static int refuse(const struct store *s, struct error *e, const char *reason)
{
    return error_set(e, ERR_OTHER, "cannot open '%s': %s", s->shown, reason);
}

static int make(const struct store *s, int dirfd, const char *name, struct error *e)
{
    int fd = openat(dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    int errnum = 0;

    if (fd < 0)
        return refuse(s, e, strerror(errno));
    if (geteuid() == 0 && fchown(fd, s->directory.uid, s->directory.gid) != 0)
        errnum = errno;
    else if (fsync(fd) != 0 || fsync(dirfd) != 0)
        errnum = errno;
    close(fd);
    if (!errnum)
        return 0;
    unlinkat(dirfd, name, 0);
    return refuse(s, e, strerror(errnum));
}

/* Remember which file it is that is about to be opened. */
static int look(struct store *s, const struct stat *st, struct error *e)
{
    if (S_ISLNK(st->st_mode))
        return refuse(s, e, "a symbolic link");
    if (S_ISDIR(st->st_mode))
        return refuse(s, e, "a directory");
    if (!S_ISREG(st->st_mode))
        return refuse(s, e, "not a regular file");
    /* Root could be led to somebody else's file by a hard link. */
    if (geteuid() == 0 && st->st_uid != s->directory.uid)
        return refuse(s, e, "its owner is not the directory's owner");
    /* SQLite would take so short a file for a new one, and what was in it would be gone without a
     * word. */
    if (st->st_size > 0 && st->st_size < SIZE_LEAST)
        return refuse(s, e, "damaged (cut off)");
    s->file_dev = st->st_dev;
    s->file_ino = st->st_ino;
    return 0;
}

static bool has_content(const struct store *s, const char *name)
{
    struct stat st;

    return fstatat(s->dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_size > 0;
}

/* The path as SQLite's URIs want it, for the file alone: no journal, no WAL, no locks. NULL: no
 * memory. */
static char *uri_of_file(const struct store *s)
{
    static const char ending[] = "?immutable=1";
    char *uri = malloc(strlen("file:") + strlen(s->path) * 3 + sizeof(ending));
    char *to = uri ? stpcpy(uri, "file:") : NULL;

    for (const char *at = s->path; to && *at; at++)
        to += strchr("?#%", *at) ? sprintf(to, "%%%02X", (unsigned char)*at) : (*to = *at, 1);
    if (to)
        strcpy(to, ending);
    return uri;
}

/* Whether the file is as it was left when it was closed, or not ours: a WAL beside it is then not
 * its own. After a power cut there may be one beside a plain file, whose seal is then off. */
static bool is_closed(const struct store *s, int64_t counter)
{
    static const char sql[] =
        "SELECT NOT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'bobbin_meta')";
    static const char sealed_sql[] = "SELECT value = ?1 FROM bobbin_meta WHERE name = 'sealed'";
    char *uri = uri_of_file(s);
    sqlite3 *db = NULL;
    sqlite3_stmt *stmt = NULL;
    int flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX;
    bool closed = true;

    if (uri && sqlite3_open_v2(uri, &db, flags, NULL) == SQLITE_OK &&
        sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) == SQLITE_OK &&
        sqlite3_step(stmt) == SQLITE_ROW)
        closed = sqlite3_column_int(stmt, 0);
    sqlite3_finalize(stmt);
    if (!closed && sqlite3_prepare_v2(db, sealed_sql, -1, &stmt, NULL) == SQLITE_OK) {
        sqlite3_bind_int64(stmt, 1, counter);
        closed = sqlite3_step(stmt) == SQLITE_ROW && sqlite3_column_int(stmt, 0);
        sqlite3_finalize(stmt);
    }
    sqlite3_close(db);
    free(uri);
    return closed;
}

static int64_t change_counter(const uint8_t header[HEADER_SIZE])
{
    uint32_t n;

    memcpy(&n, header + HEADER_COUNTER, sizeof(n));
    return be32toh(n);
}

/* *ret_size: of the file. False: it is not there, or too short for one. */
static bool read_header(const struct store *s, uint8_t header[HEADER_SIZE], sqlite3_int64 *ret_size)
{
    sqlite3_file *file = NULL;
    int rc = sqlite3_file_control(s->db, "main", SQLITE_FCNTL_FILE_POINTER, &file);

    return rc == SQLITE_OK && file->pMethods &&
           file->pMethods->xRead(file, header, HEADER_SIZE, 0) == SQLITE_OK &&
           file->pMethods->xFileSize(file, ret_size) == SQLITE_OK;
}

static bool is_plain(const uint8_t header[HEADER_SIZE])
{
    return header[HEADER_VERSIONS] == 1 && header[HEADER_VERSIONS + 1] == 1;
}

bool store_file_has_left_wal(const struct store *s)
{
    uint8_t header[HEADER_SIZE] = {0};
    sqlite3_int64 size;

    return read_header(s, header, &size) && is_plain(header) && has_content(s, WAL_NAME);
}

/* Without either journal nothing is under way, and a page that is there in part is one that was cut
 * off. */
int store_file_check_form(const struct store *s, struct error *e)
{
    uint8_t header[HEADER_SIZE] = {0};
    sqlite3_int64 size = 0, page;

    if (!read_header(s, header, &size) || !is_plain(header))
        return 0;
    if (has_content(s, WAL_NAME) && !has_content(s, JOURNAL_NAME) &&
        is_closed(s, change_counter(header)))
        return refuse(s, e,
                      "a WAL is beside it that is not its own; to go on without that, delete"
                      " " WAL_NAME);
    page = header[HEADER_PAGE] << 8 | header[HEADER_PAGE + 1];
    page = page == 1 ? 65536 : page;
    if (page && size % page && !has_content(s, JOURNAL_NAME) && !has_content(s, WAL_NAME))
        return refuse(s, e, "damaged (cut off)");
    return 0;
}

/* All of the file, or an errno. */
static int write_again(int fd)
{
    char bytes[64 << 10];
    off_t at = 0;
    ssize_t n;

    while ((n = pread(fd, bytes, sizeof(bytes), at)) > 0) {
        ssize_t written = pwrite(fd, bytes, (size_t)n, at);
        if (written < 0)
            return errno;
        at += written;
    }
    return n < 0 || fsync(fd) != 0 ? errno : 0;
}

int store_file_renew_wal(const struct store *s, struct error *e)
{
    struct stat st;
    int fd = openat(s->dirfd, WAL_NAME, O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    int errnum = 0;

    if (fd < 0 && errno == ENOENT)
        return 0;
    if (fd < 0 || fstat(fd, &st) != 0)
        errnum = errno;
    else if (!S_ISREG(st.st_mode))
        errnum = EINVAL;
    else if (st.st_size > 0)
        errnum = write_again(fd);
    if (fd >= 0)
        close(fd);
    return errnum ? error_set(e, ERR_OTHER, "cannot open '%s': " WAL_NAME ": %s", s->shown, strerror(errnum)) : 0;
}

int store_file_remove_wal(const struct store *s, struct error *e)
{
    if ((unlinkat(s->dirfd, WAL_NAME, 0) == 0 || errno == ENOENT) && fsync(s->dirfd) == 0)
        return 0;
    return error_set(e, ERR_OTHER, "cannot close '%s': " WAL_NAME ": %s", s->shown, strerror(errno));
}

int store_file_prepare(struct store *s, int dirfd, bool has_log, struct error *e)
{
    const char *name = strrchr(s->path, '/') + 1;
    struct stat st;
    bool absent;

    /* Never open and close a file that is there: closing any descriptor of it would drop the
     * locks that SQLite holds on it in this process. */
    absent = fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) != 0;
    if (absent && errno != ENOENT)
        return refuse(s, e, strerror(errno));
    if (absent && has_log)
        return refuse(s, e,
                      "it is gone, but its commit log beside it holds data; to go on without"
                      " that, delete bobbin_commit_0.log and _1.log");
    int code = absent ? make(s, dirfd, name, e) : 0;
    if (code)
        return code;
    if (absent && fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return refuse(s, e, strerror(errno));
    return look(s, &st, e);
}
