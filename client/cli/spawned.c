#include "client/cli/spawned.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* A loaded machine may take its time; a daemon that is not there by then will never be. */
#define READY_TIMEOUT_S 30
/* It stops its apps first, each within its own time-out. */
#define STOP_TIMEOUT_S 60

static time_t now_s(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec;
}

void spawned_find_daemon(char *path, size_t size)
{
    static const char *const places[] = {"bobbind", "../sbin/bobbind"};
    char self[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
    char *slash;

    if (n > 0) {
        self[n] = '\0';
        slash = strrchr(self, '/');
        for (size_t i = 0; slash && i < sizeof(places) / sizeof(places[0]); i++) {
            slash[1] = '\0';
            if ((size_t)snprintf(path, size, "%s%s", self, places[i]) < size &&
                access(path, X_OK) == 0)
                return;
        }
    }
    snprintf(path, size, "bobbind");
}

/* A fresh directory (0700) whose socket path is short enough for a socket. */
static int make_directory(struct spawned *s)
{
    const char *bases[] = {getenv("XDG_RUNTIME_DIR"), getenv("TMPDIR"), "/tmp"};
    size_t size = sizeof(s->dir);

    for (size_t i = 0; i < sizeof(bases) / sizeof(bases[0]); i++) {
        if (!bases[i] || bases[i][0] != '/')
            continue;
        if ((size_t)snprintf(s->dir, size, "%s/bobbin-up-XXXXXX", bases[i]) < size &&
            mkdtemp(s->dir))
            break;
        s->dir[0] = '\0';
    }
    if (!s->dir[0])
        return -1;
    snprintf(s->socket, sizeof(s->socket), "%s/socket", s->dir);
    snprintf(s->state, sizeof(s->state), "%s/state", s->dir);
    snprintf(s->log, sizeof(s->log), "%s/log", s->dir);
    return mkdir(s->state, 0700);
}

/* In the child. Its own process group: Ctrl-C is for this program, which stops the app first. */
__attribute__((noreturn)) static void run_daemon(const struct spawned *s, const char *path,
                                                 pid_t parent)
{
    int null = open("/dev/null", O_RDWR);
    int log = open(s->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    sigset_t none;

    if (null < 0 || log < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 || dup2(log, 2) < 0)
        _exit(126);
    if (null > STDERR_FILENO)
        close(null);
    setpgid(0, 0);
    signal(SIGPIPE, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent)
        _exit(126);
    execlp(path, path, "--socket", s->socket, "--state-dir", s->state, (char *)NULL);
    dprintf(STDERR_FILENO, "cannot run '%s': %s\n", path, strerror(errno));
    _exit(127);
}

int spawned_start(struct spawned *s, struct output *out)
{
    pid_t parent = getpid();
    char path[PATH_MAX];
    pid_t pid;

    spawned_find_daemon(path, sizeof(path));
    if (make_directory(s))
        return output_error(out, "other", "cannot make a directory for a daemon of its own: %s",
                            strerror(errno));
    pid = fork();
    if (pid < 0)
        return output_error(out, "other", "cannot start bobbind: %s", strerror(errno));
    if (pid == 0)
        run_daemon(s, path, parent);
    s->pid = pid;
    return EXIT_DONE;
}

/* Whether the daemon is still there; one that is gone is reaped. */
static bool alive(struct spawned *s)
{
    if (s->pid > 0 && waitpid(s->pid, NULL, WNOHANG) != 0)
        s->pid = 0;
    return s->pid > 0;
}

static int report_not_ready(struct spawned *s, struct output *out, const char *what)
{
    char words[500];

    spawned_last_words(s, words, sizeof(words));
    return output_error(out, "cannot-connect", "bobbind %s%s%s", what, words[0] ? ": " : "", words);
}

int spawned_connect(struct spawned *s, struct output *out, int (*interrupted)(int ms), bobbin **ret)
{
    time_t deadline = now_s() + READY_TIMEOUT_S;
    bobbin *b = NULL;

    *ret = NULL;
    while (bobbin_connect(s->socket, &b) != BOBBIN_OK) {
        bobbin_close(b);
        if (!alive(s))
            return report_not_ready(s, out, "ended at once");
        if (now_s() >= deadline)
            return report_not_ready(s, out, "does not answer");
        if (interrupted(10))
            return output_error(out, "interrupted", "interrupted before bobbind answered");
    }
    *ret = b;
    return EXIT_DONE;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    remove(path);
    return 0;
}

void spawned_stop(struct spawned *s, bool at_once)
{
    const struct timespec moment = {.tv_nsec = 5000000};
    time_t deadline = now_s() + STOP_TIMEOUT_S;

    if (alive(s))
        kill(s->pid, at_once ? SIGKILL : SIGTERM);
    while (alive(s)) {
        if (now_s() >= deadline)
            kill(s->pid, SIGKILL);
        nanosleep(&moment, NULL);
    }
    if (s->dir[0])
        nftw(s->dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    s->dir[0] = '\0';
}

void spawned_last_words(const struct spawned *s, char *buf, size_t size)
{
    FILE *f = s->log[0] ? fopen(s->log, "re") : NULL;
    char line[500];

    buf[0] = '\0';
    while (f && fgets(line, sizeof(line), f)) {
        line[strcspn(line, "\n")] = '\0';
        if (line[0])
            snprintf(buf, size, "%s", line);
    }
    if (f)
        fclose(f);
}
