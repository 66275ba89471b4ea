/* The slow look at all values that have checksums, one app after the other, in the background: what chance has changed
 * in a file is found before it is needed. A step looks at a megabyte at most, and there is one a second for all apps;
 * it is taken on the pool, between two batches, of stores that are open anyway. On the loop's thread. */
#ifndef BOBBIN_DAEMON_SCRUB_H
#define BOBBIN_DAEMON_SCRUB_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/batcher.h"

struct app;
struct server;

/* Of one app. */
struct scrub {
    struct task task;
    struct app *app;
    bool running;              /* the task is the batcher's */
    struct store_scrub *pass;  /* where it is in the file; NULL: no pass has begun */
    bool whole;                /* the step that ran last was the pass's last */
    struct error error;        /* with a code: that step could not look */
    uint64_t checked;          /* values of the pass so far, or of the last one … */
    uint64_t wrong;            /* … and of them those that are not what was written */
    int64_t ended_ms;          /* when the last whole pass ended, since 1970; 0: none did */
    uint64_t next_ms;          /* by the loop's clock: when the next one may begin */
};

void scrub_init(struct scrub *scrub, struct app *app);
void scrub_fini(struct scrub *scrub);
/* Once a second: let the app take a step whose turn it is. */
void scrub_tick(struct server *s);

#endif
