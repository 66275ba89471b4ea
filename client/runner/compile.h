/* From a wasm module to a shared object: wasm2c, the glue, the C compiler. */
#ifndef BOBBIN_RUNNER_COMPILE_H
#define BOBBIN_RUNNER_COMPILE_H

#include <stddef.h>
#include <stdint.h>

#include "client/runner/toolchain.h"
#include "protocol/errors.h"

/* The arguments of cc that do not depend on the module, NULL-terminated: for all that is compiled,
 * and for linking it. */
extern const char *const compile_flags[];
extern const char *const compile_link_flags[];

/* Told while it goes on, in words: "compiling", "compiling, 3 of 9 parts". */
struct compile_progress {
    void (*tell)(void *arg, const char *what);
    void *arg;
};

/* Whether the module can be executed here at all, which needs no tools. */
int compile_check(const char *name, const uint8_t *bytes, size_t len, struct error *e);

/* Check the module and compile it to `directory`/COMPILE_OBJECT. `directory` is private and empty
 * and stays full of intermediate files; `bytes` may be changed. `made_from` is a line about the
 * module and the tools that the object carries (see guest.h). Errors name the module by `name`. */
#define COMPILE_OBJECT "module.so"
struct compile_job {
    const struct toolchain *tools;
    const char *directory;
    const char *name;
    const char *made_from;
    const struct compile_progress *progress;
};
int compile_module(const struct compile_job *job, uint8_t *bytes, size_t len, struct error *e);

#endif
