/* The compare-and-swap handles of a module: each remembers a key and the commit after which it must
 * not have changed. */
#ifndef BOBBIN_RUNNER_CAS_H
#define BOBBIN_RUNNER_CAS_H

#include <stddef.h>
#include <stdint.h>

#include "client/include/bobbin.h"

/* How many a module may have at once, as in Spin. */
#define CAS_MAX 256

struct cas {
    char *label; /* NULL: the handle is free */
    char *key;   /* key_len bytes */
    size_t key_len;
    uint64_t commit;
};

struct cas_table;

/* NULL: out of memory. */
struct cas_table *cas_table_new(void);
void cas_table_free(struct cas_table *t);

/* *ret_handle is never 0; its commit is to be filled in. BOBBIN_STORE_TABLE_FULL, BOBBIN_NO_MEMORY.
 */
bobbin_status cas_open(struct cas_table *t, const char *label, const char *key, size_t key_len,
                       uint32_t *ret_handle);
/* NULL for a handle that is not there. */
struct cas *cas_find(struct cas_table *t, uint32_t handle);
void cas_close(struct cas_table *t, uint32_t handle);

#endif
