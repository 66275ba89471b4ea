#include "daemon/launch_gate.h"

#include <assert.h>

#define TOKEN_MS (1000u / LAUNCH_GATE_RATE)

static void timer_cb(uv_timer_t *timer);

void launch_gate_init(struct launch_gate *gate, uv_loop_t *loop)
{
    gate->loop = loop;
    list_init(&gate->starts);
    list_init(&gate->restarts);
    list_init(&gate->given_up);
    gate->inside = 0;
    gate->shut = false;
    gate->tokens = LAUNCH_GATE_BURST;
    gate->refilled_ms = uv_now(loop);
    uv_timer_init(loop, &gate->timer);
    gate->timer.data = gate;
}

void launch_gate_close(struct launch_gate *gate)
{
    assert(list_empty(&gate->starts) && list_empty(&gate->restarts));
    assert(list_empty(&gate->given_up) && !gate->inside);
    uv_close((uv_handle_t *)&gate->timer, NULL);
}

static void refill(struct launch_gate *gate)
{
    uint64_t earned = (uv_now(gate->loop) - gate->refilled_ms) / TOKEN_MS;

    gate->refilled_ms += earned * TOKEN_MS;
    gate->tokens = earned < LAUNCH_GATE_BURST - gate->tokens ? gate->tokens + (unsigned)earned
                                                              : LAUNCH_GATE_BURST;
}

/* Who is next, and what that costs; NULL: nobody waits. */
static struct list *next_queue(struct launch_gate *gate, unsigned *ret_cost)
{
    *ret_cost = list_empty(&gate->starts) ? LAUNCH_GATE_RESTART : 1;
    if (!list_empty(&gate->starts))
        return &gate->starts;
    return list_empty(&gate->restarts) ? NULL : &gate->restarts;
}

/* Have the timer fire when there is something to do. */
static void arm(struct launch_gate *gate)
{
    unsigned cost;

    if (!list_empty(&gate->given_up))
        uv_timer_start(&gate->timer, timer_cb, 0, 0);
    else if (!gate->shut && next_queue(gate, &cost) && gate->inside < LAUNCH_GATE_WIDTH)
        uv_timer_start(&gate->timer, timer_cb,
                       gate->tokens >= cost ? 0 : (cost - gate->tokens) * TOKEN_MS, 0);
}

static void give_up(struct launch_gate *gate)
{
    struct launch_ticket *ticket =
        container_of(list_pop(&gate->given_up), struct launch_ticket, link);

    ticket->state = LAUNCH_OUTSIDE;
    ticket->on_turn(ticket, true);
}

/* Whether somebody was let in. */
static bool let_in(struct launch_gate *gate)
{
    unsigned cost;
    struct list *queue = next_queue(gate, &cost);

    if (gate->shut || !queue || gate->inside == LAUNCH_GATE_WIDTH || gate->tokens < cost)
        return false;
    struct launch_ticket *ticket = container_of(list_pop(queue), struct launch_ticket, link);
    ticket->state = LAUNCH_INSIDE;
    gate->inside++;
    gate->tokens -= cost;
    ticket->on_turn(ticket, false);
    return true;
}

static void timer_cb(uv_timer_t *timer)
{
    struct launch_gate *gate = timer->data;

    while (!list_empty(&gate->given_up))
        give_up(gate);
    refill(gate);
    while (let_in(gate))
        ;
    arm(gate);
}

void launch_gate_shut(struct launch_gate *gate, bool shut)
{
    gate->shut = shut;
    refill(gate);
    arm(gate);
}

void launch_gate_enter(struct launch_gate *gate, struct launch_ticket *ticket, bool again)
{
    assert(ticket->state == LAUNCH_OUTSIDE);
    ticket->state = LAUNCH_WAITING;
    list_push(again ? &gate->restarts : &gate->starts, &ticket->link);
    refill(gate);
    arm(gate);
}

void launch_gate_give_up(struct launch_gate *gate, struct launch_ticket *ticket)
{
    if (ticket->state != LAUNCH_WAITING)
        return;
    ticket->state = LAUNCH_GIVEN_UP;
    list_remove(&ticket->link);
    list_push(&gate->given_up, &ticket->link);
    arm(gate);
}

void launch_gate_leave(struct launch_gate *gate, struct launch_ticket *ticket)
{
    assert(ticket->state == LAUNCH_INSIDE);
    ticket->state = LAUNCH_OUTSIDE;
    gate->inside--;
    refill(gate);
    arm(gate);
}
