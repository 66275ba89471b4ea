/* The rows of the matrix that are measured once: the longest stall, and memory. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemon/config.h"
#include "matrix.h"


#define STALL_SECONDS 60.0
#define STALL_SECONDS_QUICK 8.0
#define STALL_MS 50.0
/* A machine on which the echo stalls that long does not tell. */
#define NOISE_MS 20.0
#define MIB 1048576.0

static double ms(uint64_t ns)
{
    return (double)ns / 1e6;
}

/* The longest latency of a client that gets while 16 others set, and that of the echo meanwhile. */
static int measure_stall(struct matrix *m, struct error *e)
{
    struct options o = *m->options;
    struct bed *bed = &m->beds[BED_BOBBIN];
    struct bed_result result;
    struct row *row;
    int rc = matrix_bed(m, BED_BOBBIN, e);
    if (!rc)
        rc = matrix_bed(m, BED_ECHO, e);
    o.op = OP_GET;
    o.reads = 100;
    o.connections = o.depth = o.apps = 1;
    o.background = 16;
    o.seconds = m->options->quick ? STALL_SECONDS_QUICK : STALL_SECONDS;
    bench_say("the longest stall in %g seconds", o.seconds);
    if (!rc)
        rc = bed_run(bed, &o, bed, &m->beds[BED_ECHO], &result, e);
    if (rc)
        return rc;
    row = matrix_add_row(m, 4);
    snprintf(row->name, sizeof row->name, "GET c=1, max in %g s beside 16 that set", o.seconds);
    snprintf(row->unit, sizeof row->unit, "ms");
    row->at_most = true;
    row->needed = STALL_MS;
    row->values[0] = ms(result.hist.max);
    row->nvalues = 1;
    row_finish(row);
    if (row->verdict == VERDICT_MISSES && ms(result.witness_max) >= NOISE_MS)
        row->verdict = VERDICT_UNDECIDED;
    snprintf(row->detail, sizeof row->detail, "the echo's max meanwhile: %.1f ms; %.0f sets/s",
             ms(result.witness_max), result.background);
    return 0;
}

static void add_memory(struct matrix *m, unsigned point, const char *name, double needed,
                       const struct peer_memory *memory)
{
    struct row *row = matrix_add_row(m, point);
    snprintf(row->name, sizeof row->name, "%s", name);
    snprintf(row->unit, sizeof row->unit, "MiB");
    row->at_most = true;
    row->needed = needed;
    row->values[0] = (double)memory->rss / MIB;
    row->nvalues = 1;
    row_finish(row);
    snprintf(row->detail, sizeof row->detail, "RSS; PSS %.1f MiB", (double)memory->pss / MIB);
}

/* One connection for each of the first `open` apps, which stay while memory is read. */
static int hold(struct bed *b, unsigned open, int *fds, struct error *e)
{
    int rc = 0;
    for (unsigned i = 0; !rc && i < open; i++)
        rc = server_connect(&b->server, i, &fds[i], e);
    return rc;
}

/* A fresh daemon with so many registered apps, of which some are open, each with a few keys that
 * were written and read. */
static int measure_apps(struct matrix *m, unsigned registered, unsigned open, double needed,
                        const char *name, struct error *e)
{
    struct options o = *m->options;
    struct bed_result result;
    struct peer_memory memory;
    struct bed bed;
    int *fds = malloc(open * sizeof *fds);
    int rc;
    if (!fds)
        return error_set(e, ERR_OTHER, "out of memory");
    for (unsigned i = 0; i < open; i++)
        fds[i] = -1;
    o.target = TARGET_BOBBIN;
    o.op = OP_INCREMENT; /* needs no filling */
    o.reads = 100;
    o.apps = registered;
    o.keys = 10;
    rc = bed_open(&bed, &o, &m->workspace, registered > 10 ? "many" : "ten", e);
    if (!rc) {
        rc = hold(&bed, open, fds, e);
        o.apps = o.connections = open;
        o.depth = 1;
        o.background = 0;
        o.warmup = 0;
        o.seconds = 0.3;
        if (!rc)
            rc = bed_run(&bed, &o, NULL, NULL, &result, e);
        if (!rc)
            rc = bed_memory(&bed, &memory, e);
        bed_close(&bed);
    }
    for (unsigned i = 0; i < open; i++)
        if (fds[i] >= 0)
            close(fds[i]);
    free(fds);
    if (!rc)
        add_memory(m, 6, name, needed, &memory);
    return rc;
}

static int measure_big(struct matrix *m, struct error *e)
{
    struct config config;
    config_init(&config);
    double cache = (double)(m->options->cache_given ? m->options->cache : config.cache_bytes);
    const struct bed *big = &m->beds[BED_BIG];
    struct peer_memory memory;
    char name[80];
    int rc = bed_memory(big, &memory, e);
    if (rc)
        return rc;
    snprintf(name, sizeof name, "memory with %llu keys, 64 MiB and the cache",
             (unsigned long long)big->setup.keys);
    add_memory(m, 7, name, 64 + cache / MIB, &memory);
    return 0;
}

int matrix_once(struct matrix *m, struct error *e)
{
    unsigned points = m->options->points;
    int rc = points & 1u << 4 ? measure_stall(m, e) : 0;
    if (!rc && points & 1u << 6)
        rc = measure_apps(m, 10, 10, 10, "memory with 10 idle apps", e);
    if (!rc && points & 1u << 6)
        rc = measure_apps(m, 1000, 100, 64, "memory with 1,000 registered apps, 100 open", e);
    if (!rc && points & 1u << 7)
        rc = measure_big(m, e);
    return rc;
}
