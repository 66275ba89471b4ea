#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "client/runner/wasi.h"

enum filetype {
    TYPE_UNKNOWN,
    TYPE_BLOCK,
    TYPE_CHARACTER,
    TYPE_DIRECTORY,
    TYPE_REGULAR,
    TYPE_STREAM = 6,
    TYPE_SYMLINK = 7,
};
enum { FLAG_APPEND = 1, FLAG_DSYNC = 2, FLAG_NONBLOCK = 4, FLAG_RSYNC = 8, FLAG_SYNC = 16 };
enum { SET_ATIME = 1, SET_ATIME_NOW = 2, SET_MTIME = 4, SET_MTIME_NOW = 8 };

/* How many buffers go into one system call; a program that has more is told of fewer bytes. */
#define BUFFERS_MAX 64
#define NSEC 1000000000u

struct wasi_fd *wasi_fd_with(const struct host *h, uint32_t number, uint64_t rights,
                             uint32_t *ret_answer)
{
    struct wasi_fd *fd = wasi_fds_find(h->fds, number);
    uint64_t lacks = fd ? rights & ~fd->rights : 0;
    if (fd && !lacks)
        return fd;
    *ret_answer = !fd                                       ? WASI_EBADF
                  : fd->read_only && (lacks & RIGHTS_WRITE) ? WASI_EROFS
                                                            : WASI_ENOTCAPABLE;
    return NULL;
}

/* The answer for a system call that returned this. */
static uint32_t answer_of(int result)
{
    return result < 0 ? wasi_errno(errno) : WASI_OK;
}

/* The descriptor itself stays if it is the runner's, too. */
uint32_t wasi_fd_close(struct host *h, uint32_t fd)
{
    uint32_t answer = WASI_OK;
    if (!wasi_fd_with(h, fd, 0, &answer))
        return answer;
    wasi_fds_close(h->fds, fd);
    return WASI_OK;
}

uint32_t wasi_fd_renumber(struct host *h, uint32_t from, uint32_t to)
{
    if (!wasi_fds_find(h->fds, from) || !wasi_fds_find(h->fds, to))
        return WASI_EBADF;
    wasi_fds_renumber(h->fds, from, to);
    return WASI_OK;
}

/* The output is a pipe or a file of the daemon's, which has its own way with it. */
static uint32_t sync_with(struct host *h, uint32_t number, uint64_t right, int (*call)(int))
{
    uint32_t answer = WASI_OK;
    const struct wasi_fd *fd = wasi_fd_with(h, number, 0, &answer);
    if (!fd || fd->kind == WASI_FD_STDIO)
        return answer;
    fd = wasi_fd_with(h, number, right, &answer);
    return fd ? answer_of(call(fd->host)) : answer;
}

uint32_t wasi_fd_datasync(struct host *h, uint32_t fd)
{
    return sync_with(h, fd, RIGHT_FD_DATASYNC, fdatasync);
}

uint32_t wasi_fd_sync(struct host *h, uint32_t fd)
{
    return sync_with(h, fd, RIGHT_FD_SYNC, fsync);
}

uint32_t wasi_fd_advise(struct host *h, uint32_t number, uint64_t offset, uint64_t len,
                        uint32_t advice)
{
    static const int host[] = {POSIX_FADV_NORMAL,   POSIX_FADV_SEQUENTIAL, POSIX_FADV_RANDOM,
                               POSIX_FADV_WILLNEED, POSIX_FADV_DONTNEED,   POSIX_FADV_NOREUSE};
    uint32_t answer = WASI_OK;
    const struct wasi_fd *fd = wasi_fd_with(h, number, RIGHT_FD_ADVISE, &answer);
    if (!fd)
        return answer;
    if (advice >= sizeof(host) / sizeof(host[0]) || offset > INT64_MAX || len > INT64_MAX)
        return WASI_EINVAL;
    int code = posix_fadvise(fd->host, (off_t)offset, (off_t)len, host[advice]);
    return code ? wasi_errno(code) : WASI_OK;
}

uint32_t wasi_fd_allocate(struct host *h, uint32_t number, uint64_t offset, uint64_t len)
{
    uint32_t answer = WASI_OK;
    const struct wasi_fd *fd = wasi_fd_with(h, number, RIGHT_FD_ALLOCATE, &answer);
    if (!fd)
        return answer;
    if (offset > INT64_MAX || len > INT64_MAX)
        return WASI_EINVAL;
    return answer_of(fallocate(fd->host, 0, (off_t)offset, (off_t)len));
}

/* Those of the standard descriptors are shared with whoever else has them: they stay as they are.
 */
uint32_t wasi_fd_fdstat_set_flags(struct host *h, uint32_t number, uint32_t flags)
{
    uint32_t answer = WASI_OK;
    const struct wasi_fd *fd = wasi_fd_with(h, number, RIGHT_FD_FDSTAT_SET_FLAGS, &answer);
    if (!fd)
        return answer;
    if (fd->kind == WASI_FD_STDIO)
        return (flags & ~(uint32_t)FLAG_APPEND) == 0 ? WASI_OK : WASI_ENOTSUP;
    if (flags & ~(uint32_t)(FLAG_APPEND | FLAG_NONBLOCK))
        return WASI_ENOTSUP;
    int host = (flags & FLAG_APPEND ? O_APPEND : 0) | (flags & FLAG_NONBLOCK ? O_NONBLOCK : 0);
    return answer_of(fcntl(fd->host, F_SETFL, host));
}

/* Rights may only be given up. */
uint32_t wasi_fd_fdstat_set_rights(struct host *h, uint32_t number, uint64_t base,
                                   uint64_t inheriting)
{
    uint32_t answer = WASI_OK;
    struct wasi_fd *fd = wasi_fd_with(h, number, 0, &answer);
    if (!fd)
        return answer;
    if ((base & ~fd->rights) || (inheriting & ~fd->inheriting))
        return WASI_ENOTCAPABLE;
    fd->rights = base;
    fd->inheriting = inheriting;
    return WASI_OK;
}

uint8_t wasi_filetype(mode_t mode)
{
    switch (mode & S_IFMT) {
    case S_IFCHR:
        return TYPE_CHARACTER;
    case S_IFBLK:
        return TYPE_BLOCK;
    case S_IFDIR:
        return TYPE_DIRECTORY;
    case S_IFREG:
        return TYPE_REGULAR;
    case S_IFLNK:
        return TYPE_SYMLINK;
    case S_IFSOCK:
        return TYPE_STREAM;
    default:
        return TYPE_UNKNOWN;
    }
}

static uint16_t flags_of(const struct wasi_fd *fd)
{
    int host = fd->kind == WASI_FD_STDIO ? 0 : fcntl(fd->host, F_GETFL);
    if (host < 0)
        return 0;
    return (uint16_t)((host & O_APPEND ? FLAG_APPEND : 0) |
                      (host & O_NONBLOCK ? FLAG_NONBLOCK : 0) | (host & O_DSYNC ? FLAG_DSYNC : 0) |
                      ((host & O_SYNC) == O_SYNC ? FLAG_SYNC : 0));
}

uint32_t wasi_fd_fdstat_get(struct host *h, uint32_t number, uint32_t ret)
{
    struct stat st;
    uint32_t answer = WASI_OK;
    const struct wasi_fd *fd = wasi_fd_with(h, number, 0, &answer);
    if (!fd)
        return answer;
    if (fstat(fd->host, &st) < 0)
        return wasi_errno(errno);
    uint8_t *at = host_memory(h, ret, 24);
    if (!at)
        return WASI_EFAULT;
    memset(at, 0, 24);
    at[0] = wasi_filetype(st.st_mode);
    host_store16(at + 2, flags_of(fd));
    host_store64(at + 8, fd->rights);
    host_store64(at + 16, fd->inheriting);
    return WASI_OK;
}

static uint64_t nanoseconds(const struct timespec *t)
{
    return (uint64_t)t->tv_sec * NSEC + (uint64_t)t->tv_nsec;
}

void wasi_store_filestat(uint8_t *at, const struct stat *st)
{
    memset(at, 0, 64);
    host_store64(at, st->st_dev);
    host_store64(at + 8, st->st_ino);
    at[16] = wasi_filetype(st->st_mode);
    host_store64(at + 24, st->st_nlink);
    host_store64(at + 32, (uint64_t)st->st_size);
    host_store64(at + 40, nanoseconds(&st->st_atim));
    host_store64(at + 48, nanoseconds(&st->st_mtim));
    host_store64(at + 56, nanoseconds(&st->st_ctim));
}

uint32_t wasi_fd_filestat_get(struct host *h, uint32_t number, uint32_t ret)
{
    struct stat st = {0};
    uint32_t answer = WASI_OK;
    const struct wasi_fd *fd = wasi_fd_with(h, number, RIGHT_FD_FILESTAT_GET, &answer);
    if (!fd)
        return answer;
    if (fstat(fd->host, &st) < 0)
        return wasi_errno(errno);
    uint8_t *at = host_memory(h, ret, 64);
    if (!at)
        return WASI_EFAULT;
    /* Of the output nothing but its kind is the program's business. */
    struct stat shown = {
        .st_mode = st.st_mode, .st_nlink = 1, .st_size = S_ISREG(st.st_mode) ? st.st_size : 0};
    wasi_store_filestat(at, fd->kind == WASI_FD_STDIO ? &shown : &st);
    return WASI_OK;
}

uint32_t wasi_fd_filestat_set_size(struct host *h, uint32_t number, uint64_t size)
{
    uint32_t answer = WASI_OK;
    const struct wasi_fd *fd = wasi_fd_with(h, number, RIGHT_FD_FILESTAT_SET_SIZE, &answer);
    if (!fd)
        return answer;
    return size > INT64_MAX ? WASI_EINVAL : answer_of(ftruncate(fd->host, (off_t)size));
}

static struct timespec time_of(uint64_t given, bool set, bool now)
{
    struct timespec t = {0, now ? UTIME_NOW : UTIME_OMIT};
    if (set)
        t = (struct timespec){(time_t)(given / NSEC), (long)(given % NSEC)};
    return t;
}

bool wasi_times(uint64_t atime, uint64_t mtime, uint32_t flags, struct timespec ret[2])
{
    bool twice = ((flags & SET_ATIME) && (flags & SET_ATIME_NOW)) ||
                 ((flags & SET_MTIME) && (flags & SET_MTIME_NOW));
    if (twice || flags > 15)
        return false;
    ret[0] = time_of(atime, flags & SET_ATIME, flags & SET_ATIME_NOW);
    ret[1] = time_of(mtime, flags & SET_MTIME, flags & SET_MTIME_NOW);
    return true;
}

uint32_t wasi_fd_filestat_set_times(struct host *h, uint32_t number, uint64_t atime, uint64_t mtime,
                                    uint32_t flags)
{
    struct timespec times[2];
    uint32_t answer = WASI_OK;
    const struct wasi_fd *fd = wasi_fd_with(h, number, RIGHT_FD_FILESTAT_SET_TIMES, &answer);
    if (!fd)
        return answer;
    if (!wasi_times(atime, mtime, flags, times))
        return WASI_EINVAL;
    return answer_of(futimens(fd->host, times));
}

/* In the output a position is nothing a program could rely on: others write there as well. */
static uint32_t seek(struct host *h, uint32_t number, uint64_t right, off_t offset, int whence,
                     uint32_t ret)
{
    uint32_t answer = WASI_OK;
    const struct wasi_fd *fd = wasi_fd_with(h, number, 0, &answer);
    if (!fd)
        return answer;
    if (fd->kind == WASI_FD_STDIO)
        return WASI_ESPIPE;
    if (!wasi_fd_with(h, number, right, &answer))
        return answer;
    uint8_t *at = host_memory(h, ret, 8);
    if (!at)
        return WASI_EFAULT;
    off_t result = lseek(fd->host, offset, whence);
    if (result < 0)
        return wasi_errno(errno);
    host_store64(at, (uint64_t)result);
    return WASI_OK;
}

uint32_t wasi_fd_seek(struct host *h, uint32_t fd, uint64_t offset, uint32_t whence, uint32_t ret)
{
    static const int host[] = {SEEK_SET, SEEK_CUR, SEEK_END};
    if (whence > 2)
        return wasi_fds_find(h->fds, fd) ? WASI_EINVAL : WASI_EBADF;
    return seek(h, fd, RIGHT_FD_SEEK, (off_t)offset, host[whence], ret);
}

uint32_t wasi_fd_tell(struct host *h, uint32_t fd, uint32_t ret)
{
    return seek(h, fd, RIGHT_FD_TELL, 0, SEEK_CUR, ret);
}

/* The program's buffers as the host's. */
static uint32_t gather(struct host *h, uint32_t iovs, uint32_t count, struct iovec *buffers,
                       int *ret_count)
{
    int used = 0;
    for (; (uint32_t)used < count && used < BUFFERS_MAX; used++) {
        const uint8_t *pair = host_memory(h, iovs + (uint32_t)used * 8, 8);
        if (!pair)
            return WASI_EFAULT;
        uint32_t len = host_load32(pair + 4);
        buffers[used].iov_base = host_memory(h, host_load32(pair), len);
        buffers[used].iov_len = len;
        if (!buffers[used].iov_base)
            return WASI_EFAULT;
    }
    *ret_count = used;
    return WASI_OK;
}

/* One of readv, writev, preadv and pwritev; offset -1: where the descriptor stands. */
enum direction { READ, WRITE };

static ssize_t call(int fd, const struct iovec *buffers, int count, enum direction direction,
                    int64_t offset)
{
    if (direction == READ)
        return offset < 0 ? readv(fd, buffers, count) : preadv(fd, buffers, count, offset);
    return offset < 0 ? writev(fd, buffers, count) : pwritev(fd, buffers, count, offset);
}

static uint32_t transfer(struct host *h, uint32_t number, const uint32_t iovs[2],
                         enum direction direction, int64_t offset, uint32_t ret)
{
    struct iovec buffers[BUFFERS_MAX];
    int used = 0;
    uint32_t answer = WASI_OK;
    uint64_t right = (direction == READ ? RIGHT_FD_READ : RIGHT_FD_WRITE) |
                     (offset < 0 ? 0 : (uint64_t)RIGHT_FD_SEEK);
    const struct wasi_fd *fd = wasi_fd_with(h, number, right, &answer);
    /* As on other systems: what cannot be read is a bad descriptor. */
    if (!fd)
        return offset < 0 ? WASI_EBADF : answer;
    answer = gather(h, iovs[0], iovs[1], buffers, &used);
    uint8_t *ret_at = host_memory(h, ret, 4);
    if (answer || !ret_at)
        return answer ? answer : WASI_EFAULT;
    ssize_t n;
    do
        n = call(fd->host, buffers, used, direction, offset);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return wasi_errno(errno);
    host_store32(ret_at, (uint32_t)n);
    return WASI_OK;
}

uint32_t wasi_fd_read(struct host *h, uint32_t fd, uint32_t iovs, uint32_t count, uint32_t ret)
{
    return transfer(h, fd, (uint32_t[]){iovs, count}, READ, -1, ret);
}

uint32_t wasi_fd_write(struct host *h, uint32_t fd, uint32_t iovs, uint32_t count, uint32_t ret)
{
    return transfer(h, fd, (uint32_t[]){iovs, count}, WRITE, -1, ret);
}

uint32_t wasi_fd_pread(struct host *h, uint32_t fd, uint32_t iovs, uint32_t count, uint64_t offset,
                       uint32_t ret)
{
    if (offset > INT64_MAX)
        return WASI_EINVAL;
    return transfer(h, fd, (uint32_t[]){iovs, count}, READ, (int64_t)offset, ret);
}

uint32_t wasi_fd_pwrite(struct host *h, uint32_t fd, uint32_t iovs, uint32_t count, uint64_t offset,
                        uint32_t ret)
{
    if (offset > INT64_MAX)
        return WASI_EINVAL;
    return transfer(h, fd, (uint32_t[]){iovs, count}, WRITE, (int64_t)offset, ret);
}
