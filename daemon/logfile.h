/* An app process's log file: appending with rotation by size. Touches the disk: pool only. */
#ifndef BOBBIN_DAEMON_LOGFILE_H
#define BOBBIN_DAEMON_LOGFILE_H

#include <stddef.h>
#include <stdint.h>

#include "daemon/directory.h"

/* A file that would become larger than `size` is renamed to NAME.1, NAME.1 to NAME.2 and so on; so
 * many are kept beside the current one. A line that has begun is ended in the old file, as far as
 * its end is at hand. */
struct logfile_limits {
    uint32_t size;
    uint32_t keep;
};

/* Append to .spin/logs/NAME of the app directory, made when it is not there (0600 in 0700, the
 * directory owner's). Opened anew each time, so that a file that was removed or rotated by somebody
 * else is no trouble and no descriptor is held. Follows no symbolic link and writes to nothing but
 * a regular file with a single name. *ret_written is set also on failure. */
int logfile_append(const struct directory *d, const char *name, const struct logfile_limits *limits,
                   const char *bytes, size_t len, size_t *ret_written, struct error *e);

#endif
