/* The load generator: one thread, one epoll, for every target behind a socket. */
#ifndef BOBBIN_BENCH_LOAD_H
#define BOBBIN_BENCH_LOAD_H

#include "hist.h"
#include "server.h"

/* Connections that do the same to one server. */
struct load_group {
    const struct server *server;
    unsigned connections;
    unsigned apps;      /* connection i speaks to app first_app + i % apps */
    unsigned first_app;
    struct shape shape; /* requests in flight on a connection, size of values */
    enum op op;         /* of a mixed load: OP_GET … */
    unsigned reads;     /* … and how many of 100 requests are gets; 100: no mixture */
    uint64_t keys;      /* of each app */
    bool window;        /* an answer makes room for the next request; else: for the next `depth`
                           requests when all are answered, as redis-benchmark does */
    double rate; /* requests a second of the whole group, by the clock; 0: as fast as can be */

    /* Results of the measured time. */
    struct hist hist;     /* latencies in ns */
    uint64_t errors;      /* wrong answers, also while warming up */
    uint64_t server_cpu;  /* ns of processor time; 0 if the server is not ours */
    struct error problem; /* the first of them */
};

struct load_time {
    double warmup;  /* seconds before … */
    double seconds; /* … those that count */
    uint64_t seed;  /* of keys and values */
    bool anywhere;  /* also for one connection: leave it to the scheduler where client and servers
                       run; see place.h */
    /* Results. */
    double elapsed;      /* what the seconds really were */
    uint64_t client_cpu; /* ns of processor time of this thread */
};

/* Load all groups at once; the answers of earlier groups are looked at first. Every answer is
 * checked: a wrong one is counted, and at the end the whole run is a failure with the first one's
 * text; one that cannot be read, or a closed connection, ends it at once. */
int load_run(struct load_group *groups, unsigned n, struct load_time *time, struct error *e);

/* Set every key of every app once; uses the group's server, apps, keys and size of values. */
int load_fill(const struct load_group *group, uint64_t seed, struct error *e);

#endif
