/* What the tests of the batcher share: a loop, a batcher and operations that remember their end. */
#ifndef BOBBIN_TEST_BATCHER_ENV_H
#define BOBBIN_TEST_BATCHER_ENV_H

#include "daemon/batcher.h"
#include "test_store_env.h"

extern uv_loop_t loop;
extern struct batcher *batcher; /* made by start(), NULL after stop() */
/* The operations that are done, in the order of their on_done; to be forgotten by forget(). */
extern struct op *done[];
extern unsigned done_count;
/* Called at the end of each on_done, if set. */
extern void (*after_done)(struct op *op);
extern bool closed; /* on_closed has come */

/* Fixture: app directory, counting VFS and loop; the teardown checks that no handle was leaked. */
void batcher_setup(void);
void batcher_teardown(void);

void start(uint64_t idle_ms);
/* Close the batcher and wait for it. */
void stop(void);
void close_batcher(void);
/* Run the loop until so many operations are done. The test's time-out is the deadline. */
void wait_done(unsigned count);
/* Forget what is done so far. Frees the operations. */
void forget(void);

/* Submit an operation of the heap; the strings must stay. */
struct op *submit(struct op op);
/* Submit an operation whose batch then runs, so that all that follow gather in the next one. */
struct op *submit_first(void);

void check_failed(const struct op *op, int status, const char *in_text);
/* check_value for an op of the heap. */
void check_got(struct op *op, const char *expected);

#endif
