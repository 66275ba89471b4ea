/* Memory of one result: allocated piece by piece, freed at once. */
#ifndef BOBBIN_CLIENT_ZONE_H
#define BOBBIN_CLIENT_ZONE_H

#include <stddef.h>

#include "protocol/reader.h"

struct zone_block;

/* All zeroes is an empty zone. */
struct zone {
    struct zone_block *blocks; /* the newest first */
    size_t room;               /* bytes left at the end of the newest */
};

void zone_fini(struct zone *z);
/* Zeroed and aligned for anything; NULL when memory is short. n may be 0. */
void *zone_alloc(struct zone *z, size_t count, size_t size);
/* A copy of the bytes, followed by a NUL; NULL when memory is short. */
char *zone_copy(struct zone *z, struct slice s);

#endif
