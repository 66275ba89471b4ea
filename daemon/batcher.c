#include "daemon/batcher.h"

#include <assert.h>
#include <stdlib.h>

#include "daemon/store.h"

/* Bounds of one batch, so that what comes behind it does not wait long and what it answers fits in
 * memory: operations, bytes to be written, bytes of results. */
#define BATCH_OPS 4096u
#define BATCH_BYTES (32u << 20)
#define BATCH_RESULT_BYTES (32u << 20)

enum batcher_state {
    BATCHER_CLOSED,  /* the store is not open, nothing runs */
    BATCHER_RUNNING, /* a batch is on the pool, or its outcome is being reported */
    BATCHER_IDLE,    /* the store is open, nothing runs */
    BATCHER_CLOSING, /* the store is being closed on the pool */
    BATCHER_ENDING,  /* waiting for the timer's handle to close, then freed */
    BATCHER_STATE_COUNT
};

static const bool allowed[BATCHER_STATE_COUNT][BATCHER_STATE_COUNT] = {
    [BATCHER_CLOSED] = {[BATCHER_RUNNING] = true, [BATCHER_ENDING] = true},
    [BATCHER_RUNNING] = {[BATCHER_IDLE] = true, [BATCHER_CLOSED] = true},
    [BATCHER_IDLE] = {[BATCHER_RUNNING] = true, [BATCHER_CLOSING] = true},
    [BATCHER_CLOSING] = {[BATCHER_CLOSED] = true},
};

/* What is on the pool. Belongs to the pool's thread while the state is RUNNING or CLOSING and the
 * work has not come back, else to the loop's. */
struct job {
    uv_work_t work;
    struct directory directory;
    struct store *store;  /* NULL: not open */
    struct list todo;     /* operations to be run … */
    struct list ran;      /* … and those that were, or failed without */
    bool writes;          /* one of todo is a write */
    struct error refusal; /* with a code: fail all of todo with it */
    struct error trouble; /* with a code: the store was not closed cleanly */
};

struct batcher {
    uv_loop_t *loop;
    uv_timer_t timer; /* runs while the store is idle without holders */
    uint64_t idle_ms;
    enum batcher_state state;
    struct list queue; /* operations that are not in a job yet */
    unsigned holders;
    struct error refusal; /* with a code: operations are refused with it */
    bool ending;          /* wanted: finish and free */
    struct job job;
    void (*on_trouble)(void *arg, const struct error *e);
    void *trouble_arg;
    void (*on_closed)(void *arg);
    void *closed_arg;
};

static void advance(struct batcher *b);

static void set_state(struct batcher *b, enum batcher_state state)
{
    if (!allowed[b->state][state])
        abort();
    b->state = state;
}

static struct op *op_of(struct list *link)
{
    return container_of(link, struct op, link);
}

/* On the pool. */

static void job_fail(struct job *job, const struct error *e)
{
    while (!list_empty(&job->todo)) {
        struct list *l = list_pop(&job->todo);
        op_fail(op_of(l), e->code, "%s", e->text);
        list_push(&job->ran, l);
    }
}

/* Operations that would answer too much at once stay in todo. */
static void job_run(struct job *job)
{
    size_t bytes = 0;

    while (!list_empty(&job->todo) && bytes < BATCH_RESULT_BYTES) {
        struct list *l = list_pop(&job->todo);
        store_run(job->store, op_of(l));
        bytes += op_of(l)->result.len;
        list_push(&job->ran, l);
    }
}

/* Nothing of the batch is in the file. Its reads may have seen what it wrote: they look again. */
static void job_undo(struct job *job, const struct error *e)
{
    struct list *it;
    struct list *tmp;

    list_each(it, tmp, &job->ran)
    {
        struct op *op = op_of(it);
        if (!op_is_write(op)) {
            op_reset(op);
            store_run(job->store, op);
        } else if (op->status == 0) {
            op_fail(op, e->code, "%s", e->text);
        }
    }
}

/* Have an open store whose file is where it should be, ready to be written if need be. */
static int job_prepare(struct job *job, struct error *e)
{
    struct error ignored;

    int code;

    if (job->store)
        code = store_check(job->store, e);
    else
        code = store_open(&job->directory, &job->store, e);
    if (!code && job->writes)
        code = store_begin(job->store, e);
    if (code) {
        store_close(job->store, &ignored);
        job->store = NULL;
    }
    return code;
}

static void batch_work_cb(uv_work_t *work)
{
    struct job *job = container_of(work, struct job, work);
    struct error e;

    if (job->refusal.code) {
        job_fail(job, &job->refusal);
        return;
    }
    if (job_prepare(job, &e) != 0) {
        job_fail(job, &e);
        return;
    }
    job_run(job);
    if (job->writes && store_commit(job->store, &e) != 0)
        job_undo(job, &e);
}

static void close_work_cb(uv_work_t *work)
{
    struct job *job = container_of(work, struct job, work);

    store_close(job->store, &job->trouble);
    job->store = NULL;
}

/* On the loop. */

static void report_batch(struct batcher *b)
{
    while (!list_empty(&b->job.ran)) {
        struct op *op = op_of(list_pop(&b->job.ran));
        op->on_done(op);
    }
}

static void after_batch_cb(uv_work_t *work, int status)
{
    struct batcher *b = container_of(work, struct batcher, job.work);

    assert(status == 0); /* nobody cancels it */
    (void)status;
    /* What the batch left undone goes before what has come since. */
    list_splice(&b->job.todo, &b->queue);
    list_splice(&b->queue, &b->job.todo);
    report_batch(b);
    set_state(b, b->job.store ? BATCHER_IDLE : BATCHER_CLOSED);
    advance(b);
}

static void start_batch(struct batcher *b)
{
    struct job *job = &b->job;
    size_t bytes = 0;

    job->refusal = b->refusal;
    job->writes = false;
    for (unsigned n = 0; n < BATCH_OPS && bytes < BATCH_BYTES && !list_empty(&b->queue); n++) {
        struct op *op = op_of(list_pop(&b->queue));
        bytes += op->key.len + op->value.len;
        job->writes = job->writes || op_is_write(op);
        list_push(&job->todo, &op->link);
    }
    set_state(b, BATCHER_RUNNING);
    int rc = uv_queue_work(b->loop, &job->work, batch_work_cb, after_batch_cb);
    assert(rc == 0); /* fails only without a callback */
    (void)rc;
}

static void after_close_cb(uv_work_t *work, int status)
{
    struct batcher *b = container_of(work, struct batcher, job.work);

    assert(status == 0);
    (void)status;
    if (b->job.trouble.code && b->on_trouble)
        b->on_trouble(b->trouble_arg, &b->job.trouble);
    set_state(b, BATCHER_CLOSED);
    advance(b);
}

static void start_closing(struct batcher *b)
{
    b->job.trouble.code = 0;
    set_state(b, BATCHER_CLOSING);
    int rc = uv_queue_work(b->loop, &b->job.work, close_work_cb, after_close_cb);
    assert(rc == 0);
    (void)rc;
}

static void on_idle_cb(uv_timer_t *timer)
{
    struct batcher *b = container_of(timer, struct batcher, timer);

    if (b->state == BATCHER_IDLE)
        start_closing(b);
}

static void on_timer_closed_cb(uv_handle_t *handle)
{
    struct batcher *b = container_of(handle, struct batcher, timer);
    void (*on_closed)(void *arg) = b->on_closed;
    void *arg = b->closed_arg;

    directory_fini(&b->job.directory);
    free(b);
    if (on_closed)
        on_closed(arg);
}

static void end(struct batcher *b)
{
    set_state(b, BATCHER_ENDING);
    uv_close((uv_handle_t *)&b->timer, on_timer_closed_cb);
}

/* Do what is due while nothing runs. */
static void advance(struct batcher *b)
{
    if (b->state != BATCHER_CLOSED && b->state != BATCHER_IDLE)
        return;
    uv_timer_stop(&b->timer);
    if (!list_empty(&b->queue))
        start_batch(b);
    else if (b->state == BATCHER_IDLE && (b->ending || b->refusal.code))
        start_closing(b);
    else if (b->state == BATCHER_IDLE && b->holders == 0)
        uv_timer_start(&b->timer, on_idle_cb, b->idle_ms, 0);
    else if (b->state == BATCHER_CLOSED && b->ending)
        end(b);
}

int batcher_new(uv_loop_t *loop, const struct directory *directory, uint64_t idle_ms,
                struct batcher **ret, struct error *e)
{
    struct batcher *b = calloc(1, sizeof(*b));

    if (!b)
        return error_set(e, ERR_OTHER, "out of memory");
    int code = directory_copy(&b->job.directory, directory, e);
    if (code) {
        free(b);
        return code;
    }
    b->loop = loop;
    b->idle_ms = idle_ms;
    b->state = BATCHER_CLOSED;
    list_init(&b->queue);
    list_init(&b->job.todo);
    list_init(&b->job.ran);
    uv_timer_init(loop, &b->timer);
    *ret = b;
    return 0;
}

void batcher_on_trouble(struct batcher *b, void (*on_trouble)(void *arg, const struct error *e),
                        void *arg)
{
    b->on_trouble = on_trouble;
    b->trouble_arg = arg;
}

void batcher_submit(struct batcher *b, struct op *op)
{
    assert(b->state != BATCHER_ENDING);
    list_push(&b->queue, &op->link);
    advance(b);
}

void batcher_hold(struct batcher *b)
{
    b->holders++;
    advance(b);
}

void batcher_release(struct batcher *b)
{
    assert(b->holders > 0);
    b->holders--;
    advance(b);
}

void batcher_refuse(struct batcher *b, int code, const char *reason)
{
    error_set(&b->refusal, code, "%s", reason);
    advance(b);
}

void batcher_close(struct batcher *b, void (*on_closed)(void *arg), void *arg)
{
    assert(!b->ending);
    b->ending = true;
    b->on_closed = on_closed;
    b->closed_arg = arg;
    advance(b);
}
