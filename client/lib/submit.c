/* Using a handle without blocking: requests with callbacks, and the connection in any poll loop. */
#include <stdlib.h>

#include "handle.h"
#include "operation.h"

struct submission {
    LIST_ENTRY(submission) link;
    struct bobbin *b;
    bobbin_callback callback; /* may be NULL */
    void *arg;
    struct result result;
};

static void submission_remove(struct submission *s)
{
    LIST_REMOVE(s, link);
    s->b->pending--;
}

/* Read the answer or say why there is none. */
static void submission_read(struct submission *s, const struct reply *reply, struct failure *f)
{
    struct reader r = reply->result;
    if (reply->failure != NULL)
        *f = *reply->failure;
    else
        handle_read(s->b, &r, &s->result, f);
    if (f->status == BOBBIN_OK)
        return;
    result_fini(&s->result);
    s->result.shown = (bobbin_result){.id = s->result.shown.id,
                                      .kind = s->result.shown.kind,
                                      .status = f->status,
                                      .error = f->text};
}

static void on_reply(void *arg, const struct reply *reply)
{
    struct submission *s = arg;
    struct bobbin *b = s->b;
    struct failure f = {0};

    submission_remove(s);
    submission_read(s, reply, &f);
    if (s->callback != NULL) {
        b->in_callback++;
        s->callback(s->arg, &s->result.shown);
        b->in_callback--;
    }
    result_fini(&s->result);
    free(s);
    if (reply->failure == NULL && f.status == BOBBIN_BAD_RESPONSE)
        core_fail(&b->core, f.status, "%s", f.text);
}

bobbin_status bobbin_submit(bobbin *b, const bobbin_request *request, uint32_t timeout_ms,
                            bobbin_callback callback, void *arg, uint64_t *ret_id)
{
    struct request r;
    uint32_t id;
    if (b == NULL)
        return BOBBIN_MISUSE;
    if (request == NULL)
        return handle_misuse(b, "the request is NULL");
    bobbin_status status = operation_check(request, &b->last);
    if (status != BOBBIN_OK)
        return status;

    struct submission *s = malloc(sizeof(*s));
    if (s == NULL)
        return failure_no_memory(&b->last);
    *s = (struct submission){.b = b, .callback = callback, .arg = arg};
    if (!result_init(&s->result, request)) {
        free(s);
        return failure_no_memory(&b->last);
    }
    operation_encode(request, &b->core, &r);
    status = core_submit(&r, timeout_ms, on_reply, s, &id, &b->last);
    if (status != BOBBIN_OK) {
        result_fini(&s->result);
        free(s);
        return status;
    }
    s->result.shown.id = id;
    LIST_INSERT_HEAD(&b->submissions, s, link);
    b->pending++;
    handle_sent(b, request, id);
    if (ret_id != NULL)
        *ret_id = id;
    return BOBBIN_OK;
}

bool bobbin_cancel(bobbin *b, uint64_t id)
{
    struct submission *s = NULL;
    if (b != NULL)
        LIST_FOREACH(s, &b->submissions, link)
    if (s->result.shown.id == id)
        break;
    if (s == NULL)
        return false;
    core_cancel(&b->core, (uint32_t)id);
    submission_remove(s);
    result_fini(&s->result);
    free(s);
    return true;
}

size_t bobbin_pending(const bobbin *b)
{
    return b != NULL ? b->pending : 0;
}

int bobbin_fd(const bobbin *b)
{
    return b != NULL ? b->core.fd : -1;
}

short bobbin_events(const bobbin *b)
{
    return b != NULL ? core_events(&b->core) : 0;
}

int bobbin_timeout(const bobbin *b)
{
    if (b == NULL)
        return -1;
    if (b->watches.callback != NULL && !STAILQ_EMPTY(&b->watches.queue))
        return 0;
    return core_timeout(&b->core);
}

bobbin_status bobbin_process(bobbin *b, short revents)
{
    bobbin_status status = handle_may_wait(b);
    if (status != BOBBIN_OK)
        return status;
    watches_flush(b);
    status = core_process(&b->core, revents);
    if (status != BOBBIN_OK)
        b->last = b->core.failure;
    return status;
}
