/* What commands on one key share with others. */
#ifndef BOBBIN_CLI_KV_H
#define BOBBIN_CLI_KV_H

#include <stdint.h>

/* A whole number of 64 bits, as increment takes it. 0, or -1 when the text is something else. */
int kv_parse_delta(const char *text, int64_t *ret);

#endif
