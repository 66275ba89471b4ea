#include "daemon/server.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/cache.h"
#include "daemon/conn.h"
#include "daemon/handover_state.h"
#include "daemon/journal.h"
#include "daemon/log.h"

/* How many seconds peers have to read their last answers. */
enum { SERVER_STOP_TICKS = 3 };
/* Entries of the cache whose memory is given back in one turn of the loop, and at a tick. */
enum { SERVER_TIDY = 64, SERVER_TIDY_TICK = 16384 };

static void server_check_stopped(struct server *s);

static void server_sweep(struct server *s)
{
    struct list *it, *tmp;
    s->sweep = false;
    list_each(it, tmp, &s->apps.all)
        app_sweep(container_of(it, struct app, link));
}

static void server_end_turn(struct server *s)
{
    conn_run_ready(s);
    app_submit_all(s);
    cache_tidy(s->cache, SERVER_TIDY);
    if (s->sweep)
        server_sweep(s);
    events_wake(s);
    trace_wake(s);
    conn_share_shed(s);
    upgrade_turn(s);
    server_check_stopped(s);
}

static void server_check_cb(uv_check_t *check)
{
    struct server *s = container_of(check, struct server, turn_end);
    conn_share_next_turn(s);
    server_end_turn(s);
}

static void server_prepare_cb(uv_prepare_t *prepare)
{
    server_end_turn(container_of(prepare, struct server, turn_start));
}

static void server_signal_cb(uv_signal_t *handle, int signum)
{
    struct server *s = handle->data;
    log_info("stopping on signal %d", signum);
    server_stop(s);
}

static void server_leave_cb(uv_signal_t *handle, int signum)
{
    log_info("leaving everything to the next daemon on signal %d", signum);
    upgrade_leave(handle->data);
}

static void server_hangup_cb(uv_signal_t *handle, int signum)
{
    (void)signum;
    reconfig_start(handle->data);
}

static void server_init_handles(struct server *s)
{
    uv_check_init(&s->loop, &s->turn_end);
    uv_prepare_init(&s->loop, &s->turn_start);
    uv_idle_init(&s->loop, &s->later_idle);
    uv_signal_init(&s->loop, &s->sigterm);
    uv_signal_init(&s->loop, &s->sigint);
    uv_signal_init(&s->loop, &s->sighup);
    uv_signal_init(&s->loop, &s->sigusr2);
    s->sigusr2.data = s;
    s->sighup.data = s;
    s->sigterm.data = s;
    s->sigint.data = s;
}

static void server_start_handles(struct server *s)
{
    sigset_t signals;
    uv_check_start(&s->turn_end, server_check_cb);
    uv_prepare_start(&s->turn_start, server_prepare_cb);
    uv_signal_start(&s->sigterm, server_signal_cb, SIGTERM);
    uv_signal_start(&s->sigint, server_signal_cb, SIGINT);
    uv_signal_start(&s->sighup, server_hangup_cb, SIGHUP);
    uv_signal_start(&s->sigusr2, server_leave_cb, SIGUSR2);
    /* The daemon before has blocked them, lest one be lost between the two. */
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    sigaddset(&signals, SIGUSR2);
    pthread_sigmask(SIG_UNBLOCK, &signals, NULL);
}

/* The socket is the service manager's, whatever is configured. */
static void server_note_given(struct server *s)
{
    struct config *config = s->options.config;
    char *path = strdup(s->listener.path);
    if (!path)
        return;
    free(config->socket);
    config->socket = path;
    config->origin[SETTING_ID_socket] = CONFIG_SYSTEMD;
}

/* Go on from what the daemon before left, or begin from what is wanted. */
static int server_begin(struct server *s, struct error *e)
{
    const struct server_options *options = &s->options;
    int rc = options->handover ? 0
                               : listener_start(&s->listener, s, options->socket_path,
                                                options->activation.listener, e);
    if (rc)
        return rc;
    server_start_handles(s);
    if (options->handover && !handover_restore(s, options->handover))
        return error_set(e, ERR_OTHER, "what the daemon before left makes no sense");
    if (s->listener.given)
        server_note_given(s);
    notify_start(&s->notify, &s->loop);
    apps_start(&s->apps, !options->handover);
    notify_say("READY=1");
    return 0;
}

int server_init(struct server *s, const struct server_options *options, struct error *e)
{
    int rc = uv_loop_init(&s->loop);
    if (rc)
        return error_set(e, ERR_OTHER, "cannot make an event loop: %s", uv_strerror(rc));
    s->options = *options;
    s->read_buffer = malloc(CONN_READ_CHUNK);
    if (!s->read_buffer)
        return error_set(e, ERR_OTHER, "out of memory");
    s->state = SERVER_RUNNING;
    s->conn_count = 0;
    s->requests = 0;
    memset(s->errors, 0, sizeof s->errors);
    s->faillog = (struct faillog){0};
    s->accepted = 0;
    s->started_ns = uv_hrtime();
    s->sweep = false;
    s->stop_ticks = 0;
    s->turn = 0;
    s->contended = false;
    s->held = 0;
    s->scrub_turns = 0;
    s->upgrade = (struct upgrade){.phase = UPGRADE_NONE};
    list_init(&s->conns);
    list_init(&s->ready);
    list_init(&s->traces);
    list_init(&s->later);
    list_init(&s->submitting);
    request_pool_init(&s->request_pool);
    worker_init(&s->worker, &s->loop);
    launch_gate_init(&s->gate, &s->loop);
    events_init(&s->events);
    reconfig_init(&s->reconfig, options->config, options->argc, options->program.argv);
    server_init_handles(s);
    s->journal = log_is_journal() ? journal_open(JOURNAL_SOCKET) : NULL;
    rc = cache_new(options->cache_bytes, &s->cache, e);
    if (!rc)
        rc = apps_init(&s->apps, s, options->state_dir, e);
    if (!rc)
        rc = metrics_start(&s->metrics, s, options->metrics_listen, options->metrics_listen_count,
                           options->activation.metrics, e);
    if (rc)
        return rc;
    rc = server_begin(s, e);
    if (rc)
        metrics_stop(&s->metrics);
    return rc;
}

int server_run(struct server *s)
{
    uv_run(&s->loop, UV_RUN_DEFAULT);
    return 0;
}

void server_stop(struct server *s)
{
    struct list *it, *tmp;
    upgrade_cancel(s, ERR_SHUTTING_DOWN, "the daemon is shutting down");
    if (s->state != SERVER_RUNNING)
        return;
    s->state = SERVER_STOPPING;
    notify_say("STOPPING=1\nSTATUS=Ending app processes, closing stores");
    listener_stop(&s->listener);
    metrics_stop(&s->metrics);
    events_end_waits(s, NULL);
    list_each(it, tmp, &s->conns) {
        struct conn *c = container_of(it, struct conn, link);
        if (!c->component)
            conn_refuse(c, ERR_SHUTTING_DOWN, "the daemon is shutting down");
    }
    apps_stop(&s->apps);
    s->sweep = true;
}

/* What `systemctl status` shows. */
static void server_tell_status(struct server *s)
{
    struct list *it, *tmp;
    unsigned apps = 0, processes = 0;
    list_each(it, tmp, &s->apps.all) {
        const struct app *app = container_of(it, struct app, link);
        apps++;
        for (size_t i = 0; i < app->slot_count; i++)
            processes += component_status(app->slots[i].component).pid != 0;
    }
    notify_status(&s->notify, "Serving %u app%s with %u process%s, %u connection%s", apps,
                  apps == 1 ? "" : "s", processes, processes == 1 ? "" : "es", s->conn_count,
                  s->conn_count == 1 ? "" : "s");
}

void server_tick(struct server *s)
{
    struct list *it, *tmp;
    cache_tidy(s->cache, SERVER_TIDY_TICK);
    conn_share_tick(s);
    scrub_tick(s);
    if (s->state == SERVER_RUNNING)
        server_tell_status(s);
    if (s->state != SERVER_STOPPING || ++s->stop_ticks <= SERVER_STOP_TICKS)
        return;
    list_each(it, tmp, &s->conns) {
        struct conn *c = container_of(it, struct conn, link);
        if (!c->app && !c->inflight)
            conn_close(c, "the daemon stops");
    }
}

static void server_check_stopped(struct server *s)
{
    if (s->state != SERVER_STOPPING || !apps_empty(&s->apps) || s->conn_count ||
        !worker_idle(&s->worker))
        return;
    s->state = SERVER_STOPPED;
    uv_close((uv_handle_t *)&s->apps.tick, NULL);
    uv_close((uv_handle_t *)&s->turn_end, NULL);
    uv_close((uv_handle_t *)&s->turn_start, NULL);
    uv_close((uv_handle_t *)&s->later_idle, NULL);
    uv_close((uv_handle_t *)&s->sigterm, NULL);
    uv_close((uv_handle_t *)&s->sigint, NULL);
    uv_close((uv_handle_t *)&s->sighup, NULL);
    uv_close((uv_handle_t *)&s->sigusr2, NULL);
    launch_gate_close(&s->gate);
    notify_stop(&s->notify);
}

void server_fini(struct server *s)
{
    apps_fini(&s->apps);
    events_fini(&s->events);
    journal_close(s->journal);
    reconfig_fini(&s->reconfig);
    cache_free(s->cache);
    request_pool_fini(&s->request_pool);
    free(s->read_buffer);
    if (uv_loop_close(&s->loop))
        log_warning("the event loop was left with open handles");
}
