/* What runs in the child between fork and exec. Nothing here allocates, locks or reads anything but
 * the plan: the parent has threads, and the child only a copy of whatever they were doing. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/launch_plan.h"

#define READY_FD 4
#define REPORT_FD 5
#define SELECT_SETSIZE 1024
#define CLOSE_MAX 65536

static void reset_signals(void)
{
    struct sigaction action = {.sa_handler = SIG_DFL};
    sigset_t none;

    for (int sig = 1; sig < NSIG; sig++)
        sigaction(sig, &action, NULL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* The sources are all above REPORT_FD, so no step overwrites another's. */
static int set_descriptors(const struct launch_plan *p)
{
    if (dup2(p->null, 0) < 0 || dup2(p->out, 1) < 0 || dup2(p->err, 2) < 0)
        return -1;
    if (p->ready >= 0 ? dup2(p->ready, READY_FD) < 0 : close(READY_FD) != 0 && errno != EBADF)
        return -1;
    return dup2(p->connection, 3) < 0 || dup3(p->report, REPORT_FD, O_CLOEXEC) < 0 ? -1 : 0;
}

/* As long as we are who we were: the group is the daemon's. */
static int enter_group(const struct launch_plan *p)
{
    return p->procs < 0 || write(p->procs, "0", 1) == 1 ? 0 : -1;
}

/* Everything behind the report pipe, which goes with exec. Before Linux 5.9 one by one; what lies
 * beyond was opened close-on-exec, as everything is. */
static void close_others(void)
{
    if (close_range(REPORT_FD + 1, ~0U, 0) == 0)
        return;
    for (int fd = REPORT_FD + 1; fd < CLOSE_MAX; fd++)
        close(fd);
}

/* The daemon's own priority and protection from the OOM killer are not the app's. Where the daemon
 * has less than the default, it may not raise it: no error. */
static void reset_priority(void)
{
    int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

    if (fd >= 0) {
        ssize_t n = write(fd, "0", 1);
        (void)n;
        close(fd);
    }
    setpriority(PRIO_PROCESS, 0, 0);
}

static int set_limits(const struct launch_plan *p)
{
    struct rlimit none = {0, 0}, data = {p->data_max, p->data_max}, files;

    /* The daemon may put its own threads before others; its apps may not. */
    if (setrlimit(RLIMIT_CORE, &none) != 0 || setrlimit(RLIMIT_NICE, &none) != 0 || getrlimit(RLIMIT_NOFILE, &files) != 0)
        return -1;
    /* The daemon has raised its own; programs that use select() break above this. */
    if (files.rlim_cur > SELECT_SETSIZE)
        files.rlim_cur = SELECT_SETSIZE;
    if (p->files_max)
        files.rlim_cur = files.rlim_max = p->files_max < files.rlim_max ? p->files_max : files.rlim_max;
    if (p->data_max && setrlimit(RLIMIT_DATA, &data) != 0)
        return -1;
    return setrlimit(RLIMIT_NOFILE, &files);
}

static int set_user(const struct launch_plan *p)
{
    if (!p->switch_user)
        return 0;
    if (setgroups(p->group_count, p->groups) != 0 || setresgid(p->gid, p->gid, p->gid) != 0)
        return -1;
    return setresuid(p->uid, p->uid, p->uid);
}

/* PDEATHSIG is forgotten when credentials change, so it comes after them; a daemon that died
 * earlier sends nothing any more. */
static int set_privileges(const struct launch_plan *p)
{
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        (!p->outlives && prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0))
        return -1;
    if (getppid() != p->parent)
        _exit(127);
    return 0;
}

static enum launch_step run(const struct launch_plan *p)
{
    if (setsid() < 0)
        return LAUNCH_SESSION;
    if (warden_add(p->warden, getpid()) != 0)
        return LAUNCH_WARDEN;
    reset_signals();
    umask(077);
    if (set_descriptors(p) != 0)
        return LAUNCH_DESCRIPTORS;
    if (enter_group(p) != 0)
        return LAUNCH_CGROUP;
    if (set_limits(p) != 0)
        return LAUNCH_LIMITS;
    reset_priority();
    if (set_user(p) != 0)
        return LAUNCH_USER;
    if (fchdir(p->cwd) != 0)
        return LAUNCH_DIRECTORY;
    if (set_privileges(p) != 0)
        return LAUNCH_PRIVILEGES;
    close_others();
    execve(p->program, p->argv, p->envp);
    return LAUNCH_EXEC;
}

_Noreturn void launch_child(const struct launch_plan *p)
{
    struct launch_report report = {.step = (int)run(p)};
    report.errnum = errno;
    /* Before set_descriptors the report pipe has its own number, after close_others only this. */
    int fd = report.step > LAUNCH_DESCRIPTORS ? REPORT_FD : p->report;
    ssize_t n = write(fd, &report, sizeof(report));
    (void)n;
    _exit(127);
}
