/* Writes names.h, the generated part of a module's glue (see guest_glue.c).
 *
 * How wasm2c spells a name in C has changed between its versions, so nothing is spelled here: the
 * header that wasm2c wrote for the module is read. In all versions a comment there says what the
 * declaration under it is: an import or an export, with its name in wasm. */
#ifndef BOBBIN_RUNNER_GLUE_H
#define BOBBIN_RUNNER_GLUE_H

#include <stdio.h>

#include "client/runner/module.h"

/* `header` is the text of wasm2c's header for the checked module `m`, whose file name is
 * `header_name`. ERR_OTHER: the header is not as expected. */
int glue_write(const struct module *m, const char *header, const char *header_name, FILE *out,
               struct error *e);

#endif
