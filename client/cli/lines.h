/* Reads a file line by line, with bounded memory however long it is. */
#ifndef BOBBIN_CLI_LINES_H
#define BOBBIN_CLI_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum lines_state {
    LINES_MORE,     /* there is a line */
    LINES_END,      /* there is none */
    LINES_TOO_LONG, /* the next one has more bytes than allowed */
    LINES_ERROR,    /* reading failed; errno is in `error` */
    LINES_STOPPED,  /* before_read said so */
};

/* Called before each read, to wait for the descriptor and for what else there is; false: stop. */
typedef bool lines_wait_fn(void *arg);

struct lines {
    int fd;                     /* borrowed */
    size_t max;                 /* most bytes of a line */
    lines_wait_fn *before_read; /* NULL: none */
    void *arg;                  /* of before_read */
    char *bytes;                /* read, not all taken; owned */
    size_t cap;                 /* of bytes */
    size_t from, to;            /* what is not taken */
    size_t searched;            /* as far as no newline was found, from `from` */
    bool at_end;                /* the file has no more */
    bool ended;                 /* the last line had a newline at its end */
    uint64_t number;            /* of the last line, from 1 */
    uint64_t read;              /* bytes read so far */
    int error;
};

void lines_init(struct lines *l, int fd, size_t max);
void lines_fini(struct lines *l);
/* The next line without its newline; it stays until the next call. The last one may lack its
 * newline. */
enum lines_state lines_next(struct lines *l, const char **ret, size_t *ret_len);

#endif
