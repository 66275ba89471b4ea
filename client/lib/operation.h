/* A bobbin_request of bobbin.h, blocking or not: checked, and put on the wire. */
#ifndef BOBBIN_CLIENT_OPERATION_H
#define BOBBIN_CLIENT_OPERATION_H

#include "request.h"

/* BOBBIN_MISUSE for what can never work; BOBBIN_TOO_LARGE for more elements than a message can
 * hold. Whatever passes may be encoded. */
bobbin_status operation_check(const bobbin_request *q, struct failure *f);
/* Begin the request and encode all of it; what it has been given is copied. */
void operation_encode(const bobbin_request *q, struct core *c, struct request *r);
/* Whether the result comes as [result, commit number]. */
bool operation_has_commit(bobbin_request_kind kind);

#endif
