#include "daemon/restart.h"

#include <string.h>

/* The small actions that the table is made of. */
enum move {
    M_NONE,   /* does not concern this state */
    M_FRESH,  /* start with a clean history */
    M_AGAIN,  /* start as the policy's restart */
    M_ROUND,  /* start because it is time for the next scheduled run */
    M_REST,   /* be stopped, nothing is running */
    M_TERM,   /* terminate; while the launch is under way, once more when it is done */
    M_ABORT,  /* terminate what does not do as it should */
    M_WANT,   /* only note what is wanted */
    M_UP,     /* be running, or wait until it is ready */
    M_READY,  /* be running */
    M_DECIDE, /* ended by itself: the policy decides */
    M_DOWN,   /* ended by us: be stopped, or start again if that is wanted by now */
};

/* clang-format off */
static const enum move moves[COMPONENT_STATE_COUNT][RESTART_EVENT_COUNT] = {
    /*                         WANT_RUN WANT_STOP RESET   UP      READY    OVERDUE  DOWN      DELAY_OVER */
    [COMPONENT_STOPPED]     = {M_FRESH, M_NONE,   M_NONE, M_NONE, M_NONE,  M_NONE,  M_NONE,   M_NONE},
    [COMPONENT_STARTING]    = {M_WANT,  M_TERM,   M_NONE, M_UP,   M_READY, M_ABORT, M_DECIDE, M_NONE},
    [COMPONENT_RUNNING]     = {M_WANT,  M_TERM,   M_NONE, M_NONE, M_NONE,  M_ABORT, M_DECIDE, M_NONE},
    [COMPONENT_BACKING_OFF] = {M_FRESH, M_REST,   M_NONE, M_NONE, M_NONE,  M_NONE,  M_NONE,   M_AGAIN},
    [COMPONENT_WAITING]     = {M_FRESH, M_REST,   M_NONE, M_NONE, M_NONE,  M_NONE,  M_NONE,   M_ROUND},
    [COMPONENT_STOPPING]    = {M_WANT,  M_WANT,   M_NONE, M_TERM, M_NONE,  M_NONE,  M_DOWN,   M_NONE},
    [COMPONENT_FAILED]      = {M_FRESH, M_REST,   M_REST, M_NONE, M_NONE,  M_NONE,  M_NONE,   M_NONE},
    [COMPONENT_EXITED]      = {M_FRESH, M_REST,   M_NONE, M_NONE, M_NONE,  M_NONE,  M_NONE,   M_NONE},
};
/* clang-format on */

void restart_init(struct restart *r, uint32_t jitter)
{
    memset(r, 0, sizeof(*r));
    r->state = COMPONENT_STOPPED;
    r->jitter = jitter;
}

static struct restart_step step_of(enum restart_action action)
{
    return (struct restart_step){.action = action};
}

static struct restart_step launch(struct restart *r, uint64_t now)
{
    r->state = COMPONENT_STARTING;
    r->started_ms = now;
    r->faulted = false;
    if (r->window_starts++ == 0)
        r->window_ms = now;
    return step_of(RESTART_DO_LAUNCH);
}

static struct restart_step launch_fresh(struct restart *r, uint64_t now)
{
    restart_init(r, r->jitter);
    r->wanted = true;
    return launch(r, now);
}

/* A start by the clock counts neither as a restart nor for the start limit. */
static struct restart_step launch_round(struct restart *r, uint64_t now)
{
    r->window_starts = 0;
    r->delay_ms = 0;
    return launch(r, now);
}

static uint32_t next_delay(const struct restart *r, const struct component_spec *spec)
{
    uint64_t doubled = r->delay_ms ? 2 * (uint64_t)r->delay_ms : spec->restart_delay_ms;
    return doubled < spec->restart_max_delay_ms ? (uint32_t)doubled : spec->restart_max_delay_ms;
}

/* The delay, or up to a tenth more. */
static uint64_t with_jitter(struct restart *r, uint32_t delay_ms)
{
    if (r->jitter == 0)
        return delay_ms;
    r->jitter ^= r->jitter << 13; /* xorshift: never 0 again */
    r->jitter ^= r->jitter >> 17;
    r->jitter ^= r->jitter << 5;
    return delay_ms + (uint64_t)delay_ms * (r->jitter % 1024) / (1024 * RESTART_JITTER_PART);
}

/* Asked at the end of a run for the start that would follow: nobody has to wait for the back-off
 * to hear that it was in vain. */
static bool limit_reached(struct restart *r, const struct component_spec *spec, uint64_t start_ms)
{
    if (spec->start_limit_burst == 0 || spec->start_limit_interval_ms == 0)
        return false;
    if (start_ms - r->window_ms > spec->start_limit_interval_ms) {
        r->window_starts = 0;
        return false;
    }
    return r->window_starts >= spec->start_limit_burst;
}

/* Until the next time of a schedule that began with the last run; one that took longer than the
 * interval is followed at once, and those that were missed are not made up for. */
static struct restart_step await_round(struct restart *r, const struct component_spec *spec,
                                       uint64_t now)
{
    uint64_t next = r->started_ms + spec->schedule_ms;
    struct restart_step step = step_of(RESTART_DO_DELAY);

    r->state = COMPONENT_WAITING;
    step.delay_ms = next > now ? next - now : 0;
    return step;
}

/* It is not to be started again because of how it ended. */
static struct restart_step conclude(struct restart *r, const struct component_spec *spec, bool clean,
                                    uint64_t now)
{
    if (spec->schedule == SCHEDULE_EVERY)
        return await_round(r, spec, now);
    r->state = clean ? COMPONENT_EXITED : COMPONENT_FAILED;
    return step_of(RESTART_DO_NOTHING);
}

static struct restart_step decide(struct restart *r, const struct component_spec *spec,
                                  const struct restart_outcome *outcome, uint64_t now)
{
    bool clean = outcome->launched && outcome->exit_code == 0 && !r->faulted;
    /* What runs to completion has done so. */
    bool done = clean && (spec->restart != RESTART_ALWAYS || spec->schedule != SCHEDULE_NONE);
    uint64_t good = spec->restart_max_delay_ms > RESTART_GOOD_RUN_MS ? spec->restart_max_delay_ms
                                                                     : RESTART_GOOD_RUN_MS;
    struct restart_step step;

    if (spec->restart == RESTART_NO || done)
        return conclude(r, spec, clean, now);
    if (outcome->launched && now - r->started_ms > good)
        r->delay_ms = 0;
    uint32_t delay_ms = next_delay(r, spec);
    step = step_of(RESTART_DO_DELAY);
    step.delay_ms = with_jitter(r, delay_ms);
    if (limit_reached(r, spec, now + step.delay_ms)) {
        r->state = COMPONENT_FAILED;
        return (struct restart_step){.action = RESTART_DO_NOTHING, .limit_hit = true};
    }
    r->delay_ms = delay_ms;
    r->state = COMPONENT_BACKING_OFF;
    return step;
}

static struct restart_step run(struct restart *r, const struct component_spec *spec)
{
    r->state = COMPONENT_RUNNING;
    return step_of(spec->watchdog_ms ? RESTART_DO_WATCH : RESTART_DO_CANCEL);
}

static struct restart_step up(struct restart *r, const struct component_spec *spec)
{
    if (spec->ready == READY_EXEC)
        return run(r, spec);
    return step_of(spec->start_timeout_ms ? RESTART_DO_AWAIT : RESTART_DO_NOTHING);
}

static struct restart_step rest(struct restart *r)
{
    bool delayed = r->state == COMPONENT_BACKING_OFF || r->state == COMPONENT_WAITING;
    r->wanted = false;
    r->state = COMPONENT_STOPPED;
    return step_of(delayed ? RESTART_DO_CANCEL : RESTART_DO_NOTHING);
}

static struct restart_step stopping(struct restart *r, enum restart_action action)
{
    r->state = COMPONENT_STOPPING;
    return step_of(action);
}

static struct restart_step down(struct restart *r, const struct component_spec *spec,
                                const struct restart_outcome *outcome, uint64_t now)
{
    if (!r->wanted)
        return rest(r);
    return r->faulted ? decide(r, spec, outcome, now) : launch_fresh(r, now);
}

struct restart_step restart_step(struct restart *r, const struct component_spec *spec,
                                 enum restart_event event, const struct restart_outcome *outcome,
                                 uint64_t now_ms)
{
    if (event == RESTART_WANT_RUN || event == RESTART_WANT_STOP)
        r->wanted = event == RESTART_WANT_RUN;
    if (event == RESTART_WANT_STOP)
        r->faulted = false; /* nobody asks any more how this run ends */

    switch (moves[r->state][event]) {
    case M_FRESH:
        return launch_fresh(r, now_ms);
    case M_AGAIN:
        r->restarts++;
        return launch(r, now_ms);
    case M_ROUND:
        return launch_round(r, now_ms);
    case M_REST:
        return rest(r);
    case M_TERM:
        return stopping(r, RESTART_DO_TERMINATE);
    case M_ABORT:
        r->faulted = true;
        return stopping(r, RESTART_DO_ABORT);
    case M_UP:
        return up(r, spec);
    case M_READY:
        return run(r, spec);
    case M_DECIDE:
        return decide(r, spec, outcome, now_ms);
    case M_DOWN:
        return down(r, spec, outcome, now_ms);
    case M_NONE:
    case M_WANT:
        break;
    }
    return step_of(RESTART_DO_NOTHING);
}
