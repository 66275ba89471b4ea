/* The map of options that ends some methods' params: {prefix: …, limit: …}. */
#ifndef BOBBIN_DAEMON_OPTIONS_MAP_H
#define BOBBIN_DAEMON_OPTIONS_MAP_H

#include <stddef.h>

#include "protocol/errors.h"
#include "protocol/reader.h"

enum option_type { OPTION_BYTES, OPTION_UINT };

struct option_field {
    const char *name;
    enum option_type type;
    void *ret; /* struct slice or uint64_t; untouched when the option is absent or nil */
};

/* Read a map (or nil) whose keys are all among the fields. ERR_INVALID_REQUEST names the method and
 * the option. Slices point into the message and are never NULL when the option was there. */
int options_map_read(struct reader *r, const char *method, const struct option_field *fields,
                     size_t count, struct error *e);

#endif
