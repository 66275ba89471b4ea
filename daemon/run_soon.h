/* Who goes first where all processors are busy with several apps' work. */
#ifndef BOBBIN_DAEMON_RUN_SOON_H
#define BOBBIN_DAEMON_RUN_SOON_H

#include <stdbool.h>

/* How soon, of two that want to run. */
enum run_soon {
    RUN_USUAL, /* as if nothing had been asked for */
    RUN_FIRST, /* who has little to do, and waits for the disk most of the time */
    RUN_NEXT,  /* the loop */
    RUN_THEN,  /* who may have more to do: before all others that have work without end */
};

/* Whether threads shall run soon after they wake. It costs: who is interrupted begins with a cold cache. */
void run_soon_want(bool wanted);
/* Let this thread do what is wanted, from time to time: it asks the scheduler for turns shorter than the usual ones, and
 * who has shorter ones goes first. Needs no rights; a kernel before Linux 6.12 does not know of it. With RUN_FIRST it also
 * asks for a higher priority, which it gets as root or within RLIMIT_NICE. Cheap where nothing has changed. */
void run_soon(enum run_soon soon);

#endif
