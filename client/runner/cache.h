/* Compiled modules, kept by content: the name of an object says out of which bytes, by which tools
 * and for which runner it was made, so that nothing ever has to be declared out of date. */
#ifndef BOBBIN_RUNNER_CACHE_H
#define BOBBIN_RUNNER_CACHE_H

#include <stddef.h>
#include <stdint.h>

#include "protocol/errors.h"

/* Open the shared object of a module, after compiling it if `directory` does not have it. Processes
 * that want the same at once wait for the one that compiles.
 *
 * The directory is created if need be. It must belong to us and be writable by nobody else, and so
 * must an object in it: what is in there is executed. `name` is the module's in messages. `bytes`
 * may be changed. *ret_fd is the caller's. */
int cache_open(const char *directory, const char *name, uint8_t *bytes, size_t len, int *ret_fd,
               struct error *e);

#endif
