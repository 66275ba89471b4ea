/* Compiling an app's modules ahead of time, so that a server that has them needs no compiler. */
#ifndef BOBBIN_DAEMON_AHEAD_H
#define BOBBIN_DAEMON_AHEAD_H

#include "protocol/errors.h"

/* For `bobbind --build`: becomes the runner, which compiles every module of the directory's
 * manifest into .spin/cache, as the directory's owner where we are root. Returns only when there is
 * nothing to compile (0, having said so) or with an error: the manifest's, or that the runner
 * cannot run. */
int ahead_build(const char *path, const char *runner, struct error *e);

#endif
