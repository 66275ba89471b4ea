/* Reading statistics, and what the daemon says about a backup. */
#ifndef BOBBIN_CLIENT_STATS_H
#define BOBBIN_CLIENT_STATS_H

#include "failure.h"
#include "protocol/reader.h"

/* Read one out of an answer; *ret only on success, the statistics for bobbin_stats_free.
 * BOBBIN_BAD_RESPONSE or BOBBIN_NO_MEMORY. */
bobbin_status stats_read(struct reader *r, bobbin_stats **ret, struct failure *f);
bobbin_status backup_read(struct reader *r, bobbin_backup_info *ret, struct failure *f);

#endif
