/* Writes wasm2c's C code as the units that are compiled: each with declarations of all functions
 * and the definitions of some. */
#ifndef BOBBIN_RUNNER_SPLIT_H
#define BOBBIN_RUNNER_SPLIT_H

#include <stddef.h>

#include "client/runner/module.h"

/* The most C code in one unit, unless a single function has more: what bounds the compiler's
 * memory. */
#define SPLIT_UNIT_BYTES (2500u << 10)
/* The most units. */
#define SPLIT_UNITS_MAX 512

/* Files that are written beside the units unit-0.c, unit-1.c …: the data segments, and the symbols
 * for backtraces. */
#define SPLIT_DATA "data.bin"
#define SPLIT_ASSEMBLY "data.S"

struct split {
    size_t units;
    size_t bytes; /* of C in all functions */
};

/* Cut `source`, the text of wasm2c's app.c for the module `m`, into `directory`. The first unit has
 * what runs once, and all functions if they are few. */
int split_write(const char *directory, const char *source, const struct module *m,
                struct split *ret, struct error *e);

#endif
