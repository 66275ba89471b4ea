/* One batch of a script: its operations by chance, done to the model and to the store. */
#ifndef BOBBIN_TESTS_CRASH_SCRIPT_BATCH_H
#define BOBBIN_TESTS_CRASH_SCRIPT_BATCH_H

#include "daemon/store.h"
#include "model/random.h"
#include "model_state.h"

/* Run one batch up to the end of its commit; *state follows, as if all went well where it fails as
 * a whole. Ends the program with a reason if the store does not do what it should; that it may fail
 * is `faulty`. Whether the batch was acknowledged. */
bool script_batch(struct store *s, struct random *random, bool faulty, struct state *state);
/* The same with a batch of plain sets that the store is told of before, so that it may write its record early; now and
 * then one of them is not run after all. *early: what that record makes of the state. */
bool script_batch_early(struct store *s, struct random *random, bool faulty, struct state *state,
                        struct state *early);

#endif
