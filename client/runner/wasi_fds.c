#include "client/runner/wasi_fds.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define STDIO_RIGHTS (RIGHT_POLL | RIGHT_FD_FDSTAT_SET_FLAGS | RIGHT_FD_FILESTAT_GET)

struct wasi_fds {
    struct wasi_fd slots[WASI_FDS_MAX];
    char *names[WASI_FDS_MAX]; /* of all that was given: they outlive the descriptors */
    size_t name_count;
};

struct wasi_fds *wasi_fds_new(void)
{
    struct wasi_fds *t = calloc(1, sizeof(*t));
    for (int i = 0; t && i < 3; i++)
        t->slots[i] = (struct wasi_fd){
            .kind = WASI_FD_STDIO,
            .host = i,
            .rights = STDIO_RIGHTS | (i == 0 ? RIGHT_FD_READ : RIGHT_FD_WRITE),
        };
    return t;
}

static void clear(struct wasi_fd *fd)
{
    if (fd->kind == WASI_FD_DIRECTORY || fd->kind == WASI_FD_FILE)
        close(fd->host);
    *fd = (struct wasi_fd){0};
}

void wasi_fds_free(struct wasi_fds *t)
{
    for (size_t i = 0; t && i < WASI_FDS_MAX; i++)
        clear(&t->slots[i]);
    for (size_t i = 0; t && i < t->name_count; i++)
        free(t->names[i]);
    free(t);
}

struct wasi_fd *wasi_fds_find(struct wasi_fds *t, uint32_t fd)
{
    return fd < WASI_FDS_MAX && t->slots[fd].kind != WASI_FD_FREE ? &t->slots[fd] : NULL;
}

bool wasi_fds_add(struct wasi_fds *t, const struct wasi_fd *fd, uint32_t *ret)
{
    for (uint32_t i = 0; i < WASI_FDS_MAX; i++)
        if (t->slots[i].kind == WASI_FD_FREE) {
            t->slots[i] = *fd;
            *ret = i;
            return true;
        }
    return false;
}

void wasi_fds_close(struct wasi_fds *t, uint32_t fd)
{
    clear(&t->slots[fd]);
}

void wasi_fds_renumber(struct wasi_fds *t, uint32_t from, uint32_t to)
{
    if (from == to)
        return;
    clear(&t->slots[to]);
    t->slots[to] = t->slots[from];
    t->slots[from] = (struct wasi_fd){0};
}

const struct wasi_fd *wasi_fds_given(const struct wasi_fds *t, uint32_t *fd)
{
    for (; *fd < WASI_FDS_MAX; (*fd)++)
        if (t->slots[*fd].name)
            return &t->slots[*fd];
    return NULL;
}

/* Everything before the last slash, and what is behind it: inside of the one block `path`. */
static const char *cut(char *path)
{
    char *slash = strrchr(path, '/');
    if (!slash)
        return NULL;
    *slash = '\0';
    return slash + 1;
}

static int refuse(struct error *e, const char *source, const char *why)
{
    return error_set(e, ERR_OTHER, "cannot give '%s' to the program: %s", source, why);
}

/* `name` is the program's path, and behind its NUL what is `only` there; taken on success. */
static int add_directory(struct wasi_fds *t, const char *source, char *name, const char *only,
                         bool writable, struct error *e)
{
    struct wasi_fd fd = {
        .kind = WASI_FD_DIRECTORY,
        .host = open(*source ? source : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC),
        .rights = RIGHTS_DIRECTORY & (writable ? UINT64_MAX : ~(uint64_t)RIGHTS_WRITE),
        /* All of them: a program that asks for less than it was asked for, as wasi-libc does, would
         * not notice that it cannot write. */
        .inheriting = RIGHTS_DIRECTORY | RIGHTS_FILE,
        .name = name,
        .read_only = !writable,
        .only = only,
    };
    uint32_t number;
    if (fd.host < 0)
        return refuse(e, source, strerror(errno));
    if (!wasi_fds_add(t, &fd, &number)) {
        close(fd.host);
        return refuse(e, source, "too many files and directories");
    }
    t->names[t->name_count++] = name;
    return 0;
}

static int give_file(struct wasi_fds *t, char *source, char *destination, bool writable,
                     struct error *e)
{
    const char *from = cut(source), *to = cut(destination);
    char *name = NULL;
    if (!from || !to || strcmp(from, to) != 0)
        return refuse(e, to ? to : destination, "a file that is given alone must keep its name");
    const char *directory = *destination ? destination : "/";
    /* Both in one block: the directory's name, then the file's. */
    name = malloc(strlen(directory) + strlen(to) + 2);
    if (!name)
        return error_set(e, ERR_OTHER, "out of memory");
    char *only = stpcpy(name, directory) + 1;
    strcpy(only, to);
    int code = add_directory(t, source, name, only, writable, e);
    if (code)
        free(name);
    return code;
}

int wasi_fds_give(struct wasi_fds *t, const char *source, const char *destination, bool writable,
                  struct error *e)
{
    struct stat st;
    int code;
    if (stat(source, &st) < 0)
        return refuse(e, source, strerror(errno));
    char *from = strdup(source), *to = strdup(destination);
    if (!from || !to) {
        code = error_set(e, ERR_OTHER, "out of memory");
    } else if (S_ISDIR(st.st_mode)) {
        code = add_directory(t, from, to, NULL, writable, e);
        to = code ? to : NULL;
    } else {
        code = give_file(t, from, to, writable, e);
    }
    free(from);
    free(to);
    return code;
}

int wasi_fds_give_all(struct wasi_fds *t, const char *lines, struct error *e)
{
    int code = 0;
    char *copy = strdup(lines), *rest = copy, *line;
    if (!copy)
        return error_set(e, ERR_OTHER, "out of memory");
    while (!code && (line = strsep(&rest, "\n")) != NULL) {
        char *source = strsep(&line, "\t"), *destination = strsep(&line, "\t");
        if (destination)
            code = wasi_fds_give(t, source, destination, line && strcmp(line, "rw") == 0, e);
    }
    free(copy);
    return code;
}
