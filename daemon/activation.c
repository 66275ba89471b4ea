#include "daemon/activation.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/log.h"

enum { ACTIVATION_FIRST = 3, ACTIVATION_MOST = 64 };

/* A number in the environment; -1: none. */
static long number_of(const char *name)
{
    const char *text = getenv(name);
    char *end;
    long number;

    if (!text || *text < '0' || *text > '9')
        return -1;
    errno = 0;
    number = strtol(text, &end, 10);
    return *end || errno ? -1 : number;
}

static int check_listening(int fd, struct error *e)
{
    int type = 0, listening = 0;
    socklen_t size = sizeof type;

    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) || type != SOCK_STREAM ||
        getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) || !listening)
        return error_set(e, ERR_INVALID_REQUEST,
                         "descriptor %d, from the service manager, is no listening stream socket", fd);
    return 0;
}

static int take(struct activation *a, int fd, const char *name, size_t len, struct error *e)
{
    bool metrics = len == strlen(ACTIVATION_METRICS) && !memcmp(name, ACTIVATION_METRICS, len);
    int *place = metrics ? &a->metrics : &a->listener;
    int rc = check_listening(fd, e);

    if (rc)
        return rc;
    if (*place)
        return error_set(e, ERR_INVALID_REQUEST,
                         "the service manager gives more than one socket for %s",
                         metrics ? "metrics" : "clients");
    if (fcntl(fd, F_SETFD, FD_CLOEXEC))
        return error_set(e, ERR_OTHER, "cannot use descriptor %d: %m", fd);
    *place = fd;
    return 0;
}

int activation_init(struct activation *a, struct error *e)
{
    const char *names = getenv("LISTEN_FDNAMES");
    long count = number_of("LISTEN_PID") == getpid() ? number_of("LISTEN_FDS") : 0;
    int rc = 0;

    a->listener = a->metrics = 0;
    if (count > ACTIVATION_MOST)
        return error_set(e, ERR_INVALID_REQUEST, "the service manager gives %ld sockets", count);
    for (int fd = ACTIVATION_FIRST; !rc && fd < ACTIVATION_FIRST + count; fd++) {
        size_t len = names ? strcspn(names, ":") : 0;
        rc = take(a, fd, names, len, e);
        if (names)
            names = names[len] ? names + len + 1 : NULL;
    }
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_FDNAMES");
    return rc;
}

char *activation_path(int fd)
{
    struct sockaddr_un address = {0};
    socklen_t size = sizeof address;

    if (getsockname(fd, (struct sockaddr *)&address, &size) || address.sun_family != AF_UNIX ||
        size <= offsetof(struct sockaddr_un, sun_path) || address.sun_path[0] != '/')
        return NULL;
    return strndup(address.sun_path, size - offsetof(struct sockaddr_un, sun_path));
}
