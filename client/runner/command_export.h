/* Command modules as LLVM 14 links them: every exported function is wrapped in one that runs the
 * program's constructors before and its destructors after it. That is right for _start, but the
 * canonical ABI's realloc is called by the host again and again while the program runs. */
#ifndef BOBBIN_RUNNER_COMMAND_EXPORT_H
#define BOBBIN_RUNNER_COMMAND_EXPORT_H

#include <stdbool.h>

#include "client/runner/module.h"

/* If the export `name` is such a wrapper, let it name the function inside instead: changes its
 * index in `bytes`, the module's own bytes, not in `m`. Returns whether it did. */
bool command_export_unwrap(const struct module *m, const char *name, uint8_t *bytes);

#endif
