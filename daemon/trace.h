/* Live operations of an app, for somebody who watches: what was asked for, how large, how long it
 * took; never a value. Nobody watches most of the time, and then app->trace is NULL and that is all
 * it costs. The latest ones are kept; who reads too slowly is told how many were missed. */
#ifndef BOBBIN_DAEMON_TRACE_H
#define BOBBIN_DAEMON_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "daemon/list.h"
#include "protocol/limits.h"
#include "protocol/methods.h"
#include "protocol/reader.h"

struct app;
struct conn;
struct server;

/* What is told of one request. */
struct trace_op {
    uint64_t number;     /* 1, 2, … of the app; 0: none */
    int64_t time_ms;     /* wall clock, when it was answered */
    uint64_t connection; /* and … */
    uint32_t request;    /* … the id that the peer gave it: a request's name in the log, too */
    pid_t pid;           /* of the peer; 0: an app process of `component` */
    enum method_id method;
    int status;          /* 0 or ERR_… */
    uint64_t in;         /* bytes of the params … */
    uint64_t out;        /* … and of the answer */
    uint64_t ns;         /* from the request to its answer */
    char component[64];  /* cut, as are … */
    char store[64];
    char key[LIMIT_TRACE_KEY + 1]; /* … both of these, between characters */
};

struct trace {
    struct list link;    /* in server->traces */
    struct app *app;
    struct list waiters; /* struct request */
    uint64_t until_ms;   /* by uv_now: nobody has asked since long before, it ends */
    uint64_t last;       /* number of the latest */
    uint64_t first;      /* of those since it began */
    bool woken;          /* something has come that they may wait for */
    struct trace_op ops[LIMIT_TRACE]; /* number N is at N % LIMIT_TRACE */
};

/* Of a request of `c`, which is bound to an app that is traced; store and key data NULL: it has none. */
void trace_note(struct conn *c, uint32_t id, enum method_id method, struct slice store,
                struct slice key, const struct trace_op *what);

/* At the end of a turn: answer those who waited for what has come. */
void trace_wake(struct server *server);
/* A moment has passed: answer who has waited long enough, end what nobody asks for any more. */
void trace_tick(struct server *server);
/* Answer all who wait, with nothing if need be. */
void trace_end_waits(struct server *server);
/* The app leaves: answer all who wait, forget everything. */
void trace_end(struct app *app);

#endif
