/* Syncing a file on another thread while this one goes on with its work. A few threads serve all who
 * ask; when none of them has come to it by the time that the result is needed, whoever asked does it
 * himself, so that nobody waits for a thread. */
#ifndef BOBBIN_DAEMON_SYNCER_H
#define BOBBIN_DAEMON_SYNCER_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/list.h"

/* Threads that serve at most; they are made as they are needed and stay. */
#define SYNCER_THREADS 4u

enum syncer_state {
    SYNCER_WAITING, /* no thread has begun */
    SYNCER_RUNNING, /* one is at it */
    SYNCER_DONE,
};

struct syncer_job {
    struct list link; /* while it waits */
    int fd;           /* stays open until syncer_end has returned */
    enum syncer_state state;
    int errnum;  /* once done: of fdatasync, 0: it is on the disk */
    uint64_t ns; /* once done: how long it took */
};

/* Have the file synced. Each begin has one end. */
void syncer_begin(struct syncer_job *job, int fd);
/* Whether that is over, so that syncer_end does not wait. */
bool syncer_is_done(struct syncer_job *job);
/* Wait for it: 0 or an errno. */
int syncer_end(struct syncer_job *job);

/* How many threads serve from now on; 0: none, each end does its own. For tests that count calls. */
void syncer_set_threads(unsigned most);

#endif
