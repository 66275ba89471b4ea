/* One connection: bytes in, requests out to the methods, answers back. Knows nothing of SQL.
 *
 * Requests of a connection are handed on in the order sent. Reading pauses while the peer has too
 * much unanswered or unread, and while a request that others must wait for is under way. */
#ifndef BOBBIN_DAEMON_CONN_H
#define BOBBIN_DAEMON_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <uv.h>

#include "daemon/access.h"
#include "daemon/conn_share.h"
#include "daemon/list.h"
#include "daemon/op.h"
#include "daemon/siphash.h"
#include "protocol/buffer.h"
#include "protocol/scanner.h"

/* How much one read takes in at the most while no large message is under way. */
enum { CONN_READ_CHUNK = 64 << 10 };

struct app;
struct component;
struct handover_in;
struct handover_out;
struct server;
struct tally_calls;

enum conn_state {
    CONN_NEW,       /* made, not started */
    CONN_OPEN,      /* serving */
    CONN_REFUSING,  /* answers what is under way, refuses the rest, then closes */
    CONN_DRAINING,  /* reads no more; closes when all is answered and written */
    CONN_CLOSED,    /* handle closing or closed; freed with the last request */
    CONN_STATE_COUNT
};

/* What was found about the label that a connection named last. */
struct conn_label {
    size_t len;     /* 0: nothing yet */
    uint64_t epoch; /* app->grants_epoch of then */
    enum op_label_rule rule;
    struct siphash hash; /* of cache_label_hash */
    struct tally_calls *calls; /* in app->tally */
    char bytes[32]; /* longer ones are looked up each time */
};

struct conn {
    struct list link;       /* in server->conns */
    struct list ready;      /* in server->ready while something waits for the turn's end */
    struct list in_app;     /* in app->conns while bound */
    struct list later;      /* in server->later while it waits for a turn with something left for it */
    struct server *server;
    uint64_t number;        /* 1, 2, … of the daemon */
    enum conn_state state;
    uv_pipe_t pipe;
    bool handle_open;       /* the pipe is not closed yet, in libuv's eyes */
    bool reading;           /* uv_read_start is in force */
    bool eof;               /* the peer sends no more */
    struct access_peer peer; /* who is at the other end; of an app process nothing is asked */
    struct app *app;        /* bound to; NULL: none */
    struct component_spec *component; /* an app process's, a reference; NULL: a person's or program's */
    struct component *process;        /* which of its processes; NULL: none, or it is gone */
    struct scanner scanner; /* over the first message in `in` */
    struct buffer in;       /* received … */
    size_t taken;           /* … and of that, from the front, handed on */
    struct buffer out;      /* answers of this turn, not yet given to libuv */
    struct buffer sending;  /* given to libuv */
    uv_write_t write;       /* in force while sending.len > 0 */
    size_t held;            /* by `out` and `sending`, as conn_share_account knows it */
    uint64_t written;       /* bytes given to the socket, or to libuv for it, so far */
    uint64_t handed;        /* bytes of requests handed on so far */
    struct conn_look look;
    struct conn_label label;
    int refuse_code;        /* CONN_REFUSING: what new requests are answered */
    const char *refuse_reason;
    unsigned inflight;      /* requests not finished */
    unsigned leave_waiting; /* of these, those that wait for an app to be gone */
    size_t inflight_bytes;  /* what they hold */
    struct list parked;     /* operations whose results the peer has no room for: their turn has come */
    unsigned barriers;      /* of these, how many the later ones must wait for */
    struct list watches;    /* struct watch */
    unsigned watch_count;
    uint64_t last_watch;    /* the number of the watch that was made last */
};

/* A connection whose pipe is ready to be opened or accepted into; NULL: no memory. Ends only by
 * conn_close. */
struct conn *conn_new(struct server *server);
uv_pipe_t *conn_pipe(struct conn *c);
/* Begin to serve a peer of the socket; `peer` is the connection's from now on. */
void conn_start_peer(struct conn *c, const struct access_peer *peer);
/* Make a connection over `fd` (owned from now on, closed on failure) and serve an app's process. */
int conn_start_component(struct server *server, int fd, struct app *app,
                         struct component *process);
/* The manifest says something else of the component from now on. */
void conn_set_component(struct conn *c, struct component_spec *spec);
/* Close now, without waiting for answers; the reason is logged. May be called at any time, and on a
 * closed connection without effect. The conn may be freed when this returns. */
void conn_close(struct conn *c, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Answer what is under way, refuse the rest with this code and reason (a literal), then close. */
void conn_refuse(struct conn *c, int code, const char *reason);

/* Count a refused or failed request of the connection. */
void conn_count_error(const struct conn *c, int code);

/* Bind to an app; a connection is bound once. */
void conn_bind(struct conn *c, struct app *app);
/* What is known about the label for this connection. ERR_ACCESS_DENIED when nobody need ask the file. */
int conn_label_rule(const struct conn *c, struct slice label, enum op_label_rule *ret,
                    struct error *e);
/* Whether the next request may be taken now, by all limits. */
bool conn_may_serve(const struct conn *c);
/* The turn of one of the connection's operations has come. False: it is parked, with all that come behind
 * it, until the peer has read enough of what was answered already. */
bool conn_admit(struct conn *c, struct op *op);
/* Something was appended to c->out, or a request has finished: look at it at the turn's end. */
void conn_wake(struct conn *c);
/* Begin to serve a connection that knows whom it belongs to. */
void conn_open(struct conn *c);

/* In conn_handover.c. Whether nothing of the connection is under way but so many requests, which the caller
 * knows of, and those that wait for the peer to read. */
bool conn_is_settled(const struct conn *c, unsigned inflight);
/* Of one that is open and settled: pack what conn_restore takes. */
void conn_save(const struct conn *c, struct handover_out *out);
/* Go on with a connection of the daemon before, once the apps are there. NULL: it does not belong to
 * anything any more, or with in->failed, it cannot be read. */
struct conn *conn_restore(struct server *server, struct handover_in *in);

/* Run what waits for the end of this turn of the loop. */
void conn_run_ready(struct server *server);

#endif
