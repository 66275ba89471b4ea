/* The canonical ABI of the component model, as far as the key/value interfaces need it: strings,
 * lists and results in the memory of a core module. Whatever breaks its rules is a trap. */
#ifndef BOBBIN_RUNNER_CANONICAL_H
#define BOBBIN_RUNNER_CANONICAL_H

#include "client/runner/host.h"

/* A string argument: inside the memory and UTF-8. Valid until the module is called. */
const char *canonical_string(struct host *h, uint32_t at, uint32_t len);

/* Where a result goes: 16 bytes at alignment 4, which is what every result of the key/value
 * interfaces fits into. Cleared. Valid until the module is called. */
#define CANONICAL_RESULT_SIZE 16
uint8_t *canonical_result(struct host *h, uint32_t ret);

/* Memory that the module's realloc hands out, checked. Calls the module. */
uint32_t canonical_alloc(struct host *h, uint32_t align, uint64_t size);
/* Copy bytes into memory of that kind. */
uint32_t canonical_copy(struct host *h, const void *bytes, uint64_t len);

#endif
