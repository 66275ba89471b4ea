#include "daemon/metrics_address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { METRICS_BACKLOG = 16 };

union address {
    struct sockaddr any;
    struct sockaddr_un un;
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
};

static int refuse(const char *text, struct error *e)
{
    return error_set(e, ERR_INVALID_REQUEST,
                     "metrics address '%s': must be an absolute path, or 127.0.0.1:PORT, "
                     "[::1]:PORT or localhost:PORT",
                     text);
}

/* A port, 0 included: the kernel picks one. */
static bool parse_port(const char *text, uint16_t *ret)
{
    char *end;
    unsigned long port;

    if (*text < '0' || *text > '9')
        return false;
    errno = 0;
    port = strtoul(text, &end, 10);
    if (*end || errno || port > UINT16_MAX)
        return false;
    *ret = (uint16_t)port;
    return true;
}

static int parse_unix(const char *text, union address *ret, socklen_t *ret_len, struct error *e)
{
    ret->un.sun_family = AF_UNIX;
    if (strlen(text) >= sizeof ret->un.sun_path)
        return error_set(e, ERR_INVALID_REQUEST, "metrics address '%s' is longer than %zu bytes",
                         text, sizeof ret->un.sun_path - 1);
    strcpy(ret->un.sun_path, text);
    *ret_len = sizeof ret->un;
    return 0;
}

static int parse(const char *text, union address *ret, socklen_t *ret_len, struct error *e)
{
    const char *colon = strrchr(text, ':');
    size_t len = colon ? (size_t)(colon - text) : 0;
    uint16_t port;

    memset(ret, 0, sizeof *ret);
    if (*text == '/')
        return parse_unix(text, ret, ret_len, e);
    if (!colon || !parse_port(colon + 1, &port))
        return refuse(text, e);
    if (len == 5 && !memcmp(text, "[::1]", 5)) {
        ret->in6.sin6_family = AF_INET6;
        ret->in6.sin6_addr = in6addr_loopback;
        ret->in6.sin6_port = htons(port);
        *ret_len = sizeof ret->in6;
        return 0;
    }
    if (!(len == 9 && (!memcmp(text, "127.0.0.1", 9) || !memcmp(text, "localhost", 9))))
        return refuse(text, e);
    ret->in.sin_family = AF_INET;
    ret->in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ret->in.sin_port = htons(port);
    *ret_len = sizeof ret->in;
    return 0;
}

int metrics_address_check(const char *text, struct error *e)
{
    union address address;
    socklen_t len;

    return parse(text, &address, &len, e);
}

/* A socket that a daemon left behind that was killed. */
static int clear_stale(const union address *address, socklen_t len, struct error *e)
{
    const char *path = address->un.sun_path;
    struct stat st;
    int rc = 0;

    if (lstat(path, &st))
        return 0;
    if (!S_ISSOCK(st.st_mode))
        return error_set(e, ERR_OTHER, "'%s' exists and is not a socket", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return error_set(e, ERR_OTHER, "cannot make a socket: %m");
    if (!connect(fd, &address->any, len) || errno == EAGAIN)
        rc = error_set(e, ERR_OTHER, "another program answers at '%s'", path);
    else if (errno != ECONNREFUSED || unlink(path))
        rc = error_set(e, ERR_OTHER, "cannot replace '%s': %m", path);
    close(fd);
    return rc;
}

/* Nobody may come in before the mode says so: until then the umask of the daemon, 077, holds. */
static int set_mode(const char *path, bool has_group, gid_t group, struct error *e)
{
    if (has_group && chown(path, (uid_t)-1, group))
        return error_set(e, ERR_OTHER, "cannot set the group of '%s': %m", path);
    if (chmod(path, has_group ? 0660 : 0600))
        return error_set(e, ERR_OTHER, "cannot set the mode of '%s': %m", path);
    return 0;
}

int metrics_address_listen(const char *text, bool has_group, gid_t group, int *ret_fd,
                           struct error *e)
{
    union address address;
    socklen_t len = 0;
    int on = 1, rc = parse(text, &address, &len, e);
    bool is_unix = address.any.sa_family == AF_UNIX;

    if (!rc && is_unix)
        rc = clear_stale(&address, len, e);
    if (rc)
        return rc;
    int fd = socket(address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return error_set(e, ERR_OTHER, "cannot make a socket: %m");
    if (!is_unix)
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, &address.any, len))
        rc = error_set(e, ERR_OTHER, "cannot bind '%s': %m", text);
    else if (is_unix)
        rc = set_mode(text, has_group, group, e);
    if (!rc && listen(fd, METRICS_BACKLOG))
        rc = error_set(e, ERR_OTHER, "cannot listen at '%s': %m", text);
    if (rc) {
        close(fd);
        return rc;
    }
    *ret_fd = fd;
    return 0;
}

bool metrics_address_is_own_host(const char *host)
{
    static const char *const own[] = {"127.0.0.1", "localhost", "[::1]"};
    uint16_t port;

    for (size_t i = 0; host && i < sizeof own / sizeof *own; i++) {
        size_t len = strlen(own[i]);
        if (strncasecmp(host, own[i], len) == 0 &&
            (!host[len] || (host[len] == ':' && parse_port(host + len + 1, &port))))
            return true;
    }
    return false;
}
