#include "client/runner/command.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

static void child(const char *directory, const char *const *argv)
{
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "PATH=%s", search_path());
    char *env[] = {path, (char[]){"LC_ALL=C"}, (char[]){"TMPDIR=."}, NULL};
    if (chdir(directory) < 0)
        _exit(127);
    int in = open("/dev/null", O_RDONLY | O_CLOEXEC);
    int out = open("output.txt", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (in < 0 || out < 0 || dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0)
        _exit(127);
    execve(argv[0], (char *const *)(uintptr_t)argv, env);
    _exit(127);
}

/* The first lines of what the program said, as one line. */
static void read_output(const char *directory, char *text, size_t size)
{
    char path[PATH_MAX];
    text[0] = '\0';
    snprintf(path, sizeof(path), "%s/output.txt", directory);
    FILE *file = fopen(path, "re");
    if (!file)
        return;
    size_t len = fread(text, 1, size - 1, file);
    fclose(file);
    while (len > 0 && text[len - 1] == '\n')
        len--;
    text[len] = '\0';
    for (char *p = text; *p; p++)
        if (*p == '\n')
            *p = ' ';
}

int command_run(const char *directory, const char *const *argv, struct error *e)
{
    const char *slash = strrchr(argv[0], '/');
    const char *name = slash ? slash + 1 : argv[0];
    pid_t pid = fork();
    if (pid < 0)
        return error_set(e, ERR_OTHER, "cannot start '%s': %s", name, strerror(errno));
    if (pid == 0)
        child(directory, argv);
    int status;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return error_set(e, ERR_OTHER, "cannot wait for '%s': %s", name, strerror(errno));
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return 0;
    char output[360];
    read_output(directory, output, sizeof(output));
    if (WIFSIGNALED(status))
        return error_set(e, ERR_OTHER, "'%s' was ended by signal %d", name, WTERMSIG(status));
    return error_set(e, ERR_OTHER, "'%s' failed: %s", name, *output ? output : "it says nothing");
}
