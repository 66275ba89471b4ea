#include "daemon/process.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/launch.h"
#include "daemon/log.h"
#include "daemon/outlog.h"

struct process {
    const struct component_host *host; /* borrowed, as is the spec */
    const struct component_spec *spec;
    struct process_events events;
    char *who;      /* for messages */
    char *out_name; /* the log files' names */
    char *err_name;
    bool busy;                 /* a run lasts: from process_start to on_down */
    uv_work_t work;            /* the launch */
    int launch_code;           /* its outcome … */
    struct error launch_error; /* … with the reason … */
    struct launched launched;  /* … or what it made; pid 0 once it has been waited for */
    uv_poll_t poll;            /* on the pidfd */
    unsigned outlogs;          /* still writing */
    struct outlog *out;        /* NULL: none */
    struct outlog *err;
    struct restart_outcome outcome; /* how it ended */
};

int process_new(const struct component_host *host, const struct component_spec *spec,
                const struct process_events *events, struct process **ret, struct error *e)
{
    struct process *p = calloc(1, sizeof(*p));

    if (!p)
        goto fail;
    p->host = host;
    p->spec = spec;
    p->events = *events;
    if (asprintf(&p->who, "app '%s' component '%s'", host->app, spec->id) < 0) {
        p->who = NULL;
        goto fail;
    }
    if (asprintf(&p->out_name, "%s_stdout.txt", spec->id) < 0) {
        p->out_name = NULL;
        goto fail;
    }
    if (asprintf(&p->err_name, "%s_stderr.txt", spec->id) < 0) {
        p->err_name = NULL;
        goto fail;
    }
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

const char *process_who(const struct process *p)
{
    return p->who;
}

static void on_poll_closed(uv_handle_t *handle)
{
    struct process *p = handle->data;

    close(p->launched.pidfd);
    p->busy = false;
    p->events.on_down(p->events.arg, &p->outcome, NULL);
}

static void on_output_done(void *arg)
{
    struct process *p = arg;

    if (--p->outlogs == 0)
        uv_close((uv_handle_t *)&p->poll, on_poll_closed);
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
    on_output_done(p);
}

static void pidfd_cb(uv_poll_t *poll, int status, int events)
{
    struct process *p = poll->data;
    siginfo_t info = {0};
    int r = waitid(P_PID, (id_t)p->launched.pid, &info, WEXITED | WNOHANG | WNOWAIT);

    (void)status;
    (void)events;
    if (r == 0 && info.si_pid == 0)
        return; /* not yet */
    p->outcome = (struct restart_outcome){.launched = true, .exit_code = -1};
    if (r == 0) {
        if (info.si_code == CLD_EXITED)
            p->outcome.exit_code = info.si_status;
        else
            p->outcome.exit_signal = info.si_status;
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
    r = uv_poll_start(&p->poll, UV_READABLE, pidfd_cb);
    assert(r == 0); /* it only registers */
    return r;
}

/* It runs, but nobody would learn of its end. */
static void abandon(struct process *p, int r)
{
    char why[200];

    snprintf(why, sizeof(why), "cannot watch the process: %s", uv_strerror(r));
    reap(p);
    close(p->launched.pidfd);
    close(p->launched.connection);
    close(p->launched.out);
    close(p->launched.err);
    p->busy = false;
    p->outcome = (struct restart_outcome){.exit_code = -1};
    p->events.on_down(p->events.arg, &p->outcome, why);
}

static struct outlog *read_output(struct process *p, const char *name, int fd)
{
    struct outlog *o = NULL;
    struct error e;

    if (outlog_new(p->host->loop, p->host->directory, p->who, name, fd, &o, &e) != 0)
        log_warning("%s: %s", p->who, e.text);
    return o;
}

/* On a pool thread. */
static void launch_work(uv_work_t *work)
{
    struct process *p = work->data;
    struct launch_request request = {
        .app = p->host->app,
        .directory = p->host->directory,
        .spec = p->spec,
        .runner = p->host->runner,
        .warden = p->host->warden,
    };
    p->launch_code = launch(&request, &p->launched, &p->launch_error);
}

static void launch_cb(uv_work_t *work, int status)
{
    struct process *p = work->data;
    int r;

    (void)status; /* nobody cancels it */
    if (p->launch_code) {
        p->busy = false;
        p->outcome = (struct restart_outcome){.exit_code = -1};
        p->events.on_down(p->events.arg, &p->outcome, p->launch_error.text);
        return;
    }
    r = watch(p);
    if (r) {
        abandon(p, r);
        return;
    }
    p->out = read_output(p, p->out_name, p->launched.out);
    p->err = read_output(p, p->err_name, p->launched.err);
    p->events.on_up(p->events.arg, p->launched.pid, p->launched.connection);
}

void process_start(struct process *p)
{
    assert(!p->busy);
    p->busy = true;
    p->launched = (struct launched){0};
    p->work.data = p;
    uv_queue_work(p->host->loop, &p->work, launch_work, launch_cb);
}

void process_signal(struct process *p, int sig)
{
    if (p->busy && p->launched.pid > 0)
        kill(-p->launched.pid, sig);
}
