#include "daemon/restart.h"

#include <string.h>

/* The small actions that the table is made of. */
enum move {
    M_NONE,   /* does not concern this state */
    M_FRESH,  /* start with a clean history */
    M_AGAIN,  /* start as the policy's restart */
    M_REST,   /* be stopped, nothing is running */
    M_STOP,   /* wait for the launch that is under way, then terminate */
    M_TERM,   /* terminate */
    M_WANT,   /* only note what is wanted */
    M_UP,     /* be running */
    M_DECIDE, /* ended by itself: the policy decides */
    M_DOWN,   /* ended as wanted: be stopped, or start again if that is wanted by now */
};

static const enum move moves[COMPONENT_STATE_COUNT][RESTART_EVENT_COUNT] = {
    /*                         WANT_RUN WANT_STOP UP      DOWN      DELAY_OVER */
    [COMPONENT_STOPPED] = {M_FRESH, M_NONE, M_NONE, M_NONE, M_NONE},
    [COMPONENT_STARTING] = {M_WANT, M_STOP, M_UP, M_DECIDE, M_NONE},
    [COMPONENT_RUNNING] = {M_WANT, M_TERM, M_NONE, M_DECIDE, M_NONE},
    [COMPONENT_BACKING_OFF] = {M_FRESH, M_REST, M_NONE, M_NONE, M_AGAIN},
    [COMPONENT_STOPPING] = {M_WANT, M_WANT, M_TERM, M_DOWN, M_NONE},
    [COMPONENT_FAILED] = {M_FRESH, M_REST, M_NONE, M_NONE, M_NONE},
    [COMPONENT_EXITED] = {M_FRESH, M_REST, M_NONE, M_NONE, M_NONE},
};

void restart_init(struct restart *r)
{
    memset(r, 0, sizeof(*r));
    r->state = COMPONENT_STOPPED;
}

static struct restart_step step_of(enum restart_action action)
{
    return (struct restart_step){.action = action};
}

static struct restart_step launch(struct restart *r, uint64_t now)
{
    r->state = COMPONENT_STARTING;
    r->started_ms = now;
    if (r->window_starts++ == 0)
        r->window_ms = now;
    return step_of(RESTART_DO_LAUNCH);
}

static struct restart_step launch_fresh(struct restart *r, uint64_t now)
{
    restart_init(r);
    r->wanted = true;
    return launch(r, now);
}

static uint32_t next_delay(const struct restart *r, const struct component_spec *spec)
{
    uint64_t doubled = r->delay_ms ? 2 * (uint64_t)r->delay_ms : spec->restart_delay_ms;
    return doubled < spec->restart_max_delay_ms ? (uint32_t)doubled : spec->restart_max_delay_ms;
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

static struct restart_step decide(struct restart *r, const struct component_spec *spec,
                                  const struct restart_outcome *outcome, uint64_t now)
{
    bool clean = outcome->launched && outcome->exit_code == 0;
    uint64_t good = spec->restart_max_delay_ms > RESTART_GOOD_RUN_MS ? spec->restart_max_delay_ms
                                                                     : RESTART_GOOD_RUN_MS;
    struct restart_step step;

    if (spec->restart == RESTART_NO || (spec->restart == RESTART_ON_FAILURE && clean)) {
        r->state = clean ? COMPONENT_EXITED : COMPONENT_FAILED;
        return step_of(RESTART_DO_NOTHING);
    }
    if (outcome->launched && now - r->started_ms > good)
        r->delay_ms = 0;
    step = step_of(RESTART_DO_DELAY);
    step.delay_ms = next_delay(r, spec);
    if (limit_reached(r, spec, now + step.delay_ms)) {
        r->state = COMPONENT_FAILED;
        return (struct restart_step){.action = RESTART_DO_NOTHING, .limit_hit = true};
    }
    r->delay_ms = step.delay_ms;
    r->state = COMPONENT_BACKING_OFF;
    return step;
}

static struct restart_step rest(struct restart *r)
{
    bool delayed = r->state == COMPONENT_BACKING_OFF;
    r->state = COMPONENT_STOPPED;
    return step_of(delayed ? RESTART_DO_CANCEL : RESTART_DO_NOTHING);
}

static struct restart_step stopping(struct restart *r, enum restart_action action)
{
    r->state = COMPONENT_STOPPING;
    return step_of(action);
}

struct restart_step restart_step(struct restart *r, const struct component_spec *spec,
                                 enum restart_event event, const struct restart_outcome *outcome,
                                 uint64_t now_ms)
{
    if (event == RESTART_WANT_RUN || event == RESTART_WANT_STOP)
        r->wanted = event == RESTART_WANT_RUN;

    switch (moves[r->state][event]) {
    case M_FRESH:
        return launch_fresh(r, now_ms);
    case M_AGAIN:
        r->restarts++;
        return launch(r, now_ms);
    case M_REST:
        return rest(r);
    case M_STOP:
        return stopping(r, RESTART_DO_NOTHING);
    case M_TERM:
        return stopping(r, RESTART_DO_TERMINATE);
    case M_UP:
        r->state = COMPONENT_RUNNING;
        return step_of(RESTART_DO_NOTHING);
    case M_DECIDE:
        return decide(r, spec, outcome, now_ms);
    case M_DOWN:
        return r->wanted ? launch_fresh(r, now_ms) : rest(r);
    case M_NONE:
    case M_WANT:
        break;
    }
    return step_of(RESTART_DO_NOTHING);
}
