#include "daemon/warden.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* Clear of the descriptors 0 to 4, which a process about to be executed sets up for itself. */
#define WARDEN_FD_MIN 10

struct warden {
    int fd;    /* the daemon's end; close on exec, so that only the daemon's death ends it */
    pid_t pid; /* the warden process */
};

struct warden_record {
    int32_t group;
    int32_t alive; /* 1: came to be, 0: gone */
};

/* The groups that the warden process knows. */
struct warden_groups {
    pid_t *ids;
    size_t count;
    size_t cap;
};

static void groups_add(struct warden_groups *g, pid_t id)
{
    if (g->count == g->cap) {
        size_t cap = g->cap ? 2 * g->cap : 64;
        pid_t *ids = realloc(g->ids, cap * sizeof(*ids));
        if (!ids)
            return; /* PDEATHSIG still ends the group's leader */
        g->ids = ids;
        g->cap = cap;
    }
    g->ids[g->count++] = id;
}

static void groups_remove(struct warden_groups *g, pid_t id)
{
    for (size_t i = 0; i < g->count; i++) {
        if (g->ids[i] == id) {
            g->ids[i] = g->ids[--g->count];
            return;
        }
    }
}

static void watch(int fd)
{
    struct warden_groups groups = {0};
    struct warden_record record;
    ssize_t n;

    for (;;) {
        n = recv(fd, &record, sizeof(record), 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        if (n != (ssize_t)sizeof(record) || record.group <= 1)
            continue;
        if (record.alive)
            groups_add(&groups, record.group);
        else
            groups_remove(&groups, record.group);
    }
    for (size_t i = 0; i < groups.count; i++)
        kill(-groups.ids[i], SIGKILL);
    free(groups.ids);
}

/* Let go of everything that the daemon had: its terminal, directory, descriptors and handlers. */
static void detach(int fd)
{
    struct sigaction action = {.sa_handler = SIG_DFL};
    sigset_t none;

    setsid();
    prctl(PR_SET_NAME, "bobbind-warden");
    for (int sig = 1; sig < NSIG; sig++)
        sigaction(sig, &action, NULL);
    action.sa_handler = SIG_IGN;
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (chdir("/") != 0)
        return; /* it then holds the directory's file system, no more */
    dup2(fd, 0);
    close_range(1, ~0U, 0);
}

static int lift(int *fd)
{
    int lifted = fcntl(*fd, F_DUPFD_CLOEXEC, WARDEN_FD_MIN);
    if (lifted < 0)
        return -1;
    close(*fd);
    *fd = lifted;
    return 0;
}

int warden_start(struct warden **ret, struct error *e)
{
    struct warden *w = calloc(1, sizeof(*w));
    int fds[2] = {-1, -1};

    if (!w)
        return error_set(e, ERR_OTHER, "out of memory");
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) != 0 || lift(&fds[0]) != 0)
        goto fail;
    w->fd = fds[0];
    w->pid = fork();
    if (w->pid < 0)
        goto fail;
    if (w->pid == 0) {
        detach(fds[1]);
        watch(0);
        _exit(0);
    }
    close(fds[1]);
    *ret = w;
    return 0;
fail:
    error_set(e, ERR_OTHER, "cannot start the warden process: %s", strerror(errno));
    if (fds[0] >= 0) {
        close(fds[0]);
        close(fds[1]);
    }
    free(w);
    return e->code;
}

void warden_stop(struct warden *w)
{
    if (!w)
        return;
    shutdown(w->fd, SHUT_RDWR); /* also if a child that has not executed anything has it open */
    close(w->fd);
    while (waitpid(w->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    free(w);
}

int warden_adopt(int fd, pid_t pid, struct warden **ret, struct error *e)
{
    struct warden *w = calloc(1, sizeof(*w));

    if (!w)
        return error_set(e, ERR_OTHER, "out of memory");
    w->fd = fd;
    w->pid = pid;
    *ret = w;
    return 0;
}

int warden_fd(const struct warden *w)
{
    return w->fd;
}

pid_t warden_pid(const struct warden *w)
{
    return w->pid;
}

static int tell(struct warden *w, pid_t group, int alive)
{
    struct warden_record record = {.group = group, .alive = alive};
    ssize_t n;

    if (!w)
        return 0;
    do
        n = send(w->fd, &record, sizeof(record), MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    return n < 0 ? -1 : 0;
}

int warden_add(struct warden *w, pid_t group)
{
    return tell(w, group, 1);
}

int warden_remove(struct warden *w, pid_t group)
{
    return tell(w, group, 0);
}
