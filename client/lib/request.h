/* A request on its way into a connection's out buffer: method, then each param in order.
 *
 * Failures stick and are found by core_submit, which must follow with no other request in between.
 * A request that grows over the limit takes no memory beyond it. */
#ifndef BOBBIN_CLIENT_REQUEST_H
#define BOBBIN_CLIENT_REQUEST_H

#include "core.h"
#include "protocol/message.h"

struct request {
    struct core *core;
    msgpack_packer packer; /* over core->out */
    uint32_t id;
    size_t start;    /* where it begins in core->out */
    size_t left_out; /* bytes that were not encoded because they are too many */
};

/* Begin a request of `params` params. */
void request_begin(struct request *r, struct core *c, const char *method, uint32_t params);
/* The next param, or key or value within a map. */
void request_map(struct request *r, uint32_t count);
void request_array(struct request *r, uint32_t count);
void request_nil(struct request *r);
void request_bool(struct request *r, bool flag);
void request_int(struct request *r, int64_t number);
void request_uint(struct request *r, uint64_t number);
void request_cstr(struct request *r, const char *text);
void request_str(struct request *r, const void *bytes, size_t len);
void request_bin(struct request *r, const void *bytes, size_t len);

/* The size of the whole request, also of what has been left out. */
size_t request_size(const struct request *r);
/* Take it out of the buffer again. */
void request_drop(struct request *r);

#endif
