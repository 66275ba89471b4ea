#include "daemon/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/activation.h"
#include "daemon/conn.h"
#include "daemon/log.h"
#include "daemon/server.h"

enum { LISTENER_BACKLOG = 1024 };

static int listener_address(struct sockaddr_un *address, const char *path, struct error *e)
{
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address->sun_path)
        return error_set(e, ERR_OTHER, "socket path '%s' is longer than %zu bytes", path,
                         sizeof address->sun_path - 1);
    strcpy(address->sun_path, path);
    return 0;
}

static int listener_make_parent(const char *path, struct error *e)
{
    const char *slash = strrchr(path, '/');
    char *parent;
    int rc = 0;
    if (!slash || slash == path)
        return 0;
    parent = strndup(path, (size_t)(slash - path));
    /* Everybody may connect to root's daemon; the kernel says who it is. */
    if (!parent)
        return error_set(e, ERR_OTHER, "out of memory");
    if (mkdir(parent, 0700) == 0) {
        if (geteuid() == 0 && chmod(parent, 0755))
            rc = error_set(e, ERR_OTHER, "cannot set the mode of '%s': %m", parent);
    } else if (errno != EEXIST) {
        rc = error_set(e, ERR_OTHER, "cannot make directory '%s': %m", parent);
    }
    free(parent);
    return rc;
}

/* A socket file outlives the daemon that bound it when that was killed. It is in the way only until
 * somebody has found that nobody answers there. */
static int listener_clear_stale(const struct sockaddr_un *address, struct error *e)
{
    struct stat st;
    int rc = 0;
    int fd;
    if (lstat(address->sun_path, &st))
        return errno == ENOENT ? 0
                               : error_set(e, ERR_OTHER, "cannot look at '%s': %m",
                                           address->sun_path);
    if (!S_ISSOCK(st.st_mode))
        return error_set(e, ERR_OTHER, "'%s' exists and is not a socket", address->sun_path);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return error_set(e, ERR_OTHER, "cannot make a socket: %m");
    if (!connect(fd, (const struct sockaddr *)address, sizeof *address) || errno == EAGAIN)
        rc = error_set(e, ERR_OTHER, "another daemon answers at '%s'", address->sun_path);
    else if (errno != ECONNREFUSED)
        rc = error_set(e, ERR_OTHER, "cannot tell who is at '%s': %m", address->sun_path);
    else if (unlink(address->sun_path))
        rc = error_set(e, ERR_OTHER, "cannot remove stale socket '%s': %m", address->sun_path);
    close(fd);
    return rc;
}

static int listener_bind(const char *path, int *ret_fd, struct error *e)
{
    struct sockaddr_un address;
    int fd;
    int rc = listener_address(&address, path, e);
    if (!rc)
        rc = listener_make_parent(path, e);
    if (!rc)
        rc = listener_clear_stale(&address, e);
    if (rc)
        return rc;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return error_set(e, ERR_OTHER, "cannot make a socket: %m");
    if (bind(fd, (const struct sockaddr *)&address, sizeof address)) {
        rc = error_set(e, ERR_OTHER, "cannot bind '%s': %m", path);
    } else if (chmod(path, geteuid() == 0 ? 0666 : 0600)) {
        rc = error_set(e, ERR_OTHER, "cannot set the mode of '%s': %m", path);
        unlink(path);
    }
    if (rc) {
        close(fd);
        return rc;
    }
    *ret_fd = fd;
    return 0;
}

static void listener_refuse(struct listener *l);

static void listener_refused_cb(uv_handle_t *handle)
{
    struct listener *l = container_of((uv_pipe_t *)handle, struct listener, refused);
    l->refusing = false;
    if (l->refuse_next && l->listening)
        listener_refuse(l);
}

/* libuv stops listening until a connection is taken, and there is no memory to take it: take it
 * without any. */
static void listener_refuse(struct listener *l)
{
    l->refuse_next = l->refusing;
    if (l->refusing)
        return;
    l->refusing = true;
    uv_pipe_init(&l->server->loop, &l->refused, 0);
    uv_accept((uv_stream_t *)&l->pipe, (uv_stream_t *)&l->refused);
    uv_close((uv_handle_t *)&l->refused, listener_refused_cb);
}

static void listener_connection_cb(uv_stream_t *stream, int status)
{
    struct listener *l = container_of((uv_pipe_t *)stream, struct listener, pipe);
    struct access_peer peer;
    struct conn *c;
    struct error e;
    uv_os_fd_t fd;
    if (status) {
        log_warning("cannot accept a connection: %s", uv_strerror(status));
        return;
    }
    c = conn_new(l->server);
    if (!c) {
        log_error("cannot accept a connection: out of memory");
        listener_refuse(l);
        return;
    }
    status = uv_accept(stream, (uv_stream_t *)conn_pipe(c));
    if (!status)
        status = uv_fileno((uv_handle_t *)conn_pipe(c), &fd);
    if (status) {
        conn_close(c, "cannot accept: %s", uv_strerror(status));
        return;
    }
    if (access_peer_init(&peer, fd, &l->server->options.admins, &e)) {
        conn_close(c, "%s", e.text);
        return;
    }
    conn_start_peer(c, &peer);
}

/* The loop closes what it listens on, the service manager's descriptor stays. */
static int listener_copy(int given, int *ret_fd, struct error *e)
{
    char *path = activation_path(given);
    int fd;
    free(path);
    if (!path)
        return error_set(e, ERR_INVALID_REQUEST, "the service manager's socket has no path");
    fd = fcntl(given, F_DUPFD_CLOEXEC, 0);
    if (fd < 0 || fcntl(fd, F_SETFL, O_NONBLOCK))
        return error_set(e, ERR_OTHER, "cannot use the socket of the service manager: %m");
    *ret_fd = fd;
    return 0;
}

int listener_start(struct listener *l, struct server *server, const char *path, int given,
                   struct error *e)
{
    int fd = -1;
    int rc = given ? listener_copy(given, &fd, e) : listener_bind(path, &fd, e);
    if (rc)
        return rc;
    l->given = given != 0;
    l->server = server;
    l->path = l->given ? activation_path(fd) : strdup(path);
    uv_pipe_init(&server->loop, &l->pipe, 0);
    rc = l->path ? uv_pipe_open(&l->pipe, fd) : UV_ENOMEM;
    if (!rc)
        rc = uv_listen((uv_stream_t *)&l->pipe, LISTENER_BACKLOG, listener_connection_cb);
    if (!rc) {
        l->listening = true;
        return 0;
    }
    error_set(e, ERR_OTHER, "cannot listen at '%s': %s", path, uv_strerror(rc));
    if (!l->given)
        unlink(path);
    close(fd);
    uv_close((uv_handle_t *)&l->pipe, NULL);
    free(l->path);
    return ERR_OTHER;
}

int listener_adopt(struct listener *l, struct server *server, int fd, struct slice path, bool given)
{
    int rc;
    l->given = given;
    l->server = server;
    l->path = strndup(path.data, path.len);
    uv_pipe_init(&server->loop, &l->pipe, 0);
    rc = l->path ? uv_pipe_open(&l->pipe, fd) : UV_ENOMEM;
    if (!rc)
        rc = uv_listen((uv_stream_t *)&l->pipe, LISTENER_BACKLOG, listener_connection_cb);
    l->listening = !rc;
    return rc ? ERR_OTHER : 0;
}

int listener_fd(const struct listener *l)
{
    uv_os_fd_t fd;
    return uv_fileno((const uv_handle_t *)&l->pipe, &fd) ? -1 : fd;
}

void listener_stop(struct listener *l)
{
    if (!l->listening)
        return;
    l->listening = false;
    if (!l->given)
        unlink(l->path);
    free(l->path);
    l->path = NULL;
    uv_close((uv_handle_t *)&l->pipe, NULL);
}
