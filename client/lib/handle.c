#include "handle.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bobbin_status handle_misuse(bobbin *b, const char *reason)
{
    return b == NULL ? BOBBIN_MISUSE : failure_set(&b->last, BOBBIN_MISUSE, "%s", reason);
}

bobbin_status handle_begin(bobbin *b, struct request *r, enum method_id method, uint32_t params)
{
    if (b == NULL)
        return BOBBIN_MISUSE;
    request_begin(r, &b->core, method_table[method].name, params);
    return BOBBIN_OK;
}

/* A call that somebody blocks on. */
struct wait {
    struct bobbin *b;
    take_fn take;
    void *ret;
    bobbin_status status;
    bool done;
};

static void on_reply(void *arg, const struct reply *reply)
{
    struct wait *w = arg;
    struct failure f = {0};

    w->done = true;
    if (reply->failure != NULL) {
        w->b->last = *reply->failure;
        w->status = reply->failure->status;
        return;
    }
    struct reader result = reply->result;
    w->status = w->take(&result, w->ret, &f);
    if (w->status != BOBBIN_OK)
        w->b->last = f;
    if (w->status == BOBBIN_BAD_RESPONSE)
        core_fail(&w->b->core, f.status, "%s", f.text);
}

bobbin_status handle_call(bobbin *b, struct request *r, take_fn take, void *ret)
{
    struct wait w = {.b = b, .take = take, .ret = ret};
    bobbin_status status = core_submit(r, b->timeout_ms, on_reply, &w, NULL, &b->last);
    if (status != BOBBIN_OK)
        return status;
    core_process(&b->core, POLLOUT);
    while (!w.done) {
        struct pollfd p = {.fd = b->core.fd, .events = core_events(&b->core)};
        int n = poll(&p, 1, core_timeout(&b->core));
        if (n < 0 && errno != EINTR && errno != EAGAIN)
            core_fail(&b->core, BOBBIN_DISCONNECTED, "cannot wait: %s", strerror(errno));
        core_process(&b->core, n > 0 ? p.revents : 0);
    }
    return w.status;
}

bobbin_status take_nil(struct reader *result, void *ret, struct failure *f)
{
    (void)ret;
    if (reader_nil(result) == 0)
        return BOBBIN_OK;
    return failure_set(f, BOBBIN_BAD_RESPONSE, "the daemon's answer is wrong: it is not nil");
}

static bobbin_status take_pong(struct reader *result, void *ret, struct failure *f)
{
    struct slice s;
    (void)ret;
    if (reader_str(result, &s) == 0 && slice_equals(s, "pong"))
        return BOBBIN_OK;
    return failure_set(f, BOBBIN_BAD_RESPONSE, "the daemon's answer is wrong: it is not \"pong\"");
}

static bobbin_status take_session(struct reader *result, void *ret, struct failure *f)
{
    return session_read(result, ret, f);
}

static bobbin *handle_new(void)
{
    bobbin *b = calloc(1, sizeof(*b));
    if (b == NULL)
        return NULL;
    core_init(&b->core);
    b->address.fd = -1;
    return b;
}

/* Introduce ourselves. */
static bobbin_status hello(bobbin *b)
{
    struct request r;
    bobbin_status status = handle_begin(b, &r, METHOD_HELLO, 1);
    if (status != BOBBIN_OK)
        return status;
    request_map(&r, 2);
    request_cstr(&r, "client");
    request_cstr(&r, "libbobbin/" BOBBIN_VERSION);
    request_cstr(&r, "protocol");
    request_uint(&r, PROTOCOL_VERSION);
    return handle_call(b, &r, take_session, &b->session);
}

/* Connect to b->address and say hello. A handle without connection answers every further call with
 * the same failure. */
static bobbin_status handle_open(bobbin *b)
{
    int fd;
    bobbin_status status = address_open(&b->address, &fd, &b->last);
    if (status != BOBBIN_OK) {
        b->core.failure = b->last;
        return status;
    }
    core_open(&b->core, fd);
    return hello(b);
}

bobbin_status bobbin_connect(const char *path, bobbin **ret_b)
{
    if (ret_b == NULL)
        return BOBBIN_MISUSE;
    bobbin *b = handle_new();
    *ret_b = b;
    if (b == NULL)
        return BOBBIN_NO_MEMORY;
    bobbin_status status = path != NULL ? address_of_path(&b->address, path, &b->last)
                                        : address_find(&b->address, &b->last);
    if (status == BOBBIN_OK)
        return handle_open(b);
    b->core.failure = b->last;
    return status;
}

bobbin_status bobbin_connect_fd(int fd, bobbin **ret_b)
{
    if (ret_b == NULL)
        return BOBBIN_MISUSE;
    bobbin *b = handle_new();
    *ret_b = b;
    if (b == NULL) {
        if (fd >= 0)
            close(fd);
        return BOBBIN_NO_MEMORY;
    }
    address_of_fd(&b->address, fd);
    if (fd < 0) {
        handle_misuse(b, "the descriptor is negative");
        b->core.failure = b->last;
        return BOBBIN_MISUSE;
    }
    bobbin_status status = handle_open(b);
    if (b->core.fd < 0)
        close(fd);
    return status;
}

void bobbin_close(bobbin *b)
{
    if (b == NULL)
        return;
    core_fini(&b->core);
    session_fini(&b->session);
    free(b);
}

bobbin_status bobbin_set_timeout(bobbin *b, uint32_t timeout_ms)
{
    if (b == NULL)
        return BOBBIN_MISUSE;
    b->timeout_ms = timeout_ms;
    return BOBBIN_OK;
}

const char *bobbin_error(const bobbin *b)
{
    return b != NULL ? b->last.text : "out of memory";
}

const char *bobbin_address(const bobbin *b)
{
    return b != NULL ? b->address.text : "";
}

const char *bobbin_server_version(const bobbin *b)
{
    return b != NULL && b->session.version != NULL ? b->session.version : "";
}

const char *bobbin_app(const bobbin *b)
{
    return b != NULL ? b->session.app : NULL;
}

const char *bobbin_component(const bobbin *b)
{
    return b != NULL ? b->session.component : NULL;
}

const char *const *bobbin_stores(const bobbin *b)
{
    static const char *const none[] = {NULL};
    return b != NULL && b->session.stores != NULL ? b->session.stores : none;
}

bobbin_status bobbin_attach(bobbin *b, const char *app)
{
    struct request r;
    if (app == NULL)
        return handle_misuse(b, "the app is NULL");
    bobbin_status status = handle_begin(b, &r, METHOD_ATTACH, 1);
    if (status != BOBBIN_OK)
        return status;
    request_cstr(&r, app);
    return handle_call(b, &r, take_session, &b->session);
}

bobbin_status bobbin_ping(bobbin *b)
{
    struct request r;
    bobbin_status status = handle_begin(b, &r, METHOD_PING, 0);
    return status != BOBBIN_OK ? status : handle_call(b, &r, take_pong, NULL);
}

void bobbin_free(void *p)
{
    free(p);
}
