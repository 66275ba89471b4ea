/* The targets without a server: SQLite in this process, as Spin's key/value store uses it, and with
 * the settings that its makers recommend for durable writes. */
#ifndef BOBBIN_BENCH_SQLITE_H
#define BOBBIN_BENCH_SQLITE_H

#include "hist.h"
#include "keys.h"

/* One connection behind one mutex, so many threads that want it. */
struct sqlite_load {
    enum target kind; /* TARGET_SQLITE_SPIN: rollback journal; TARGET_SQLITE_WAL */
    const char *path; /* the file; made when it is not there */
    unsigned threads;
    enum op op;     /* as in struct load_group: each is a transaction of its own … */
    unsigned reads; /* … also in a mixed load */
    uint64_t keys;
    size_t value_len;
    double warmup;
    double seconds;
    uint64_t seed;

    /* Results of the measured time. */
    struct hist hist;    /* latencies in ns, the waiting for the mutex included */
    double elapsed;      /* seconds */
    uint64_t client_cpu; /* ns of processor time of this process */
};

/* Set every key once, in few transactions. Blocks. */
int sqlite_fill(struct sqlite_load *l, struct error *e);
/* Load it for warmup and seconds. Blocks. */
int sqlite_run(struct sqlite_load *l, struct error *e);

#endif
