/* The clocks of the model-based test: the daemon's wall clock, which is stepped through
 * clock_preload.c, and what follows for the time by which it lets entries expire. */
#ifndef BOBBIN_TESTS_MODEL_WALL_CLOCK_H
#define BOBBIN_TESTS_MODEL_WALL_CLOCK_H

#include "model.h"

struct wall_clock {
    char path[96];              /* of the shared file */
    _Atomic int64_t *offset_ms; /* mapped from it */
    const char *environment[7]; /* for the daemon */
    int64_t base_ms;            /* of the running daemon: its clock less the time since boot */
    struct span ready_ms;       /* since boot: when the daemon was started, when it had answered */
    struct span floor;          /* the latest time that the store had seen before that */
    struct span seen;           /* and has seen by now */
};

void wall_clock_init(struct wall_clock *c, const char *dir);
void wall_clock_fini(struct wall_clock *c);

/* Step the wall clock, also while the daemon runs. */
void wall_clock_step(struct wall_clock *c, int64_t ms);
/* Set it so that a daemon started now would read that time. */
void wall_clock_set(struct wall_clock *c, int64_t ms);
/* The daemon is about to be started; has answered a request to the store. */
void wall_clock_starting(struct wall_clock *c);
void wall_clock_started(struct wall_clock *c);
/* A write has been answered: the store will not go back behind its time. */
void wall_clock_written(struct wall_clock *c, struct span when);
/* The daemon has ended. */
void wall_clock_ended(struct wall_clock *c);

/* The store's time. It runs on from the daemon's, or from the latest time that the store has seen.
 */
struct span wall_clock_now(const struct wall_clock *c);
/* The same, would the daemon be started now. */
struct span wall_clock_if_started(const struct wall_clock *c);

#endif
