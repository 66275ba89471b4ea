#include "handle.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "operation.h"

bobbin_status handle_misuse(bobbin *b, const char *reason)
{
    return b == NULL ? BOBBIN_MISUSE : failure_set(&b->last, BOBBIN_MISUSE, "%s", reason);
}

bobbin_status handle_may_wait(bobbin *b)
{
    if (b == NULL)
        return BOBBIN_MISUSE;
    if (b->in_callback > 0)
        return handle_misuse(b, "a callback must not wait");
    return BOBBIN_OK;
}

bobbin_status handle_begin(bobbin *b, struct request *r, enum method_id method, uint32_t params)
{
    bobbin_status status = handle_may_wait(b);
    if (status == BOBBIN_OK)
        request_begin(r, &b->core, method_table[method].name, params);
    return status;
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

void handle_round(bobbin *b, int timeout_ms)
{
    int limit = core_timeout(&b->core);
    if (timeout_ms >= 0 && (limit < 0 || timeout_ms < limit))
        limit = timeout_ms;
    struct pollfd p = {.fd = b->core.fd, .events = core_events(&b->core)};
    int n = poll(&p, 1, limit);
    if (n < 0 && errno != EINTR && errno != EAGAIN)
        core_fail(&b->core, BOBBIN_DISCONNECTED, "cannot wait: %s", strerror(errno));
    core_process(&b->core, n > 0 ? p.revents : 0);
}

/* Wait until a request that has been submitted is complete. */
static bobbin_status wait_for(struct wait *w)
{
    core_process(&w->b->core, POLLOUT);
    while (!w->done)
        handle_round(w->b, -1);
    return w->status;
}

bobbin_status handle_call(bobbin *b, struct request *r, take_fn take, void *ret)
{
    struct wait w = {.b = b, .take = take, .ret = ret};
    bobbin_status status = core_submit(r, b->timeout_ms, on_reply, &w, NULL, &b->last);
    return status != BOBBIN_OK ? status : wait_for(&w);
}

/* The session of the result becomes the handle's, and what to attach to after a reconnection. */
static void learn_app(bobbin *b, struct result *res)
{
    session_fini(&b->session);
    free(b->attached);
    b->session = res->session;
    b->attached = res->app;
    res->session = (struct session){0};
    res->app = NULL;
}

bobbin_status handle_read(bobbin *b, struct reader *r, struct result *res, struct failure *f)
{
    bobbin_status status = result_read(r, res, f);
    if (status != BOBBIN_OK)
        return status;
    if (operation_has_commit(res->shown.kind))
        b->last_commit = res->shown.commit;
    if (res->shown.kind == BOBBIN_REQUEST_WATCH)
        status = watches_begin(b, res->shown.watch, f);
    else if (res->shown.kind == BOBBIN_REQUEST_ATTACH)
        learn_app(b, res);
    return status;
}

/* The answer to a watch that nobody waits for any more: it shall not be there. */
static void on_late_watch(void *owner, const struct reply *reply)
{
    struct reader r = reply->result;
    uint64_t id;
    if (reply->failure == NULL && reader_uint(&r, &id) == 0)
        watches_refuse(owner, id);
}

void handle_sent(bobbin *b, const bobbin_request *q, uint32_t id)
{
    if (q->kind == BOBBIN_REQUEST_WATCH)
        core_set_late(&b->core, id, on_late_watch);
    else if (q->kind == BOBBIN_REQUEST_UNWATCH)
        watches_end(b, q->watch);
}

/* A result and the handle that learns from it. */
struct run {
    struct bobbin *b;
    struct result *result;
};

static bobbin_status take_result(struct reader *result, void *ret, struct failure *f)
{
    struct run *run = ret;
    return handle_read(run->b, result, run->result, f);
}

bobbin_status handle_run(bobbin *b, const bobbin_request *q, struct result *ret)
{
    struct request r;
    struct result result;
    struct run run = {b, &result};
    struct wait w = {.b = b, .take = take_result, .ret = &run};
    uint32_t id;

    bobbin_status status = handle_may_wait(b);
    if (status == BOBBIN_OK)
        status = operation_check(q, &b->last);
    if (status != BOBBIN_OK)
        return status;
    if (!result_init(&result, q))
        return failure_no_memory(&b->last);
    operation_encode(q, &b->core, &r);
    status = core_submit(&r, b->timeout_ms, on_reply, &w, &id, &b->last);
    if (status == BOBBIN_OK) {
        handle_sent(b, q, id);
        status = wait_for(&w);
    }
    if (status == BOBBIN_OK)
        *ret = result;
    else
        result_fini(&result);
    return status;
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

uint64_t bobbin_last_commit(const bobbin *b)
{
    return b != NULL ? b->last_commit : 0;
}

void bobbin_free(void *p)
{
    free(p);
}
