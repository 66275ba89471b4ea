/* Processes that write all the time, each in keys of its own, and note in shared memory what was
 * acknowledged. What fails they note and go on, on the same connection. */
#ifndef BOBBIN_TESTS_CRASH_WRITERS_H
#define BOBBIN_TESTS_CRASH_WRITERS_H

#include "harness.h"

enum { WRITERS = 4, WRITER_KEYS = 16 };

/* What one writer knows: written only by it, read by the test. */
struct writer_ledger {
    volatile long acknowledged[WRITER_KEYS]; /* the last value that the daemon said is stored */
    volatile long tried[WRITER_KEYS];        /* the last value that was sent */
    volatile long written;                   /* acknowledged, in all */
    volatile long failed;                    /* refused, in all */
    volatile long reads;                     /* of what was acknowledged, and found */
    volatile long wrong;                     /* reads that failed or found something else */
    char reason[256];                        /* of the last failure */
};

struct writers {
    struct writer_ledger *ledgers;
    volatile int *stop;
    pid_t pids[WRITERS];
    size_t value_len;
};

void writers_init(struct writers *w, size_t value_len);
/* On that app, until writers_stop or the end of the daemon. */
void writers_start(struct writers *w, struct harness *h, const char *app);
void writers_stop(struct writers *w);
/* Each of them has had so many more writes acknowledged, or refused, or reads right, than at the
 * call; fails the test when that does not happen. */
void writers_await_written(struct writers *w, long more);
void writers_await_failed(struct writers *w, long more);
void writers_await_read(struct writers *w, long more);
/* What is in the store is what was acknowledged, or was tried and not answered. After writers_stop,
 * `exactly`: what was acknowledged, since every answer has come. */
void writers_check(struct writers *w, struct harness *h, const char *app, bool exactly);
long writers_written(const struct writers *w);

#endif
