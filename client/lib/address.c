#include "address.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define SYSTEM_PATH "/run/bobbin/bobbin.sock"

void address_of_fd(struct address *a, int fd)
{
    a->fd = fd;
    a->is_path = false;
    snprintf(a->text, sizeof(a->text), "fd %d", fd);
}

bobbin_status address_of_path(struct address *a, const char *path, struct failure *f)
{
    int n = snprintf(a->text, sizeof(a->text), "%s", path);
    a->fd = -1;
    a->is_path = false;
    if (n == 0)
        return failure_set(f, BOBBIN_MISUSE, "the path of the daemon's socket is empty");
    if (n < 0 || (size_t)n >= sizeof(a->text))
        return failure_set(f, BOBBIN_CANNOT_CONNECT,
                           "cannot connect to '%s': a socket's path has at most %zu bytes", path,
                           sizeof(a->text) - 1);
    a->is_path = true;
    return BOBBIN_OK;
}

/* A descriptor's number as the daemon writes it: digits and nothing else. */
static bool parse_fd(const char *text, int *ret)
{
    long n = 0;
    if (text[0] == '\0' || (text[0] == '0' && text[1] != '\0'))
        return false;
    for (const char *p = text; *p != '\0'; p++) {
        if (*p < '0' || *p > '9' || n > INT_MAX / 10)
            return false;
        n = n * 10 + (*p - '0');
    }
    if (n > INT_MAX)
        return false;
    *ret = (int)n;
    return true;
}

/* The directory in the place of a missing $XDG_RUNTIME_DIR. Anybody can make it in /tmp, so it
 * counts only if it is this user's and nobody else can put a socket there. */
static bool is_private_directory(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == geteuid() &&
           (st.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

/* The path of this user's own daemon; whether somebody may be there. */
static bool user_path(char *ret, size_t size)
{
    const char *runtime = secure_getenv("XDG_RUNTIME_DIR");
    int n;
    if (runtime != NULL && runtime[0] == '/') {
        n = snprintf(ret, size, "%s/bobbin/bobbin.sock", runtime);
    } else {
        char directory[64];
        snprintf(directory, sizeof(directory), "/tmp/bobbin-%lu", (unsigned long)geteuid());
        n = snprintf(ret, size, "%s/bobbin.sock", directory);
        if (!is_private_directory(directory))
            return false;
    }
    return n > 0 && (size_t)n < size && access(ret, F_OK) == 0;
}

bobbin_status address_find(struct address *a, struct failure *f)
{
    const char *text = secure_getenv("BOBBIN_FD");
    int fd;
    if (text != NULL) {
        snprintf(a->text, sizeof(a->text), "$BOBBIN_FD");
        if (!parse_fd(text, &fd))
            return failure_set(f, BOBBIN_CANNOT_CONNECT,
                               "cannot connect: BOBBIN_FD is '%s', which is no descriptor", text);
        address_of_fd(a, fd);
        return BOBBIN_OK;
    }
    text = secure_getenv("BOBBIN_SOCKET");
    if (text != NULL && text[0] != '\0')
        return address_of_path(a, text, f);
    if (geteuid() == 0)
        return address_of_path(a, SYSTEM_PATH, f);

    char path[PATH_MAX];
    if (user_path(path, sizeof(path)))
        return address_of_path(a, path, f);
    if (access(SYSTEM_PATH, F_OK) == 0)
        return address_of_path(a, SYSTEM_PATH, f);
    snprintf(a->text, sizeof(a->text), "%s", SYSTEM_PATH);
    return failure_set(f, BOBBIN_CANNOT_CONNECT,
                       "cannot connect: there is neither '%s' nor '%s'; is bobbind running?", path,
                       SYSTEM_PATH);
}

static bobbin_status adopt(int fd, struct failure *f)
{
    int type;
    socklen_t len = sizeof(type);
    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) != 0)
        return failure_set(f, BOBBIN_CANNOT_CONNECT, "cannot connect to fd %d: %s", fd,
                           strerror(errno));
    if (type != SOCK_STREAM)
        return failure_set(f, BOBBIN_CANNOT_CONNECT,
                           "cannot connect to fd %d: it is not a stream socket", fd);
    int flags = fcntl(fd, F_GETFD);
    if (flags < 0 || fcntl(fd, F_SETFD, flags | FD_CLOEXEC) != 0)
        return failure_set(f, BOBBIN_CANNOT_CONNECT, "cannot keep fd %d from children: %s", fd,
                           strerror(errno));
    return BOBBIN_OK;
}

/* How long connect(2) may wait for room in the daemon's queue; then it fails with EAGAIN. */
static void set_patience(int fd, uint32_t timeout_ms)
{
    struct timeval t = {.tv_sec = timeout_ms / 1000, .tv_usec = timeout_ms % 1000 * 1000};
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof(t));
}

static bobbin_status connect_path(const char *path, uint32_t timeout_ms, int *ret_fd,
                                  struct failure *f)
{
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return failure_set(f, BOBBIN_CANNOT_CONNECT, "cannot make a socket: %s", strerror(errno));

    snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", path);
    int rc;
    if (timeout_ms > 0)
        set_patience(fd, timeout_ms);
    do {
        rc = connect(fd, (const struct sockaddr *)&sa, sizeof(sa));
    } while (rc != 0 && errno == EINTR);
    if (rc != 0) {
        int error = errno;
        bool nobody = error == ENOENT || error == ECONNREFUSED;
        close(fd);
        if (error == EAGAIN)
            return failure_set(f, BOBBIN_TIMED_OUT, "cannot connect to '%s': no answer in time",
                               path);
        return failure_set(f, BOBBIN_CANNOT_CONNECT, "cannot connect to '%s': %s%s", path,
                           strerror(error), nobody ? "; is bobbind running?" : "");
    }
    if (timeout_ms > 0)
        set_patience(fd, 0);
    *ret_fd = fd;
    return BOBBIN_OK;
}

bobbin_status address_open(const struct address *a, uint32_t timeout_ms, int *ret_fd,
                           struct failure *f)
{
    if (a->fd < 0)
        return connect_path(a->text, timeout_ms, ret_fd, f);
    bobbin_status status = adopt(a->fd, f);
    if (status == BOBBIN_OK)
        *ret_fd = a->fd;
    return status;
}
