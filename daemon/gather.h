/* When to wait a moment for more writes before a batch begins. Clients that write one thing at a
 * time fall into two groups by themselves: while one's batch is being synced the other's waits, so
 * that each sync carries only half of them. A batch that waits until those have come back who were
 * just answered carries all.
 *
 * The same wait serves a client that is alone in the whole daemon: to go to sleep and be woken takes a processor up to
 * half as long as the sync itself, so the loop stays awake while clients are expected back, and, as long as they do come
 * back, one or many, during their short syncs.
 *
 * Pure logic on the loop's thread: knows no clock and no queue. */
#ifndef BOBBIN_DAEMON_GATHER_H
#define BOBBIN_DAEMON_GATHER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The longest wait, in nanoseconds: half of what the last batch took, within these bounds, which is
 * less than the sync that it may save. */
#define GATHER_NS 100000u
#define GATHER_NS_MAX 500000u
/* Batches that take longer than this are not waited for awake. */
#define GATHER_AWAKE_NS 300000u
/* After a wait in vain so many batches go at once, twice as many after each further one, up to
 * this. */
#define GATHER_SKIP_MAX 256u

struct gather {
    size_t want;    /* operations to wait for; 0: none, the next batch goes at once */
    uint64_t until; /* when the wait ends; 0: it has not begun */
    uint64_t most;  /* how long it may take */
    uint64_t took;  /* the last batch, in nanoseconds */
    bool came;      /* those for whom the last wait was */
    unsigned skip;  /* batches that still go at once … */
    unsigned vain;  /* … after as many as this, when the last wait was in vain; 0: it was not */
};

struct gather_batch {
    size_t answered; /* of its writes so many were answered now … */
    size_t waiting;  /* … and so many operations came meanwhile */
    uint64_t took;   /* nanoseconds */
    bool company;    /* batches of other stores are under way */
};

/* A batch is over. */
void gather_after(struct gather *g, const struct gather_batch *batch);
/* Whether the `waiting` operations shall wait on at the time `now`. The first call that says so
 * begins the wait; once one says no, so do all until the next gather_after. */
bool gather_holds(struct gather *g, size_t waiting, uint64_t now);
/* Whether it is one writer that is waited for: then the wait begins before anything has come. That for
 * many begins with the first of them. */
bool gather_wants_one(const struct gather *g);
/* Whether to stay awake during a batch that begins now. */
bool gather_stays_awake(const struct gather *g);

#endif
