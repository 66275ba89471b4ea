/* What the params of the key/value methods have in common: reads them into the request's op. */
#ifndef BOBBIN_DAEMON_KV_PARAMS_H
#define BOBBIN_DAEMON_KV_PARAMS_H

#include <stddef.h>

#include "daemon/op.h"
#include "protocol/errors.h"
#include "protocol/reader.h"

struct request;

/* Each function that reads takes the next of r->params, and returns 0 or an ERR_… whose text names
 * the method, the param and the reason. `what` is the place that the text names: "key", or
 * "entry 3: key". */

/* A place among many: "key 3", or with a part "entry 3: key". */
struct kv_place {
    char text[48];
};

struct kv_place kv_place(const char *what, uint32_t position, const char *part);

/* Set up r->op for a label that is known to be well formed, and its rule. */
void kv_start(struct request *r, enum op_kind kind, struct slice label, enum op_label_rule rule);
/* Set up r->op and read the store's label. */
int kv_begin(struct request *r, enum op_kind kind, struct error *e);

/* A key to be looked up, listed or deleted: of any length. */
int kv_read_key(struct request *r, struct reader *from, const char *what, struct slice *ret,
                struct error *e);
/* A key to be written, within its limit. */
int kv_read_written_key(struct request *r, struct reader *from, const char *what, struct slice *ret,
                        struct error *e);
/* A value to be written, within its limit. */
int kv_read_value(struct request *r, struct reader *from, const char *what, struct slice *ret,
                  struct error *e);
/* A value that is compared with: of any length, or nil, which leaves data NULL. */
int kv_read_expected(struct request *r, struct reader *from, const char *what, struct slice *ret,
                     struct error *e);
/* An integer of 64 bits. */
int kv_read_delta(struct request *r, struct reader *from, const char *what, int64_t *ret,
                  struct error *e);
/* The header of an array of at most `most` elements. */
int kv_read_array(struct request *r, struct reader *from, const char *what, uint32_t most,
                  uint32_t *ret_count, struct error *e);

/* An array of keys of any length, which becomes the op's items. */
int kv_read_keys(struct request *r, struct error *e);

/* The options, if there is a param left for them behind the first `before`: {commit}. */
int kv_read_commit(struct request *r, unsigned before, struct error *e);
/* {ttl_ms, commit}. */
int kv_read_write_options(struct request *r, unsigned before, struct error *e);

/* Hand r->op to the app's batcher; the request is answered with what comes of it. Returns 0. */
int kv_submit(struct request *r);

#endif
