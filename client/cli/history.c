#include "client/cli/history.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Lines that are kept; a file that has grown to twice as many is cut. */
#define LINES_KEPT 1000u
#define LINE_MOST 4096u

struct history {
    int fd; /* appends */
};

/* Each directory on the way to the file. */
static int make_parents(char *path)
{
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        int rc;

        *slash = '\0';
        rc = mkdir(path, 0700);
        *slash = '/';
        if (rc && errno != EEXIST)
            return -1;
    }
    return 0;
}

static char *file_path(void)
{
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    char *path = NULL;
    int rc = -1;

    /* A relative path is to be ignored, says the XDG specification. */
    if (state && state[0] == '/')
        rc = asprintf(&path, "%s/bobbin/history", state);
    else if (home && home[0] == '/')
        rc = asprintf(&path, "%s/.local/state/bobbin/history", home);
    else
        errno = ENOENT;
    return rc < 0 ? NULL : path;
}

/* The lines of the file, as many as there are, in memory of their own; the count, or -1. */
static long read_lines(const char *path, char ***ret)
{
    FILE *f = fopen(path, "re");
    char **lines = NULL, **more, *line = NULL;
    size_t count = 0, cap = 0;
    ssize_t len;

    if (!f)
        return errno == ENOENT ? 0 : -1;
    while ((len = getline(&line, &cap, f)) > 0) {
        line[len - 1] = line[len - 1] == '\n' ? '\0' : line[len - 1];
        more = realloc(lines, (count + 1) * sizeof(*lines));
        if (!more || !(more[count] = strdup(line))) {
            lines = more ? more : lines;
            break;
        }
        lines = more;
        count++;
    }
    free(line);
    fclose(f);
    *ret = lines;
    return (long)count;
}

/* The last lines alone, by way of a new file. */
static void cut(const char *path, char **lines, size_t count)
{
    char *new_path = NULL;
    FILE *f = NULL;
    int fd = -1;

    if (asprintf(&new_path, "%s.new", path) < 0)
        return;
    fd = open(new_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd >= 0)
        f = fdopen(fd, "w");
    for (size_t i = count - LINES_KEPT; f && i < count; i++)
        fprintf(f, "%s\n", lines[i]);
    if (f && fclose(f) == 0)
        rename(new_path, path);
    free(new_path);
}

struct history *history_open(history_line_fn *on_line, void *arg)
{
    struct history *h = calloc(1, sizeof(*h));
    char *path = file_path(), **lines = NULL;
    long count = 0;

    if (h)
        h->fd = -1;
    if (!h || !path || make_parents(path) || (count = read_lines(path, &lines)) < 0)
        goto out;
    for (long i = count > LINES_KEPT ? count - (long)LINES_KEPT : 0; i < count; i++)
        on_line(arg, lines[i]);
    if (count > 2 * (long)LINES_KEPT)
        cut(path, lines, (size_t)count);
    h->fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    /* What is typed may hold secrets, also in a file that was there before. */
    if (h->fd >= 0)
        fchmod(h->fd, 0600);

out:
    for (long i = 0; i < count; i++)
        free(lines[i]);
    free(lines);
    free(path);
    if (h && h->fd < 0) {
        free(h);
        h = NULL;
    }
    return h;
}

void history_add(struct history *h, const char *line)
{
    size_t len = strlen(line);
    char *text;

    if (!h || strchr(line, '\n') || len > LINE_MOST || asprintf(&text, "%s\n", line) < 0)
        return;
    /* In one piece, also beside another shell. */
    if (write(h->fd, text, len + 1) < 0)
        errno = 0;
    free(text);
}

void history_close(struct history *h)
{
    if (h && h->fd >= 0)
        close(h->fd);
    free(h);
}
