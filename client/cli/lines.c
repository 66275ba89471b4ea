#include "client/cli/lines.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define READ_SIZE (64u << 10)

void lines_init(struct lines *l, int fd, size_t max)
{
    *l = (struct lines){.fd = fd, .max = max};
}

void lines_fini(struct lines *l)
{
    free(l->bytes);
    l->bytes = NULL;
}

/* Room for another read behind what is there. 0, or an errno. */
static int make_room(struct lines *l)
{
    char *more;
    size_t cap;

    if (l->from > 0) {
        memmove(l->bytes, l->bytes + l->from, l->to - l->from);
        l->to -= l->from;
        l->from = 0;
    }
    if (l->cap - l->to >= READ_SIZE)
        return 0;
    cap = l->cap ? l->cap * 2 : 2 * READ_SIZE;
    more = realloc(l->bytes, cap);
    if (!more)
        return ENOMEM;
    l->bytes = more;
    l->cap = cap;
    return 0;
}

/* 0, or an errno. */
static int read_more(struct lines *l)
{
    int err = make_room(l);
    ssize_t n;

    if (err)
        return err;
    do {
        n = read(l->fd, l->bytes + l->to, READ_SIZE);
    } while (n < 0 && errno == EINTR);
    if (n < 0)
        return errno;
    l->at_end = n == 0;
    l->to += (size_t)n;
    l->read += (size_t)n;
    return 0;
}

static enum lines_state take(struct lines *l, size_t len, bool ended, const char **ret,
                             size_t *ret_len)
{
    l->number++;
    if (len > l->max)
        return LINES_TOO_LONG;
    *ret = l->bytes + l->from;
    *ret_len = len;
    l->from += len + ended;
    l->searched = 0;
    l->ended = ended;
    return LINES_MORE;
}

enum lines_state lines_next(struct lines *l, const char **ret, size_t *ret_len)
{
    for (;;) {
        size_t len = l->to - l->from;
        const char *stop = len > l->searched
                               ? memchr(l->bytes + l->from + l->searched, '\n', len - l->searched)
                               : NULL;

        if (stop)
            return take(l, (size_t)(stop - l->bytes) - l->from, true, ret, ret_len);
        l->searched = len;
        if (len > l->max || (l->at_end && len > 0))
            return take(l, len, false, ret, ret_len);
        if (l->at_end)
            return LINES_END;
        if (l->before_read && !l->before_read(l->arg))
            return LINES_STOPPED;
        l->error = read_more(l);
        if (l->error)
            return LINES_ERROR;
    }
}
