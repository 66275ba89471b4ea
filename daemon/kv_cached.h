/* Reads that the cache of committed values can answer, on the loop. */
#ifndef BOBBIN_DAEMON_KV_CACHED_H
#define BOBBIN_DAEMON_KV_CACHED_H

#include <stdbool.h>

#include "daemon/cache.h"
#include "daemon/op.h"

struct conn;

/* Whether what the connection asks next may be answered from the cache: requests take effect in the
 * order sent, so nothing that it asked before (`before`: but this many) may be under way. What the
 * cache holds is the state behind the last batch, and nobody has been told of a later one. */
bool kv_cached_may(const struct conn *c, unsigned before);

/* Which entry is asked for. */
struct kv_name {
    enum op_label_rule rule;
    uint32_t hash; /* of label and key, as cache_key_hash makes it */
    struct slice label;
    struct slice key;
    bool with_commit; /* the response is to carry the number of the last commit */
};

/* Append the response to one get or exists: true, or false with nothing appended. */
bool kv_cached_get(struct conn *c, uint32_t id, const struct kv_name *name);
bool kv_cached_exists(struct conn *c, uint32_t id, const struct kv_name *name);
/* The name of an op's entry. */
struct kv_name kv_cached_name(const struct conn *c, const struct op *op, struct slice key);
/* The same for a whole get_many. */
bool kv_cached_get_many(struct conn *c, uint32_t id, const struct op *op);

#endif
