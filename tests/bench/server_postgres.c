#include "server_postgres.h"

#include <glob.h>
#include <libgen.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define READY_SECONDS 60

/* The path of one of PostgreSQL's programs; the newest, if Debian has several. */
static bool find_program(const char *name, char *ret, size_t size)
{
    const char *path = getenv("PATH");
    char *copy = strdup(path ? path : ""), *rest = copy;
    glob_t found;
    bool is_there = false;
    for (char *dir; copy && !is_there && (dir = strsep(&rest, ":"));) {
        snprintf(ret, size, "%s/%s", dir, name);
        is_there = access(ret, X_OK) == 0;
    }
    free(copy);
    if (is_there)
        return true;
    snprintf(ret, size, "/usr/lib/postgresql/*/bin/%s", name);
    if (glob(ret, 0, NULL, &found))
        return false;
    snprintf(ret, size, "%s", found.gl_pathv[found.gl_pathc - 1]);
    globfree(&found);
    return access(ret, X_OK) == 0;
}

bool postgres_installed(void)
{
    char path[PATH_MAX];
    return find_program("initdb", path, sizeof path) && find_program("postgres", path, sizeof path);
}

/* Let the user in whose name it will run reach what is theirs. */
static int give_away(struct server *s, const struct workspace *w, const char *run, struct error *e)
{
    const struct passwd *user;
    if (geteuid() != 0)
        return 0;
    user = getpwnam("postgres");
    if (!user)
        user = getpwnam("nobody");
    if (!user)
        return error_set(e, ERR_OTHER, "postgres: there is no user to run it as");
    s->peer.uid = user->pw_uid;
    s->peer.gid = user->pw_gid;
    if (chmod(w->data, 0711) || chmod(w->run, 0711) || chown(s->dir, user->pw_uid, user->pw_gid) ||
        chown(run, user->pw_uid, user->pw_gid))
        return error_set(e, ERR_OTHER, "postgres: cannot give its directories away: %m");
    return 0;
}

static int make_cluster(struct server *s, struct error *e)
{
    char program[PATH_MAX], data[PATH_MAX], log[PATH_MAX];
    char *argv[] = {program, "-D", data,   "-U",         "bench", "-A",
                    "trust", "-E", "UTF8", "--locale=C", NULL};
    int rc;
    if (!find_program("initdb", program, sizeof program))
        return error_set(e, ERR_OTHER, "postgres: 'initdb' is not installed");
    snprintf(data, sizeof data, "%s/data", s->dir);
    snprintf(log, sizeof log, "%s/log", s->dir);
    rc = peer_start(&s->peer, "initdb", log, argv, NULL, NULL, e);
    return rc ? rc : peer_finish(&s->peer, e);
}

int postgres_prepare(struct server *s, const struct workspace *w, const char *label,
                     struct error *e)
{
    char run[sizeof w->run + 16];
    int rc;
    snprintf(run, sizeof run, "%s/%.12s", w->run, label);
    if (mkdir(run, 0700))
        return error_set(e, ERR_OTHER, "cannot make directory '%s': %m", run);
    snprintf(s->socket, sizeof s->socket, "%s/.s.PGSQL.5432", run);
    s->peer.stop_signal = SIGINT; /* "fast": does not wait for clients */
    rc = give_away(s, w, run, e);
    return rc ? rc : make_cluster(s, e);
}

int postgres_spawn(struct server *s, const char *log, struct error *e)
{
    char program[PATH_MAX], data[PATH_MAX], directories[160], run[sizeof s->socket];
    char *argv[] = {program,
                    "-D",
                    data,
                    "-c",
                    "listen_addresses=",
                    "-c",
                    directories,
                    "-c",
                    "max_connections=1000",
                    NULL};
    uint64_t deadline = bench_now() + READY_SECONDS * BENCH_NS;
    int fd = -1, rc;
    if (!find_program("postgres", program, sizeof program))
        return error_set(e, ERR_OTHER, "postgres: 'postgres' is not installed");
    snprintf(data, sizeof data, "%s/data", s->dir);
    snprintf(run, sizeof run, "%s", s->socket);
    snprintf(directories, sizeof directories, "unix_socket_directories=%s", dirname(run));
    rc = peer_start(&s->peer, "postgres", log, argv, NULL, NULL, e);
    if (!rc)
        rc = peer_await(&s->peer, s->socket, e);
    /* It listens before it is ready. */
    while (!rc && server_connect(s, 0, &fd, e)) {
        rc = bench_check(e);
        if (!rc && bench_now() > deadline)
            return e->code;
        usleep(10000);
    }
    if (!rc)
        close(fd);
    return rc;
}
