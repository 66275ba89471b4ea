/* What one app's connections have done, in plain numbers: calls by store and method, errors by code,
 * bytes. The loop's thread alone. */
#ifndef BOBBIN_DAEMON_TALLY_H
#define BOBBIN_DAEMON_TALLY_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/list.h"
#include "protocol/errors.h"
#include "protocol/methods.h"
#include "protocol/reader.h"

/* Labels of one app that are counted by themselves; what goes to others is counted together. */
#define TALLY_STORES 64u
/* Codes are -1, -2, …; the first place stays empty. */
enum { TALLY_ERRORS = 1 - ERR_LAST };

/* Calls by enum method_id. */
struct tally_calls {
    uint64_t of[METHOD_COUNT];
};

struct tally_store {
    struct list link; /* in tally->stores */
    struct tally_calls calls;
    char label[];
};

struct tally {
    struct list stores; /* struct tally_store */
    unsigned store_count;
    struct tally_calls other;      /* of labels that have none there */
    uint64_t errors[TALLY_ERRORS]; /* refused and failed requests, by -code */
    uint64_t received;             /* bytes, as sent by the peers … */
    uint64_t sent;                 /* … and to them */
};

void tally_init(struct tally *t);
void tally_fini(struct tally *t);

/* Where calls to the store are counted, for as long as the tally is there. Only a label that is
 * granted gets a place of its own: nobody makes this grow by asking for more. */
struct tally_calls *tally_of(struct tally *t, struct slice label, bool granted);

/* The place of a code among the errors. */
static inline unsigned tally_error(int code)
{
    return (unsigned)(code < 0 && code >= ERR_LAST ? -code : -ERR_OTHER);
}

#endif
