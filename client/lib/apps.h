/* Reading what the daemon says about apps. */
#ifndef BOBBIN_CLIENT_APPS_H
#define BOBBIN_CLIENT_APPS_H

#include "failure.h"
#include "protocol/reader.h"

/* Read one out of an answer; *ret only on success, for its own function to free.
 * BOBBIN_BAD_RESPONSE or BOBBIN_NO_MEMORY. */
bobbin_status apps_read_status(struct reader *r, bobbin_app_status **ret, struct failure *f);
bobbin_status apps_read_list(struct reader *r, bobbin_app_list **ret, struct failure *f);

#endif
