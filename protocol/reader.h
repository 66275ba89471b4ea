/* A cursor over one scanned message: reads MessagePack values in place, without allocating.
 *
 * Every function checks bounds and type, returns 0 and moves on, or returns ERR_INVALID_REQUEST
 * and stays where it is. Pointers that it hands out point into the message. */
#ifndef BOBBIN_PROTOCOL_READER_H
#define BOBBIN_PROTOCOL_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/utf8.h"

struct reader {
    const uint8_t *pos; /* next byte to read */
    const uint8_t *end; /* one behind the last */
};

/* Bytes that belong to somebody else. */
struct slice {
    const char *data; /* not NUL-terminated; may be NULL when len is 0 */
    size_t len;
};

enum reader_type {
    READER_END, /* nothing left (or the reserved byte, which no scanned message holds) */
    READER_NIL,
    READER_BOOL,
    READER_INT,
    READER_FLOAT,
    READER_STR,
    READER_BIN,
    READER_ARRAY,
    READER_MAP,
    READER_EXT,
};

struct reader reader_of(const void *bytes, size_t len);

/* The type of the next value. */
enum reader_type reader_peek(const struct reader *r);

int reader_nil(struct reader *r);
int reader_bool(struct reader *r, bool *ret);
/* A value that fits: negative numbers are refused by reader_uint, those over INT64_MAX by
 * reader_int. */
int reader_int(struct reader *r, int64_t *ret);
int reader_uint(struct reader *r, uint64_t *ret);
/* A str. Not checked for UTF-8: see utf8_valid. */
int reader_str(struct reader *r, struct slice *ret);
/* A bin, or a str for the sake of languages that do not tell them apart. */
int reader_bytes(struct reader *r, struct slice *ret);
/* The header; the elements (2 × count values for a map) follow. A count that the bytes left could
 * not hold is refused, so that it is safe to allocate by. */
int reader_array(struct reader *r, uint32_t *ret_count);
int reader_map(struct reader *r, uint32_t *ret_count);
/* Pass over one value with all that is in it, however deep; does not recurse. */
int reader_skip(struct reader *r);

/* Whether a slice equals a NUL-terminated string. */
bool slice_equals(struct slice s, const char *text);
bool slice_same(struct slice a, struct slice b);
bool slice_begins_with(struct slice text, struct slice prefix);
/* In the order of their bytes, the shorter first: below 0, 0, above. That is SQLite's BINARY collation. */
int slice_order(struct slice a, struct slice b);

#endif
