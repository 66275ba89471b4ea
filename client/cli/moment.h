/* A moment as people write it on the command line. */
#ifndef BOBBIN_CLI_MOMENT_H
#define BOBBIN_CLI_MOMENT_H

#include <stdint.h>

/* "10m" (so long before `now_ms`), "14:30", "2024-01-31", "2024-01-31 14:30:05" (local time; UTC
 * with a "Z" behind it, and a "T" may stand for the blank), "today", "yesterday", "@1700000000"
 * (seconds since 1970). 0 with milliseconds since 1970, or -1. */
int moment_parse(const char *text, int64_t now_ms, int64_t *ret_ms);

#endif
