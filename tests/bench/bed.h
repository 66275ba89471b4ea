/* A test bed: a target that was started and filled, and what is measured on it. */
#ifndef BOBBIN_BENCH_BED_H
#define BOBBIN_BENCH_BED_H

#include "load.h"
#include "options.h"

struct bed {
    struct options setup;     /* with which it was opened; config is a copy */
    struct server server;     /* unless it is a target without one … */
    char file[PATH_MAX + 16]; /* … which has this file; else "" */
    bool started;             /* the server runs */
    double fill_seconds;      /* to fill in all keys */
};

/* Start the target of `o` in the workspace and fill in o->keys keys for each of o->apps apps. On
 * failure nothing is left running. */
int bed_open(struct bed *b, const struct options *o, const struct workspace *w, const char *label,
             struct error *e);
void bed_close(struct bed *b);

struct bed_result {
    struct hist hist;          /* latencies in ns; its total is the number of requests */
    double elapsed;            /* seconds */
    double throughput;         /* requests a second */
    double background;         /* sets a second beside it */
    uint64_t witness_max;      /* the longest latency of the witness */
    double server_cpu;         /* processors that the server used; 0: not known */
    double client_cpu;         /* and the bench */
    struct peer_memory memory; /* of the server, at the end; 0: not known */
};

/* Measure on `b` the load that `o` says (its connections, depth, op, seconds …, but the size of
 * values of the bed). o->background connections set on `background` meanwhile. `witness`, unless
 * NULL, is an echo that one connection speaks to at the same time: what the machine alone does. */
int bed_run(struct bed *b, const struct options *o, struct bed *background, struct bed *witness,
            struct bed_result *ret, struct error *e);

/* Wait until the server has done what a load has left it to do, so that it is not charged to who is measured next; for some
 * seconds at most. */
void bed_rest(const struct bed *b);

/* Memory of a server that runs: its process, and what its children have for themselves. */
int bed_memory(const struct bed *b, struct peer_memory *ret, struct error *e);

#endif
