/* Memory faults of a module's code as traps: memory accesses are not checked one by one, they run
 * into pages that are not there. */
#ifndef BOBBIN_RUNNER_FAULTS_H
#define BOBBIN_RUNNER_FAULTS_H

#include "client/runner/host.h"

/* From now on a fault in the module's memory or at the end of the stack is a trap of `h`; any other
 * ends the process as it would have. Called by the function whose stack the module will use. Bounds
 * the stack. `h` must stay. */
void faults_catch(struct host *h);

#endif
