#include "daemon/upgrade_probe.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/clock.h"

extern char **environ;

/* The vector with the option at its end; NULL: no memory. */
static char **probe_argv(char *const argv[])
{
    size_t count = 0;
    char **copy;

    while (argv[count])
        count++;
    copy = calloc(count + 2, sizeof(*copy));
    if (!copy)
        return NULL;
    memcpy(copy, argv, count * sizeof(*copy));
    copy[count] = (char *)(uintptr_t)UPGRADE_OPTION;
    return copy;
}

/* 0 or an errno. What it writes to stdout and stderr goes to `out`. */
static int run(const char *program, char *const argv[], int out, pid_t *ret)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, defaults;
    int r;

    sigemptyset(&none);
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGPIPE);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &defaults);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    posix_spawn_file_actions_init(&actions);
    r = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    if (!r)
        r = posix_spawn_file_actions_adddup2(&actions, out, 1);
    if (!r)
        r = posix_spawn_file_actions_adddup2(&actions, out, 2);
    if (!r)
        r = posix_spawn(ret, program, &actions, &attributes, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    return r;
}

/* Until the pipe's end; false: that did not come in time. */
static bool read_answer(int fd, char *text, size_t size)
{
    int64_t end = clock_now_ms() + UPGRADE_PROBE_MS;
    size_t len = 0;

    for (;;) {
        struct pollfd pfd = {.fd = fd, .events = POLLIN};
        int64_t left = end - clock_now_ms();
        char discard[256];
        bool full = len + 1 >= size;
        ssize_t n;

        if (left <= 0 || poll(&pfd, 1, (int)left) == 0)
            return false;
        n = read(fd, full ? discard : text + len, full ? sizeof(discard) : size - 1 - len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        len += full ? 0 : (size_t)n;
    }
    text[len] = '\0';
    return true;
}

static int understand(const char *program, const char *text, int status, struct upgrade_probe *ret,
                      struct error *e)
{
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0 &&
        sscanf(text, UPGRADE_ANSWER_READ, &ret->handover, ret->version) == 2)
        return 0;
    if (!*text)
        text = "it is no bobbind, or a broken one";
    return error_set(e, ERR_OTHER, "'%s' cannot take over: %.*s", program, (int)strcspn(text, "\n"),
                     text);
}

int upgrade_probe(const char *program, char *const argv[], struct upgrade_probe *ret,
                  struct error *e)
{
    char **asking = probe_argv(argv);
    char text[400];
    int pipe[2], status = 0, r;
    bool answered;
    pid_t pid;

    if (!asking || pipe2(pipe, O_CLOEXEC) != 0) {
        free(asking);
        return error_set(e, ERR_OTHER, "cannot ask '%s': %s", program, strerror(errno));
    }
    r = run(program, asking, pipe[1], &pid);
    free(asking);
    close(pipe[1]);
    if (r) {
        close(pipe[0]);
        return error_set(e, ERR_OTHER, "cannot run '%s': %s", program, strerror(r));
    }
    answered = read_answer(pipe[0], text, sizeof(text));
    if (!answered)
        kill(pid, SIGKILL);
    close(pipe[0]);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (!answered)
        return error_set(e, ERR_OTHER, "'%s' cannot take over: it does not say so within %d s",
                         program, UPGRADE_PROBE_MS / 1000);
    return understand(program, text, status, ret, e);
}
