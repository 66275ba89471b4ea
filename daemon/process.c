#include "daemon/process.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/journal.h"
#include "daemon/launch.h"
#include "daemon/launch_gate.h"
#include "daemon/log.h"
#include "daemon/outlog.h"
#include "daemon/run_soon.h"
#include "daemon/usage.h"

struct process {
    const struct component_host *host; /* borrowed, as is the spec */
    struct component_spec *spec;
    unsigned instance;
    struct process_events events;
    char *who;      /* for messages */
    char *out_name; /* the log files' names */
    char *err_name;
    bool busy;                 /* a run lasts: from process_start to on_down */
    bool foreign;              /* the run is another daemon's child: nobody tells how it ends */
    uint64_t born;             /* of a foreign one: when it was started, in ticks since the boot */
    struct launch_ticket ticket;
    uv_work_t work; /* the launch */
    struct component_spec *launching; /* what it reads on its thread, a reference */
    int launch_code;           /* its outcome … */
    struct error launch_error; /* … with the reason … */
    struct launched made;      /* … or what it made, which launch_cb takes over */
    struct launched launched;  /* the loop's alone; pid 0 once it has been waited for */
    uv_poll_t poll;            /* on the pidfd */
    uv_poll_t ready;           /* on the descriptor for readiness, while launched.ready is one */
    unsigned handles;          /* of these two, not closed yet */
    unsigned outlogs;          /* still writing */
    struct outlog *out;        /* NULL: none */
    struct outlog *err;
    uint64_t dropped;               /* output of runs that have ended */
    struct restart_outcome outcome; /* how it ended */
};

/* "web", the second one of several "web@2". 0 or -1. */
static int name_files(struct process *p, const struct component_spec *spec, unsigned instance)
{
    char number[16] = "";

    if (instance > 1)
        snprintf(number, sizeof(number), "@%u", instance);
    if (asprintf(&p->who, "app '%s' component '%s%s'", p->host->app, spec->id, number) < 0)
        p->who = NULL;
    if (asprintf(&p->out_name, "%s%s_stdout.txt", spec->id, number) < 0)
        p->out_name = NULL;
    if (asprintf(&p->err_name, "%s%s_stderr.txt", spec->id, number) < 0)
        p->err_name = NULL;
    return p->who && p->out_name && p->err_name ? 0 : -1;
}

int process_new(const struct component_host *host, struct component_spec *spec,
                unsigned instance, const struct process_events *events, struct process **ret,
                struct error *e)
{
    struct process *p = calloc(1, sizeof(*p));

    if (!p)
        goto fail;
    p->host = host;
    p->spec = spec;
    p->events = *events;
    p->instance = instance;
    if (name_files(p, spec, instance) != 0)
        goto fail;
    *ret = p;
    return 0;
fail:
    process_free(p);
    return error_set(e, ERR_OTHER, "out of memory");
}

void process_free(struct process *p)
{
    if (!p)
        return;
    assert(!p->busy);
    free(p->who);
    free(p->out_name);
    free(p->err_name);
    free(p);
}

/* How much is kept of what it writes. */
static struct outlog_settings log_settings(const struct component_spec *spec)
{
    return (struct outlog_settings){
        .size = spec->log_size, .keep = spec->log_keep, .drop = spec->log_policy == LOG_DROP};
}

void process_set_spec(struct process *p, struct component_spec *spec)
{
    struct outlog_settings settings = log_settings(spec);

    p->spec = spec;
    if (p->out)
        outlog_set(p->out, &settings);
    if (p->err)
        outlog_set(p->err, &settings);
}

uint64_t process_dropped(const struct process *p)
{
    return p->dropped + (p->out ? outlog_dropped(p->out) : 0) +
           (p->err ? outlog_dropped(p->err) : 0);
}

const char *process_who(const struct process *p)
{
    return p->who;
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct process *p = handle->data;

    if (--p->handles > 0)
        return;
    close_fd(&p->launched.pidfd);
    close_fd(&p->launched.ready);
    p->busy = false;
    p->events.on_down(p->events.arg, &p->outcome, NULL);
}

static void on_output_done(void *arg, uint64_t dropped)
{
    struct process *p = arg;

    p->dropped += dropped;
    if (--p->outlogs > 0)
        return;
    uv_close((uv_handle_t *)&p->poll, on_handle_closed);
    if (p->launched.ready >= 0)
        uv_close((uv_handle_t *)&p->ready, on_handle_closed);
}

/* What has left the process group is still in the control group. */
static void remove_group(const struct process *p)
{
    char name[CGROUP_NAME_MAX];

    if (!p->host->cgroup)
        return;
    cgroup_name(name, p->host->directory, p->host->app, p->spec->id, p->instance);
    cgroup_remove(p->host->cgroup, name);
}

static bool ran_out_of_memory(const struct process *p)
{
    char name[CGROUP_NAME_MAX];

    if (!p->host->cgroup)
        return false;
    cgroup_name(name, p->host->directory, p->host->app, p->spec->id, p->instance);
    return cgroup_ran_out_of_memory(p->host->cgroup, name);
}

/* The leader is still a zombie here, so its number, which is also the group's, is nobody else's:
 * first kill what it left behind, then let go of the number. */
static void reap(struct process *p)
{
    pid_t pid = p->launched.pid;

    kill(-pid, SIGKILL);
    if (warden_remove(p->host->warden, pid) != 0)
        log_warning("%s: the warden process does not answer: %s", p->who, uv_strerror(-errno));
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
    p->launched.pid = 0;
    remove_group(p);
}

/* Its number may be another's by now, but not as long as its group has members: nobody has it then, or a
 * zombie of that time. */
static void reap_foreign(struct process *p)
{
    pid_t pid = p->launched.pid;
    uint64_t born = usage_born(pid);

    if (!born || born == p->born)
        kill(-pid, SIGKILL);
    if (warden_remove(p->host->warden, pid) != 0)
        log_warning("%s: the warden process does not answer: %s", p->who, uv_strerror(-errno));
    p->launched.pid = 0;
    remove_group(p);
}

static void finish_output(struct process *p)
{
    uv_poll_stop(&p->poll);
    p->outlogs = 1; /* this function's own, lest on_output_done be lost without outlogs */
    if (p->out) {
        p->outlogs++;
        outlog_finish(p->out, on_output_done, p);
    }
    if (p->err) {
        p->outlogs++;
        outlog_finish(p->err, on_output_done, p);
    }
    p->out = p->err = NULL;
    on_output_done(p, 0);
}

static void pidfd_cb(uv_poll_t *poll, int status, int events)
{
    struct process *p = poll->data;
    siginfo_t info = {0};
    int r = p->foreign ? -1
                       : waitid(P_PID, (id_t)p->launched.pid, &info, WEXITED | WNOHANG | WNOWAIT);

    (void)status;
    (void)events;
    if (r == 0 && info.si_pid == 0)
        return; /* not yet */
    p->outcome = (struct restart_outcome){.launched = true, .exit_code = -1};
    if (p->foreign) {
        reap_foreign(p);
    } else if (r == 0) {
        if (info.si_code == CLD_EXITED)
            p->outcome.exit_code = info.si_status;
        else
            p->outcome.exit_signal = info.si_status;
        p->outcome.out_of_memory = p->outcome.exit_signal == SIGKILL && ran_out_of_memory(p);
        reap(p);
    } else {
        p->launched.pid = 0; /* somebody else waited for it: the number may be another's */
    }
    finish_output(p);
}

/* 0, or a libuv error with the poll handle not initialised or closing. */
static int watch(struct process *p)
{
    int r = uv_poll_init(p->host->loop, &p->poll, p->launched.pidfd);

    if (r)
        return r;
    p->poll.data = p;
    p->handles = 1;
    r = uv_poll_start(&p->poll, UV_READABLE, pidfd_cb);
    assert(r == 0); /* it only registers */
    return r;
}

static void ready_cb(uv_poll_t *poll, int status, int events)
{
    struct process *p = poll->data;
    char bytes[256];
    ssize_t n = read(p->launched.ready, bytes, sizeof(bytes));

    (void)status;
    (void)events;
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0 || memchr(bytes, '\n', (size_t)n))
        uv_poll_stop(poll);
    if (n > 0 && memchr(bytes, '\n', (size_t)n))
        p->events.on_ready(p->events.arg);
}

/* One that cannot be listened to never becomes ready: its time runs out. */
static void watch_ready(struct process *p)
{
    int r;

    if (p->launched.ready < 0)
        return;
    r = uv_poll_init(p->host->loop, &p->ready, p->launched.ready);
    if (r) {
        log_warning("%s: cannot wait for its readiness: %s", p->who, uv_strerror(r));
        close_fd(&p->launched.ready);
        return;
    }
    p->ready.data = p;
    p->handles++;
    if (p->spec->ready == READY_LINE)
        uv_poll_start(&p->ready, UV_READABLE, ready_cb);
}

static void not_started(struct process *p, const char *why)
{
    p->busy = false;
    p->outcome = (struct restart_outcome){.exit_code = -1};
    p->events.on_down(p->events.arg, &p->outcome, why);
}

/* It runs, but nobody would learn of its end. */
static void abandon(struct process *p, int r)
{
    char why[200];

    snprintf(why, sizeof(why), "cannot watch the process: %s", uv_strerror(r));
    reap(p);
    close_fd(&p->launched.pidfd);
    close_fd(&p->launched.connection);
    close_fd(&p->launched.ready);
    close_fd(&p->launched.out);
    close_fd(&p->launched.err);
    not_started(p, why);
}

static struct journal_stream *journal_stream(const struct process *p, bool err)
{
    struct journal_origin origin = {p->host->app, p->spec->id, p->instance, err};

    return p->host->journal ? journal_stream_new(p->host->journal, &origin) : NULL;
}

static struct outlog *read_output(struct process *p, bool err, int fd)
{
    const char *name = err ? p->err_name : p->out_name;
    struct outlog_settings settings = log_settings(p->spec);
    struct outlog *o = NULL;
    struct error e;

    if (outlog_new(p->host->loop, p->host->directory, p->who, name, &settings, fd, &o, &e) != 0)
        log_warning("%s: %s", p->who, e.text);
    else
        outlog_set_journal(o, journal_stream(p, err));
    return o;
}

/* On a pool thread. */
static void launch_work(uv_work_t *work)
{
    run_soon(RUN_THEN);
    struct process *p = work->data;
    struct launch_request request = {
        .app = p->host->app,
        .directory = p->host->directory,
        .spec = p->launching,
        .instance = p->instance,
        .runner = p->host->runner,
        .warden = p->host->warden,
        .cgroup = p->host->cgroup,
        .leader = p->host->leader,
        .outlives = p->host->outlives,
    };
    p->launch_code = launch(&request, &p->made, &p->launch_error);
}

static void launch_cb(uv_work_t *work, int status)
{
    struct process *p = work->data;
    int r;

    (void)status; /* nobody cancels it */
    if (p->host->gate)
        launch_gate_leave(p->host->gate, &p->ticket);
    component_spec_unref(p->launching);
    p->launching = NULL;
    if (p->launch_code) {
        not_started(p, p->launch_error.text);
        return;
    }
    p->launched = p->made;
    r = watch(p);
    if (r) {
        abandon(p, r);
        return;
    }
    watch_ready(p);
    p->out = read_output(p, false, p->launched.out);
    p->err = read_output(p, true, p->launched.err);
    p->events.on_up(p->events.arg, p->launched.pid, p->launched.connection);
}

static void begin(struct process *p)
{
    p->launched = (struct launched){.pidfd = -1, .ready = -1};
    p->foreign = false;
    p->launching = component_spec_ref(p->spec);
    p->work.data = p;
    uv_queue_work(p->host->loop, &p->work, launch_work, launch_cb);
}

static void on_turn(struct launch_ticket *ticket, bool given_up)
{
    struct process *p = container_of(ticket, struct process, ticket);

    if (given_up)
        not_started(p, "stopped before it was started");
    else
        begin(p);
}

void process_start(struct process *p, bool again)
{
    assert(!p->busy);
    p->busy = true;
    p->launched.pid = 0;
    if (!p->host->gate) {
        begin(p);
        return;
    }
    p->ticket.on_turn = on_turn;
    launch_gate_enter(p->host->gate, &p->ticket, again);
}

void process_pause(struct process *p, bool pause)
{
    void (*step)(struct outlog *o) = pause ? outlog_pause : outlog_resume;

    if (p->out)
        step(p->out);
    if (p->err)
        step(p->err);
}

void process_flush(struct process *p)
{
    if (p->out)
        outlog_flush(p->out);
    if (p->err)
        outlog_flush(p->err);
}

bool process_save(const struct process *p, struct process_saved *ret)
{
    bool waits = p->busy && p->ticket.state == LAUNCH_WAITING;

    *ret = (struct process_saved){
        .pidfd = -1, .ready = -1, .out = -1, .err = -1, .dropped = process_dropped(p)};
    if (!p->busy || waits)
        return true;
    if (!p->launched.pid || p->launching || (p->out && !outlog_is_quiet(p->out)) ||
        (p->err && !outlog_is_quiet(p->err)))
        return false;
    ret->pid = p->launched.pid;
    ret->pidfd = p->launched.pidfd;
    ret->ready = p->launched.ready;
    ret->out = p->out ? outlog_fd(p->out) : -1;
    ret->err = p->err ? outlog_fd(p->err) : -1;
    return true;
}

static bool has_ended(int pidfd)
{
    struct pollfd pfd = {.fd = pidfd, .events = POLLIN};

    return poll(&pfd, 1, 0) != 0;
}

void process_restore(struct process *p, const struct process_saved *saved)
{
    siginfo_t info = {0};
    int r;

    assert(!p->busy);
    p->dropped = saved->dropped;
    if (!saved->pid)
        return;
    p->busy = true;
    p->launched = (struct launched){
        .pid = saved->pid, .pidfd = saved->pidfd, .connection = -1, .out = saved->out,
        .err = saved->err, .ready = saved->ready};
    p->foreign = waitid(P_PID, (id_t)saved->pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0;
    p->born = p->foreign ? usage_born(saved->pid) : 0;
    if (has_ended(saved->pidfd))
        p->born = 0; /* that may have been another's already */
    r = watch(p);
    if (r) {
        abandon(p, r);
        return;
    }
    watch_ready(p);
    if (saved->out >= 0)
        p->out = read_output(p, false, saved->out);
    if (saved->err >= 0)
        p->err = read_output(p, true, saved->err);
}

void process_discard(const struct process_saved *saved, struct warden *warden)
{
    const int fds[] = {saved->pidfd, saved->ready, saved->out, saved->err};

    siginfo_t info;

    if (saved->pid > 0) {
        /* A child keeps its number until we have waited for it. */
        if (!has_ended(saved->pidfd) ||
            waitid(P_PID, (id_t)saved->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0)
            kill(-saved->pid, SIGKILL);
        warden_remove(warden, saved->pid);
        while (waitpid(saved->pid, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    for (size_t i = 0; i < sizeof(fds) / sizeof(*fds); i++)
        if (fds[i] >= 0)
            close(fds[i]);
}

bool process_spoke(struct process *p)
{
    static char bytes[64 << 10]; /* as much as the pipe holds, unless the process made it larger */
    ssize_t n;

    if (!p->busy || p->launched.ready < 0)
        return false;
    do
        n = read(p->launched.ready, bytes, sizeof(bytes));
    while (n < 0 && errno == EINTR);
    return n > 0;
}

void process_signal(struct process *p, int sig)
{
    if (p->busy && p->launched.pid > 0)
        kill(-p->launched.pid, sig);
    else if (p->busy && p->host->gate)
        launch_gate_give_up(p->host->gate, &p->ticket);
}
