/* The frame scanner: finds the end of one whole MessagePack message in bytes from a peer.
 *
 * It is the only code that sees unchecked bytes. It walks headers only, allocates nothing, and
 * resumes where it stopped, so that a message that arrives byte by byte costs no more than one that
 * arrives at once. A header whose element count could not be held by the bytes that the limit still
 * leaves is refused at the header. */
#ifndef BOBBIN_PROTOCOL_SCANNER_H
#define BOBBIN_PROTOCOL_SCANNER_H

#include <stddef.h>
#include <stdint.h>

#include "protocol/limits.h"

enum scanner_result {
    SCANNER_MORE,      /* no error so far, but the message is not whole yet */
    SCANNER_FRAME,     /* one whole message of `scanner.pos` bytes */
    SCANNER_TOO_LARGE, /* longer than the limit, or a count that could not fit */
    SCANNER_TOO_DEEP,  /* nested deeper than LIMIT_DEPTH */
    SCANNER_MALFORMED, /* the reserved byte 0xc1, or a message that is not an array */
};

/* Everything but `pos` is the scanner's own. At all times pos + skip + pending <= limit. */
struct scanner {
    size_t limit;               /* largest message accepted, in bytes */
    size_t pos;                 /* bytes of the message walked; after SCANNER_FRAME its length */
    size_t skip;                /* payload bytes of the current element still to pass over */
    size_t pending;             /* elements announced by all open containers, not yet begun */
    unsigned depth;             /* open containers */
    size_t left[LIMIT_DEPTH];   /* elements not yet begun in each open container */
    enum scanner_result result; /* the final result, once there is one, else SCANNER_MORE */
};

void scanner_init(struct scanner *s, size_t limit);

/* Look at a message's bytes: `bytes` points at the first byte of the message (always the same
 * message until SCANNER_FRAME), `len` says how many have arrived, never fewer than before. After
 * SCANNER_FRAME the message is bytes[0 … s->pos); call scanner_next before looking at the one
 * behind it. Errors are final. SCANNER_MORE is never returned once `limit` bytes have arrived. */
enum scanner_result scanner_scan(struct scanner *s, const uint8_t *bytes, size_t len);

/* Get ready for the next message. */
void scanner_next(struct scanner *s);

#endif
