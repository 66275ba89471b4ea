/* The store's file on disk, before SQLite sees it. */
#include <errno.h>
#include <fcntl.h>
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
    /* SQLite would take so short a file for a new one, and what was in it would be gone without a word. */
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

/* SQLite deletes a WAL before it turns the file into a plain one, and makes none before it has turned it back. Without
 * either journal nothing is under way, and a page that is there in part is one that was cut off. */
int store_file_check_form(const struct store *s, struct error *e)
{
    sqlite3_file *file = NULL;
    uint8_t header[HEADER_SIZE] = {0};
    sqlite3_int64 size = 0, page;
    int rc = sqlite3_file_control(s->db, "main", SQLITE_FCNTL_FILE_POINTER, &file);

    if (rc != SQLITE_OK || !file->pMethods ||
        file->pMethods->xRead(file, header, sizeof(header), 0) != SQLITE_OK ||
        file->pMethods->xFileSize(file, &size) != SQLITE_OK || header[HEADER_VERSIONS] != 1 ||
        header[HEADER_VERSIONS + 1] != 1)
        return 0;
    if (has_content(s, WAL_NAME))
        return refuse(s, e, "a WAL is beside it that is not its own; to go on without that, delete"
                            " " WAL_NAME);
    page = header[HEADER_PAGE] << 8 | header[HEADER_PAGE + 1];
    page = page == 1 ? 65536 : page;
    if (page && size % page && !has_content(s, JOURNAL_NAME))
        return refuse(s, e, "damaged (cut off)");
    return 0;
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
        return refuse(s, e, "it is gone, but its commit log beside it holds data; to go on without"
                            " that, delete bobbin_commit_0.log and _1.log");
    int code = absent ? make(s, dirfd, name, e) : 0;
    if (code)
        return code;
    if (absent && fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return refuse(s, e, strerror(errno));
    return look(s, &st, e);
}
