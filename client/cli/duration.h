/* Spans of time as people write them: "500ms", "10s", "1.5h". */
#ifndef BOBBIN_CLI_DURATION_H
#define BOBBIN_CLI_DURATION_H

#include <stdint.h>

/* A decimal number with a unit, one of ms, s, m, h, d; milliseconds, from 1 on, in *ret_ms. 0, or
 * -1 when the text is nothing of the kind, is less than a millisecond, or has no room in 64 bits.
 */
int duration_parse(const char *text, int64_t *ret_ms);

#endif
