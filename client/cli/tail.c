#include "client/cli/tail.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A line that is longer is handed on in pieces. */
#define LINE_MAX_LEN ((size_t)64 << 10)

static void tail_open(struct tail *t)
{
    struct stat st;
    int fd = open(t->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

    t->error = fd < 0 && errno != ENOENT ? errno : 0;
    if (fd < 0)
        return;
    if (fstat(fd, &st) || !S_ISREG(st.st_mode)) {
        t->error = EINVAL;
        close(fd);
        return;
    }
    t->fd = fd;
    t->position = 0;
    t->dev = st.st_dev;
    t->ino = st.st_ino;
}

int tail_init(struct tail *t, const char *path, tail_line_fn *on_line, void *arg)
{
    *t = (struct tail){.fd = -1, .on_line = on_line, .arg = arg};
    t->path = strdup(path);
    t->partial = malloc(LINE_MAX_LEN);
    if (!t->path || !t->partial) {
        tail_fini(t);
        return -1;
    }
    tail_open(t);
    if (t->fd >= 0)
        t->position = lseek(t->fd, 0, SEEK_END);
    return 0;
}

void tail_fini(struct tail *t)
{
    if (t->fd >= 0)
        close(t->fd);
    free(t->path);
    free(t->partial);
    *t = (struct tail){.fd = -1};
}

static void flush_partial(struct tail *t)
{
    if (t->partial_len > 0)
        t->on_line(t->arg, t->partial, t->partial_len);
    t->partial_len = 0;
}

static void keep_partial(struct tail *t, const char *bytes, size_t len)
{
    while (len > 0) {
        size_t n = LINE_MAX_LEN - t->partial_len;

        n = len < n ? len : n;
        memcpy(t->partial + t->partial_len, bytes, n);
        t->partial_len += n;
        bytes += n;
        len -= n;
        if (t->partial_len == LINE_MAX_LEN)
            flush_partial(t);
    }
}

static void take_bytes(struct tail *t, const char *bytes, size_t len)
{
    const char *newline;

    while ((newline = memchr(bytes, '\n', len))) {
        size_t n = (size_t)(newline - bytes);

        if (t->partial_len > 0) {
            keep_partial(t, bytes, n);
            flush_partial(t);
        } else {
            t->on_line(t->arg, bytes, n);
        }
        bytes += n + 1;
        len -= n + 1;
    }
    keep_partial(t, bytes, len);
}

/* From the open file to its end. */
static void read_open(struct tail *t)
{
    char bytes[16 << 10];
    struct stat st;
    ssize_t n;

    if (fstat(t->fd, &st) == 0 && st.st_size < t->position)
        t->position = 0;
    while ((n = pread(t->fd, bytes, sizeof(bytes), t->position)) > 0) {
        t->position += n;
        take_bytes(t, bytes, (size_t)n);
    }
    t->error = n < 0 ? errno : 0;
}

/* Whether another file has taken the place of the open one. */
static bool replaced(const struct tail *t)
{
    struct stat st;

    return stat(t->path, &st) == 0 && (st.st_dev != t->dev || st.st_ino != t->ino);
}

void tail_read(struct tail *t)
{
    if (t->fd >= 0) {
        read_open(t);
        if (!replaced(t))
            return;
        /* What was written between the read and the renaming. */
        read_open(t);
        close(t->fd);
        t->fd = -1;
    }
    tail_open(t);
    if (t->fd >= 0)
        read_open(t);
}

void tail_finish(struct tail *t)
{
    tail_read(t);
    flush_partial(t);
}
