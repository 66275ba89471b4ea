/* The names of a module's functions by their place in the native code, for backtraces: a table in
 * the module's shared object, read when it traps. */
#ifndef BOBBIN_RUNNER_SYMBOLS_H
#define BOBBIN_RUNNER_SYMBOLS_H

#include <stdint.h>
#include <stdio.h>

#include "client/runner/c_source.h"
#include "client/runner/module.h"

/* The section that all functions of the module are in, and nothing else. */
#define SYMBOLS_SECTION "guest_text"

/* The table as assembly, under the name guest_symbols: where each function begins and
 * where its name stands, relative to the table. An empty one if the C code and the
 * module do not fit together. */
void symbols_write(FILE *out, const struct c_source *s, const struct module *m);

/* The name of the function that the address is in; NULL if it is in none. Safe in a signal
 * handler. */
const char *symbols_find(const int32_t *table, uintptr_t address);

#endif
