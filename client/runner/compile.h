/* From a wasm module to a shared object: wasm2c, the glue, the C compiler. */
#ifndef BOBBIN_RUNNER_COMPILE_H
#define BOBBIN_RUNNER_COMPILE_H

#include <stddef.h>
#include <stdint.h>

#include "protocol/errors.h"

/* The programs and files that make an object out of a module. */
struct toolchain {
    char *wasm2c; /* absolute paths */
    char *cc;
    char *runtime; /* directory with wasm2c's runtime (wasm-rt-impl.c and what belongs to it) */
    char *include; /* directory with wasm-rt.h */
};

/* ERR_OTHER names what is missing. */
int toolchain_find(struct toolchain *ret, struct error *e);
void toolchain_fini(struct toolchain *t);
/* The arguments of cc that do not depend on the module, NULL-terminated. */
extern const char *const compile_flags[];

/* Check the module and compile it to `directory`/OBJECT_NAME. `directory` is private and empty and
 * stays full of intermediate files; `bytes` may be changed. Errors name the module by `name`. */
#define COMPILE_OBJECT "module.so"
int compile_module(const struct toolchain *t, const char *directory, const char *name,
                   uint8_t *bytes, size_t len, struct error *e);

#endif
