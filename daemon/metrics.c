#include "daemon/metrics.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/log.h"
#include "daemon/metrics_address.h"
#include "daemon/metrics_text.h"
#include "daemon/server.h"

/* Scrapers of one address at once, how long one may be silent, and what it may send as headers. */
enum { METRICS_CONNECTIONS = 8, METRICS_TIMEOUT_S = 10, METRICS_HEADERS = 16 << 10 };

static void metrics_set_state(struct metrics *m, enum metrics_state state)
{
    m->state = state;
    pthread_cond_broadcast(&m->moved);
}

static void metrics_wake_cb(uv_async_t *wake)
{
    struct metrics *m = container_of(wake, struct metrics, wake);
    bool more = false;

    pthread_mutex_lock(&m->mutex);
    if (m->state == METRICS_ASKED) {
        more = snapshot_take(&m->snapshot, m->server);
        if (!more)
            metrics_set_state(m, METRICS_READY);
    }
    pthread_mutex_unlock(&m->mutex);
    if (more)
        uv_async_send(wake); /* in the next turn: others come first */
}

/* Ask the loop, from an HTTP thread, and wait for it. False: the daemon stops. */
static bool metrics_ask(struct metrics *m, struct snapshot *ret)
{
    pthread_mutex_lock(&m->mutex);
    while (m->state != METRICS_IDLE && m->state != METRICS_OFF)
        pthread_cond_wait(&m->moved, &m->mutex);
    if (m->state == METRICS_IDLE) {
        snapshot_init(&m->snapshot);
        metrics_set_state(m, METRICS_ASKED);
        uv_async_send(&m->wake);
    }
    while (m->state == METRICS_ASKED)
        pthread_cond_wait(&m->moved, &m->mutex);
    bool ready = m->state == METRICS_READY;
    if (ready) {
        *ret = m->snapshot;
        snapshot_init(&m->snapshot);
        metrics_set_state(m, METRICS_IDLE);
    }
    pthread_mutex_unlock(&m->mutex);
    return ready;
}

static enum MHD_Result metrics_reply(const struct http_library *http, struct MHD_Connection *c,
                                     unsigned status, struct MHD_Response *response,
                                     const char *type)
{
    enum MHD_Result result = MHD_NO;

    if (!response)
        return MHD_NO;
    if (http->MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type) == MHD_YES &&
        http->MHD_add_response_header(response, "X-Content-Type-Options", "nosniff") == MHD_YES &&
        http->MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store") == MHD_YES)
        result = http->MHD_queue_response(c, status, response);
    http->MHD_destroy_response(response);
    return result;
}

static enum MHD_Result metrics_refuse(const struct http_library *http, struct MHD_Connection *c,
                                      unsigned status, const char *text)
{
    return metrics_reply(http, c, status,
                         http->MHD_create_response_from_buffer(strlen(text), (void *)text,
                                                         MHD_RESPMEM_PERSISTENT),
                         "text/plain; charset=utf-8");
}

static enum metrics_format metrics_wanted_format(const struct http_library *http,
                                                 struct MHD_Connection *c)
{
    const char *accept =
        http->MHD_lookup_connection_value(c, MHD_HEADER_KIND, MHD_HTTP_HEADER_ACCEPT);

    return accept && strstr(accept, "application/openmetrics-text") ? METRICS_OPENMETRICS
                                                                    : METRICS_TEXT;
}

static enum MHD_Result metrics_tell(struct metrics *m, struct MHD_Connection *c)
{
    const struct http_library *http = &m->http;
    enum metrics_format format = metrics_wanted_format(http, c);
    struct snapshot snapshot;
    struct buffer text;

    if (!metrics_ask(m, &snapshot))
        return metrics_refuse(http, c, MHD_HTTP_SERVICE_UNAVAILABLE, "the daemon stops\n");
    buffer_init(&text);
    if (!snapshot_failed(&snapshot))
        metrics_write(&snapshot, format, &text);
    if (snapshot_failed(&snapshot) || text.failed) {
        snapshot_fini(&snapshot);
        buffer_fini(&text);
        return metrics_refuse(http, c, MHD_HTTP_SERVICE_UNAVAILABLE, "out of memory\n");
    }
    snapshot_fini(&snapshot);
    return metrics_reply(http, c, MHD_HTTP_OK,
                         http->MHD_create_response_from_buffer(text.len, text.data,
                                                         MHD_RESPMEM_MUST_FREE),
                         metrics_content_type(format));
}

static enum MHD_Result metrics_request_cb(void *arg, struct MHD_Connection *c, const char *url,
                                          const char *method, const char *version,
                                          const char *upload, size_t *upload_size, void **state)
{
    struct metrics_listener *l = arg;
    const struct http_library *http = &l->metrics->http;
    static int seen;

    (void)version;
    (void)upload;
    /* The first call comes before the body, of which there is none that we want. */
    if (!*state) {
        *state = &seen;
        return MHD_YES;
    }
    if (*upload_size) {
        *upload_size = 0;
        return MHD_YES;
    }
    if (!l->path && !metrics_address_is_own_host(http->MHD_lookup_connection_value(
                        c, MHD_HEADER_KIND, MHD_HTTP_HEADER_HOST)))
        return metrics_refuse(http, c, MHD_HTTP_FORBIDDEN, "the Host header names another machine\n");
    if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
        return metrics_refuse(http, c, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET and HEAD\n");
    if (strcmp(url, "/metrics") != 0)
        return metrics_refuse(http, c, MHD_HTTP_NOT_FOUND, "there is /metrics alone\n");
    return metrics_tell(l->metrics, c);
}

/* The descriptor is the listener's from now on. */
static int metrics_serve(struct metrics *m, const char *address, int fd, struct error *e)
{
    struct metrics_listener *l = &m->listeners[m->listener_count];
    const struct http_library *http = &m->http;

    l->metrics = m;
    l->path = *address == '/' ? strdup(address) : NULL;
    /* Without ITC a thread that has all connections it may have is not woken when it shall stop. */
    l->http = http->MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ITC, 0, NULL, NULL,
                               metrics_request_cb, l, MHD_OPTION_LISTEN_SOCKET, fd,
                               MHD_OPTION_CONNECTION_LIMIT,
                               (unsigned)METRICS_CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT,
                               (unsigned)METRICS_TIMEOUT_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
                               (size_t)METRICS_HEADERS, MHD_OPTION_END);
    if (!l->http || (*address == '/' && !l->path)) {
        if (!l->http)
            close(fd);
        else
            http->MHD_stop_daemon(l->http);
        free(l->path);
        return error_set(e, ERR_OTHER, "cannot serve metrics at '%s'", address);
    }
    m->listener_count++;
    const union MHD_DaemonInfo *info = http->MHD_get_daemon_info(l->http, MHD_DAEMON_INFO_BIND_PORT);
    if (info && info->port)
        log_info("metrics at '%s', port %u", address, info->port);
    else
        log_info("metrics at '%s'", address);
    return 0;
}

static int metrics_listen(struct metrics *m, const char *address, struct error *e)
{
    const struct access_admins *admins = &m->server->options.admins;
    int fd = -1;
    int rc = metrics_address_listen(address, admins->has_group, admins->group, &fd, e);

    return rc ? rc : metrics_serve(m, address, fd, e);
}

/* What the service manager has opened, of which a copy is listened on. */
static int metrics_take(struct metrics *m, int given, struct error *e)
{
    int fd = fcntl(given, F_DUPFD_CLOEXEC, 0);

    if (fd < 0)
        return error_set(e, ERR_OTHER, "cannot use the socket of the service manager: %m");
    return metrics_serve(m, "the service manager's socket", fd, e);
}

int metrics_start(struct metrics *m, struct server *server, char *const *addresses, unsigned count,
                  int given, struct error *e)
{
    int rc = 0;

    memset(m, 0, sizeof *m);
    m->server = server;
    pthread_mutex_init(&m->mutex, NULL);
    pthread_cond_init(&m->moved, NULL);
    snapshot_init(&m->snapshot);
    if (!count && !given)
        return 0;
    rc = http_library_load(&m->http, e);
    if (rc)
        return rc;
    if (uv_async_init(&server->loop, &m->wake, metrics_wake_cb))
        return error_set(e, ERR_OTHER, "cannot make a handle for metrics");
    m->has_wake = true;
    m->state = METRICS_IDLE;
    for (unsigned i = 0; i < count && !rc; i++)
        rc = metrics_listen(m, addresses[i], e);
    if (!rc && given)
        rc = metrics_take(m, given, e);
    if (rc)
        metrics_stop(m);
    return rc;
}

void metrics_stop(struct metrics *m)
{
    if (!m->has_wake)
        return;
    pthread_mutex_lock(&m->mutex);
    metrics_set_state(m, METRICS_OFF);
    pthread_mutex_unlock(&m->mutex);
    for (unsigned i = 0; i < m->listener_count; i++) {
        struct metrics_listener *l = &m->listeners[i];
        if (l->path)
            unlink(l->path);
        m->http.MHD_stop_daemon(l->http);
        free(l->path);
    }
    m->listener_count = 0;
    snapshot_fini(&m->snapshot);
    snapshot_init(&m->snapshot);
    uv_close((uv_handle_t *)&m->wake, NULL);
    m->has_wake = false;
}
