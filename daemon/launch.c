#include "daemon/launch.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/launch_plan.h"

static const char *step_text(int step)
{
    switch (step) {
#define X(id, text)                                                                                \
    case LAUNCH_##id:                                                                              \
        return text;
        LAUNCH_STEP_LIST(X)
#undef X
    }
    return "cannot start the process";
}

struct launch_fork {
    const struct launch_plan *plan;
    pid_t pid;
    int errnum;
};

/* Plain fork: a child that shared the daemon's memory, as vfork's does, would share it with the
 * user that it becomes, and a program on a slow file system would hold up its parent.
 *
 * A signal handler of the daemon's must not run in the child: it would write to pipes that both
 * have. The child unblocks the signals when it has reset the handlers. */
static void fork_here(void *arg)
{
    struct launch_fork *f = arg;
    sigset_t all, before;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    f->pid = fork();
    if (f->pid == 0)
        launch_child(f->plan);
    f->errnum = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* The child's number, or -1 with errno. */
static pid_t fork_child(const struct launch_plan *p, struct leader *leader)
{
    struct launch_fork f = {.plan = p};

    leader_call(leader, fork_here, &f);
    errno = f.errnum;
    return f.pid;
}

/* Wait for exec, which closes the pipe, or for the child's complaint. */
static int await_exec(const struct launch_plan *p, struct error *e)
{
    struct launch_report report;
    struct pollfd pfd = {.fd = p->our_report, .events = POLLIN};
    ssize_t n;
    int r;

    do
        r = poll(&pfd, 1, LAUNCH_TIMEOUT_MS);
    while (r < 0 && errno == EINTR);
    if (r <= 0)
        return error_set(e, ERR_OTHER, "cannot run '%s': not executed within %d s", p->program,
                         LAUNCH_TIMEOUT_MS / 1000);
    do
        n = read(p->our_report, &report, sizeof(report));
    while (n < 0 && errno == EINTR);
    if (n != (ssize_t)sizeof(report))
        return 0;
    if (report.step == LAUNCH_EXEC)
        return error_set(e, ERR_OTHER, "cannot run '%s': %s", p->program, strerror(report.errnum));
    return error_set(e, ERR_OTHER, "%s: %s", step_text(report.step), strerror(report.errnum));
}

static void discard_child(const struct launch_plan *p, pid_t pid)
{
    kill(pid, SIGKILL);
    kill(-pid, SIGKILL);
    warden_remove(p->warden, pid);
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
    cgroup_remove(p->cgroup, p->group);
}

int launch(const struct launch_request *request, struct launched *ret, struct error *e)
{
    struct launch_plan p;
    pid_t pid;
    int code = launch_plan_init(&p, request, e);

    if (code)
        return code;
    pid = fork_child(&p, request->leader);
    if (pid < 0) {
        code = error_set(e, ERR_OTHER, "cannot start a process: %s", strerror(errno));
        goto out;
    }
    launch_plan_close_child(&p);
    p.ours.pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (p.ours.pidfd < 0)
        code = error_set(e, ERR_OTHER, "cannot watch a process: %s", strerror(errno));
    else
        code = await_exec(&p, e);
    if (code) {
        discard_child(&p, pid);
        goto out;
    }
    *ret = p.ours;
    ret->pid = pid;
    p.ours = LAUNCHED_NONE;
out:
    launch_plan_fini(&p);
    return code;
}
