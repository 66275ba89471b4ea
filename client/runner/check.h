/* Whether the runner can execute a module: said before anything is compiled. */
#ifndef BOBBIN_RUNNER_CHECK_H
#define BOBBIN_RUNNER_CHECK_H

#include "client/runner/module.h"

/* The exports that the runner uses, with their types. The canonical ABI's realloc has had two
 * names; where a module exports both, the newer is used. */
#define EXPORT_MEMORY "memory"
#define EXPORT_REALLOC "cabi_realloc"
#define EXPORT_REALLOC_OLD "canonical_abi_realloc"
#define EXPORT_INITIALIZE "_initialize"
#define EXPORT_START "_start"
#define EXPORT_RUN "run"

/* Every import must be offered with its type, the exports that it needs must be there, and there
 * must be something to run. ERR_INVALID_REQUEST names what is not as it should be, all missing
 * imports at once; `name` is the module's in the text. */
int check_module(const struct module *m, const char *name, struct error *e);

/* The signature of the export `run`: ":i", or ":" if it returns nothing; NULL if it is not there.
 */
const char *check_run_signature(const struct module *m);
/* The name under which the module exports its realloc; NULL if it does not. */
const char *check_realloc_name(const struct module *m);

#endif
