#include <errno.h>
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
    TYPE_STREAM = 6
};
enum { RIGHT_FD_READ = 1 << 1, RIGHT_FD_WRITE = 1 << 6, RIGHT_POLL = 1 << 27 };

/* How many buffers go into one system call; a program that has more is told of fewer bytes. */
#define BUFFERS_MAX 64

bool wasi_fd_open(const struct host *h, uint32_t fd)
{
    return fd <= 2 && !h->closed[fd];
}

/* The descriptor itself stays: it is the runner's stderr, too. */
uint32_t wasi_fd_close(struct host *h, uint32_t fd)
{
    if (!wasi_fd_open(h, fd))
        return WASI_EBADF;
    h->closed[fd] = true;
    return WASI_OK;
}

uint32_t wasi_fd_datasync(struct host *h, uint32_t fd)
{
    return wasi_fd_sync(h, fd);
}

uint32_t wasi_fd_sync(struct host *h, uint32_t fd)
{
    return wasi_fd_open(h, fd) ? WASI_OK : WASI_EBADF;
}

/* Those of the host are shared with whoever else has the descriptor: they stay as they are. */
uint32_t wasi_fd_fdstat_set_flags(struct host *h, uint32_t fd, uint32_t flags)
{
    if (!wasi_fd_open(h, fd))
        return WASI_EBADF;
    return flags == 0 ? WASI_OK : WASI_ENOTSUP;
}

static enum filetype filetype(mode_t mode)
{
    if (S_ISCHR(mode))
        return TYPE_CHARACTER;
    if (S_ISREG(mode))
        return TYPE_REGULAR;
    return S_ISSOCK(mode) ? TYPE_STREAM : TYPE_UNKNOWN;
}

uint32_t wasi_fd_fdstat_get(struct host *h, uint32_t fd, uint32_t ret)
{
    struct stat st;
    if (!wasi_fd_open(h, fd))
        return WASI_EBADF;
    if (fstat((int)fd, &st) < 0)
        return wasi_errno(errno);
    uint8_t *at = host_memory(h, ret, 24);
    if (!at)
        return WASI_EFAULT;
    memset(at, 0, 24);
    at[0] = (uint8_t)filetype(st.st_mode);
    host_store64(at + 8, RIGHT_POLL | (fd == 0 ? RIGHT_FD_READ : RIGHT_FD_WRITE));
    return WASI_OK;
}

uint32_t wasi_fd_filestat_get(struct host *h, uint32_t fd, uint32_t ret)
{
    struct stat st;
    if (!wasi_fd_open(h, fd))
        return WASI_EBADF;
    if (fstat((int)fd, &st) < 0)
        return wasi_errno(errno);
    uint8_t *at = host_memory(h, ret, 64);
    if (!at)
        return WASI_EFAULT;
    memset(at, 0, 64);
    at[16] = (uint8_t)filetype(st.st_mode);
    host_store64(at + 24, 1);
    host_store64(at + 32, S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0);
    return WASI_OK;
}

/* A position in the output is nothing a program could rely on: others write there as well. */
uint32_t wasi_fd_seek(struct host *h, uint32_t fd, uint64_t offset, uint32_t whence, uint32_t ret)
{
    (void)offset, (void)whence, (void)ret;
    return wasi_fd_open(h, fd) ? WASI_ESPIPE : WASI_EBADF;
}

uint32_t wasi_fd_tell(struct host *h, uint32_t fd, uint32_t ret)
{
    (void)ret;
    return wasi_fd_open(h, fd) ? WASI_ESPIPE : WASI_EBADF;
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

static uint32_t transfer(struct host *h, uint32_t fd, uint32_t iovs, uint32_t count, uint32_t ret,
                         ssize_t (*call)(int, const struct iovec *, int))
{
    struct iovec buffers[BUFFERS_MAX];
    int used = 0;
    if (!wasi_fd_open(h, fd))
        return WASI_EBADF;
    uint32_t answer = gather(h, iovs, count, buffers, &used);
    uint8_t *ret_at = host_memory(h, ret, 4);
    if (answer || !ret_at)
        return answer ? answer : WASI_EFAULT;
    ssize_t n;
    do
        n = call((int)fd, buffers, used);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return wasi_errno(errno);
    host_store32(ret_at, (uint32_t)n);
    return WASI_OK;
}

uint32_t wasi_fd_read(struct host *h, uint32_t fd, uint32_t iovs, uint32_t count, uint32_t ret)
{
    return fd == 0 ? transfer(h, fd, iovs, count, ret, readv) : WASI_EBADF;
}

uint32_t wasi_fd_write(struct host *h, uint32_t fd, uint32_t iovs, uint32_t count, uint32_t ret)
{
    return fd == 0 ? WASI_EBADF : transfer(h, fd, iovs, count, ret, writev);
}
