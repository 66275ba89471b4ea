/* The requests that make up nearly all traffic, taken apart in one go where they stand in the read
 * buffer: get, exists and delete [store, key], set [store, key, value].
 *
 * A shortcut, never a second opinion: what it accepts, scanner and message_read accept with the same
 * outcome, and what it does not know at a glance it leaves to them. */
#ifndef BOBBIN_PROTOCOL_CALL_H
#define BOBBIN_PROTOCOL_CALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/methods.h"
#include "protocol/reader.h"

struct call {
    enum method_id method; /* METHOD_GET, METHOD_EXISTS, METHOD_DELETE or METHOD_SET */
    uint32_t id;
    uint32_t param_count;
    struct slice label; /* str; like the key not checked for UTF-8 or length */
    struct slice key;   /* str */
    struct slice value; /* of a set: bin */
    const uint8_t *params; /* the first of them */
    size_t size;           /* of the whole message */
};

/* Whether the first bytes of `bytes` are one whole message of such a shape; else nothing is known. */
bool call_read(const uint8_t *bytes, size_t len, struct call *ret);

#endif
