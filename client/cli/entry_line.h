/* One entry as a line of JSON, the format of export and import:
 *
 *     {"store":"default","key":"greeting","value":"hello","expires":1700000000000}
 *
 * What is not UTF-8, or mostly control characters, is in "key_base64" or "value_base64" instead.
 * "expires" is in milliseconds since 1970 and only there for an entry with a time to live; "store"
 * may be left out. */
#ifndef BOBBIN_CLI_ENTRY_LINE_H
#define BOBBIN_CLI_ENTRY_LINE_H

#include <stdint.h>

#include "client/cli/arena.h"
#include "client/include/bobbin.h"
#include "protocol/buffer.h"
#include "protocol/limits.h"

/* No line of an entry within the limits is longer: each byte takes at most six in JSON. */
#define ENTRY_LINE_MAX (6u * (LIMIT_VALUE + LIMIT_KEY + LIMIT_LABEL) + 1024u)

struct entry_line {
    bobbin_string store; /* data NULL: not said */
    bobbin_string key;
    bobbin_string value;
    int64_t expires_ms; /* 0: the entry stays */
};

/* Take a line apart and check it; the strings are in the arena. NULL, or what is wrong, for people,
 * in `reason`. */
const char *entry_line_parse(const char *line, size_t len, struct arena *a, struct entry_line *ret,
                             char *reason, size_t size);
/* Append the line, with its newline. Without memory the buffer says so. */
void entry_line_write(struct buffer *b, const struct entry_line *line);

#endif
