/* Memory that is given back all at once: the strings of one request. */
#ifndef BOBBIN_CLI_ARENA_H
#define BOBBIN_CLI_ARENA_H

#include <stddef.h>

struct arena_chunk;

/* All zero to begin with. */
struct arena {
    struct arena_chunk *first; /* where the next piece comes from; owned, as those behind it */
    size_t bytes;              /* handed out since the last reset */
};

/* Uninitialised memory, aligned for anything; NULL without any. */
void *arena_alloc(struct arena *a, size_t size);
/* A copy of the bytes, followed by a NUL; NULL without memory. */
char *arena_copy(struct arena *a, const void *bytes, size_t len);
/* Take back all that was handed out, keeping one piece of memory of the usual size for what comes.
 */
void arena_reset(struct arena *a);
void arena_fini(struct arena *a);

#endif
