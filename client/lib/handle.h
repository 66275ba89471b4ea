/* struct bobbin: a connection with blocking calls, and how such a call is made.
 *
 *     bobbin_request q = {.kind = BOBBIN_REQUEST_COUNT, .store = store};
 *     bobbin_status status = handle_run(b, &q, &result);
 *
 * What is no request of bobbin.h (hello) is made with handle_begin and handle_call. */
#ifndef BOBBIN_CLIENT_HANDLE_H
#define BOBBIN_CLIENT_HANDLE_H

#include "address.h"
#include "core.h"
#include "protocol/methods.h"
#include "request.h"
#include "result.h"
#include "session.h"
#include "watches.h"

struct submission; /* a request of bobbin_submit under way */

struct bobbin {
    struct core core;
    struct session session;
    struct address address;
    bool by_environment;         /* the address was looked for, not given */
    struct failure last;         /* of the calls that failed, the last */
    uint32_t timeout_ms;         /* for each call; 0: none */
    uint32_t connect_timeout_ms; /* for connecting, greeting included; 0: none */
    char *attached;              /* what bobbin_attach was given last; NULL: never called */
    uint64_t last_commit;        /* that came with the last key/value result; 0: none yet */
    unsigned in_callback;        /* the caller's callbacks that are running: they may not wait */
    struct watches watches;
    LIST_HEAD(, submission) submissions; /* neither completed nor cancelled, the newest first */
    size_t pending;                      /* how many these are */
};

/* Take the result of a call out of the answer, into `ret` only on success. It returns BOBBIN_OK or
 * what it set in *f: BOBBIN_BAD_RESPONSE (which ends the connection) or BOBBIN_NO_MEMORY. */
typedef bobbin_status (*take_fn)(struct reader *result, void *ret, struct failure *f);

/* BOBBIN_MISUSE, with a reason. b may be NULL. */
bobbin_status handle_misuse(bobbin *b, const char *reason);
/* Fails for what must not wait now: a NULL handle, and from within a callback. */
bobbin_status handle_may_wait(bobbin *b);

/* Begin a request of a method; fails as handle_may_wait. */
bobbin_status handle_begin(bobbin *b, struct request *r, enum method_id method, uint32_t params);
/* Send it, wait for the answer and take the result. Keeps the failure. */
bobbin_status handle_call(bobbin *b, struct request *r, take_fn take, void *ret);
/* Wait for the daemon for so many milliseconds (negative: for ever) or until the next deadline, and
 * take in what it says: one round of a loop. */
void handle_round(bobbin *b, int timeout_ms);

/* Make a request of bobbin.h and wait for its result, which is in *ret only on success; it is to be
 * freed with result_fini. */
bobbin_status handle_run(bobbin *b, const bobbin_request *q, struct result *ret);
/* Read the answer to it; the handle learns from it what it keeps: commit number, watches. */
bobbin_status handle_read(bobbin *b, struct reader *r, struct result *res, struct failure *f);
/* What is to be done with a request that has been submitted, before its answer. */
void handle_sent(bobbin *b, const bobbin_request *q, uint32_t id);

#endif
