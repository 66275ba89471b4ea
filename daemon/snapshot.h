/* All numbers of the daemon at one moment: copied on the loop, some apps a turn, and then read by
 * another thread without the loop knowing. */
#ifndef BOBBIN_DAEMON_SNAPSHOT_H
#define BOBBIN_DAEMON_SNAPSHOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "daemon/batcher.h"
#include "daemon/cache.h"
#include "daemon/component.h"
#include "daemon/tally.h"
#include "protocol/buffer.h"

struct app;
struct server;

/* Texts are offsets into snapshot->texts, NUL-terminated there. */
struct snapshot_app {
    size_t name;
    size_t directory;
    struct batcher_counts counts;
    struct cache_counts cache;
    uint64_t errors[TALLY_ERRORS];
    uint64_t received;
    uint64_t sent;
    uint64_t queued;
    uint64_t connections;
    uint64_t watches;
    uint64_t store_bytes;
    bool troubled;
    size_t store_end;     /* its stores in snapshot->stores end before this one */
    size_t component_end; /* the same of components */
};

struct snapshot_store {
    size_t label; /* of the stores that are not counted by themselves: "" */
    struct tally_calls calls;
};

struct snapshot_component {
    size_t id;
    unsigned instance;
    enum component_state state;
    uint64_t restarts;
    pid_t pid; /* 0: none */
};

struct snapshot {
    struct buffer apps;       /* struct snapshot_app */
    struct buffer stores;     /* struct snapshot_store, in the order of the apps */
    struct buffer components; /* struct snapshot_component, the same */
    struct buffer texts;
    struct app *next;         /* pinned: the app to go on with; NULL: none */
    uint64_t loop_ns;         /* how long the loop was kept by this */
    uint64_t uptime_ns;
    uint64_t requests;
    uint64_t accepted;
    uint64_t connections;
    uint64_t errors[TALLY_ERRORS];
    uint64_t cache_bytes;
    uint64_t cache_limit;
};

void snapshot_init(struct snapshot *s);
/* On the loop while `next` is set, else on any thread. */
void snapshot_fini(struct snapshot *s);

/* On the loop: take in some more apps, from the first one on the first time. False: that was the
 * last of them, or there is no memory (snapshot_failed). */
bool snapshot_take(struct snapshot *s, struct server *server);
bool snapshot_failed(const struct snapshot *s);

#endif
