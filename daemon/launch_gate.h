/* How fast app processes are started: so many at once and so many a second, whoever asks. A daemon
 * that starts with hundreds of apps, or an app in a storm of restarts, leaves the thread pool to the
 * stores. First come, first served, but for restarts, which come behind all starts that somebody asked
 * for. All functions are called on the loop's thread. */
#ifndef BOBBIN_DAEMON_LAUNCH_GATE_H
#define BOBBIN_DAEMON_LAUNCH_GATE_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "daemon/list.h"

/* Launches under way at the same time, of libuv's threads that the stores need as well. */
#define LAUNCH_GATE_WIDTH 2u
/* Launches in a second, and how many of them may follow each other at once after a rest. */
#define LAUNCH_GATE_RATE 100u
#define LAUNCH_GATE_BURST 20u
/* A restart by policy counts for so many: forking a daemon holds up its threads for a moment, and what
 * crashes again and again must not do that to everybody's writes. */
#define LAUNCH_GATE_RESTART 5u

struct launch_gate {
    uv_loop_t *loop;
    uv_timer_t timer;     /* due when somebody may be let in */
    struct list starts;   /* struct launch_ticket: waiting … */
    struct list restarts; /* … and behind them */
    struct list given_up; /* those that are told so when the loop runs next */
    unsigned inside;      /* launches under way */
    bool shut;            /* nobody is let in */
    unsigned tokens;      /* launches that may begin now, as far as the rate is concerned */
    uint64_t refilled_ms; /* when they were counted, by uv_now */
};

enum launch_ticket_state { LAUNCH_OUTSIDE, LAUNCH_WAITING, LAUNCH_GIVEN_UP, LAUNCH_INSIDE };

struct launch_ticket {
    struct list link;
    enum launch_ticket_state state;
    /* Its turn has come (then launch_gate_leave when done), or it was given up. */
    void (*on_turn)(struct launch_ticket *ticket, bool given_up);
};

void launch_gate_init(struct launch_gate *gate, uv_loop_t *loop);
/* With `shut`, let nobody in until it is opened again; who waits goes on waiting, or gives up. */
void launch_gate_shut(struct launch_gate *gate, bool shut);
/* Nobody is waiting or inside. The gate's memory is needed until the loop has closed its timer. */
void launch_gate_close(struct launch_gate *gate);

/* Wait for a turn, with `again` for a restart by policy; on_turn is called exactly once, never before this returns. */
void launch_gate_enter(struct launch_gate *gate, struct launch_ticket *ticket, bool again);
/* No effect unless the ticket is waiting. */
void launch_gate_give_up(struct launch_gate *gate, struct launch_ticket *ticket);
void launch_gate_leave(struct launch_gate *gate, struct launch_ticket *ticket);

#endif
