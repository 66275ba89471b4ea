/* LD_PRELOAD for a program under test: sockets that give and take a byte at a time, and calls that
 * are interrupted by signals. Of what is long a little more at once, for the sake of time. */
#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))
/* Every so manyth call on a socket is interrupted. */
#define INTERRUPT 5u
#define SHORT 256u

static atomic_uint calls;

static int is_socket(int fd)
{
    struct stat st;
    int before = errno;
    int is = syscall(SYS_fstat, fd, &st) == 0 && S_ISSOCK(st.st_mode);

    errno = before;
    return is;
}

static int is_interrupted(void)
{
    if (atomic_fetch_add(&calls, 1) % INTERRUPT)
        return 0;
    errno = EINTR;
    return 1;
}

static size_t drip(size_t len)
{
    return len <= SHORT ? len != 0 : len / 64;
}

EXPORT ssize_t read(int fd, void *bytes, size_t len)
{
    if (is_socket(fd)) {
        if (is_interrupted())
            return -1;
        len = drip(len);
    }
    return syscall(SYS_read, fd, bytes, len);
}

EXPORT ssize_t write(int fd, const void *bytes, size_t len)
{
    if (is_socket(fd)) {
        if (is_interrupted())
            return -1;
        len = drip(len);
    }
    return syscall(SYS_write, fd, bytes, len);
}

EXPORT ssize_t recv(int fd, void *bytes, size_t len, int flags)
{
    if (is_interrupted())
        return -1;
    return syscall(SYS_recvfrom, fd, bytes, drip(len), flags, NULL, NULL);
}

EXPORT ssize_t send(int fd, const void *bytes, size_t len, int flags)
{
    if (is_interrupted())
        return -1;
    return syscall(SYS_sendto, fd, bytes, drip(len), flags, NULL, 0);
}

/* The first part of many, and of it a little. */
EXPORT ssize_t writev(int fd, const struct iovec *v, int count)
{
    if (!is_socket(fd))
        return syscall(SYS_writev, fd, v, count);
    while (count > 1 && !v->iov_len) {
        v++;
        count--;
    }
    return write(fd, v->iov_base, v->iov_len);
}

EXPORT int poll(struct pollfd *fds, nfds_t count, int timeout_ms)
{
    if (timeout_ms && is_interrupted())
        return -1;
    return (int)syscall(SYS_poll, fds, count, timeout_ms);
}

EXPORT int accept4(int fd, struct sockaddr *restrict address, socklen_t *restrict len, int flags)
{
    if (is_interrupted())
        return -1;
    return (int)syscall(SYS_accept4, fd, address, len, flags);
}
