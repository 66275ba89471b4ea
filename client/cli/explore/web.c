#include "client/cli/explore/web.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "client/cli/explore/api.h"
#include "client/cli/explore/assets.h"
#include "protocol/buffer.h"

/* Browsers open a few connections; how long one may be silent; what it may send as headers. */
enum { WEB_CONNECTIONS = 64, WEB_TIMEOUT_S = 60, WEB_HEADERS = 32 << 10 };
/* The largest question: a value of 16 MiB, each byte of it as \u00NN at the worst is not one that we
 * send; in base64 it is. */
#define WEB_BODY (32u << 20)

struct web {
    struct MHD_Daemon *http;
    struct guard guard;
    char *socket;
    char *app;
    char link[6144];
};

/* A request whose body is being read. */
struct web_request {
    struct buffer body;
    bool too_large;
};

static int64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Of every answer: nothing from elsewhere, nothing kept, no frame, nothing told to others. */
static const char *const headers[][2] = {
    {"Content-Security-Policy",
     "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
     "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"},
    {"X-Frame-Options", "DENY"},
    {"X-Content-Type-Options", "nosniff"},
    {"Referrer-Policy", "no-referrer"},
    {"Cache-Control", "no-store"},
    {"Cross-Origin-Opener-Policy", "same-origin"},
    {"Cross-Origin-Resource-Policy", "same-origin"},
    {"Permissions-Policy", "camera=(), microphone=(), geolocation=()"},
};

/* Takes over the response. */
static enum MHD_Result reply(struct MHD_Connection *c, unsigned status, const char *type,
                             struct MHD_Response *response)
{
    enum MHD_Result result;

    if (!response)
        return MHD_NO;
    for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++)
        MHD_add_response_header(response, headers[i][0], headers[i][1]);
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    result = MHD_queue_response(c, status, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result reply_text(struct MHD_Connection *c, unsigned status, const char *type,
                                  const char *text)
{
    return reply(c, status, type,
                 MHD_create_response_from_buffer(strlen(text), (void *)text,
                                                 MHD_RESPMEM_MUST_COPY));
}

static enum MHD_Result refuse(struct MHD_Connection *c, const char *text)
{
    return reply_text(c, MHD_HTTP_FORBIDDEN, "text/plain; charset=utf-8", text);
}

static const char *header(struct MHD_Connection *c, const char *name)
{
    return MHD_lookup_connection_value(c, MHD_HEADER_KIND, name);
}

static struct guard_request read_guarded(struct MHD_Connection *c)
{
    return (struct guard_request){
        .host = header(c, "Host"),
        .origin = header(c, "Origin"),
        .fetch_site = header(c, "Sec-Fetch-Site"),
        .cookie = header(c, "Cookie"),
        .key = header(c, "X-Bobbin-Key"),
    };
}

/* The token for the cookie and the key; the page keeps the key and goes on to the view. */
static enum MHD_Result enter(struct web *w, struct MHD_Connection *c)
{
    static const char page[] =
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Bobbin</title>"
        "<meta name=\"bobbin-key\" content=\"%s\"><script src=\"/enter.js\"></script>"
        "<p>Opening the view&hellip;</p></html>\n";
    char text[sizeof(page) + GUARD_SECRET], cookie[200];
    struct MHD_Response *response;

    if (!guard_take_token(&w->guard,
                          MHD_lookup_connection_value(c, MHD_GET_ARGUMENT_KIND, "token"), now_ms()))
        return refuse(c, "This link was used already, or is too old. Press Enter where 'bobbin "
                         "explore' runs for another one.\n");
    snprintf(text, sizeof(text), page, w->guard.key);
    snprintf(cookie, sizeof(cookie), "%s=%s; Path=/; HttpOnly; SameSite=Strict",
             w->guard.cookie_name, w->guard.cookie);
    response = MHD_create_response_from_buffer(strlen(text), text, MHD_RESPMEM_MUST_COPY);
    if (response)
        MHD_add_response_header(response, MHD_HTTP_HEADER_SET_COOKIE, cookie);
    return reply(c, MHD_HTTP_OK, "text/html; charset=utf-8", response);
}

/* A file of the page. That which stores the key is needed before there is a cookie. */
static enum MHD_Result send_file(struct web *w, struct MHD_Connection *c, const char *url,
                                 const struct guard_request *r)
{
    const struct asset *asset = asset_find(strcmp(url, "/") == 0 ? "/index.html" : url);

    if (!guard_cookie(&w->guard, r))
        return refuse(c, "Open the link that 'bobbin explore' has printed; Enter prints another "
                         "one.\n");
    if (!asset)
        return reply_text(c, MHD_HTTP_NOT_FOUND, "text/plain; charset=utf-8", "Not here.\n");
    return reply(c, MHD_HTTP_OK, asset->type,
                 MHD_create_response_from_buffer(asset->len, (void *)asset->bytes,
                                                 MHD_RESPMEM_PERSISTENT));
}

static void free_value(void *value)
{
    bobbin_free(value);
}

static enum MHD_Result send_bytes(struct MHD_Connection *c, struct api_call *call)
{
    struct MHD_Response *response =
        MHD_create_response_from_buffer_with_free_callback(call->len, call->bytes, free_value);

    if (!response)
        return MHD_NO;
    call->bytes = NULL;
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_DISPOSITION, "attachment");
    return reply(c, MHD_HTTP_OK, "application/octet-stream", response);
}

static enum MHD_Result send_document(struct MHD_Connection *c, const struct api_call *call)
{
    char *text = call->out ? json_dumps(call->out, JSON_COMPACT) : NULL;

    if (!text)
        return reply_text(c, MHD_HTTP_INTERNAL_SERVER_ERROR, "application/json",
                          "{\"error\":{\"code\":\"other\",\"message\":\"out of memory\"}}");
    return reply(c, (unsigned)call->status, "application/json",
                 MHD_create_response_from_buffer(strlen(text), text, MHD_RESPMEM_MUST_FREE));
}

static enum MHD_Result call_api(struct web *w, struct MHD_Connection *c, const char *name,
                                const struct buffer *body)
{
    struct api_call call;
    enum MHD_Result result;

    api_run(&call, w->socket, name, body->data ? (const char *)body->data : "", body->len);
    result = call.bytes ? send_bytes(c, &call) : send_document(c, &call);
    api_fini(&call);
    return result;
}

static enum MHD_Result serve(struct web *w, struct MHD_Connection *c, const char *url,
                             const char *method, const struct web_request *request)
{
    struct guard_request r = read_guarded(c);
    bool is_get = strcmp(method, MHD_HTTP_METHOD_GET) == 0;

    if (!guard_host(&w->guard, &r))
        return refuse(c, "The Host header names another server.\n");
    if (is_get && strcmp(url, "/enter") == 0)
        return enter(w, c);
    if (strncmp(url, "/api/", 5) != 0)
        return is_get ? send_file(w, c, url, &r)
                      : reply_text(c, MHD_HTTP_METHOD_NOT_ALLOWED, "text/plain", "Only GET.\n");
    if (strcmp(method, MHD_HTTP_METHOD_POST) != 0)
        return reply_text(c, MHD_HTTP_METHOD_NOT_ALLOWED, "text/plain", "Only POST.\n");
    if (!guard_page(&w->guard, &r))
        return refuse(c, "Only the page of 'bobbin explore' may ask for this.\n");
    if (request->too_large || request->body.failed)
        return reply_text(c, MHD_HTTP_CONTENT_TOO_LARGE, "application/json",
                          "{\"error\":{\"code\":\"too-large\",\"message\":\"the question is too "
                          "large\"}}");
    return call_api(w, c, url + 5, &request->body);
}

/* What comes as a body is kept only from those who may ask. */
static void take_body(struct web *w, struct MHD_Connection *c, struct web_request *request,
                      const char *bytes, size_t len)
{
    struct guard_request r = read_guarded(c);

    if (!guard_page(&w->guard, &r))
        return;
    if (len > WEB_BODY - request->body.len)
        request->too_large = true;
    if (!request->too_large)
        buffer_append(&request->body, bytes, len);
}

static enum MHD_Result request_cb(void *arg, struct MHD_Connection *c, const char *url,
                                  const char *method, const char *version, const char *upload,
                                  size_t *upload_size, void **state)
{
    struct web *w = arg;
    struct web_request *request = *state;

    (void)version;
    if (!request) {
        *state = calloc(1, sizeof(*request));
        return *state ? MHD_YES : MHD_NO;
    }
    if (*upload_size) {
        take_body(w, c, request, upload, *upload_size);
        *upload_size = 0;
        return MHD_YES;
    }
    return serve(w, c, url, method, request);
}

static void completed_cb(void *arg, struct MHD_Connection *c, void **state,
                         enum MHD_RequestTerminationCode how)
{
    struct web_request *request = *state;

    (void)arg;
    (void)c;
    (void)how;
    if (request)
        buffer_fini(&request->body);
    free(request);
    *state = NULL;
}

/* A socket at a port of this machine's own that nobody has. */
static int listen_here(uint16_t *ret_port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0)
        return -1;
    if (bind(fd, (struct sockaddr *)&address, len) != 0 || listen(fd, WEB_CONNECTIONS) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &len) != 0) {
        close(fd);
        return -1;
    }
    *ret_port = ntohs(address.sin_port);
    return fd;
}

/* The socket is the server's when it has started. */
static struct MHD_Daemon *start_http(struct web *w, int fd)
{
    return MHD_start_daemon(MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD |
                                MHD_USE_POLL | MHD_USE_ITC,
                            0, NULL, NULL, request_cb, w, MHD_OPTION_LISTEN_SOCKET, fd,
                            MHD_OPTION_CONNECTION_LIMIT, (unsigned)WEB_CONNECTIONS,
                            MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)WEB_TIMEOUT_S,
                            MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)WEB_HEADERS,
                            MHD_OPTION_NOTIFY_COMPLETED, completed_cb, NULL, MHD_OPTION_END);
}

struct web *web_start(const char *socket, const char *app, char *reason, size_t size)
{
    struct web *w = calloc(1, sizeof(*w));
    uint16_t port = 0;
    int fd;

    if (!w || (socket && !(w->socket = strdup(socket))) || (app && !(w->app = strdup(app)))) {
        snprintf(reason, size, "out of memory");
        web_stop(w);
        return NULL;
    }
    fd = listen_here(&port);
    /* Before anybody is served: its threads look at the guard. */
    if (fd >= 0 && guard_init(&w->guard, port) == 0)
        w->http = start_http(w, fd);
    if (!w->http) {
        snprintf(reason, size, "cannot serve at 127.0.0.1: %s", strerror(errno));
        if (fd >= 0)
            close(fd);
        web_stop(w);
        return NULL;
    }
    return w;
}

/* The app's directory as a part of a link. */
static size_t escape(char *to, size_t size, const char *text)
{
    size_t n = 0;

    for (; *text && n + 4 < size; text++) {
        bool plain = strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.",
                            *text);
        n += (size_t)(plain ? sprintf(to + n, "%c", *text)
                            : sprintf(to + n, "%%%02X", (unsigned char)*text));
    }
    to[n] = '\0';
    return n;
}

const char *web_link(struct web *w)
{
    int n;

    if (guard_renew(&w->guard, now_ms()))
        return NULL;
    n = snprintf(w->link, sizeof(w->link), "http://127.0.0.1:%u/enter?token=%s", w->guard.port,
                 w->guard.token);
    if (w->app) {
        n += snprintf(w->link + n, sizeof(w->link) - (size_t)n, "#/app/");
        escape(w->link + n, sizeof(w->link) - (size_t)n, w->app);
    }
    return w->link;
}

void web_stop(struct web *w)
{
    if (!w)
        return;
    if (w->http)
        MHD_stop_daemon(w->http);
    if (w->guard.port)
        guard_fini(&w->guard);
    free(w->socket);
    free(w->app);
    free(w);
}
