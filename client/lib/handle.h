/* struct bobbin: a connection with blocking calls, and how such a call is made.
 *
 *     struct request r;
 *     bobbin_status status = handle_begin(b, &r, METHOD_GET, 2);
 *     if (status != BOBBIN_OK)
 *         return status;
 *     request_cstr(&r, store);
 *     request_str(&r, key, key_len);
 *     return handle_call(b, &r, take_value, &value); */
#ifndef BOBBIN_CLIENT_HANDLE_H
#define BOBBIN_CLIENT_HANDLE_H

#include "address.h"
#include "core.h"
#include "protocol/methods.h"
#include "request.h"
#include "session.h"

struct bobbin {
    struct core core;
    struct session session;
    struct address address;
    struct failure last; /* of the calls that failed, the last */
    uint32_t timeout_ms; /* for each call; 0: none */
};

/* Take the result of a call out of the answer, into `ret` only on success. It returns BOBBIN_OK or
 * what it set in *f: BOBBIN_BAD_RESPONSE (which ends the connection) or BOBBIN_NO_MEMORY. */
typedef bobbin_status (*take_fn)(struct reader *result, void *ret, struct failure *f);

/* BOBBIN_MISUSE, with a reason. b may be NULL. */
bobbin_status handle_misuse(bobbin *b, const char *reason);

/* Begin a request of a method; fails only for a NULL handle. */
bobbin_status handle_begin(bobbin *b, struct request *r, enum method_id method, uint32_t params);
/* Send it, wait for the answer and take the result. Keeps the failure. */
bobbin_status handle_call(bobbin *b, struct request *r, take_fn take, void *ret);

/* For results that are nil; ret is not used. */
bobbin_status take_nil(struct reader *result, void *ret, struct failure *f);

#endif
