/* Lines of an app process's log files, rotated ones included, with the times of LOGFILE_TIMES. Touches
 * the disk: pool only. */
#ifndef BOBBIN_DAEMON_LOGREAD_H
#define BOBBIN_DAEMON_LOGREAD_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/directory.h"
#include "daemon/logfile.h"
#include "protocol/buffer.h"

/* Where in which file: of one log, that is of one stream. */
struct logread_position {
    uint64_t file; /* which one, as no other is called; 0: nowhere yet */
    uint64_t offset;
};

struct logread_line {
    int64_t time_ms; /* about when it was written; 0: not known */
    uint32_t len;    /* its bytes, without the newline, are in `text` */
};

struct logread {
    struct logread_position position; /* in: from where; out: behind the last line read */
    int64_t since_ms;                 /* only what was written then or later; 0: whenever */
    bool goes_on;                     /* an earlier reader's position: nowhere is the begin */
    uint32_t lines;                   /* at most so many; otherwise, from nowhere, the last ones */
    uint32_t bytes;                   /* at most about so many */
    bool partial;                     /* also a line that has no newline yet, at the very end */
    struct buffer found;              /* struct logread_line … */
    struct buffer text;               /* … and their bytes, one behind the other */
};

/* Read the log of that name (that has at most LOGREAD_KEEP_MAX older files). 0, or an ERR_… code. A log
 * that is not there has no lines. */
int logread(struct logread *read, const struct directory *d, int logs, const char *name,
            struct error *e);
void logread_fini(struct logread *read);

#endif
