/* Follows one file as it grows, is truncated, or is replaced by a new one of its name, and hands on
 * whole lines. */
#ifndef BOBBIN_CLI_TAIL_H
#define BOBBIN_CLI_TAIL_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* A line without its newline; it need not be text. */
typedef void tail_line_fn(void *arg, const char *line, size_t len);

struct tail {
    char *path;     /* owned */
    int fd;         /* -1: not open */
    off_t position; /* read so far */
    dev_t dev;      /* which file is open */
    ino_t ino;
    char *partial; /* a line whose end has not come yet; owned */
    size_t partial_len;
    int error; /* errno of why the file cannot be read; 0 when it can, or is not there */
    tail_line_fn *on_line;
    void *arg;
};

/* Follow `path` (copied) from its present end, or from its start if it does not exist yet. 0, or -1
 * without memory. `on_line` is called from tail_read and tail_finish only. */
int tail_init(struct tail *t, const char *path, tail_line_fn *on_line, void *arg);
void tail_fini(struct tail *t);
/* Hand on the lines that have come since. */
void tail_read(struct tail *t);
/* The same for the last time: also a last line without a newline. */
void tail_finish(struct tail *t);

#endif
