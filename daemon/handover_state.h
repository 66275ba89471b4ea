/* What the daemon before was doing, packed by it and taken over by the next one: apps with their
 * components and processes, connections with half-read requests, unwritten answers and watches, and
 * what has happened lately. What is registered and what is wanted stands in the registry. */
#ifndef BOBBIN_DAEMON_HANDOVER_STATE_H
#define BOBBIN_DAEMON_HANDOVER_STATE_H

#include <stdbool.h>

#include "daemon/handover.h"

struct server;

/* What is taken over before there is a server: whose descriptors these are is the caller's to
 * decide. */
struct handover_base {
    int lock;   /* of the state directory */
    int warden; /* our end of its socket; -1: none … */
    int warden_pid;
    int metrics; /* where the service manager lets metrics be told; -1: nowhere */
};

/* The request for an upgrade, which the next daemon answers. */
struct handover_asked {
    const struct conn *conn; /* NULL: nobody asked */
    uint32_t id;
    uint64_t begun_ms; /* when the daemon stopped serving, by uv_hrtime */
    bool in_place;     /* by exec: the lock of the state directory stays */
    bool peers;        /* with connections of others than app processes; otherwise these end */
};

/* Pack everything. What is not settled is an error of the caller's. */
void handover_save(const struct server *s, const struct handover_asked *asked,
                   struct handover_out *out);

/* The first part. False: it cannot be read. */
bool handover_take_base(struct handover_in *in, struct handover_base *ret);
/* The rest, into a server that has made its apps and started nothing; starts what is wanted and was
 * not there before. False: it cannot be read, and the server is of no use. */
bool handover_restore(struct server *s, struct handover_in *in);

#endif
