/* Log lines and events: what has happened. Each result lives in memory of its own and is freed by the
 * function of bobbin.h. */
#ifndef BOBBIN_CLIENT_LOGS_H
#define BOBBIN_CLIENT_LOGS_H

#include "bobbin.h"
#include "failure.h"
#include "protocol/reader.h"

/* Read one out of an answer; *ret only on success. BOBBIN_BAD_RESPONSE or BOBBIN_NO_MEMORY. */
bobbin_status logs_read(struct reader *r, bobbin_log_page **ret, struct failure *f);
bobbin_status logs_read_events(struct reader *r, bobbin_event_list **ret, struct failure *f);

#endif
