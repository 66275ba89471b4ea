#include "talk.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "bench.h"

int talk_connect(const char *socket_path, int *ret_fd, struct error *e)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct timeval patience = {.tv_sec = TALK_SECONDS};
    int fd;
    if (strlen(socket_path) >= sizeof address.sun_path)
        return error_set(e, ERR_INVALID_REQUEST, "the socket's path '%s' is too long", socket_path);
    memcpy(address.sun_path, socket_path, strlen(socket_path) + 1);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return error_set(e, ERR_OTHER, "cannot make a socket: %m");
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (connect(fd, (struct sockaddr *)&address, sizeof address)) {
        int rc = error_set(e, ERR_OTHER, "cannot connect to '%s': %m", socket_path);
        close(fd);
        return rc;
    }
    *ret_fd = fd;
    return 0;
}

int talk_send(int fd, const void *bytes, size_t n, struct error *e)
{
    const char *p = bytes;
    while (n) {
        ssize_t sent = write(fd, p, n);
        if (sent < 0 && errno == EINTR && !bench_interrupted)
            continue;
        if (sent < 0)
            return error_set(e, ERR_OTHER, "cannot send: %m");
        p += sent;
        n -= (size_t)sent;
    }
    return 0;
}

int talk_receive(int fd, struct buffer *b, struct error *e)
{
    ssize_t n;
    if (buffer_reserve(b, 65536))
        return error_set(e, ERR_OTHER, "out of memory");
    do
        n = read(fd, b->data + b->len, 65536);
    while (n < 0 && errno == EINTR && !bench_interrupted);
    if (n < 0)
        return error_set(e, ERR_OTHER, "cannot receive: %m");
    if (n == 0)
        return error_set(e, ERR_OTHER, "the server closed the connection");
    b->len += (size_t)n;
    return 0;
}
