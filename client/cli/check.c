/* check, recover and build: what the daemon would say of a directory and make of its store and modules, asked of
 * the program, not of one that runs. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client/cli/appref.h"
#include "client/cli/command.h"
#include "client/cli/spawned.h"

/* The longest that it may say. */
enum { WORDS_MAX = 1 << 20 };

__attribute__((noreturn)) static void run_daemon(const char *option, const char *directory, int fd)
{
    char path[PATH_MAX];

    spawned_find_daemon(path, sizeof(path));
    if (dup2(fd, STDOUT_FILENO) < 0 || dup2(fd, STDERR_FILENO) < 0)
        _exit(126);
    execlp(path, path, option, directory, (char *)NULL);
    printf("cannot run '%s': %s\n", path, strerror(errno));
    fflush(stdout);
    _exit(127);
}

/* What it says, without the newline at its end and the program's name at its begin; to be freed. */
static char *read_words(int fd)
{
    static const char *const names[] = {"bobbind: ", "bobbin-run: "};
    size_t cap = WORDS_MAX, len = 0;
    char *text = malloc(cap);
    ssize_t n;

    while (text && len < cap - 1 && (n = read(fd, text + len, cap - 1 - len)) != 0) {
        if (n < 0 && errno != EINTR)
            break;
        len += n > 0 ? (size_t)n : 0;
    }
    if (!text)
        return NULL;
    while (len > 0 && text[len - 1] == '\n')
        len--;
    text[len] = '\0';
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        size_t name = strlen(names[i]);
        if (strncmp(text, names[i], name) == 0) {
            memmove(text, text + name, len - name + 1);
            break;
        }
    }
    return text;
}

static int report(struct output *out, const char *directory, const char *words, int status)
{
    if (!WIFEXITED(status) || WEXITSTATUS(status) > 1)
        return output_error(out, "other", "%s", words);
    if (WEXITSTATUS(status) != 0)
        return output_error(out, "invalid-request", "%s", words);
    if (out->json)
        output_json(out, json_pack("{s:s, s:b, s:s}", "directory", directory, "ok", 1, "report",
                                   words));
    else
        output_print(out, "%s\n", words);
    return EXIT_DONE;
}

static int ask(const char *option, const struct options *o, struct output *out)
{
    char *directory = appref_directory(appref_of(o), out), *words = NULL;
    int fds[2] = {-1, -1}, status = 0, exit_status;
    pid_t pid = -1;

    if (!directory)
        return EXIT_TROUBLE;
    if (pipe(fds) == 0)
        pid = fork();
    if (pid == 0)
        run_daemon(option, directory, fds[1]);
    if (fds[1] >= 0)
        close(fds[1]);
    if (pid > 0)
        words = read_words(fds[0]);
    if (fds[0] >= 0)
        close(fds[0]);
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    exit_status = words ? report(out, directory, words, status)
                        : output_error(out, "other", "cannot run bobbind: %s", strerror(errno));
    free(words);
    free(directory);
    return exit_status;
}

int check_run(const struct options *o, struct output *out)
{
    return ask("--check", o, out);
}

int recover_run(const struct options *o, struct output *out)
{
    return ask("--recover", o, out);
}

int build_run(const struct options *o, struct output *out)
{
    return ask("--build", o, out);
}
