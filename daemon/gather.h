/* When to wait a moment for more writes before a batch begins. Clients that write one thing at a
 * time fall into two groups by themselves: while one's batch is being synced the other's waits, so
 * that each sync carries only half of them. A batch that waits until those have come back who were
 * just answered carries all. Pure logic on the loop's thread: knows no clock and no queue. */
#ifndef BOBBIN_DAEMON_GATHER_H
#define BOBBIN_DAEMON_GATHER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The longest wait, in nanoseconds: less than the sync that it may save. */
#define GATHER_NS 100000u
/* After a wait in vain so many batches go at once, twice as many after each further one, up to
 * this. */
#define GATHER_SKIP_MAX 256u

struct gather {
    size_t want;    /* operations to wait for; 0: none, the next batch goes at once */
    uint64_t until; /* when the wait ends; 0: it has not begun */
    unsigned skip;  /* batches that still go at once … */
    unsigned vain;  /* … after as many as this, when the last wait was in vain; 0: it was not */
};

/* A batch is over: `answered` of its writes were answered now, `waiting` operations came meanwhile.
 */
void gather_after(struct gather *g, size_t answered, size_t waiting);
/* Whether the `waiting` operations shall wait on at the time `now`. The first call that says so
 * begins the wait; once one says no, so do all until the next gather_after. */
bool gather_holds(struct gather *g, size_t waiting, uint64_t now);

#endif
