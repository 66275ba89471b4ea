/* What is left to the process when the module runs: the system calls that the runner itself makes,
 * and the files that the program was given. A second line behind the sandbox that the module's code
 * is compiled into: it holds should that have a hole. */
#ifndef BOBBIN_RUNNER_SANDBOX_H
#define BOBBIN_RUNNER_SANDBOX_H

#include "client/runner/host.h"
#include "protocol/errors.h"

/* To be called once, when the module is loaded and before any of it runs. `connects`: a connection
 * to the daemon is still to be made. A kernel without one of the means does without it; a forbidden
 * system call is a trap (faults.c). */
int sandbox_enter(const struct host *h, bool connects, struct error *e);

#endif
