#include "daemon/launch_gate.h"

#include <assert.h>

#define TOKEN_MS (1000u / LAUNCH_GATE_RATE)

static void timer_cb(uv_timer_t *timer);

void launch_gate_init(struct launch_gate *gate, uv_loop_t *loop)
{
    gate->loop = loop;
    list_init(&gate->waiting);
    list_init(&gate->given_up);
    gate->inside = 0;
    gate->tokens = LAUNCH_GATE_BURST;
    gate->refilled_ms = uv_now(loop);
    uv_timer_init(loop, &gate->timer);
    gate->timer.data = gate;
}

void launch_gate_close(struct launch_gate *gate)
{
    assert(list_empty(&gate->waiting) && list_empty(&gate->given_up) && !gate->inside);
    uv_close((uv_handle_t *)&gate->timer, NULL);
}

static void refill(struct launch_gate *gate)
{
    uint64_t earned = (uv_now(gate->loop) - gate->refilled_ms) / TOKEN_MS;

    gate->refilled_ms += earned * TOKEN_MS;
    gate->tokens = earned < LAUNCH_GATE_BURST - gate->tokens ? gate->tokens + (unsigned)earned
                                                              : LAUNCH_GATE_BURST;
}

/* Have the timer fire when there is something to do. */
static void arm(struct launch_gate *gate)
{
    if (!list_empty(&gate->given_up))
        uv_timer_start(&gate->timer, timer_cb, 0, 0);
    else if (!list_empty(&gate->waiting) && gate->inside < LAUNCH_GATE_WIDTH)
        uv_timer_start(&gate->timer, timer_cb, gate->tokens ? 0 : TOKEN_MS, 0);
}

static void turn(struct launch_gate *gate, struct list *from, enum launch_ticket_state state)
{
    struct launch_ticket *ticket = container_of(list_pop(from), struct launch_ticket, link);

    ticket->state = state;
    if (state == LAUNCH_INSIDE) {
        gate->inside++;
        gate->tokens--;
    }
    ticket->on_turn(ticket, state == LAUNCH_OUTSIDE);
}

static void timer_cb(uv_timer_t *timer)
{
    struct launch_gate *gate = timer->data;

    while (!list_empty(&gate->given_up))
        turn(gate, &gate->given_up, LAUNCH_OUTSIDE);
    refill(gate);
    while (!list_empty(&gate->waiting) && gate->inside < LAUNCH_GATE_WIDTH && gate->tokens)
        turn(gate, &gate->waiting, LAUNCH_INSIDE);
    arm(gate);
}

void launch_gate_enter(struct launch_gate *gate, struct launch_ticket *ticket)
{
    assert(ticket->state == LAUNCH_OUTSIDE);
    ticket->state = LAUNCH_WAITING;
    list_push(&gate->waiting, &ticket->link);
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
