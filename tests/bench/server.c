#include "server.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "echo.h"
#include "server_postgres.h"
#include "talk.h"

static const struct dialect *const dialects[TARGETS] = {
    [TARGET_BOBBIN] = &dialect_bobbin,
    [TARGET_REDIS] = &dialect_redis,
    [TARGET_ECHO] = &dialect_echo,
    [TARGET_POSTGRES] = &dialect_postgres,
};

static int echo_body(void *arg)
{
    const struct server *s = arg;
    const struct server_options *o = &s->options;
    struct template t;
    struct error e;
    if (template_init(&t, &dialect_echo, o->op, &o->shape, &e))
        return EXIT_FAILURE;
    return echo_serve(s->socket, t.bytes.len, echo_reply_len(o->op, &o->shape));
}

/* Beside this very program, unless told otherwise. */
static int find_bobbind(const char *given, char *ret, size_t size, struct error *e)
{
    char self[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    char *slash;
    if (given) {
        snprintf(ret, size, "%s", given);
        return 0;
    }
    if (n < 0)
        return error_set(e, ERR_OTHER, "cannot find this program: %m");
    self[n] = '\0';
    slash = strrchr(self, '/');
    *slash = '\0';
    if ((size_t)snprintf(ret, size, "%s/bobbind", self) >= size)
        return error_set(e, ERR_OTHER, "the path of this program is too long");
    return 0;
}

/* A store that closes between two cells of a matrix would be measured while it opens again. */
static int write_config(const struct server *s, const char *path, struct error *e)
{
    FILE *f = fopen(path, "we");
    if (!f)
        return error_set(e, ERR_OTHER, "cannot write '%s': %m", path);
    fprintf(f, "store_idle = \"1h\"\n%s\n", s->options.config ? s->options.config : "");
    return fclose(f) ? error_set(e, ERR_OTHER, "cannot write '%s': %m", path) : 0;
}

static int spawn_bobbind(struct server *s, const char *log, struct error *e)
{
    char program[PATH_MAX], config[PATH_MAX], state[PATH_MAX];
    char *argv[] = {program,    "--socket", s->socket,     "--state-dir", state,
                    "--config", config,     "--log-level", "warning",     NULL};
    int rc = find_bobbind(s->options.bobbind, program, sizeof program, e);
    snprintf(config, sizeof config, "%s/bobbin.toml", s->dir);
    snprintf(state, sizeof state, "%s/state", s->dir);
    if (!rc)
        rc = write_config(s, config, e);
    return rc ? rc : peer_start(&s->peer, "bobbind", log, argv, NULL, NULL, e);
}

static int spawn_redis(struct server *s, const char *log, struct error *e)
{
    char *argv[] = {"redis-server",
                    "--port",
                    "0",
                    "--unixsocket",
                    s->socket,
                    "--dir",
                    s->dir,
                    "--save",
                    "",
                    "--appendonly",
                    "yes",
                    "--appendfsync",
                    "always",
                    "--daemonize",
                    "no",
                    NULL};
    return peer_start(&s->peer, "redis-server", log, argv, NULL, NULL, e);
}

static int spawn(struct server *s, struct error *e)
{
    char log[PATH_MAX];
    uint64_t began = bench_now();
    int rc;
    snprintf(log, sizeof log, "%s/log", s->dir);
    unlink(s->socket);
    switch (s->options.target) {
    case TARGET_BOBBIN:
        rc = spawn_bobbind(s, log, e);
        break;
    case TARGET_REDIS:
        rc = spawn_redis(s, log, e);
        break;
    case TARGET_POSTGRES:
        rc = postgres_spawn(s, log, e);
        break;
    default:
        rc = peer_start(&s->peer, "echo", log, NULL, echo_body, s, e);
    }
    if (!rc)
        rc = peer_await(&s->peer, s->socket, e);
    s->start_ns = bench_now() - began;
    return rc;
}

void server_app(const struct server *s, unsigned i, char *ret, size_t size)
{
    snprintf(ret, size, "%s/app%u", s->dir, i);
}

static int register_apps(struct server *s, struct error *e)
{
    char app[PATH_MAX];
    const char *param = app;
    uint64_t began = bench_now();
    int fd, rc = talk_connect(s->socket, &fd, e);
    if (rc)
        return rc;
    for (unsigned i = 0; !rc && i < s->options.apps; i++) {
        server_app(s, i, app, sizeof app);
        if (mkdir(app, 0700) && errno != EEXIST)
            rc = error_set(e, ERR_OTHER, "cannot make directory '%s': %m", app);
        else
            rc = bobbin_call(fd, "app.register", &param, 1, e);
        if (!rc)
            rc = bench_check(e);
    }
    close(fd);
    s->register_ns = bench_now() - began;
    return rc;
}

/* With a running server the apps are directories of ours too: it has to be able to reach them. */
int server_start(struct server *s, const struct server_options *options, const struct workspace *w,
                 const char *label, struct error *e)
{
    int rc = 0;
    *s = (struct server){.options = *options, .dialect = dialects[options->target]};
    snprintf(s->dir, sizeof s->dir, "%s/%s", w->data, label);
    if (mkdir(s->dir, 0700) && errno != EEXIST)
        return error_set(e, ERR_OTHER, "cannot make directory '%s': %m", s->dir);
    if (options->socket)
        snprintf(s->socket, sizeof s->socket, "%s", options->socket);
    else
        snprintf(s->socket, sizeof s->socket, "%s/%s.sock", w->run, label);
    if (!options->socket && options->target == TARGET_POSTGRES)
        rc = postgres_prepare(s, w, label, e);
    if (!rc && !options->socket)
        rc = spawn(s, e);
    if (!rc && options->target == TARGET_BOBBIN)
        rc = register_apps(s, e);
    if (rc)
        server_stop(s);
    return rc;
}

void server_stop(struct server *s)
{
    peer_stop(&s->peer);
}

int server_restart(struct server *s, struct error *e)
{
    peer_stop(&s->peer);
    return spawn(s, e);
}

int server_connect(const struct server *s, unsigned i, int *ret_fd, struct error *e)
{
    char app[PATH_MAX];
    int fd, rc = talk_connect(s->socket, &fd, e);
    if (rc)
        return rc;
    server_app(s, i, app, sizeof app);
    rc = s->dialect->greet(fd, app, e);
    if (rc)
        close(fd);
    else
        *ret_fd = fd;
    return rc;
}
