/* The map of options that ends some methods' params: {prefix: …, limit: …}. */
#ifndef BOBBIN_DAEMON_OPTIONS_MAP_H
#define BOBBIN_DAEMON_OPTIONS_MAP_H

#include <stddef.h>
#include <stdint.h>

#include "protocol/errors.h"
#include "protocol/reader.h"

enum option_type {
    OPTION_BYTES, /* str or bin; ret: struct slice, never NULL when the option was there */
    OPTION_UINT,  /* ret: uint64_t */
    OPTION_INT,   /* from min to max; ret: int64_t */
    OPTION_BOOL,  /* ret: bool */
    OPTION_ARRAY, /* ret: struct reader at the array's header; what is in it is not looked at */
};

/* At most so many fields in one map. */
#define OPTIONS_MAP_MAX 32u

struct option_field {
    const char *name;
    enum option_type type;
    void *ret;   /* untouched when the option is absent or nil */
    int64_t min; /* OPTION_INT */
    int64_t max;
};

/* Read a map (or nil) whose keys are all among the fields, none twice. ERR_INVALID_REQUEST names
 * the method and the option. What is handed out points into the message. */
int options_map_read(struct reader *r, const char *method, const struct option_field *fields,
                     size_t count, struct error *e);

#endif
