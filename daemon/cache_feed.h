/* What the cache of committed values learns from operations. */
#ifndef BOBBIN_DAEMON_CACHE_FEED_H
#define BOBBIN_DAEMON_CACHE_FEED_H

#include "daemon/cache.h"
#include "daemon/op.h"

/* Take in what came of one operation whose batch is over (committed, or failed as a whole). To be
 * called for every operation of a batch, in the order in which they ran, before anybody is told of any
 * of them. */
void cache_feed(struct cache_space *s, const struct op *op);

#endif
