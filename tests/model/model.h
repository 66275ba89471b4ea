/* What the service has to be equal to: arrays in memory, written to be seen to be right.
 *
 * The model runs requests in the order in which they take effect, at once and before the service
 * answers; what only the answer tells (commit numbers, the latest moment at which a time to live
 * can have begun) is filled in afterwards. */
#ifndef BOBBIN_TESTS_MODEL_MODEL_H
#define BOBBIN_TESTS_MODEL_MODEL_H

#include <bobbin.h>
#include <stdint.h>
#include <stdio.h>

#include "pool.h"

/* A moment of the daemon's clock that is known to lie between two others, in milliseconds. */
struct span {
    int64_t low;
    int64_t high;
};

/* A `since` from here on is a number that no commit of the test has. */
#define MODEL_SINCE_NEVER (UINT64_C(1) << 40)

/* An entry whose time to live began in a batch that is not answered yet. */
#define MODEL_NOT_ANSWERED INT64_MAX

struct model_entry {
    char *value; /* owned; NULL: there is no entry */
    size_t len;
    int64_t ttl_ms;      /* 0: it stays */
    struct span expires; /* if it does not; high may be MODEL_NOT_ANSWERED */
    uint64_t changed_by; /* serial number of the request that changed it last; 0: none did */
    uint64_t commit;     /* the commit of that change, 0: not known */
    uint64_t change;     /* model.changes at that time */
    bool vanished;       /* it has expired since, in a commit that nobody told us */
};

struct model {
    const struct pool *pool;
    struct model_entry entries[POOL_LABELS][POOL_KEYS];
    uint64_t latest;  /* the greatest commit number that an answer told */
    uint64_t changes; /* made so far */
};

/* A request, and what has to be known about it beside. */
struct model_call {
    const bobbin_request *request;
    uint64_t serial; /* of this request, from 1 */
    int behind; /* listings with a cursor: the key of the pool that the page before ended with */
    struct span now; /* high: not known yet, not used */
};

/* What the model says. */
struct model_outcome {
    bool changed; /* it made a change, and so has a commit of its own */
    struct span
        left;  /* of a ttl request that says "left"; high still lacks what the request took */
    int last;  /* listings: the last key of the page; -1: the page is empty */
    bool more; /* listings: there is a next page */
};

void model_init(struct model *m, const struct pool *pool);
void model_fini(struct model *m);

/* Run a request; writes the answer to `answer`, in the form of answer_print. */
void model_run(struct model *m, const struct model_call *call, FILE *answer,
               struct model_outcome *ret);
/* The answers of all requests up to now have arrived by now.high. */
void model_answered(struct model *m, struct span now);
/* Request `serial` is in that commit. */
void model_committed(struct model *m, uint64_t serial, uint64_t commit);

/* Entries whose time is over are gone. */
void model_expire(struct model *m, struct span now);
/* Whether an entry may or may not have expired between `now` and margin_ms later. Returns when that
 * is certain for all, by the daemon's clock; 0: it is certain now. */
int64_t model_doubt(const struct model *m, struct span now, int64_t margin_ms);

#endif
