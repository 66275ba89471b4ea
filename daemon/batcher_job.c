#include "daemon/batcher_job.h"

#include <assert.h>

#include "daemon/probes.h"

/* What the results of one batch may hold in memory, in bytes. */
#define BATCH_RESULT_BYTES (32u << 20)

static struct op *op_of(struct list *link)
{
    return container_of(link, struct op, link);
}

static struct task *task_of(struct list *link)
{
    return container_of(link, struct task, link);
}

static void job_fail(struct job *job, const struct error *e)
{
    while (!list_empty(&job->todo)) {
        struct list *l = list_pop(&job->todo);
        op_fail(op_of(l), e->code, "%s", e->text);
        list_push(&job->ran, l);
    }
}

static void job_cancel_tasks(struct job *job, const struct error *e)
{
    while (!list_empty(&job->tasks)) {
        struct list *l = list_pop(&job->tasks);
        task_of(l)->cancel(task_of(l), e);
        list_push(&job->finished, l);
    }
}

/* Operations that would answer too much at once stay in todo, and those that must wait. */
static void job_run_ops(struct job *job)
{
    size_t bytes = 0;

    while (!list_empty(&job->todo) && bytes < BATCH_RESULT_BYTES) {
        struct list *l = job->todo.next;
        if (store_must_wait(job->store, op_of(l)))
            return;
        list_remove(l);
        if (job->write_error.code && op_is_write(op_of(l)))
            op_fail(op_of(l), job->write_error.code, "%s", job->write_error.text);
        else
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

/* What is written beside a file whose WAL could not be synced would count on that. */
static void job_let_go(struct job *job)
{
    struct error why, ignored;

    if (!job->store || !store_must_reopen(job->store))
        return;
    error_set(&why, ERR_OTHER, "the disk has failed to sync the store; it is opened anew");
    job_cancel_tasks(job, &why);
    store_close(job->store, &ignored);
    job->store = NULL;
}

/* Where there was a store before it goes on behind that one's commits. */
static int job_open(struct job *job, struct error *e)
{
    job->options.known = job->place;
    int code = store_open_with(&job->directory, &job->options, &job->store, e);
    if (code)
        return code;
    job->was = job->place;
    job->opened_at = store_commit_number(job->store);
    return 0;
}

/* Have an open store whose file is where it should be. */
static int job_prepare(struct job *job, struct error *e)
{
    struct error ignored;
    int code;

    job_let_go(job);
    if (job->store)
        code = store_check(job->store, e);
    else
        code = job_open(job, e);
    if (!code) {
        store_set_quota(job->store, job->quota_bytes, job->quota_entries);
        store_set_relaxed(job->store, job->options.relaxed);
    } else {
        job_cancel_tasks(job, e);
        store_close(job->store, &ignored);
        job->store = NULL;
    }
    return code;
}

/* A store that cannot be written can be read. */
static void job_begin(struct job *job)
{
    if ((!job->writes && !job->sweep) || store_begin(job->store, &job->write_error) == 0)
        return;
    if (job->sweep)
        job->sweep_error = job->write_error;
    job->writes = false;
    job->sweep = 0;
}

static void job_sweep(struct job *job)
{
    int removed = store_sweep(job->store, job->sweep, &job->sweep_error);

    if (removed >= 0) {
        job->sweep_error.code = 0;
        job->swept = (unsigned)removed;
    }
}

static void job_commit(struct job *job)
{
    uint64_t began = uv_hrtime();
    struct error e;
    int code = store_commit(job->store, &e);

    job->commit_ns = uv_hrtime() - began;
    PROBE_COMMIT(job->directory.path, job->commit_ns, code);
    if (code) {
        job_undo(job, &e);
        if (job->sweep)
            job->sweep_error = e;
        job->swept = 0;
        return;
    }
    job->changes = store_changes(job->store, &job->change_count);
    job->commit = store_commit_number(job->store);
}

/* Others may hold the store that a swap would close: they go first. */
static struct list *job_next_task(struct job *job)
{
    struct list *l = list_pop(&job->tasks);

    if (!task_of(l)->swap || list_empty(&job->tasks))
        return l;
    list_push(&job->tasks, l);
    return list_pop(&job->tasks);
}

static void job_step_task(struct job *job)
{
    struct list *l = job_next_task(job);
    struct task *task = task_of(l);
    bool more = task->step(task, job->store);

    if (!more && task->swap)
        task->swap(task, &job->store);
    list_push(more ? &job->tasks : &job->finished, l);
}

/* A little at a time, so that nobody who comes waits long. */
static void job_fold(struct job *job)
{
    struct error ignored; /* whoever writes next is told */
    int code = store_drain(job->store, &job->unfolded, &ignored);

    job->unfolded = job->unfolded && !code;
    if (code || job->unfolded)
        return;
    store_fold(job->store, &ignored);
    store_rest(job->store);
}

/* What the round is for, on an open store. */
static void job_work(struct job *job)
{
    struct error ignored; /* whoever writes next is told */
    uint64_t synced = store_sync_ns(job->store);

    job_begin(job);
    if (job->writes && !job->sweep)
        store_expect(job->store, &job->todo);
    job_run_ops(job);
    if (job->sweep)
        job_sweep(job);
    if (job->writes || job->sweep)
        job_commit(job);
    if (job->step)
        job_step_task(job);
    /* A task may have put another file in the store's place and found it unusable. */
    if (!job->store)
        return;
    if (store_sync(job->store, job->fold, &ignored) != 0)
        job->sync_error = ignored;
    job->sync_ns = store_sync_ns(job->store) - synced;
    if (job->fold)
        job_fold(job);
}

/* Take note of a checkpoint that has run beside the rounds before. */
static void job_end_checkpoint(struct job *job)
{
    if (job->checkpoint && job->store)
        store_checkpoint_end(job->store, job->checkpoint);
    else
        store_checkpoint_free(job->checkpoint);
    job->checkpoint = NULL;
}

void job_run(struct job *job)
{
    struct error e;

    job_end_checkpoint(job);

    job->was = (struct store_place){0};
    job->change_count = 0;
    job->swept = 0;
    job->commit_ns = job->sync_ns = 0;
    job->sweep_error.code = 0;
    job->write_error.code = 0;
    job->sync_error.code = 0;
    job->unfolded = false;
    if (job->refusal.code)
        job_fail(job, &job->refusal);
    if (job->cancel.code)
        job_cancel_tasks(job, &job->cancel);
    job->step = job->step && !list_empty(&job->tasks);
    job->fold = job->fold && job->store;
    if (!list_empty(&job->todo) || job->sweep || job->step || job->fold) {
        if (job_prepare(job, &e) == 0)
            job_work(job);
        else
            job_fail(job, &e);
    }
    if (job->store && !job->checkpointing && store_wants_checkpoint(job->store))
        job->checkpoint = store_checkpoint_begin(job->store);
    job->restless = job->store && store_may_rest(job->store);
    job->next_expiry = job->store ? store_next_expiry(job->store) : -1;
    if (job->store)
        job->place = store_place(job->store);
    job->last_commit = job->store ? store_commit_number(job->store) : 0;
}

void job_close(struct job *job)
{
    assert(list_empty(&job->tasks));
    struct error ignored; /* it is tried again */

    job_end_checkpoint(job);
    if (job->store && store_must_reopen(job->store))
        job_prepare(job, &ignored);
    store_close(job->store, &job->trouble);
    job->store = NULL;
}
