/* The life of a handle: connecting, greeting, attaching, connecting again, closing; and what the
 * daemon said about itself. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "handle.h"

static bobbin *handle_new(void)
{
    bobbin *b = calloc(1, sizeof(*b));
    if (b == NULL)
        return NULL;
    core_init(&b->core);
    b->core.on_notification = watches_notify;
    b->core.owner = b;
    b->address.fd = -1;
    LIST_INIT(&b->submissions);
    watches_init(&b->watches);
    return b;
}

static bobbin_status take_session(struct reader *result, void *ret, struct failure *f)
{
    return session_read(result, ret, f);
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

static bobbin_status attach(bobbin *b, const char *app)
{
    struct result res;
    bobbin_request q = {.kind = BOBBIN_REQUEST_ATTACH, .app = app};
    return handle_run(b, &q, &res);
}

/* Of a time-out that began then; 0, for ever, only if it was from the start. */
static uint32_t time_left(uint32_t timeout_ms, int64_t start)
{
    int64_t spent = core_now_ms() - start;
    if (timeout_ms == 0)
        return 0;
    return spent < timeout_ms ? timeout_ms - (uint32_t)spent : 1;
}

static bobbin_status greet(bobbin *b, uint32_t timeout_ms, int64_t start)
{
    uint32_t usual = b->timeout_ms;
    b->timeout_ms = time_left(timeout_ms, start);
    bobbin_status status = hello(b);
    if (status == BOBBIN_OK && b->attached != NULL) {
        b->timeout_ms = time_left(timeout_ms, start);
        status = attach(b, b->attached);
    }
    b->timeout_ms = usual;
    /* Who greets late is not waited for with the next call either. */
    if (status == BOBBIN_TIMED_OUT && b->session.version == NULL) {
        core_fail(&b->core, status, "the daemon at '%s' does not answer", b->address.text);
        b->last = b->core.failure;
    }
    return status;
}

/* Connect to b->address and say hello. A handle without connection answers every further call with
 * the same failure. */
static bobbin_status handle_open(bobbin *b, uint32_t timeout_ms)
{
    int fd;
    int64_t start = core_now_ms();
    bobbin_status status = address_open(&b->address, timeout_ms, &fd, &b->last);
    if (status != BOBBIN_OK) {
        b->core.failure = b->last;
        return status;
    }
    core_open(&b->core, fd);
    return greet(b, timeout_ms, start);
}

bobbin_status bobbin_connect_within(const char *path, uint32_t timeout_ms, bobbin **ret_b)
{
    if (ret_b == NULL)
        return BOBBIN_MISUSE;
    bobbin *b = handle_new();
    *ret_b = b;
    if (b == NULL)
        return BOBBIN_NO_MEMORY;
    b->connect_timeout_ms = timeout_ms;
    b->by_environment = path == NULL;
    bobbin_status status = path != NULL ? address_of_path(&b->address, path, &b->last)
                                        : address_find(&b->address, &b->last);
    if (status == BOBBIN_OK)
        return handle_open(b, timeout_ms);
    b->core.failure = b->last;
    return status;
}

bobbin_status bobbin_connect(const char *path, bobbin **ret_b)
{
    return bobbin_connect_within(path, 0, ret_b);
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
    bobbin_status status = handle_open(b, 0);
    if (b->core.fd < 0)
        close(fd);
    return status;
}

bobbin_status bobbin_reconnect(bobbin *b)
{
    bobbin_status status = handle_may_wait(b);
    if (status != BOBBIN_OK)
        return status;
    /* Where nothing was found there may be something now. */
    if (b->by_environment && b->address.fd < 0 && !b->address.is_path)
        status = address_find(&b->address, &b->last);
    if (status != BOBBIN_OK)
        return status;
    if (!b->address.is_path)
        return handle_misuse(b, "there is no path to connect to again");

    /* Numbers go on, so that an old one cancels nothing new. */
    uint32_t next_id = b->core.next_id;
    core_fini(&b->core);
    core_init(&b->core);
    b->core.next_id = next_id;
    b->core.on_notification = watches_notify;
    b->core.owner = b;
    watches_clear(&b->watches);
    session_fini(&b->session);
    return handle_open(b, b->connect_timeout_ms > 0 ? b->connect_timeout_ms : b->timeout_ms);
}

void bobbin_close(bobbin *b)
{
    if (b == NULL || b->in_callback > 0)
        return;
    core_fini(&b->core);
    watches_clear(&b->watches);
    session_fini(&b->session);
    free(b->attached);
    free(b);
}

bobbin_status bobbin_attach(bobbin *b, const char *app)
{
    return attach(b, app);
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

uint64_t bobbin_limit(const bobbin *b, const char *name)
{
    if (b == NULL || name == NULL)
        return 0;
    for (size_t i = 0; i < b->session.limit_count; i++)
        if (strcmp(b->session.limits[i].name, name) == 0)
            return b->session.limits[i].value;
    return 0;
}
