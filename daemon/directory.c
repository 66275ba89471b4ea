#include "daemon/directory.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define STATE_NAME ".spin"

static int64_t born_ns(const struct statx *x)
{
    if (!(x->stx_mask & STATX_BTIME))
        return 0;
    return (int64_t)x->stx_btime.tv_sec * 1000000000 + x->stx_btime.tv_nsec;
}

/* What is at `path`, or what `fd` is open on when the path is empty. 0 or an errno. */
static int look(int fd, const char *path, struct directory *ret)
{
    struct statx x;
    int flags = AT_SYMLINK_NOFOLLOW | (*path ? 0 : AT_EMPTY_PATH);

    if (statx(fd, path, flags, STATX_BASIC_STATS | STATX_BTIME, &x) != 0)
        return errno;
    if (!S_ISDIR(x.stx_mode))
        return ENOTDIR;
    *ret = (struct directory){
        .dev = makedev(x.stx_dev_major, x.stx_dev_minor),
        .ino = (ino_t)x.stx_ino,
        .born_ns = born_ns(&x),
        .uid = x.stx_uid,
        .gid = x.stx_gid,
    };
    return 0;
}

static int look_error(struct error *e, const char *path, int errnum)
{
    int code = errnum == ENOENT || errnum == ENOTDIR ? ERR_NO_SUCH_APP : ERR_OTHER;

    return error_set(e, code, "cannot use directory '%.350s': %s", path, strerror(errnum));
}

int directory_init(struct directory *d, const char *path, struct error *e)
{
    char *canonical = realpath(path, NULL);
    int errnum;

    if (!canonical)
        return look_error(e, path, errno);
    errnum = look(AT_FDCWD, canonical, d);
    if (errnum) {
        free(canonical);
        return look_error(e, path, errnum);
    }
    d->path = canonical;
    return 0;
}

int directory_copy(struct directory *d, const struct directory *from, struct error *e)
{
    char *path = strdup(from->path);

    if (!path)
        return error_set(e, ERR_OTHER, "out of memory");
    *d = *from;
    d->path = path;
    return 0;
}

void directory_fini(struct directory *d)
{
    free(d->path);
    d->path = NULL;
}

static int compare(const struct directory *d, const struct directory *now, struct error *e)
{
    /* NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult) ; looking at it has filled it */
    bool same = now->dev == d->dev && now->ino == d->ino &&
                (!now->born_ns || !d->born_ns || now->born_ns == d->born_ns);

    if (same)
        return 0;
    return error_set(e, ERR_NO_SUCH_APP, "directory '%.350s' was replaced by another one", d->path);
}

int directory_check(const struct directory *d, struct error *e)
{
    struct directory now;
    int errnum = look(AT_FDCWD, d->path, &now);

    if (errnum == ENOENT || errnum == ENOTDIR)
        return error_set(e, ERR_NO_SUCH_APP, "directory '%.350s' is gone", d->path);
    if (errnum)
        return look_error(e, d->path, errnum);
    return compare(d, &now, e);
}

int directory_check_private(const struct directory *d, struct error *e)
{
    struct stat st;

    if (stat(d->path, &st) != 0)
        return look_error(e, d->path, errno);
    if (!(st.st_mode & (S_IWGRP | S_IWOTH)))
        return 0;
    return error_set(e, ERR_ACCESS_DENIED,
                     "directory '%.350s' can be written by others than its owner; chmod go-w",
                     d->path);
}

/* Another owner is not the one whose app this is: his processes, his data, his say. */
static int check_owner(const struct directory *d, struct error *e)
{
    struct stat st;

    if (stat(d->path, &st) != 0)
        return look_error(e, d->path, errno);
    if (st.st_uid == d->uid)
        return 0;
    return error_set(
        e, ERR_OTHER,
        "directory '%.350s' belongs to uid %u now, not to %u as when it was registered", d->path,
        (unsigned)st.st_uid, (unsigned)d->uid);
}

int directory_check_usable(const struct directory *d, struct error *e)
{
    int code;

    if (faccessat(AT_FDCWD, d->path, W_OK | X_OK, AT_EACCESS) != 0)
        return error_set(e, ERR_OTHER, "directory '%.350s' cannot be written: %s", d->path,
                         strerror(errno));
    code = check_owner(d, e);
    return code ? code : directory_check_private(d, e);
}

uint64_t directory_store_bytes(const struct directory *d)
{
    static const char *const names[] = {"sqlite_key_value.db", "sqlite_key_value.db-wal"};
    uint64_t bytes = 0;

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char path[PATH_MAX];
        struct stat st;
        if (snprintf(path, sizeof(path), "%s/" STATE_NAME "/%s", d->path, names[i]) <
                (int)sizeof(path) &&
            lstat(path, &st) == 0 && S_ISREG(st.st_mode))
            bytes += (uint64_t)st.st_blocks * 512;
    }
    return bytes;
}

/* A descriptor of the very directory that was registered. */
static int open_registered(const struct directory *d, struct error *e)
{
    struct directory now;
    int fd = open(d->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    if (fd < 0) {
        int errnum = errno;
        int code = directory_check(d, e);
        return code ? code : look_error(e, d->path, errnum);
    }
    int errnum = look(fd, "", &now);
    int code = errnum ? look_error(e, d->path, errnum) : compare(d, &now, e);
    if (code) {
        close(fd);
        return code;
    }
    return fd;
}

static int state_error(const struct directory *d, struct error *e, const char *reason)
{
    return error_set(e, ERR_OTHER, "cannot open '%.350s/" STATE_NAME "': %s", d->path, reason);
}

/* Make what was just created durable and the owner's. 0 or an errno. */
static int settle(const struct directory *d, int parent, int fd)
{
    if (geteuid() == 0 && fchown(fd, d->uid, d->gid) != 0)
        return errno;
    if (fchmod(fd, 0700) != 0 || fsync(fd) != 0 || fsync(parent) != 0)
        return errno;
    return 0;
}

int directory_sync(const struct directory *d, struct error *e)
{
    int fd = open_registered(d, e);
    int errnum;

    if (fd < 0)
        return fd;
    errnum = fsync(fd) != 0 ? errno : 0;
    close(fd);
    return errnum ? state_error(d, e, strerror(errnum)) : 0;
}

int directory_open_state(const struct directory *d, struct error *e)
{
    int parent = open_registered(d, e);
    int fd = -1;
    int errnum;

    if (parent < 0)
        return parent;
    bool made = mkdirat(parent, STATE_NAME, 0700) == 0;
    errnum = made || errno == EEXIST ? 0 : errno;
    if (!errnum) {
        fd = openat(parent, STATE_NAME, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        errnum = fd < 0 ? errno : made ? settle(d, parent, fd) : 0;
    }
    close(parent);
    if (!errnum)
        return fd;
    if (fd >= 0)
        close(fd);
    /* O_DIRECTORY together with O_NOFOLLOW says ENOTDIR of a symlink as well. */
    return state_error(d, e,
                       errnum == ENOTDIR || errnum == ELOOP ? "not a directory" : strerror(errnum));
}
