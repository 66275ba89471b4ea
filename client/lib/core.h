/* The non-blocking heart of a connection: requests go in, completions come out. It never waits;
 * whoever drives it does:
 *
 *     request_begin(&r, core, "ping", 0);
 *     core_submit(&r, 0, on_reply, arg, &id, &failure);
 *     while (…) {
 *         struct pollfd p = {core->fd, core_events(core), 0};
 *         poll(&p, 1, core_timeout(core));
 *         core_process(core, p.revents);
 *     }
 *
 * Any number of requests may be under way. A submitted request is completed exactly once, by the
 * daemon's answer, by its deadline, or by the end of the connection. Completions come from
 * core_process, core_fail and core_fini only; they may submit and cancel, but not call these three
 * (core_fail may be called by a completion for a request's own answer, see struct reply, and by the
 * receiver of notifications). */
#ifndef BOBBIN_CLIENT_CORE_H
#define BOBBIN_CLIENT_CORE_H

#include <stdbool.h>
#include <sys/queue.h>

#include "failure.h"
#include "protocol/buffer.h"
#include "protocol/message.h"
#include "protocol/scanner.h"

/* How a request ended. */
struct reply {
    const struct failure *failure; /* NULL: well; else why not, valid until the callback returns */
    struct reader result;          /* when well: one value, valid until the callback returns */
};

typedef void (*reply_fn)(void *arg, const struct reply *reply);

/* Given each notification in the order received, from within core_process. */
typedef void (*notify_fn)(void *owner, const struct message *notification);

struct call; /* a request under way */

struct core {
    int fd;                 /* owned; -1 before core_open */
    struct buffer out;      /* requests, whole or being encoded … */
    size_t out_pos;         /* … of which so many bytes are written */
    bool write_closed;      /* the peer takes nothing any more; answers may still be on their way */
    struct buffer in;       /* what has been read and not yet understood */
    struct scanner scanner; /* over the message at the front of `in` */
    uint32_t next_id;       /* of the next request */
    STAILQ_HEAD(, call) calls; /* not answered yet, in the order sent */
    struct failure failure; /* why the connection is of no more use; status BOBBIN_OK while it is */
    notify_fn on_notification; /* may be set any time; NULL: notifications are passed over */
    void *owner;               /* for on_notification and late answers */
};

/* An empty core without connection: every submission fails until core_open. */
void core_init(struct core *c);
/* Take ownership of a connected stream socket. Its file status flags are left alone. */
void core_open(struct core *c, int fd);
/* Complete what is under way with BOBBIN_DISCONNECTED, close, free. */
void core_fini(struct core *c);

struct request;
/* Send a request that has been encoded. It is written by the next core_process with POLLOUT.
 *
 * timeout_ms: when it is completed with BOBBIN_TIMED_OUT; 0: never. ret_id (for core_cancel) may be
 * NULL. On failure nothing is sent, on_reply is not called and the connection is as before. */
bobbin_status core_submit(struct request *r, uint32_t timeout_ms, reply_fn on_reply, void *arg,
                          uint32_t *ret_id, struct failure *f);
/* Forget a request: it is not completed any more, and its answer will be ignored. What it asks for
 * may happen all the same. False when it is not under way. */
bool core_cancel(struct core *c, uint32_t id);
/* Have an answer that comes after the request was cancelled or timed out given to on_late, with
 * c->owner, so that what nobody waits for any more can be undone. */
void core_set_late(struct core *c, uint32_t id, reply_fn on_late);

/* Milliseconds of the clock that deadlines go by: it only grows. */
int64_t core_now_ms(void);
/* The poll(2) events to wait for, always including POLLIN; 0 once the connection has ended. */
short core_events(const struct core *c);
/* For how long, in milliseconds as poll(2) takes them; -1: no deadline. */
int core_timeout(const struct core *c);
/* Write and read what `revents` allows (0 is fine: deadlines only) and complete what is complete.
 * Returns c->failure.status. */
bobbin_status core_process(struct core *c, short revents);

/* End the connection for a reason: completes everything that is under way with it. The descriptor
 * stays open until core_fini, so that whoever polls it never polls somebody else's. The first
 * failure of a connection stays. Returns its status. */
bobbin_status core_fail(struct core *c, bobbin_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
