/* One measurement of one target, from starting it to stopping it. */
#ifndef BOBBIN_BENCH_RUN_H
#define BOBBIN_BENCH_RUN_H

#include "load.h"
#include "options.h"

struct run_result {
    struct hist hist;          /* latencies in ns; its total is the number of requests */
    double elapsed;            /* seconds */
    double throughput;         /* requests a second */
    double background;         /* sets a second beside it */
    double server_cpu;         /* processors that the server used; 0: not known */
    double client_cpu;         /* and the bench */
    double start_ms;           /* until the server answered; 0: not started by us */
    double register_ms;        /* for all apps together */
    double fill_seconds;       /* to fill in all keys */
    struct peer_memory memory; /* of the server, at the end; 0: not known */
};

int run_once(const struct options *o, struct run_result *ret, struct error *e);

/* Print it on stdout, for people or as one JSON object. */
void run_print(const struct options *o, const struct run_result *r);
int run_print_json(const struct options *o, const struct run_result *r, struct error *e);

#endif
