/* The queue in front of one app's store: collects operations while a batch runs on libuv's thread
 * pool, then runs all that have gathered as the next batch: one record of the commit log, one sync.
 * Between batches it lets tasks of many steps make progress, and removes entries whose time is over;
 * when nothing has come for a moment, the batches are folded into the database.
 *
 * All functions are called on the loop's thread. Callbacks come from the loop, never before the
 * function that starts them has returned; each of them may call any function here. */
#ifndef BOBBIN_DAEMON_BATCHER_H
#define BOBBIN_DAEMON_BATCHER_H

#include <uv.h>

#include "daemon/cache.h"
#include "daemon/directory.h"
#include "daemon/hist.h"
#include "daemon/op.h"
#include "daemon/store.h"

struct batcher;

/* The directory is copied. idle_ms: how long a store without holders and operations stays open. */
int batcher_new(uv_loop_t *loop, const struct directory *directory, uint64_t idle_ms,
                struct batcher **ret, struct error *e);

/* Where to report what no operation can be told: that the store could not be closed cleanly (its
 * data is safe, but not one plain file), that expired entries cannot be removed. Called on the
 * loop's thread, at the latest right before batcher_close's on_closed. */
void batcher_on_trouble(struct batcher *b, void (*on_trouble)(void *arg, const struct error *e),
                        void *arg);

/* Another idle_ms, from the next time that nobody uses the store. */
void batcher_set_idle(struct batcher *b, uint64_t idle_ms);
/* What the app may hold, from the next batch on; 0: no limit. */
void batcher_set_quota(struct batcher *b, uint64_t max_bytes, uint64_t max_entries);

/* Whether others wait for the loop while this one's operations are reported: batches are smaller then. */
void batcher_set_shared(struct batcher *b, bool shared);

/* How the store works from its next opening on, and whether it is relaxed from the next batch on;
 * store_defaults unless set. Copied. */
void batcher_set_options(struct batcher *b, const struct store_options *options);

/* Tell of every batch that changed something, once it is committed and before its operations'
 * on_done: the commit's number and the changes in the order made, valid during the call. One
 * observer at a time, NULL: none; one that is set while a batch runs is told of that batch. */
void batcher_observe(struct batcher *b,
                     void (*observer)(void *arg, uint64_t commit,
                                      const struct store_change *changes, size_t count),
                     void *arg);

/* Tell when the store is opened and is not where it was as it was open last, before operations of that round are done: it
 * was at the commit `before`, and what led from there to `now` nobody has seen. The numbers go on all the same. */
void batcher_on_jump(struct batcher *b, void (*on_jump)(void *arg, uint64_t before, uint64_t now),
                     void *arg);

/* Where all batchers of a loop count those of their rounds that are on the pool, so that each knows
 * whether it has company; NULL: it has none. Set before the first operation. */
void batcher_set_company(struct batcher *b, unsigned *rounds);

/* Where to keep what the operations say about the file, as long as it is open; NULL: nowhere. It is
 * up to date whenever the loop has come back from the batcher. Set before the first operation. */
void batcher_set_cache(struct batcher *b, struct cache_space *cache);

/* Queue an operation. Opens the store if it is not open; when that fails, so does every operation
 * that is queued by then, and the next one tries again. op->on_done is called exactly once, after
 * the commit if the op is a write. Operations take effect in the order of submission, and are
 * reported in that order. */
void batcher_submit(struct batcher *b, struct op *op);
/* The same of a whole list, which is then empty: they may all go into one batch. */
void batcher_submit_all(struct batcher *b, struct list *ops);

/* Operations that were taken back by may_run, in front of all others. The list is then empty. */
void batcher_resume(struct batcher *b, struct list *ops);

/* Work on the open store that is too long for one go. Steps of it and batches take turns. */
struct task {
    struct list link; /* the batcher's, until done */
    /* On the pool, outside a batch: do a little. Whether there is more to do. */
    bool (*step)(struct task *task, struct store *store);
    /* On the pool, in place of all further steps, while the store is still open if a step has seen
     * it: undo. Comes before the first step when the store cannot be opened, say. */
    void (*cancel)(struct task *task, const struct error *e);
    /* NULL, or on the pool, right behind the last step: may close the store and leave NULL. It is
     * opened anew for whatever comes next. */
    void (*swap)(struct task *task, struct store **store);
    /* On the loop, once, after the last step or cancel; the task is its maker's again. */
    void (*done)(struct task *task);
};

/* Opens the store if need be and keeps it open until the task is done. */
void batcher_start_task(struct batcher *b, struct task *task);
/* Cancel those that are under way. batcher_refuse and batcher_close do so as well. */
void batcher_cancel_tasks(struct batcher *b, int code, const char *reason);

/* Somebody (a connection, an app process) uses the app: the store stays open. */
void batcher_hold(struct batcher *b);
void batcher_release(struct batcher *b);

/* With `rest`, close the store as soon as nothing is queued or runs, whoever holds it, and until it is
 * called without; operations that come meanwhile open it as ever. */
void batcher_rest(struct batcher *b, bool rest);
/* Whether the store is closed and nothing is queued, runs or is to be told. */
bool batcher_at_rest(const struct batcher *b);

/* Whether a task is under way. */
bool batcher_has_tasks(const struct batcher *b);

/* From now on operations fail with this code and reason instead of reaching the file; those already
 * running finish, then the store is closed, whoever holds it. For a directory that is gone. The
 * reason is copied. */
void batcher_refuse(struct batcher *b, int code, const char *reason);

/* Finish what is queued, close the store, then call on_closed (may be NULL) and free the batcher,
 * which must not be used any more by the caller (on_done callbacks still come until then). */
void batcher_close(struct batcher *b, void (*on_closed)(void *arg), void *arg);

/* Whether the store is open: for what is not worth opening it. */
bool batcher_is_open(const struct batcher *b);

/* The number of the last commit that operations were told of; what the cache holds is the state
 * behind it. 0 while there is no open store. */
uint64_t batcher_last_commit(const struct batcher *b);

/* What it has done since batcher_new. */
struct batcher_counts {
    uint64_t batches; /* of operations */
    uint64_t reads;   /* operations, failed ones included */
    uint64_t writes;
    uint64_t errors;  /* operations that failed */
    uint64_t expired; /* entries removed because their time was over */
    struct hist sizes;   /* operations of the batches */
    struct hist commits; /* how long commits took, in nanoseconds, their sync included */
    struct hist syncs;   /* how long one waited for the disk in those rounds that did */
};

const struct batcher_counts *batcher_counts(const struct batcher *b);
/* Operations that wait for their batch. */
size_t batcher_queued(const struct batcher *b);

#endif
