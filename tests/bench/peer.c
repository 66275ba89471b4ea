#include "peer.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"
#include "talk.h"

#define PEER_STOP_SECONDS 10
#define PEER_START_SECONDS 60

static void nap(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
}

static void __attribute__((noreturn))
peer_child(const struct peer *p, char *const argv[], peer_main body, void *arg, pid_t parent)
{
    int out = open(p->log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    int in = open("/dev/null", O_RDONLY);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    setpgid(0, 0);
    if (p->uid && (setgroups(1, &p->gid) || setgid(p->gid) || setuid(p->uid)))
        _exit(126);
    /* A change of user forgets it: last. */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent || out < 0 || in < 0)
        _exit(126);
    dup2(in, 0);
    dup2(out, 1);
    dup2(out, 2);
    if (!argv)
        _exit(body(arg));
    execvp(argv[0], argv);
    fprintf(stderr, "cannot run '%s': %s\n", argv[0], strerror(errno));
    _exit(127);
}

int peer_start(struct peer *p, const char *name, const char *log, char *const argv[],
               peer_main body, void *arg, struct error *e)
{
    pid_t parent = getpid(), pid;
    p->name = name;
    snprintf(p->log, sizeof p->log, "%s", log);
    fflush(NULL);
    pid = fork();
    if (pid < 0)
        return error_set(e, ERR_OTHER, "cannot fork: %m");
    if (!pid)
        peer_child(p, argv, body, arg, parent);
    setpgid(pid, pid); /* as the child does: who of them comes first is no matter */
    p->pid = pid;
    return 0;
}

/* The last line of a log that is not empty, for a message. */
static void last_words(const char *path, char *ret, size_t size)
{
    char line[512];
    FILE *f = fopen(path, "re");
    snprintf(ret, size, "it said nothing");
    while (f && fgets(line, sizeof line, f)) {
        line[strcspn(line, "\n")] = '\0';
        if (line[0])
            snprintf(ret, size, "%.400s", line);
    }
    if (f)
        fclose(f);
}

static int peer_ended(struct peer *p, int status, struct error *e)
{
    char words[512];
    last_words(p->log, words, sizeof words);
    p->pid = 0;
    return error_set(e, ERR_OTHER, "%s ended with %s %d: %.300s", p->name,
                     WIFSIGNALED(status) ? "signal" : "status",
                     WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status), words);
}

int peer_await(struct peer *p, const char *socket_path, struct error *e)
{
    uint64_t deadline = bench_now() + PEER_START_SECONDS * BENCH_NS;
    struct error why;
    int fd, status;
    while (talk_connect(socket_path, &fd, &why)) {
        int rc = bench_check(e);
        if (rc)
            return rc;
        if (waitpid(p->pid, &status, WNOHANG) == p->pid)
            return peer_ended(p, status, e);
        if (bench_now() > deadline)
            return error_set(e, ERR_OTHER, "%s does not answer: %s", p->name, why.text);
        nap();
    }
    close(fd);
    return 0;
}

int peer_finish(struct peer *p, struct error *e)
{
    int status;
    pid_t ended;
    while ((ended = waitpid(p->pid, &status, WNOHANG)) == 0) {
        int rc = bench_check(e);
        if (rc)
            return rc;
        nap();
    }
    if (ended != p->pid || status)
        return peer_ended(p, status, e);
    p->pid = 0;
    return 0;
}

void peer_stop(struct peer *p)
{
    uint64_t deadline = bench_now() + PEER_STOP_SECONDS * BENCH_NS;
    if (!p->pid)
        return;
    kill(-p->pid, p->stop_signal ? p->stop_signal : SIGTERM);
    /* The group lasts until the child is collected, and as long as others are in it. */
    while (waitpid(p->pid, NULL, WNOHANG) == 0 || kill(-p->pid, 0) == 0) {
        if (bench_now() > deadline)
            kill(-p->pid, SIGKILL);
        nap();
    }
    p->pid = 0;
}

int peer_memory(pid_t pid, struct peer_memory *ret, struct error *e)
{
    char path[64], line[256];
    unsigned long long kib;
    FILE *f;
    snprintf(path, sizeof path, "/proc/%d/smaps_rollup", (int)pid);
    f = fopen(path, "re");
    if (!f)
        return error_set(e, ERR_OTHER, "cannot read '%s': %m", path);
    *ret = (struct peer_memory){0};
    while (fgets(line, sizeof line, f)) {
        if (sscanf(line, "Rss: %llu kB", &kib) == 1)
            ret->rss = kib << 10;
        else if (sscanf(line, "Pss: %llu kB", &kib) == 1)
            ret->pss = kib << 10;
        else if (sscanf(line, "Private_Clean: %llu kB", &kib) == 1 ||
                 sscanf(line, "Private_Dirty: %llu kB", &kib) == 1)
            ret->private_bytes += kib << 10;
    }
    fclose(f);
    return ret->rss ? 0 : error_set(e, ERR_OTHER, "'%s' tells no memory", path);
}

uint64_t peer_cpu(pid_t pid)
{
    char path[64], text[1024];
    unsigned long long user, sys;
    const char *behind;
    FILE *f;
    size_t n;
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    f = fopen(path, "re");
    if (!f)
        return 0;
    n = fread(text, 1, sizeof text - 1, f);
    text[n] = '\0';
    fclose(f);
    behind = strrchr(text, ')');
    if (!behind || sscanf(behind + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu",
                          &user, &sys) != 2)
        return 0;
    return (user + sys) * (BENCH_NS / (uint64_t)sysconf(_SC_CLK_TCK));
}
