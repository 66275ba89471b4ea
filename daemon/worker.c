#include "daemon/worker.h"

#include <stdlib.h>

#include "daemon/run_soon.h"

static void worker_next(struct worker *w);

void worker_init(struct worker *w, uv_loop_t *loop)
{
    w->loop = loop;
    w->current = NULL;
    list_init(&w->jobs);
}

static void worker_work_cb(uv_work_t *work)
{
    struct worker *w = container_of(work, struct worker, work);
    run_soon(RUN_THEN);
    w->current->work(w->current);
}

static void worker_after_work_cb(uv_work_t *work, int status)
{
    struct worker *w = container_of(work, struct worker, work);
    struct job *job = w->current;
    (void)status; /* never cancelled */
    w->current = NULL;
    job->done(job);
    worker_next(w);
}

static void worker_next(struct worker *w)
{
    if (w->current || list_empty(&w->jobs))
        return;
    w->current = container_of(list_pop(&w->jobs), struct job, link);
    /* Fails only without a work function. */
    if (uv_queue_work(w->loop, &w->work, worker_work_cb, worker_after_work_cb))
        abort();
}

void worker_submit(struct worker *w, struct job *job)
{
    list_push(&w->jobs, &job->link);
    worker_next(w);
}

bool worker_idle(const struct worker *w)
{
    return !w->current && list_empty(&w->jobs);
}
