#include "daemon/upgrade.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/app.h"
#include "daemon/conn.h"
#include "daemon/dispatch.h"
#include "daemon/fdstore.h"
#include "daemon/handover.h"
#include "daemon/handover_state.h"
#include "daemon/log.h"
#include "daemon/server.h"

static uint64_t now_ms(void)
{
    return uv_hrtime() / 1000000;
}

void upgrade_pack_result(msgpack_packer *pk, const char *version, struct slice previous,
                         unsigned processes, int64_t pause_ms)
{
    msgpack_pack_map(pk, 4);
    pack_cstr(pk, "version");
    pack_cstr(pk, version);
    pack_cstr(pk, "previous");
    pack_slice_str(pk, previous);
    pack_cstr(pk, "processes");
    msgpack_pack_unsigned_int(pk, processes);
    pack_cstr(pk, "pause_ms");
    if (pause_ms < 0)
        msgpack_pack_nil(pk);
    else
        msgpack_pack_int64(pk, pause_ms);
}

static void pause_app(struct app *app, bool pause)
{
    if (pause)
        trace_end(app);
    for (size_t i = 0; i < app->slot_count; i++)
        component_pause(app->slots[i].component, pause);
}

static void each_app(struct server *s, void (*step)(struct app *app, bool arg), bool arg)
{
    struct list *it, *tmp;
    list_each(it, tmp, &s->apps.all) step(container_of(it, struct app, link), arg);
}

static void rest_app(struct app *app, bool rest)
{
    batcher_rest(app->batcher, rest);
    if (!rest)
        app_open_watched(app);
}

static void begin_pause(struct server *s)
{
    s->upgrade.phase = UPGRADE_DRAINING;
    s->upgrade.begun_ms = now_ms();
    s->state = SERVER_PAUSED;
    launch_gate_shut(&s->gate, true);
    each_app(s, pause_app, true);
    events_end_waits(s, NULL);
    trace_end_waits(s);
}

void upgrade_cancel(struct server *s, int code, const char *text)
{
    struct request *r = s->upgrade.request;
    struct list *it, *tmp;
    if (s->upgrade.phase != UPGRADE_DRAINING && s->upgrade.phase != UPGRADE_CLOSING)
        return;
    log_warning("the %s is given up: %s", r ? "upgrade" : "handover", text);
    s->upgrade.phase = UPGRADE_NONE;
    s->upgrade.request = NULL;
    s->state = SERVER_RUNNING;
    each_app(s, rest_app, false);
    each_app(s, pause_app, false);
    launch_gate_shut(&s->gate, false);
    list_each(it, tmp, &s->conns) conn_wake(container_of(it, struct conn, link));
    if (r)
        request_fail(r, code, text);
    if (s->upgrade.leaving)
        server_stop(s);
}

/* What takes its time, and is not to keep everybody waiting; NULL: nothing. */
static const char *app_lengthy(const struct app *app, char *text, size_t size)
{
    const char *what = NULL;
    if (app->state != APP_ACTIVE)
        what = "is leaving";
    else if (!list_empty(&app->retired) || !list_empty(&app->reload_waiters))
        what = "is being reloaded";
    else if (!list_empty(&app->rest_waiters) || !list_empty(&app->leave_waiters))
        what = "is being stopped";
    else if (app->restoring || batcher_has_tasks(app->batcher))
        what = "is being backed up or restored";
    if (!what)
        return NULL;
    snprintf(text, size, "app '%s' %s", app_name(app), what);
    return text;
}

static const char *app_unsettled(const struct app *app, char *text, size_t size)
{
    if (app_lengthy(app, text, size))
        return text;
    if (app->pins) {
        snprintf(text, size, "app '%s' is being administered", app_name(app));
        return text;
    }
    for (size_t i = 0; i < app->slot_count; i++) {
        const struct component *c = app->slots[i].component;
        if (component_is_settled(c))
            continue;
        snprintf(text, size, "a process of app '%s' component '%s' has just begun or ended",
                 app_name(app), component_spec(c)->id);
        return text;
    }
    return NULL;
}

static const char *lengthy(struct server *s, char *text, size_t size)
{
    const char *what = NULL;
    for (struct list *it = s->apps.all.next; it != &s->apps.all && !what; it = it->next)
        what = app_lengthy(container_of(it, struct app, link), text, size);
    return what;
}

/* What is still under way, but for the stores; NULL: nothing. */
static const char *unsettled(struct server *s, char *text, size_t size)
{
    const char *what = NULL;
    for (struct list *it = s->conns.next; it != &s->conns; it = it->next) {
        const struct conn *c = container_of(it, struct conn, link);
        if (!conn_is_settled(c, s->upgrade.request && c == s->upgrade.request->conn))
            what = "requests are not answered";
    }
    for (struct list *it = s->apps.all.next; it != &s->apps.all && !what; it = it->next)
        what = app_unsettled(container_of(it, struct app, link), text, size);
    if (!what && (!worker_idle(&s->worker) || s->gate.inside))
        what = "something is being recorded or started";
    return what;
}

static const char *open_store(struct server *s, char *text, size_t size)
{
    for (struct list *it = s->apps.all.next; it != &s->apps.all; it = it->next) {
        const struct app *app = container_of(it, struct app, link);
        if (batcher_at_rest(app->batcher))
            continue;
        snprintf(text, size, "the store of app '%s' is not closed", app_name(app));
        return text;
    }
    return NULL;
}

struct upgrade_exec {
    const struct server_program *program;
    char *variable; /* HANDOVER_VARIABLE=…; NULL: none */
    int errnum;
};

/* Ours without what only this daemon was told, with what the next one is. NULL: no memory. */
static char **exec_environment(char *variable)
{
    static const char *const dropped[] = {HANDOVER_VARIABLE "=",
                                          "LISTEN_PID=", "LISTEN_FDS=", "LISTEN_FDNAMES="};
    size_t count = 0, n = 0;
    char **copy;
    while (environ[count])
        count++;
    copy = calloc(count + 2, sizeof *copy);
    for (size_t i = 0; copy && i < count; i++) {
        bool drop = false;
        for (size_t k = 0; k < sizeof dropped / sizeof *dropped; k++)
            drop = drop || !strncmp(environ[i], dropped[k], strlen(dropped[k]));
        if (!drop)
            copy[n++] = environ[i];
    }
    if (copy)
        copy[n] = variable;
    return copy;
}

/* On the first thread, whose children the app processes are. A signal that comes before the next
 * daemon has its handlers is kept for it: it unblocks them then. */
static void exec_here(void *arg)
{
    struct upgrade_exec *x = arg;
    char **environment = exec_environment(x->variable);
    sigset_t signals, before;
    if (!environment) {
        x->errnum = ENOMEM;
        return;
    }
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    sigaddset(&signals, SIGUSR2);
    pthread_sigmask(SIG_BLOCK, &signals, &before);
    execve(x->program->path, x->program->argv, environment);
    x->errnum = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    free(environment);
}

/* Returns when it failed, with why. */
static void exec_with(struct server *s, const struct handover_out *out, struct error *e)
{
    struct upgrade_exec x = {.program = &s->options.program};
    int file = handover_out_file(out, e);
    if (file < 0)
        return;
    fcntl(file, F_SETFD, 0);
    if (asprintf(&x.variable, "%s=%d", HANDOVER_VARIABLE, file) < 0) {
        error_set(e, ERR_OTHER, "out of memory");
    } else {
        handover_out_inherit(out, true);
        leader_call(s->options.leader, exec_here, &x);
        handover_out_inherit(out, false);
        error_set(e, ERR_OTHER, "cannot run '%s': %s", x.program->path, strerror(x.errnum));
        free(x.variable);
    }
    close(file);
}

static void hand_over(struct server *s)
{
    struct handover_asked asked = {.conn = s->upgrade.request->conn,
                                   .id = s->upgrade.request->id,
                                   .begun_ms = s->upgrade.begun_ms,
                                   .in_place = true,
                                   .peers = true};
    struct handover_out out;
    struct error e;
    log_info("handing over to bobbind %s, after %llu ms", s->upgrade.probe.version,
             (unsigned long long)(now_ms() - s->upgrade.begun_ms));
    handover_out_init(&out);
    handover_save(s, &asked, &out);
    exec_with(s, &out, &e);
    handover_out_fini(&out);
    upgrade_cancel(s, e.code, e.text);
}

/* Everything, or what the service manager has room for: app processes come first. */
static bool save_what_fits(struct server *s, struct handover_out *out)
{
    struct handover_asked asked = {.begun_ms = s->upgrade.begun_ms, .peers = true};
    handover_out_init(out);
    handover_save(s, &asked, out);
    if (out->fd_count < s->options.kept_max)
        return true;
    log_warning("connections are closed: the service manager keeps %u descriptors, not %zu",
                s->options.kept_max, out->fd_count + 1);
    handover_out_fini(out);
    asked.peers = false;
    handover_out_init(out);
    handover_save(s, &asked, out);
    return out->fd_count < s->options.kept_max;
}

/* Nothing is to be freed or closed in order: what would be is the next daemon's. */
static void leave_all(struct server *s)
{
    struct handover_out out;
    struct error e;
    int file = -1;
    if (!save_what_fits(s, &out))
        error_set(&e, ERR_OTHER, "more descriptors than the service manager keeps");
    else if ((file = handover_out_file(&out, &e)) >= 0 &&
             !fdstore_leave(file, out.fds, out.fd_count, &e)) {
        log_info("left to the next daemon, after %llu ms",
                 (unsigned long long)(now_ms() - s->upgrade.begun_ms));
        _exit(EXIT_SUCCESS);
    }
    if (file >= 0)
        close(file);
    handover_out_fini(&out);
    upgrade_cancel(s, e.code, e.text);
}

void upgrade_leave(struct server *s)
{
    if (s->state != SERVER_RUNNING || s->upgrade.phase != UPGRADE_NONE || !s->options.kept_max) {
        upgrade_cancel(s, ERR_SHUTTING_DOWN, "the daemon is shutting down");
        server_stop(s);
        return;
    }
    s->upgrade.leaving = true;
    begin_pause(s);
}

void upgrade_restart(struct server *s)
{
    struct upgrade_exec x = {.program = &s->options.program};
    const struct warden *warden = s->options.warden;
    /* The next daemon would not know whose zombie it is. */
    if (warden) {
        shutdown(warden_fd(warden), SHUT_RDWR);
        while (waitpid(warden_pid(warden), NULL, 0) < 0 && errno == EINTR)
            ;
    }
    leader_call(s->options.leader, exec_here, &x);
    log_error("cannot run '%s': %s", x.program->path, strerror(x.errnum));
}

void upgrade_turn(struct server *s)
{
    char text[300], late[400];
    const char *what;
    if (s->upgrade.phase != UPGRADE_DRAINING && s->upgrade.phase != UPGRADE_CLOSING)
        return;
    what = unsettled(s, text, sizeof text);
    if (!what && s->upgrade.phase == UPGRADE_DRAINING) {
        s->upgrade.phase = UPGRADE_CLOSING;
        each_app(s, rest_app, true);
    }
    if (!what)
        what = open_store(s, text, sizeof text);
    if (!what) {
        if (s->upgrade.leaving)
            leave_all(s);
        else
            hand_over(s);
    } else if (now_ms() - s->upgrade.begun_ms > UPGRADE_PAUSE_MS) {
        snprintf(late, sizeof late, "not upgraded within %u s: %s", UPGRADE_PAUSE_MS / 1000, what);
        upgrade_cancel(s, ERR_BUSY, late);
    }
}

static void ask_work(struct job *job)
{
    struct request *r = container_of(job, struct request, job);
    struct server *s = r->conn->server;
    struct error *e = r->detail;
    if (!s->options.program.path || !s->options.program.argv) {
        error_set(e, ERR_OTHER, "this daemon does not know what program it is");
        return;
    }
    e->code = upgrade_probe(s->options.program.path, s->options.program.argv, &s->upgrade.probe, e);
}

/* The program knows nothing of what this one would leave: all is stopped, and then started by it.
 */
static void stop_and_restart(struct server *s, struct request *r)
{
    struct buffer result;
    msgpack_packer pk;
    log_info("bobbind %s cannot take over from this one: everything is stopped for it",
             s->upgrade.probe.version);
    buffer_init(&result);
    pack_init(&pk, &result);
    upgrade_pack_result(&pk, s->upgrade.probe.version,
                        (struct slice){BOBBIN_VERSION, strlen(BOBBIN_VERSION)}, 0, -1);
    request_reply_packed(r, &result);
    buffer_fini(&result);
    s->upgrade.restart = true;
    server_stop(s);
}

static void ask_done(struct job *job)
{
    struct request *r = container_of(job, struct request, job);
    struct server *s = r->conn->server;
    struct error e = *(struct error *)r->detail;
    char text[300];
    free(r->detail);
    r->detail = NULL;
    s->upgrade.phase = UPGRADE_NONE;
    if (!e.code && s->state != SERVER_RUNNING)
        error_set(&e, ERR_SHUTTING_DOWN, "the daemon is shutting down");
    if (!e.code && lengthy(s, text, sizeof text))
        error_set(&e, ERR_BUSY, "not upgraded now: %s", text);
    if (e.code) {
        request_fail(r, e.code, e.text);
    } else if (s->upgrade.probe.handover != HANDOVER_VERSION) {
        stop_and_restart(s, r);
    } else {
        log_info("an upgrade to bobbind %s begins", s->upgrade.probe.version);
        s->upgrade.request = r;
        begin_pause(s);
    }
}

int upgrade_start(struct request *r, struct error *e)
{
    struct server *s = r->conn->server;
    if (!r->conn->peer.admin)
        return error_set(e, ERR_ACCESS_DENIED, "only an administrator may upgrade the daemon");
    if (s->upgrade.phase != UPGRADE_NONE)
        return error_set(e, ERR_BUSY, "the daemon is being upgraded");
    r->detail = calloc(1, sizeof *e);
    if (!r->detail)
        return error_set(e, ERR_OTHER, "out of memory");
    s->upgrade.phase = UPGRADE_ASKING;
    r->job.work = ask_work;
    r->job.done = ask_done;
    worker_submit(&s->worker, &r->job);
    return 0;
}
