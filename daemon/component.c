#include "daemon/component.h"

#include <assert.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "daemon/handover.h"
#include "daemon/log.h"
#include "daemon/process.h"
#include "daemon/restart.h"

struct component {
    struct component_host host;
    struct component_spec *spec; /* a reference */
    unsigned instance;           /* from 1 */
    struct restart restart;            /* what is wanted, what is, and the history */
    struct process *process;
    uv_timer_t timer;  /* back-off, readiness, watchdog or SIGKILL: by state */
    uv_timer_t notice; /* a change made by a call, to be told after it returned */
    pid_t pid;         /* 0: none */
    int64_t since_ms;
    int exit_code; /* of the last run; -1: none */
    int exit_signal;
    char last_exit[64]; /* in words; "": none */
    char fault[100]; /* why the run was ended as overdue; "": it was not */
    char reason[700];
    unsigned handles; /* not closed yet */
    void (*on_freed)(void *arg);
    void *freed_arg;
};

static const char *const state_words[COMPONENT_STATE_COUNT] = {
#define X(id, word) [COMPONENT_##id] = word,
    COMPONENT_STATE_LIST(X)
#undef X
};

const char *component_state_word(enum component_state state)
{
    return state_words[state];
}

static int64_t wall_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* "10 s", "100 ms"; long ones to the second. */
static const char *duration(char *text, size_t size, uint64_t ms)
{
    bool whole = ms % 1000 == 0 || ms >= 10000;

    snprintf(text, size, whole ? "%llu s" : "%llu ms",
             (unsigned long long)(whole ? ms / 1000 : ms));
    return text;
}

/* How the last run ended, in words. */
static void describe_end(char *text, size_t size, const struct restart_outcome *outcome,
                         const char *why)
{
    const char *name = sigabbrev_np(outcome->exit_signal);
    const char *memory = outcome->out_of_memory ? ", out of memory" : "";

    if (!outcome->launched)
        snprintf(text, size, "%s", why);
    else if (outcome->exit_code >= 0)
        snprintf(text, size, "exited, status %d", outcome->exit_code);
    else if (outcome->exit_signal && name)
        snprintf(text, size, "killed by SIG%s%s", name, memory);
    else if (outcome->exit_signal)
        snprintf(text, size, "killed by signal %d%s", outcome->exit_signal, memory);
    else
        snprintf(text, size, "ended, how is not known: it was another daemon's child, or another process took its status");
}

/* Why the component is in the state that an end brought it to. */
static void explain_end(struct component *c, const struct restart_step *step, const char *end)
{
    char time[40];

    c->reason[0] = '\0';
    if (step->limit_hit)
        snprintf(c->reason, sizeof(c->reason), "start limit hit: %u starts within %s; last: %s",
                 c->restart.window_starts,
                 duration(time, sizeof(time), c->spec->start_limit_interval_ms), end);
    else if (c->restart.state == COMPONENT_BACKING_OFF)
        snprintf(c->reason, sizeof(c->reason), "%s; next start after %s", end,
                 duration(time, sizeof(time), step->delay_ms));
    else if (c->restart.state == COMPONENT_WAITING)
        snprintf(c->reason, sizeof(c->reason), "%s; next run after %s", end,
                 duration(time, sizeof(time), step->delay_ms));
    else if (c->restart.state == COMPONENT_STOPPING)
        snprintf(c->reason, sizeof(c->reason), "%s", c->fault);
    else if (c->restart.state == COMPONENT_FAILED || c->restart.state == COMPONENT_EXITED)
        snprintf(c->reason, sizeof(c->reason), "%s", end);
}

static void log_state(const struct component *c)
{
    enum log_level level = c->restart.state == COMPONENT_FAILED     ? LOG_LEVEL_WARNING
                           : c->restart.state == COMPONENT_STARTING ? LOG_LEVEL_DEBUG
                                                                    : LOG_LEVEL_INFO;
    const char *who = process_who(c->process);
    const char *word = component_state_word(c->restart.state);

    if (c->restart.state == COMPONENT_RUNNING)
        log_write(level, "%s: %s (pid %d)", who, word, (int)c->pid);
    else if (c->reason[0])
        log_write(level, "%s: %s (%s)", who, word, c->reason);
    else
        log_write(level, "%s: %s", who, word);
}

static void apply_from_loop(struct component *c, enum restart_event event);

static void timer_cb(uv_timer_t *timer)
{
    struct component *c = timer->data;

    char time[40];

    switch (c->restart.state) {
    case COMPONENT_STOPPING:
        process_signal(c->process, SIGKILL);
        return;
    case COMPONENT_STARTING:
        snprintf(c->fault, sizeof(c->fault), "not ready within %s",
                 duration(time, sizeof(time), c->spec->start_timeout_ms));
        apply_from_loop(c, RESTART_OVERDUE);
        return;
    case COMPONENT_RUNNING:
        if (process_spoke(c->process)) {
            uv_timer_start(&c->timer, timer_cb, c->spec->watchdog_ms, 0);
            return;
        }
        snprintf(c->fault, sizeof(c->fault), "no ping within %s",
                 duration(time, sizeof(time), c->spec->watchdog_ms));
        apply_from_loop(c, RESTART_OVERDUE);
        return;
    default:
        apply_from_loop(c, RESTART_DELAY_OVER);
    }
}

static void terminate(struct component *c, int sig)
{
    process_signal(c->process, sig);
    /* A group that was stopped would never see it. */
    process_signal(c->process, SIGCONT);
    uv_timer_start(&c->timer, timer_cb, c->spec->stop_timeout_ms, 0);
}

static void act(struct component *c, const struct restart_step *step, enum restart_event event)
{
    switch (step->action) {
    case RESTART_DO_NOTHING:
        break;
    case RESTART_DO_LAUNCH:
        uv_timer_stop(&c->timer);
        c->fault[0] = '\0';
        process_start(c->process, event == RESTART_DELAY_OVER);
        break;
    case RESTART_DO_TERMINATE:
        terminate(c, SIGTERM);
        break;
    case RESTART_DO_ABORT:
        terminate(c, SIGABRT);
        break;
    case RESTART_DO_AWAIT:
        uv_timer_start(&c->timer, timer_cb, c->spec->start_timeout_ms, 0);
        break;
    case RESTART_DO_WATCH:
        uv_timer_start(&c->timer, timer_cb, c->spec->watchdog_ms, 0);
        break;
    case RESTART_DO_DELAY:
        uv_timer_start(&c->timer, timer_cb, step->delay_ms, 0);
        break;
    case RESTART_DO_CANCEL:
        uv_timer_stop(&c->timer);
        break;
    }
}

/* The one place where the state changes. `end` says how a run ended, for RESTART_DOWN. Returns
 * whether the state is another one now. */
static bool apply(struct component *c, enum restart_event event,
                  const struct restart_outcome *outcome, const char *end)
{
    enum component_state before = c->restart.state;
    struct restart_step step;

    uv_update_time(c->host.loop); /* what is asked for now is not to begin in the past */
    step = restart_step(&c->restart, c->spec, event, outcome, uv_now(c->host.loop));
    bool changed = c->restart.state != before;
    if (event == RESTART_DOWN)
        uv_timer_stop(&c->timer);
    if (changed) {
        c->since_ms = wall_ms();
        explain_end(c, &step, end ? end : "");
        log_state(c);
    }
    act(c, &step, event);
    return changed;
}

static void tell(struct component *c)
{
    uv_timer_stop(&c->notice);
    if (c->host.on_change)
        c->host.on_change(c->host.arg, c);
}

static void apply_from_loop(struct component *c, enum restart_event event)
{
    if (apply(c, event, NULL, NULL))
        tell(c);
}

static void notice_cb(uv_timer_t *timer)
{
    tell(timer->data);
}

static void on_up(void *arg, pid_t pid, int fd)
{
    struct component *c = arg;

    c->pid = pid;
    if (c->host.on_connection && c->restart.state != COMPONENT_STOPPING)
        c->host.on_connection(c->host.arg, c, fd);
    else
        close(fd);
    apply_from_loop(c, RESTART_UP);
}

static void on_ready(void *arg)
{
    struct component *c = arg;

    if (c->spec->ready == READY_LINE)
        apply_from_loop(c, RESTART_READY);
}

static void on_down(void *arg, const struct restart_outcome *outcome, const char *why)
{
    struct component *c = arg;
    char end[600];

    c->pid = 0;
    c->exit_code = outcome->exit_code;
    c->exit_signal = outcome->exit_signal;
    describe_end(end, sizeof(end), outcome, why);
    snprintf(c->last_exit, sizeof(c->last_exit), "%.63s", outcome->launched ? end : "");
    if (c->fault[0]) {
        char how[sizeof(end)];
        snprintf(how, sizeof(how), "%s", end);
        snprintf(end, sizeof(end), "%s: %.400s", c->fault, how);
    }
    if (apply(c, RESTART_DOWN, outcome, end))
        tell(c);
}

static void component_destroy(struct component *c)
{
    process_free(c->process);
    component_spec_unref(c->spec);
    free((char *)(uintptr_t)c->host.app);
    free(c);
}

/* Never 0, and another one for each component of each daemon. */
static uint32_t seed(const struct component *c)
{
    uint64_t mixed = (uint64_t)(uintptr_t)c * UINT64_C(0x9e3779b97f4a7c15) + uv_hrtime();

    return (uint32_t)(mixed >> 16) | 1;
}

int component_new(const struct component_host *host, struct component_spec *spec, unsigned instance,
                  struct component **ret, struct error *e)
{
    struct component *c = calloc(1, sizeof(*c));
    struct process_events events = {
        .on_up = on_up, .on_ready = on_ready, .on_down = on_down, .arg = c};
    int code;

    if (!c)
        return error_set(e, ERR_OTHER, "out of memory");
    c->host = *host;
    c->host.app = strdup(host->app);
    c->spec = component_spec_ref(spec);
    c->instance = instance;
    restart_init(&c->restart, seed(c));
    c->since_ms = wall_ms();
    c->exit_code = -1;
    code = c->host.app ? process_new(&c->host, c->spec, instance, &events, &c->process, e)
                       : error_set(e, ERR_OTHER, "out of memory");
    if (code) {
        component_destroy(c);
        return code;
    }
    uv_timer_init(host->loop, &c->timer);
    uv_timer_init(host->loop, &c->notice);
    c->timer.data = c->notice.data = c;
    c->handles = 2;
    *ret = c;
    return 0;
}

struct component_spec *component_spec(const struct component *c)
{
    return c->spec;
}

unsigned component_instance(const struct component *c)
{
    return c->instance;
}

void component_set_spec(struct component *c, struct component_spec *spec)
{
    component_spec_ref(spec);
    component_spec_unref(c->spec);
    c->spec = spec;
    process_set_spec(c->process, spec);
    if (c->restart.state == COMPONENT_RUNNING && spec->watchdog_ms)
        uv_timer_start(&c->timer, timer_cb, spec->watchdog_ms, 0);
    else if (c->restart.state == COMPONENT_RUNNING)
        uv_timer_stop(&c->timer);
}

struct component_status component_status(const struct component *c)
{
    return (struct component_status){
        .state = c->restart.state,
        .reason = c->reason,
        .since_ms = c->since_ms,
        .wanted = c->restart.wanted,
        .pid = c->pid,
        .exit_code = c->exit_code,
        .exit_signal = c->exit_signal,
        .last_exit = c->last_exit,
        .restarts = c->restart.restarts,
        .dropped = process_dropped(c->process),
    };
}

static void apply_from_call(struct component *c, enum restart_event event)
{
    if (apply(c, event, NULL, NULL))
        uv_timer_start(&c->notice, notice_cb, 0, 0);
}

void component_start(struct component *c)
{
    apply_from_call(c, RESTART_WANT_RUN);
}

void component_stop(struct component *c)
{
    apply_from_call(c, RESTART_WANT_STOP);
}

void component_reset(struct component *c)
{
    apply_from_call(c, RESTART_RESET);
}

void component_heard_hello(struct component *c)
{
    if (c->spec->ready == READY_HELLO && c->pid)
        apply_from_call(c, RESTART_READY);
}

void component_heard_ping(struct component *c)
{
    if (c->restart.state == COMPONENT_RUNNING && c->spec->watchdog_ms)
        uv_timer_start(&c->timer, timer_cb, c->spec->watchdog_ms, 0);
}

bool component_at_rest(const struct component *c)
{
    return c->restart.state == COMPONENT_STOPPED || c->restart.state == COMPONENT_FAILED ||
           c->restart.state == COMPONENT_EXITED;
}

static void on_closed(uv_handle_t *handle)
{
    struct component *c = handle->data;

    if (--c->handles > 0)
        return;
    void (*on_freed)(void *) = c->on_freed;
    void *arg = c->freed_arg;
    component_destroy(c);
    if (on_freed)
        on_freed(arg);
}

void component_free(struct component *c, void (*on_freed)(void *arg), void *arg)
{
    assert(component_at_rest(c));
    c->on_freed = on_freed;
    c->freed_arg = arg;
    uv_close((uv_handle_t *)&c->timer, on_closed);
    uv_close((uv_handle_t *)&c->notice, on_closed);
}

void component_pause(struct component *c, bool pause)
{
    process_pause(c->process, pause);
}

bool component_is_settled(const struct component *c)
{
    struct process_saved saved;

    return !uv_is_active((const uv_handle_t *)&c->notice) && process_save(c->process, &saved);
}

static void save_restart(const struct restart *r, struct handover_out *out)
{
    msgpack_pack_array(&out->pk, 9);
    handover_put_bool(out, r->wanted);
    handover_put_bool(out, r->faulted);
    msgpack_pack_uint32(&out->pk, r->jitter);
    msgpack_pack_uint64(&out->pk, r->started_ms);
    msgpack_pack_uint64(&out->pk, r->window_ms);
    msgpack_pack_uint32(&out->pk, r->window_starts);
    msgpack_pack_uint32(&out->pk, r->delay_ms);
    msgpack_pack_uint64(&out->pk, r->restarts);
    pack_cstr(&out->pk, component_state_word(r->state));
}

static void save_process(const struct process_saved *p, struct handover_out *out)
{
    msgpack_pack_array(&out->pk, 6);
    msgpack_pack_int(&out->pk, p->pid);
    handover_put_fd(out, p->pidfd);
    handover_put_fd(out, p->ready);
    handover_put_fd(out, p->out);
    handover_put_fd(out, p->err);
    msgpack_pack_uint64(&out->pk, p->dropped);
}

bool component_save(const struct component *c, struct handover_out *out)
{
    bool due = uv_is_active((const uv_handle_t *)&c->timer);
    struct process_saved process;

    if (!component_is_settled(c) || !process_save(c->process, &process))
        return false;
    process_flush(c->process);
    msgpack_pack_array(&out->pk, 9);
    save_restart(&c->restart, out);
    msgpack_pack_int64(&out->pk, c->since_ms);
    msgpack_pack_int(&out->pk, c->exit_code);
    msgpack_pack_int(&out->pk, c->exit_signal);
    pack_cstr(&out->pk, c->last_exit);
    pack_cstr(&out->pk, c->fault);
    pack_cstr(&out->pk, c->reason);
    msgpack_pack_int64(&out->pk, due ? (int64_t)uv_timer_get_due_in(&c->timer) : -1);
    save_process(&process, out);
    return true;
}

static enum component_state state_of(struct slice word)
{
    for (unsigned i = 0; i < COMPONENT_STATE_COUNT; i++)
        if (slice_equals(word, state_words[i]))
            return (enum component_state)i;
    return COMPONENT_STATE_COUNT;
}

static void restore_restart(struct restart *r, struct handover_in *in)
{
    handover_take_array(in, 9);
    r->wanted = handover_take_bool(in);
    r->faulted = handover_take_bool(in);
    r->jitter = (uint32_t)handover_take_uint(in);
    r->started_ms = handover_take_uint(in);
    r->window_ms = handover_take_uint(in);
    r->window_starts = (uint32_t)handover_take_uint(in);
    r->delay_ms = (uint32_t)handover_take_uint(in);
    r->restarts = handover_take_uint(in);
    r->state = state_of(handover_take_str(in));
}

static void restore_process(struct process_saved *p, struct handover_in *in)
{
    handover_take_array(in, 6);
    p->pid = (pid_t)handover_take_int(in);
    p->pidfd = handover_take_fd(in);
    p->ready = handover_take_fd(in);
    p->out = handover_take_fd(in);
    p->err = handover_take_fd(in);
    p->dropped = handover_take_uint(in);
}

static void copy_text(char *text, size_t size, struct slice s)
{
    snprintf(text, size, "%.*s", (int)s.len, s.data ? s.data : "");
}

/* What was saved of a component. */
struct component_saved {
    struct restart restart;
    int64_t since_ms;
    int exit_code;
    int exit_signal;
    struct slice last_exit;
    struct slice fault;
    struct slice reason;
    int64_t due_ms; /* until the timer fires; -1: it does not run */
    struct process_saved process;
};

static bool take_saved(struct component_saved *s, struct handover_in *in)
{
    handover_take_array(in, 9);
    restore_restart(&s->restart, in);
    s->since_ms = handover_take_int(in);
    s->exit_code = (int)handover_take_int(in);
    s->exit_signal = (int)handover_take_int(in);
    s->last_exit = handover_take_str(in);
    s->fault = handover_take_str(in);
    s->reason = handover_take_str(in);
    s->due_ms = handover_take_int(in);
    restore_process(&s->process, in);
    return !in->failed && s->restart.state != COMPONENT_STATE_COUNT;
}

bool component_restore(struct component *c, struct handover_in *in)
{
    struct component_saved s;

    if (!take_saved(&s, in))
        return false;
    c->restart = s.restart;
    c->since_ms = s.since_ms;
    c->exit_code = s.exit_code;
    c->exit_signal = s.exit_signal;
    copy_text(c->last_exit, sizeof(c->last_exit), s.last_exit);
    copy_text(c->fault, sizeof(c->fault), s.fault);
    copy_text(c->reason, sizeof(c->reason), s.reason);
    c->pid = s.process.pid;
    process_restore(c->process, &s.process);
    if (s.due_ms >= 0)
        uv_timer_start(&c->timer, timer_cb, (uint64_t)s.due_ms, 0);
    if (s.restart.state == COMPONENT_STARTING && !s.process.pid)
        process_start(c->process, s.restart.restarts > 0);
    return true;
}

bool component_discard(struct warden *warden, struct handover_in *in)
{
    struct component_saved s;

    if (!take_saved(&s, in))
        return false;
    process_discard(&s.process, warden);
    return true;
}
