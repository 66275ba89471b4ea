/* The queue in front of one app's store: collects operations while a batch runs on libuv's thread
 * pool, then runs all that have gathered as the next batch: one transaction, one sync.
 *
 * All functions are called on the loop's thread. Callbacks come from the loop, never before the
 * function that starts them has returned; each of them may call any function here. */
#ifndef BOBBIN_DAEMON_BATCHER_H
#define BOBBIN_DAEMON_BATCHER_H

#include <uv.h>

#include "daemon/directory.h"
#include "daemon/op.h"

struct batcher;

/* The directory is copied. idle_ms: how long a store without holders and operations stays open. */
int batcher_new(uv_loop_t *loop, const struct directory *directory, uint64_t idle_ms,
                struct batcher **ret, struct error *e);

/* Where to report what no operation can be told: that the store could not be closed cleanly (its
 * data is safe, but not one plain file). Called on the loop's thread, at the latest right before
 * batcher_close's on_closed. */
void batcher_on_trouble(struct batcher *b, void (*on_trouble)(void *arg, const struct error *e),
                        void *arg);

/* Queue an operation. Opens the store if it is not open; when that fails, so does every operation
 * that is queued by then, and the next one tries again. op->on_done is called exactly once, after
 * the commit if the op is a write. Operations take effect in the order of submission, and are
 * reported in that order. */
void batcher_submit(struct batcher *b, struct op *op);

/* Somebody (a connection, an app process) uses the app: the store stays open. */
void batcher_hold(struct batcher *b);
void batcher_release(struct batcher *b);

/* From now on operations fail with this code and reason instead of reaching the file; those already
 * running finish, then the store is closed, whoever holds it. For a directory that is gone. The
 * reason is copied. */
void batcher_refuse(struct batcher *b, int code, const char *reason);

/* Finish what is queued, close the store, then call on_closed (may be NULL) and free the batcher,
 * which must not be used any more by the caller (on_done callbacks still come until then). */
void batcher_close(struct batcher *b, void (*on_closed)(void *arg), void *arg);

#endif
