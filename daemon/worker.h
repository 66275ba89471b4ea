/* A serial executor on libuv's thread pool: jobs run one at a time, in the order submitted.
 *
 * For work that waits for the disk and belongs to nobody's store: the registry, looking at
 * directories, reading manifests. Called on the loop's thread. */
#ifndef BOBBIN_DAEMON_WORKER_H
#define BOBBIN_DAEMON_WORKER_H

#include <stdbool.h>
#include <uv.h>

#include "daemon/list.h"

struct job {
    struct list link;               /* in the worker's queue */
    void (*work)(struct job *job);  /* on a pool thread */
    void (*done)(struct job *job);  /* then on the loop's; the job is its maker's again */
};

struct worker {
    uv_loop_t *loop;
    struct list jobs;    /* waiting; the first one runs while `running` */
    struct job *current; /* on the pool now; NULL: none */
    uv_work_t work;
};

void worker_init(struct worker *w, uv_loop_t *loop);
/* `done` fires exactly once, never before this returns. */
void worker_submit(struct worker *w, struct job *job);
/* Whether nothing is running or waiting. */
bool worker_idle(const struct worker *w);

#endif
