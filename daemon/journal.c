#include "daemon/journal.h"

#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

/* Between two attempts. */
#define PAUSE_MS 2u

/* As container engines have it. */
enum { PRIORITY_ERR = 3, PRIORITY_WARNING = 4, PRIORITY_INFO = 6 };

struct journal {
    int fd;
    struct sockaddr_un address;
};

struct journal_stream {
    struct journal *journal; /* borrowed */
    char *fields;            /* of every entry, but for the priority and the message */
    int priority;
    char *begun; /* of a line; NULL: nothing */
    size_t begun_len;
    uint64_t lost;     /* entries … */
    uint64_t untold;   /* … of which the journal was not told yet */
    unsigned patience; /* milliseconds left for the output in hand */
};

struct journal *journal_open(const char *path)
{
    struct journal *j = calloc(1, sizeof(*j));

    if (!j)
        return NULL;
    j->address.sun_family = AF_UNIX;
    snprintf(j->address.sun_path, sizeof(j->address.sun_path), "%s", path);
    j->fd = access(path, W_OK) == 0 ? socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)
                                    : -1;
    if (j->fd >= 0)
        return j;
    free(j);
    return NULL;
}

void journal_close(struct journal *j)
{
    if (!j)
        return;
    close(j->fd);
    free(j);
}

struct journal_stream *journal_stream_new(struct journal *j, const struct journal_origin *origin)
{
    struct journal_stream *s = calloc(1, sizeof(*s));

    if (!s)
        return NULL;
    s->journal = j;
    s->priority = origin->err ? PRIORITY_ERR : PRIORITY_INFO;
    if (asprintf(&s->fields, "SYSLOG_IDENTIFIER=%s\nAPP=%s\nCOMPONENT=%s\nINSTANCE=%u\nSTREAM=%s\n",
                 origin->app, origin->app, origin->component, origin->instance,
                 origin->err ? "stderr" : "stdout") >= 0)
        return s;
    free(s);
    return NULL;
}

static bool is_busy(int errnum)
{
    return errnum == EAGAIN || errnum == ENOBUFS;
}

/* 0, or an errno. The address each time: a journal that was restarted is found again. */
static int send_once(struct journal *j, struct iovec *parts, size_t count)
{
    struct msghdr message = {
        .msg_name = &j->address,
        .msg_namelen = sizeof(j->address),
        .msg_iov = parts,
        .msg_iovlen = count,
    };
    ssize_t n;

    do
        n = sendmsg(j->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    return n < 0 ? errno : 0;
}

/* The message has its length in front, so it may hold any byte. */
static bool send_entry(struct journal_stream *s, int priority, const struct iovec text[2])
{
    uint64_t len = htole64(text[0].iov_len + text[1].iov_len);
    char head[32];
    struct iovec parts[] = {
        {s->fields, strlen(s->fields)},
        {head, (size_t)snprintf(head, sizeof(head), "PRIORITY=%d\nMESSAGE\n", priority)},
        {&len, sizeof(len)},
        text[0],
        text[1],
        {(char *)(uintptr_t) "\n", 1},
    };
    size_t count = sizeof(parts) / sizeof(parts[0]);
    int errnum = send_once(s->journal, parts, count);

    while (is_busy(errnum) && s->patience >= PAUSE_MS) {
        s->patience -= PAUSE_MS;
        nanosleep(&(struct timespec){.tv_nsec = PAUSE_MS * 1000000L}, NULL);
        errnum = send_once(s->journal, parts, count);
    }
    return errnum == 0;
}

static void tell_lost(struct journal_stream *s)
{
    char text[80];
    int len = snprintf(text, sizeof(text), "%llu lines are not here: the journal did not keep up",
                       (unsigned long long)s->untold);

    if (send_entry(s, PRIORITY_WARNING, (struct iovec[2]){{text, (size_t)len}, {NULL, 0}}))
        s->untold = 0;
}

/* What was begun, and what ends it. */
static void send_line(struct journal_stream *s, const char *rest, size_t len)
{
    struct iovec text[2] = {{s->begun, s->begun_len}, {(char *)(uintptr_t)rest, len}};

    if (s->untold)
        tell_lost(s);
    if (s->untold || !send_entry(s, s->priority, text)) {
        s->lost++;
        s->untold++;
    }
    free(s->begun);
    s->begun = NULL;
    s->begun_len = 0;
}

/* A line in the making; one that is lost for want of memory is counted. */
static void keep(struct journal_stream *s, const char *bytes, size_t len)
{
    char *grown = realloc(s->begun, s->begun_len + len);

    if (!grown) {
        s->lost++;
        s->untold++;
        return;
    }
    memcpy(grown + s->begun_len, bytes, len);
    s->begun = grown;
    s->begun_len += len;
}

void journal_stream_write(struct journal_stream *s, const char *bytes, size_t len, bool patient)
{
    s->patience = patient ? JOURNAL_PATIENCE_MS : 0;
    while (len > 0) {
        size_t room = JOURNAL_LINE_MAX - s->begun_len;
        size_t look = len < room ? len : room;
        const char *end = memchr(bytes, '\n', look);
        size_t taken = end ? (size_t)(end - bytes) + 1 : look;

        if (end)
            send_line(s, bytes, taken - 1);
        else if (look == room)
            send_line(s, bytes, taken);
        else
            keep(s, bytes, taken);
        bytes += taken;
        len -= taken;
    }
}

void journal_stream_flush(struct journal_stream *s)
{
    s->patience = 0;
    if (s->begun_len > 0)
        send_line(s, NULL, 0);
    if (s->untold)
        tell_lost(s);
}

void journal_stream_free(struct journal_stream *s)
{
    if (!s)
        return;
    journal_stream_flush(s);
    free(s->begun);
    free(s->fields);
    free(s);
}

uint64_t journal_stream_lost(const struct journal_stream *s)
{
    return s->lost;
}
