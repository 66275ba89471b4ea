/* Which functions of the module were under way when it trapped. */
#ifndef BOBBIN_RUNNER_BACKTRACE_H
#define BOBBIN_RUNNER_BACKTRACE_H

#include <stdint.h>

/* Write the names of the module's functions on the stack to stderr, the innermost first, a line
 * each; nothing if there are none. `symbols` is the module's table (symbols.h). Neither allocates
 * nor locks: may be called by a signal handler on a stack of its own. */
void backtrace_write(const int32_t *symbols);

#endif
