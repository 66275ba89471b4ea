/* The system calls that change files or make them durable. This program's definitions come before
 * the C library's, for SQLite's library as well. */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "disk_internal.h"

#define EXPORT __attribute__((visibility("default")))
#define FD_MOST 4096

static unsigned nodes_of_fds[FD_MOST]; /* node + 1; 0: not recorded */

static size_t fail_at, fail_times, failures; /* at the how manyth call from now; 0: never */
static int fail_errnum;

void disk_fail(size_t n, size_t times, int errnum)
{
    disk_lock();
    fail_at = n;
    fail_times = times;
    fail_errnum = errnum;
    failures = 0;
    disk_unlock();
}

size_t disk_failed(void)
{
    return failures;
}

/* Whether a call on our files fails, under the lock. */
static bool fails(bool ours)
{
    if (!ours || !fail_at || !fail_times)
        return false;
    if (fail_at > 1) {
        fail_at--;
        return false;
    }
    fail_times--;
    failures++;
    return true;
}

/* The same for a call whose result is that of the system otherwise. */
#define UNLESS_FAILS(ours, call) (fails(ours) ? (errno = fail_errnum, -1) : (call))

/* The node that a descriptor is open on, under the lock; -1: none of ours. */
static long node_of(int fd)
{
    return disk_current && fd >= 0 && fd < FD_MOST ? (long)nodes_of_fds[fd] - 1 : -1;
}

struct place {
    unsigned directory;
    char name[256]; /* "": the directory itself */
};

/* Where a path leads in the recorded directory. */
static bool find_place(int dirfd, const char *path, struct place *ret)
{
    long at = DISK_ROOT;
    size_t len;

    if (!disk_current)
        return false;
    if (path[0] == '/') {
        len = strlen(disk_current->root);
        if (strncmp(path, disk_current->root, len) != 0 || (path[len] && path[len] != '/'))
            return false;
        path += len + (path[len] == '/');
    } else {
        at = node_of(dirfd);
    }
    if (at < 0)
        return false;
    for (; (len = strcspn(path, "/")) && path[len] == '/'; path += len + 1) {
        snprintf(ret->name, sizeof(ret->name), "%.*s", (int)len, path);
        long i = disk_names_find(&disk_current->now, (unsigned)at, ret->name);
        if (i < 0)
            return false;
        at = disk_current->now.list[i].node;
    }
    ret->directory = (unsigned)at;
    snprintf(ret->name, sizeof(ret->name), "%s", path);
    return true;
}

static char *copy_text(const char *text)
{
    char *copy = strdup(text);

    if (!copy)
        err(2, "simulated disk");
    return copy;
}

static void note_name(enum disk_event_kind kind, const struct place *from, const struct place *to,
                      unsigned node)
{
    struct disk_event *event = disk_add_event(disk_current, kind, node);

    event->directory = from->directory;
    event->name = copy_text(from->name);
    event->to_directory = to->directory;
    event->to_name = copy_text(to->name);
    disk_names_apply(&disk_current->now, event);
}

static void note_resize(unsigned node, uint64_t size)
{
    disk_add_event(disk_current, DISK_RESIZE, node)->at = size;
}

static void note_write(unsigned node, const void *bytes, size_t len, uint64_t at)
{
    struct disk_event *event = disk_add_event(disk_current, DISK_WRITE, node);

    event->at = at;
    event->len = len;
    event->bytes = malloc(len + 1);
    if (!event->bytes)
        err(2, "simulated disk");
    memcpy(event->bytes, bytes, len);
}

/* The node of a file that was opened, new where it was not there before. */
static unsigned opened_node(const struct place *place, int fd)
{
    struct stat st;
    long i =
        place->name[0] ? disk_names_find(&disk_current->now, place->directory, place->name) : 0;

    if (!place->name[0])
        return place->directory;
    if (i >= 0)
        return disk_current->now.list[i].node;
    fstat(fd, &st);
    unsigned node = disk_add_node(disk_current, S_ISDIR(st.st_mode), place->name);
    note_name(DISK_LINK, place, place, node);
    return node;
}

static int open_noted(int dirfd, const char *path, int flags, mode_t mode)
{
    struct place place;
    int fd;

    disk_lock();
    bool ours = find_place(dirfd, path, &place);
    fd = UNLESS_FAILS(ours, (int)syscall(SYS_openat, dirfd, path, flags, mode));
    if (fd >= 0 && fd < FD_MOST) {
        nodes_of_fds[fd] = ours ? opened_node(&place, fd) + 1 : 0;
        if (ours && flags & O_TRUNC)
            note_resize(nodes_of_fds[fd] - 1, 0);
    }
    disk_unlock();
    return fd;
}

static mode_t mode_of(int flags, va_list args)
{
    return flags & (O_CREAT | __O_TMPFILE) ? va_arg(args, mode_t) : 0;
}

#define DEFINE_OPEN(name)                                                                          \
    EXPORT int name(const char *path, int flags, ...)                                              \
    {                                                                                              \
        va_list args;                                                                              \
        va_start(args, flags);                                                                     \
        mode_t mode = mode_of(flags, args);                                                        \
        va_end(args);                                                                              \
        return open_noted(AT_FDCWD, path, flags, mode);                                            \
    }
DEFINE_OPEN(open)
DEFINE_OPEN(open64)

#define DEFINE_OPENAT(name)                                                                        \
    EXPORT int name(int dirfd, const char *path, int flags, ...)                                   \
    {                                                                                              \
        va_list args;                                                                              \
        va_start(args, flags);                                                                     \
        mode_t mode = mode_of(flags, args);                                                        \
        va_end(args);                                                                              \
        return open_noted(dirfd, path, flags, mode);                                               \
    }
DEFINE_OPENAT(openat)
DEFINE_OPENAT(openat64)

EXPORT int close(int fd)
{
    disk_lock();
    if (fd >= 0 && fd < FD_MOST)
        nodes_of_fds[fd] = 0;
    int rc = (int)syscall(SYS_close, fd);
    disk_unlock();
    return rc;
}

EXPORT ssize_t write(int fd, const void *bytes, size_t len)
{
    disk_lock();
    long node = node_of(fd);
    off_t at = node >= 0 ? lseek(fd, 0, SEEK_CUR) : 0;
    ssize_t n = UNLESS_FAILS(node >= 0, syscall(SYS_write, fd, bytes, len));
    if (node >= 0 && n > 0)
        note_write((unsigned)node, bytes, (size_t)n, (uint64_t)at);
    disk_unlock();
    return n;
}

static ssize_t pread_noted(int fd, void *bytes, size_t len, off_t at)
{
    disk_lock();
    ssize_t n = UNLESS_FAILS(node_of(fd) >= 0, syscall(SYS_pread64, fd, bytes, len, at));
    disk_unlock();
    return n;
}

EXPORT ssize_t pread(int fd, void *bytes, size_t len, off_t at)
{
    return pread_noted(fd, bytes, len, at);
}

EXPORT ssize_t pread64(int fd, void *bytes, size_t len, off_t at)
{
    return pread_noted(fd, bytes, len, at);
}

static ssize_t pwritev_noted(int fd, const struct iovec *v, int count, off_t at)
{
    disk_lock();
    long node = node_of(fd);
    ssize_t n = UNLESS_FAILS(node >= 0, syscall(SYS_pwritev, fd, v, count, at, 0L));
    /* A disk that is full has taken a part before. */
    if (node >= 0 && n < 0 && errno == ENOSPC && v[0].iov_len > 1)
        n = syscall(SYS_pwrite64, fd, v[0].iov_base, v[0].iov_len / 2, at);
    size_t left = n > 0 && node >= 0 ? (size_t)n : 0;
    for (int i = 0; left; i++) {
        size_t len = v[i].iov_len < left ? v[i].iov_len : left;
        if (len)
            note_write((unsigned)node, v[i].iov_base, len, (uint64_t)at);
        at += (off_t)len;
        left -= len;
    }
    disk_unlock();
    return n;
}

#define DEFINE_PWRITE(name)                                                                        \
    EXPORT ssize_t name(int fd, const void *bytes, size_t len, off_t at)                           \
    {                                                                                              \
        return pwritev_noted(fd, &(struct iovec){(void *)bytes, len}, 1, at);                      \
    }
DEFINE_PWRITE(pwrite)
DEFINE_PWRITE(pwrite64)

#define DEFINE_PWRITEV(name)                                                                       \
    EXPORT ssize_t name(int fd, const struct iovec *v, int count, off_t at)                        \
    {                                                                                              \
        return pwritev_noted(fd, v, count, at);                                                    \
    }
DEFINE_PWRITEV(pwritev)
DEFINE_PWRITEV(pwritev64)

#define DEFINE_FTRUNCATE(name)                                                                     \
    EXPORT int name(int fd, off_t size)                                                            \
    {                                                                                              \
        disk_lock();                                                                               \
        int rc = UNLESS_FAILS(node_of(fd) >= 0, (int)syscall(SYS_ftruncate, fd, size));            \
        if (!rc && node_of(fd) >= 0)                                                               \
            note_resize((unsigned)node_of(fd), (uint64_t)size);                                    \
        disk_unlock();                                                                             \
        return rc;                                                                                 \
    }
DEFINE_FTRUNCATE(ftruncate)
DEFINE_FTRUNCATE(ftruncate64)

/* It covers what was done before it began: other threads go on meanwhile. */
static int sync_noted(int fd, long call)
{
    disk_lock();
    long node = node_of(fd);
    struct disk *d = disk_current;
    size_t upto = node >= 0 ? d->event_count : 0;
    bool failing = fails(node >= 0);
    if (failing)
        disk_add_event(d, DISK_SYNC_FAILED, (unsigned)node)->upto = upto;
    disk_unlock();
    if (node < 0)
        return (int)syscall(call, fd);
    if (failing) {
        errno = fail_errnum;
        return -1;
    }
    sched_yield();
    disk_lock();
    if (!d->nodes[node].lies)
        disk_add_event(d, DISK_SYNC, (unsigned)node)->upto = upto;
    disk_unlock();
    return 0;
}

EXPORT int fsync(int fd)
{
    return sync_noted(fd, SYS_fsync);
}

EXPORT int fdatasync(int fd)
{
    return sync_noted(fd, SYS_fdatasync);
}

/* Makes nothing durable. Who waits for it is told of what could not be written; no later sync is then. */
EXPORT int sync_file_range(int fd, off64_t from, off64_t len, unsigned flags)
{
    (void)from;
    (void)len;
    disk_lock();
    long node = node_of(fd);
    size_t upto = node >= 0 ? disk_current->event_count : 0;
    bool failing = (flags & SYNC_FILE_RANGE_WAIT_AFTER) && fails(node >= 0);
    if (failing)
        disk_add_event(disk_current, DISK_SYNC_FAILED, (unsigned)node)->upto = upto;
    disk_unlock();
    if (failing)
        errno = fail_errnum;
    return failing ? -1 : 0;
}

EXPORT int unlinkat(int dirfd, const char *path, int flags)
{
    struct place place;

    disk_lock();
    bool ours = find_place(dirfd, path, &place);
    long i = ours ? disk_names_find(&disk_current->now, place.directory, place.name) : -1;
    int rc = UNLESS_FAILS(ours, (int)syscall(SYS_unlinkat, dirfd, path, flags));
    if (!rc && i >= 0)
        note_name(DISK_UNLINK, &place, &place, disk_current->now.list[i].node);
    disk_unlock();
    return rc;
}

EXPORT int unlink(const char *path)
{
    return unlinkat(AT_FDCWD, path, 0);
}

EXPORT int rmdir(const char *path)
{
    return unlinkat(AT_FDCWD, path, AT_REMOVEDIR);
}

static int relink(int fromfd, const char *from, int tofd, const char *to, int flags, bool moves)
{
    struct place old, new;

    disk_lock();
    bool ours = find_place(tofd, to, &new);
    bool known = find_place(fromfd, from, &old);
    long i = known ? disk_names_find(&disk_current->now, old.directory, old.name) : -1;
    if (ours && i < 0)
        errx(2, "simulated disk: '%s' comes from outside", to);
    int rc = UNLESS_FAILS(ours, (int)(moves ? syscall(SYS_renameat, fromfd, from, tofd, to)
                                            : syscall(SYS_linkat, fromfd, from, tofd, to, flags)));
    if (!rc && ours)
        note_name(moves ? DISK_RENAME : DISK_LINK, moves ? &old : &new, &new,
                  disk_current->now.list[i].node);
    disk_unlock();
    return rc;
}

EXPORT int renameat(int fromfd, const char *from, int tofd, const char *to)
{
    return relink(fromfd, from, tofd, to, 0, true);
}

EXPORT int rename(const char *from, const char *to)
{
    return relink(AT_FDCWD, from, AT_FDCWD, to, 0, true);
}

EXPORT int linkat(int fromfd, const char *from, int tofd, const char *to, int flags)
{
    return relink(fromfd, from, tofd, to, flags, false);
}

EXPORT int mkdirat(int dirfd, const char *path, mode_t mode)
{
    struct place place;

    disk_lock();
    bool ours = find_place(dirfd, path, &place);
    int rc = UNLESS_FAILS(ours, (int)syscall(SYS_mkdirat, dirfd, path, mode));
    if (!rc && ours)
        note_name(DISK_LINK, &place, &place, disk_add_node(disk_current, true, place.name));
    disk_unlock();
    return rc;
}

EXPORT int mkdir(const char *path, mode_t mode)
{
    return mkdirat(AT_FDCWD, path, mode);
}
