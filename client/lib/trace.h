/* What the daemon tells of an app's live operations, in memory of its own. */
#ifndef BOBBIN_CLIENT_TRACE_H
#define BOBBIN_CLIENT_TRACE_H

#include "bobbin.h"
#include "failure.h"
#include "protocol/reader.h"

/* Read it out of an answer; *ret only on success. BOBBIN_BAD_RESPONSE or BOBBIN_NO_MEMORY. */
bobbin_status trace_read(struct reader *r, bobbin_trace_list **ret, struct failure *f);

#endif
