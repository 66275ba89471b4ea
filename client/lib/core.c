#include "core.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "request.h"

/* How much is asked for at a time, and how much memory an idle connection may keep each way. */
#define READ_SIZE (64u << 10)
#define KEEP_SIZE (128u << 10)

struct call {
    STAILQ_ENTRY(call) link;
    uint32_t id;
    int64_t deadline;  /* of core_now_ms; 0: none */
    reply_fn on_reply; /* NULL: nobody waits any more, the answer is ignored */
    void *arg;
    reply_fn on_late; /* NULL or for an answer that nobody waits for any more */
};

int64_t core_now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void core_init(struct core *c)
{
    *c = (struct core){.fd = -1, .next_id = 1};
    STAILQ_INIT(&c->calls);
    scanner_init(&c->scanner, LIMIT_RESPONSE);
    failure_set(&c->failure, BOBBIN_DISCONNECTED, "not connected");
}

void core_open(struct core *c, int fd)
{
    assert(c->fd == -1);
    c->fd = fd;
    c->failure = (struct failure){0};
}

void core_fini(struct core *c)
{
    core_fail(c, BOBBIN_DISCONNECTED, "the connection was closed");
    for (struct call *call; (call = STAILQ_FIRST(&c->calls)) != NULL;) {
        STAILQ_REMOVE_HEAD(&c->calls, link);
        free(call);
    }
    buffer_fini(&c->out);
    buffer_fini(&c->in);
    if (c->fd >= 0)
        close(c->fd);
    c->fd = -1;
}

/* Tell whoever waits for this call. */
static void call_complete(struct call *call, const struct failure *failure, struct reader result)
{
    reply_fn on_reply = call->on_reply;
    call->on_reply = NULL;
    if (on_reply != NULL)
        on_reply(call->arg, &(struct reply){.failure = failure, .result = result});
}

bobbin_status core_fail(struct core *c, bobbin_status status, const char *format, ...)
{
    if (c->failure.status != BOBBIN_OK)
        return c->failure.status;

    char text[sizeof(c->failure.text)];
    va_list args;
    va_start(args, format);
    if (vsnprintf(text, sizeof(text), format, args) < 0)
        text[0] = '\0';
    va_end(args);
    failure_set(&c->failure, status, "%s", text);
    if (c->fd >= 0)
        shutdown(c->fd, SHUT_RDWR);

    /* Nothing is removed here: a completion may be what called. New calls are refused by now. */
    struct call *call;
    STAILQ_FOREACH(call, &c->calls, link)
    call_complete(call, &c->failure, (struct reader){0});
    return status;
}

bobbin_status core_submit(struct request *r, uint32_t timeout_ms, reply_fn on_reply, void *arg,
                          uint32_t *ret_id, struct failure *f)
{
    struct core *c = r->core;
    struct call *call = NULL;
    bobbin_status status;

    if (c->failure.status != BOBBIN_OK) {
        *f = c->failure;
        status = f->status;
    } else if (request_size(r) > LIMIT_MESSAGE) {
        status = failure_set(f, BOBBIN_TOO_LARGE, "the request has %zu bytes, the most are %u",
                             request_size(r), LIMIT_MESSAGE);
    } else if (c->out.failed || (call = malloc(sizeof(*call))) == NULL) {
        status = failure_no_memory(f);
    } else {
        *call = (struct call){.id = r->id, .on_reply = on_reply, .arg = arg};
        call->deadline = timeout_ms > 0 ? core_now_ms() + timeout_ms : 0;
        STAILQ_INSERT_TAIL(&c->calls, call, link);
        if (ret_id != NULL)
            *ret_id = call->id;
        return BOBBIN_OK;
    }
    request_drop(r);
    return status;
}

static struct call *core_find(struct core *c, uint32_t id)
{
    struct call *call;
    STAILQ_FOREACH(call, &c->calls, link)
    if (call->id == id)
        return call;
    return NULL;
}

bool core_cancel(struct core *c, uint32_t id)
{
    struct call *call = core_find(c, id);
    if (call == NULL || call->on_reply == NULL)
        return false;
    /* It stays in the list: an answer that nobody asked for is told from one that came too late. */
    call->on_reply = NULL;
    call->deadline = 0;
    return true;
}

void core_set_late(struct core *c, uint32_t id, reply_fn on_late)
{
    struct call *call = core_find(c, id);
    if (call != NULL)
        call->on_late = on_late;
}

short core_events(const struct core *c)
{
    if (c->failure.status != BOBBIN_OK)
        return 0;
    return (short)(c->out_pos < c->out.len && !c->write_closed ? POLLIN | POLLOUT : POLLIN);
}

int core_timeout(const struct core *c)
{
    if (c->write_closed)
        return 0;
    int64_t earliest = 0;
    const struct call *call;
    STAILQ_FOREACH(call, &c->calls, link)
    if (call->deadline != 0 && (earliest == 0 || call->deadline < earliest))
        earliest = call->deadline;
    if (earliest == 0)
        return -1;
    int64_t left = earliest - core_now_ms();
    return left <= 0 ? 0 : left > INT32_MAX ? INT32_MAX : (int)left;
}

/* Complete what has waited for too long. */
static void core_expire(struct core *c)
{
    if (c->failure.status != BOBBIN_OK || core_timeout(c) != 0)
        return;
    int64_t now = core_now_ms();
    struct failure f;
    failure_set(&f, BOBBIN_TIMED_OUT, "the daemon did not answer in time");
    struct call *call;
    STAILQ_FOREACH(call, &c->calls, link)
    {
        if (call->deadline != 0 && call->deadline <= now) {
            call->deadline = 0;
            call_complete(call, &f, (struct reader){0});
        }
    }
}

/* Drop the first n bytes, and memory that only an unusually big message needed. */
static void trim(struct buffer *b, size_t n)
{
    if (b->cap <= KEEP_SIZE || b->len - n > KEEP_SIZE / 2) {
        buffer_consume(b, n);
        return;
    }
    struct buffer small;
    buffer_init(&small);
    if (b->len - n > 0 && buffer_append(&small, b->data + n, b->len - n) != 0) {
        buffer_consume(b, n);
        return;
    }
    buffer_fini(b);
    *b = small;
}

static bool is_again(int error)
{
    return error == EAGAIN || error == EWOULDBLOCK;
}

static void core_write(struct core *c)
{
    while (c->out_pos < c->out.len && !c->write_closed) {
        ssize_t n = send(c->fd, c->out.data + c->out_pos, c->out.len - c->out_pos,
                         MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n >= 0) {
            c->out_pos += (size_t)n;
        } else if (is_again(errno)) {
            break;
        } else if (errno != EINTR) {
            /* The daemon may have said why before it closed: take in first what is there. */
            c->write_closed = true;
        }
    }
    if (c->write_closed)
        c->out_pos = c->out.len;
    /* In steps as big as what remains, so that no byte is moved again and again. */
    if (c->out_pos >= c->out.len - c->out_pos) {
        trim(&c->out, c->out_pos);
        c->out_pos = 0;
    }
}

static void core_response(struct core *c, const struct message *m)
{
    struct call *call = core_find(c, m->id);
    if (call == NULL) {
        core_fail(c, BOBBIN_BAD_RESPONSE, "the daemon answered request %u, which was never sent",
                  m->id);
        return;
    }
    struct failure f = {0};
    if (m->is_error)
        failure_from_daemon(&f, m->code, m->text);
    /* Out of the list first: a completion that fails the connection must not find it again. */
    STAILQ_REMOVE(&c->calls, call, call, link);
    if (call->on_reply == NULL && call->on_late != NULL) {
        call->on_reply = call->on_late;
        call->arg = c->owner;
    }
    call_complete(call, m->is_error ? &f : NULL, m->result);
    free(call);
}

static void core_message(struct core *c, const uint8_t *bytes, size_t len)
{
    struct message m;
    struct error e;
    uint32_t id;
    bool has_id;
    if (message_read(bytes, len, &m, &id, &has_id, &e) != 0)
        core_fail(c, BOBBIN_BAD_RESPONSE, "the daemon sent what is not the protocol: %s", e.text);
    else if (m.kind == MESSAGE_RESPONSE)
        core_response(c, &m);
    else if (m.kind == MESSAGE_REQUEST)
        core_fail(c, BOBBIN_BAD_RESPONSE, "the daemon sent a request");
    else if (c->on_notification != NULL)
        c->on_notification(c->owner, &m);
}

/* Take all whole messages out of the in buffer. */
static void core_scan(struct core *c)
{
    size_t start = 0;
    while (start < c->in.len && c->failure.status == BOBBIN_OK) {
        enum scanner_result result =
            scanner_scan(&c->scanner, c->in.data + start, c->in.len - start);
        if (result == SCANNER_MORE)
            break;
        if (result == SCANNER_FRAME) {
            size_t len = c->scanner.pos;
            core_message(c, c->in.data + start, len);
            scanner_next(&c->scanner);
            start += len;
        } else if (result == SCANNER_TOO_LARGE) {
            core_fail(c, BOBBIN_BAD_RESPONSE, "the daemon sent a message of more than %u bytes",
                      LIMIT_RESPONSE);
        } else {
            core_fail(c, BOBBIN_BAD_RESPONSE, "the daemon sent what is not the protocol");
        }
    }
    trim(&c->in, start);
}

static void core_read(struct core *c)
{
    /* The buffer doubles with what has really arrived, whatever the peer announced. */
    if (c->in.cap - c->in.len < READ_SIZE / 2 && buffer_reserve(&c->in, READ_SIZE) != 0) {
        core_fail(c, BOBBIN_DISCONNECTED, "out of memory while an answer arrived");
        return;
    }
    ssize_t n = recv(c->fd, c->in.data + c->in.len, c->in.cap - c->in.len, MSG_DONTWAIT);
    if (n > 0) {
        c->in.len += (size_t)n;
        core_scan(c);
    } else if (n == 0 || errno == ECONNRESET || (is_again(errno) && c->write_closed)) {
        core_fail(c, BOBBIN_DISCONNECTED, "the daemon closed the connection%s",
                  c->in.len > 0 ? " in the middle of an answer" : "");
    } else if (!is_again(errno) && errno != EINTR) {
        core_fail(c, BOBBIN_DISCONNECTED, "cannot read from the daemon: %s", strerror(errno));
    }
}

bobbin_status core_process(struct core *c, short revents)
{
    if (c->failure.status != BOBBIN_OK)
        return c->failure.status;
    if (revents & POLLNVAL)
        return core_fail(c, BOBBIN_DISCONNECTED, "the connection's descriptor was closed");
    if (revents & POLLOUT)
        core_write(c);
    if ((revents & (POLLIN | POLLHUP | POLLERR)) || c->write_closed)
        core_read(c);
    core_expire(c);
    return c->failure.status;
}
