/* Memory that is short when a test says so: malloc and its like of the whole program, SQLite's
 * library included. Not in a build for sanitizers, which bring their own. */
#ifndef BOBBIN_TESTS_CRASH_MEMORY_H
#define BOBBIN_TESTS_CRASH_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

/* Whether it can be done in this build. */
bool memory_can_fail(void);
/* Let the n-th allocation from now (1: the next) and the `times` - 1 behind it fail; n 0: none. */
void memory_fail(size_t n, size_t times);
/* How many have failed. */
size_t memory_failed(void);
/* Between the two, on this thread, allocations neither count nor fail; they nest. */
void memory_spare(void);
void memory_spare_end(void);
/* Blocks that were allocated while nothing was spared and have not been freed yet. */
long memory_blocks(void);

#endif
