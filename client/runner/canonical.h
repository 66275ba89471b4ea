/* The canonical ABI of the component model, as far as the key/value interfaces need it: strings,
 * lists and results in the memory of a core module. Whatever breaks its rules is a trap. */
#ifndef BOBBIN_RUNNER_CANONICAL_H
#define BOBBIN_RUNNER_CANONICAL_H

#include "client/runner/host.h"

/* A string argument: inside the memory and UTF-8. Valid until the module is called. */
const char *canonical_string(struct host *h, uint32_t at, uint32_t len);
/* A list argument: `count` elements of `size` bytes at an aligned address, inside the memory. Valid
 * until the module is called. */
const uint8_t *canonical_list(struct host *h, uint32_t at, uint32_t count, uint32_t size,
                              uint32_t align);
/* A string that stands in memory as address and length, as the element of a list does. */
const char *canonical_string_at(struct host *h, const uint8_t *pair, uint32_t *ret_len);

/* Where a result of `size` bytes goes. Cleared. Valid until the module is called. */
uint8_t *canonical_result(struct host *h, uint32_t ret, uint32_t size, uint32_t align);

/* Memory that the module's realloc hands out, checked against the memory as it is then. Calls the
 * module. */
uint32_t canonical_alloc(struct host *h, uint32_t align, uint64_t size);
/* Copy bytes into memory of that kind. */
uint32_t canonical_copy(struct host *h, const void *bytes, uint64_t len);
/* Store a list or string as it stands in memory: address and length. */
void canonical_store_pair(uint8_t *at, uint32_t address, uint64_t len);

#endif
