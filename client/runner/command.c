#include "client/runner/command.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static bool is_program(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

static const char *search_path(void)
{
    const char *path = getenv("PATH");
    return path && *path ? path : COMMAND_DEFAULT_PATH;
}

int command_find(const char *program, const char *package, char **ret_path, struct error *e)
{
    char path[PATH_MAX];
    const char *at = search_path();
    while (*at) {
        size_t len = strcspn(at, ":");
        int n = snprintf(path, sizeof(path), "%.*s/%s", (int)len, at, program);
        /* Directories that depend on where one stands are left out. */
        if (*at == '/' && n > 0 && (size_t)n < sizeof(path) && is_program(path)) {
            *ret_path = strdup(path);
            return *ret_path ? 0 : error_set(e, ERR_OTHER, "out of memory");
        }
        at += len + (at[len] == ':');
    }
    return error_set(e, ERR_OTHER, "cannot find '%s': install %s", program, package);
}

/* What a program says is in a file of its number. */
static void output_path(char path[PATH_MAX], const char *directory, size_t number)
{
    snprintf(path, PATH_MAX, "%s/output-%zu.txt", directory, number);
}

static void child(const char *directory, size_t number, const char *const *argv)
{
    char path[PATH_MAX], output[PATH_MAX];
    snprintf(path, sizeof(path), "PATH=%s", search_path());
    output_path(output, ".", number);
    char *env[] = {path, (char[]){"LC_ALL=C"}, (char[]){"TMPDIR=."}, NULL};
    /* A runner that is killed while it compiles leaves nobody behind. */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (chdir(directory) < 0)
        _exit(127);
    int in = open("/dev/null", O_RDONLY | O_CLOEXEC);
    int out = open(output, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (in < 0 || out < 0 || dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0)
        _exit(127);
    execve(argv[0], (char *const *)(uintptr_t)argv, env);
    _exit(127);
}

/* The first lines of what the program said; line ends are there. */
static void read_output(const char *directory, size_t number, char *text, size_t size)
{
    char path[PATH_MAX];
    text[0] = '\0';
    output_path(path, directory, number);
    FILE *file = fopen(path, "re");
    if (!file)
        return;
    size_t len = fread(text, 1, size - 1, file);
    fclose(file);
    while (len > 0 && text[len - 1] == '\n')
        len--;
    text[len] = '\0';
}

static const char *short_name(const char *const *argv)
{
    const char *slash = strrchr(argv[0], '/');
    return slash ? slash + 1 : argv[0];
}

static pid_t start(const char *directory, size_t number, const char *const *argv, struct error *e)
{
    pid_t pid = fork();
    if (pid == 0)
        child(directory, number, argv);
    if (pid < 0)
        error_set(e, ERR_OTHER, "cannot start '%s': %s", short_name(argv), strerror(errno));
    return pid;
}

static int judge(const char *directory, size_t number, const char *const *argv, int status,
                 struct error *e)
{
    char output[360];
    const char *name = short_name(argv);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return 0;
    if (WIFSIGNALED(status))
        return error_set(e, ERR_OTHER, "'%s' was ended by signal %d%s", name, WTERMSIG(status),
                         WTERMSIG(status) == SIGKILL ? " (too little memory?)" : "");
    read_output(directory, number, output, sizeof(output));
    for (char *p = output; *p; p++)
        if (*p == '\n')
            *p = ' ';
    return error_set(e, ERR_OTHER, "'%s' failed: %s", name, *output ? output : "it says nothing");
}

/* Waits for any of the processes; its place, or `count` if that cannot be. */
static size_t wait_any(const pid_t *pids, size_t count, int *ret_status)
{
    for (;;) {
        pid_t pid = waitpid(-1, ret_status, 0);
        if (pid < 0 && errno != EINTR)
            return count;
        for (size_t i = 0; pid > 0 && i < count; i++)
            if (pids[i] == pid)
                return i;
    }
}

int command_run_all(const char *directory, const char *const *const *argvs, size_t count,
                    size_t parallel, const struct command_progress *progress, struct error *e)
{
    size_t next = 0, running = 0, done = 0;
    int code = 0;
    pid_t *pids = calloc(count + 1, sizeof(*pids));
    if (!pids)
        return error_set(e, ERR_OTHER, "out of memory");
    while (running > 0 || (!code && next < count)) {
        if (!code && next < count && running < parallel) {
            pids[next] = start(directory, next, argvs[next], e);
            if (pids[next] < 0)
                code = ERR_OTHER;
            else
                running++;
            next++;
            continue;
        }
        int status = 0;
        size_t i = wait_any(pids, count, &status);
        if (i == count) {
            code = error_set(e, ERR_OTHER, "cannot wait for a program: %s", strerror(errno));
            break;
        }
        running--;
        if (!code)
            code = judge(directory, i, argvs[i], status, e);
        if (!code && progress)
            progress->tell(progress->arg, ++done, count);
    }
    free(pids);
    return code;
}

int command_run(const char *directory, const char *const *argv, struct error *e)
{
    return command_run_all(directory, &argv, 1, 1, NULL, e);
}

int command_output(const char *directory, const char *const *argv, char *ret_line, size_t size,
                   struct error *e)
{
    char text[512];
    int code = command_run(directory, argv, e);
    if (code)
        return code;
    read_output(directory, 0, text, sizeof(text));
    text[strcspn(text, "\n")] = '\0';
    snprintf(ret_line, size, "%s", text);
    return 0;
}
