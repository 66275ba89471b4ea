/* What a component does next: the supervision's decisions as a pure function of state, event,
 * policy and time. Starts nothing and asks no clock, so that a test can play every case.
 *
 * Semantics are systemd's: back-off between restarts that doubles from restart_delay to
 * restart_max_delay, and a limit on the starts within an interval. A delay is lengthened by up to a
 * tenth of it by chance, lest those that failed together start together. */
#ifndef BOBBIN_DAEMON_RESTART_H
#define BOBBIN_DAEMON_RESTART_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/component.h"

/* A run longer than this, and than restart_max_delay, was a good one: the back-off begins anew. */
#define RESTART_GOOD_RUN_MS 10000u
/* A delay is lengthened by less than this part of it. */
#define RESTART_JITTER_PART 10u

enum restart_event {
    RESTART_WANT_RUN,   /* somebody asks for a start */
    RESTART_WANT_STOP,  /* somebody asks for a stop */
    RESTART_RESET,      /* somebody asks to forget a failure */
    RESTART_UP,         /* the program was executed */
    RESTART_READY,      /* … and has said that it is ready */
    RESTART_OVERDUE,    /* … or has not said so, or not pinged, in time */
    RESTART_DOWN,       /* the process has ended, or could not be started */
    RESTART_DELAY_OVER, /* the time of a back-off or between scheduled runs has passed */
    RESTART_EVENT_COUNT
};

/* How a run ended. */
struct restart_outcome {
    bool launched;   /* false: the program could not even be executed */
    int exit_code;   /* -1: none */
    int exit_signal; /* 0: none */
    bool out_of_memory; /* killed by the kernel because its control group was full */
};

/* What the caller has to do after a step. */
enum restart_action {
    RESTART_DO_NOTHING,
    RESTART_DO_LAUNCH,    /* start the process */
    RESTART_DO_TERMINATE, /* SIGTERM, and SIGKILL after stop_timeout */
    RESTART_DO_ABORT,     /* SIGABRT, and SIGKILL after stop_timeout */
    RESTART_DO_AWAIT,     /* RESTART_OVERDUE after start_timeout, unless RESTART_READY comes */
    RESTART_DO_WATCH,     /* RESTART_OVERDUE when no ping comes for the watchdog's time */
    RESTART_DO_DELAY,     /* RESTART_DELAY_OVER after delay_ms */
    RESTART_DO_CANCEL,    /* forget the delay */
};

struct restart_step {
    enum restart_action action;
    uint64_t delay_ms; /* RESTART_DO_DELAY */
    bool limit_hit;    /* failed because of the start limit */
};

/* What is wanted, what is, and the history on which the policy decides. All times are one
 * monotonic clock's milliseconds. */
struct restart {
    bool wanted;                /* to be running */
    bool faulted;               /* the run was ended because it was overdue: a failure anyhow */
    uint32_t jitter;            /* state of the random numbers; 0: delays have no jitter */
    enum component_state state; /* what is */
    uint64_t started_ms;        /* begin of the current or last run */
    uint64_t window_ms;         /* begin of the start limit's interval */
    uint32_t window_starts;     /* starts since then; 0: no interval has begun */
    uint32_t delay_ms;          /* the last delay; 0: none since the last good run */
    uint64_t restarts;          /* by policy, since the last RESTART_WANT_RUN that took effect */
};

/* Stopped, and not wanted to run. `jitter` seeds the random numbers; 0: no jitter. */
void restart_init(struct restart *r, uint32_t jitter);

/* Apply an event, which changes r. `outcome` is looked at for RESTART_DOWN only and may be NULL
 * otherwise. An event that makes no sense in the state changes nothing. */
struct restart_step restart_step(struct restart *r, const struct component_spec *spec,
                                 enum restart_event event, const struct restart_outcome *outcome,
                                 uint64_t now_ms);

#endif
