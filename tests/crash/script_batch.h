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

#endif
