/* An app process's log file: appending with rotation by size. Touches the disk: pool only. */
#ifndef BOBBIN_DAEMON_LOGFILE_H
#define BOBBIN_DAEMON_LOGFILE_H

#include <stddef.h>
#include <stdint.h>

#include <sys/stat.h>

#include "daemon/directory.h"

/* A file that would become larger than `size` is renamed to NAME.1, NAME.1 to NAME.2 and so on; so
 * many are kept beside the current one. A line that has begun is ended in the old file, as far as
 * its end is at hand. */
struct logfile_limits {
    uint32_t size;
    uint32_t keep;
};

/* Beside a log file stands ".NAME.times" with a mark for about each second in which something was
 * written: from which offset on. It is rotated with the file. */
struct logfile_mark {
    int64_t time_ms; /* wall clock */
    int64_t offset;
};
#define LOGFILE_MARK_MS 1000
/* ".%s.times", with the number behind it when it is that of an older file. */
#define LOGFILE_TIMES_FORMAT ".%s.times"

/* A descriptor of .spin/logs of the directory, made when it is not there; or an ERR_… code. */
int logfile_open_directory(const struct directory *d, struct error *e);
/* Open a file there that may be the owner's trick: only a regular file with a single name that is
 * the owner's or ours. `flags` are O_RDONLY or O_WRONLY | O_APPEND. -1 with errno. */
int logfile_open(const struct directory *d, int logs, const char *name, int flags,
                 struct stat *ret_stat);

/* Append to .spin/logs/NAME of the app directory, made when it is not there (0600 in 0700, the
 * directory owner's). Opened anew each time, so that a file that was removed or rotated by somebody
 * else is no trouble and no descriptor is held. Follows no symbolic link and writes to nothing but
 * a regular file with a single name. *ret_written is set also on failure. */
int logfile_append(const struct directory *d, const char *name, const struct logfile_limits *limits,
                   const char *bytes, size_t len, size_t *ret_written, struct error *e);

#endif
