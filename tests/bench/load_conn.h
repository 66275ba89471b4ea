/* One connection under load: requests in flight, bytes on their way. Private to the load generator.
 */
#ifndef BOBBIN_BENCH_LOAD_CONN_H
#define BOBBIN_BENCH_LOAD_CONN_H

#include "load.h"

/* A request in flight. */
struct slot {
    uint64_t sent; /* when it was sent or, at a rate, was to be sent */
    uint64_t key;
    enum op op;
    bool busy;
};

/* What the connections of a group share. */
struct load_flow {
    struct load_group *group;
    const struct dialect *dialect;
    struct template templates[OPS];
    struct values values;
    uint64_t random;   /* state of the generator of keys */
    bool stopped;      /* no more requests */
    bool fill;         /* each key once, in order, instead of random ones */
    uint64_t inflight; /* of all connections */
    uint64_t filled;   /* answers to a fill */
};

struct load_conn {
    struct load_flow *flow;
    int fd;
    struct slot *slots;   /* `depth` of them */
    uint32_t *free_slots; /* a stack, for dialects that answer by id */
    uint32_t *fresh;      /* encoded, but not stamped yet */
    unsigned nfresh;
    uint32_t oldest; /* slot of the oldest request, for dialects that answer in order */
    unsigned inflight;
    uint8_t *out; /* room for `depth` requests */
    size_t out_len, out_sent;
    uint8_t *in; /* what was read and is not a whole answer yet */
    size_t in_len, in_cap;
    uint64_t next, step; /* of a fill: the next key, and how far to the one behind it */
    bool wants_write;    /* epoll is asked for EPOLLOUT */
};

/* Connect to the app that is the i-th's and get ready; on failure there is nothing to free. */
int load_conn_init(struct load_conn *c, struct load_flow *flow, unsigned i, struct error *e);
void load_conn_fini(struct load_conn *c);

/* Put as many requests into the output as there may be now, and stamp them. */
void load_conn_refill(struct load_conn *c);
/* Put one request that was due at `due` into the output; false if all slots are busy. */
bool load_conn_add(struct load_conn *c, uint64_t due);
/* Write what there is; what the socket does not take stays. */
int load_conn_flush(struct load_conn *c, struct error *e);
/* Read once, take the answers that are whole. */
int load_conn_read(struct load_conn *c, struct error *e);

#endif
