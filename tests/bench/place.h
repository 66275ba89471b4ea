/* Where client and server run, so that a figure does not hang on the scheduler's luck.
 *
 * One connection and the server take turns. Whether the scheduler has them do so on one processor
 * or on two makes ten times the difference, and once begun it stays that way for seconds. So such a
 * load has the two apart: the client on the first processor, the server on all others. With more
 * connections both are busy at once, and nothing is bound. */
#ifndef BOBBIN_BENCH_PLACE_H
#define BOBBIN_BENCH_PLACE_H

#include <sched.h>
#include <sys/types.h>

struct place {
    cpu_set_t all; /* what this thread was allowed before */
    int apart;     /* whether there is anything to undo */
};

/* Bind this thread to its first processor; does nothing where there is one only. */
void place_client(struct place *p);
/* Bind all threads of a process to the other processors. */
void place_server(const struct place *p, pid_t pid);
/* Let them run anywhere again. */
void place_free(const struct place *p, pid_t pid);
/* Let this thread run anywhere again. */
void place_restore(struct place *p);

#endif
