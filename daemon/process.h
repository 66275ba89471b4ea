/* The operating-system process of one component, one run after the other: launched on the thread
 * pool, watched through its pidfd, its output logged, all of its group gone when it is gone.
 *
 * Knows no policy. All functions are called on the loop's thread; callbacks never fire before the
 * function that starts them returned. */
#ifndef BOBBIN_DAEMON_PROCESS_H
#define BOBBIN_DAEMON_PROCESS_H

#include <sys/types.h>

#include "daemon/component.h"
#include "daemon/restart.h"

struct process;

struct process_events {
    /* The program was executed; `fd` is the daemon's end of its connection, the callee's now. */
    void (*on_up)(void *arg, pid_t pid, int fd);
    /* It has written a line to the descriptor that was given to it for this. */
    void (*on_ready)(void *arg);
    /* It has ended and its output is logged, or it could not be started: then on_up was not called,
     * outcome->launched is false and `why` says what went wrong (else NULL). The process may be
     * started again from in here. */
    void (*on_down)(void *arg, const struct restart_outcome *outcome, const char *why);
    void *arg;
};

/* `host` and `spec` are borrowed until process_free. */
int process_new(const struct component_host *host, struct component_spec *spec,
                unsigned instance, const struct process_events *events, struct process **ret,
                struct error *e);
/* Only between runs: before process_start, or after on_down. NULL is fine. */
void process_free(struct process *p);
/* Another spec from the next run on; how output is logged changes at once. */
void process_set_spec(struct process *p, struct component_spec *spec);
/* Bytes of output that could not be logged, or were not to be waited for, so far. */
uint64_t process_dropped(const struct process *p);
/* "app 'x' component 'y'", for messages. */
const char *process_who(const struct process *p);

/* Begin a run, with `again` one that the restart policy wants; not while one lasts. on_down ends it in any case. */
void process_start(struct process *p, bool again);
/* What another daemon needs to go on with a run. The descriptors are -1 where there is none, and still the
 * process's. */
struct process_saved {
    pid_t pid; /* 0: there is no process, though a run may be waiting for its turn */
    int pidfd;
    int ready;
    int out;
    int err;
    uint64_t dropped; /* as process_dropped */
};

/* With `pause`, neither read its output nor begin a run that waits. */
void process_pause(struct process *p, bool pause);
/* Nobody comes who would end the line that it has begun to write. */
void process_flush(struct process *p);
/* False: it is being started or has just ended, or its output is not in the log yet. */
bool process_save(const struct process *p, struct process_saved *ret);
/* Take over a run that another daemon began, with its descriptors, in place of process_start; on_up and
 * on_ready are not called for what is over. Without a pid only the count is taken over. */
void process_restore(struct process *p, const struct process_saved *saved);
/* End a run that another daemon began, with all of its group, and close its descriptors. */
void process_discard(const struct process_saved *saved, struct warden *warden);

/* Whether the process has written to its BOBBIN_WATCHDOG_FD since this was asked last. */
bool process_spoke(struct process *p);
/* Send a signal to the whole process group; nothing happens when there is none. */
void process_signal(struct process *p, int sig);

#endif
