/* Landlock: the kernel lets the process reach no files but those that the program was given. */
#ifndef BOBBIN_RUNNER_LANDLOCK_H
#define BOBBIN_RUNNER_LANDLOCK_H

#include "client/runner/wasi_fds.h"

/* The version that the kernel has; below 1: none. */
long landlock_version(void);
/* Where the kernel has it; no effect elsewhere. The process must have no_new_privs. */
void landlock_enter(const struct wasi_fds *fds);

#endif
