/* Requests that failed or were denied, in the log: one line each with what names the request, so
 * that a person finds the one that a program complained about. */
#ifndef BOBBIN_DAEMON_FAILLOG_H
#define BOBBIN_DAEMON_FAILLOG_H

#include <stdint.h>

struct conn;

/* Bounds the lines about failures of the daemon itself, of which a full disk makes many at once. */
struct faillog {
    uint64_t second; /* by the loop's clock: of the count below */
    unsigned count;
    uint64_t skipped; /* since the last line that told so */
};

/* What was denied is always logged, failures with `other` as warnings so many a second, what the
 * peer did wrong for debugging only. text NULL: the code's own. */
void faillog_note(const struct conn *c, uint32_t id, const char *method, int code, const char *text);

#endif
