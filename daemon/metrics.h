/* The daemon's numbers over HTTP, for Prometheus and the like: GET /metrics.
 *
 * libmicrohttpd serves it in a thread of its own, which asks the loop for a snapshot and does all
 * else itself: neither a slow reader nor the writing of megabytes of text keeps the loop. */
#ifndef BOBBIN_DAEMON_METRICS_H
#define BOBBIN_DAEMON_METRICS_H

#include <pthread.h>
#include <stdbool.h>
#include <uv.h>

#include "daemon/http_library.h"
#include "daemon/snapshot.h"
#include "protocol/errors.h"
#include "protocol/limits.h"

struct metrics;
struct server;

enum metrics_state {
    METRICS_OFF,   /* not started, or stopped: who asks is refused */
    METRICS_IDLE,  /* nobody asks */
    METRICS_ASKED, /* a snapshot is wanted from the loop */
    METRICS_READY, /* it is there, for the one who asked */
};

/* One address. */
struct metrics_listener {
    struct metrics *metrics;
    struct MHD_Daemon *http;
    char *path; /* of a Unix socket, to be removed; NULL: another address */
};

struct metrics {
    struct server *server;
    struct http_library http; /* loaded with the first listener */
    uv_async_t wake; /* the loop: somebody asks */
    bool has_wake;
    struct metrics_listener listeners[LIMIT_METRICS_LISTENERS + 1]; /* and the given one */
    unsigned listener_count;
    pthread_mutex_t mutex; /* over the two below */
    pthread_cond_t moved;  /* the state has */
    enum metrics_state state;
    struct snapshot snapshot; /* ASKED: the loop's; READY: who asked */
};

/* Listen at the addresses (`count` of them, none is fine), with the group that may read a Unix
 * socket besides the daemon's user; and at `given`, if it is not 0, a socket that the service manager
 * has opened and that stays. On the loop's thread; on failure nothing is left behind. */
int metrics_start(struct metrics *m, struct server *server, char *const *addresses, unsigned count,
                  int given, struct error *e);
/* Stop and wait for the threads; the loop's handle closes later. No effect when it does not run. */
void metrics_stop(struct metrics *m);

#endif
