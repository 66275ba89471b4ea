/* From a module's file to its native code in this process. */
#ifndef BOBBIN_RUNNER_LOAD_H
#define BOBBIN_RUNNER_LOAD_H

#include "client/runner/cache.h"
#include "client/runner/guest.h"

/* Find or make the module's object, load it and look whether it is what it should be; one that is
 * not is made again if that is possible. What was loaded stays until the process ends. */
int load_module(const char *path, const char *name, const char *cache_directory,
                const struct compile_progress *progress, const struct guest **ret, struct error *e);
/* Only make the object. *ret_object has no descriptor. */
int load_build(const char *path, const char *name, const char *cache_directory,
               const struct compile_progress *progress, struct cache_object *ret_object,
               struct error *e);

#endif
