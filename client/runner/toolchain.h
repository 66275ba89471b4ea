/* The programs that turn a module into native code: where they are and which they are. */
#ifndef BOBBIN_RUNNER_TOOLCHAIN_H
#define BOBBIN_RUNNER_TOOLCHAIN_H

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
/* Their versions, in one line without quotes. Asking them takes longer than a start should, so the
 * answer is kept in `directory`, beside which there are files of this prefix while it is asked. */
#define TOOLCHAIN_TEXT 192
#define TOOLCHAIN_SCRATCH "versions-"
int toolchain_describe(const struct toolchain *t, const char *directory, char ret[TOOLCHAIN_TEXT],
                       struct error *e);

#endif
