/* The functions that the runner offers to modules: one list, from which the check of a module's
 * imports, the glue that is compiled with it and the calls at run time follow. */
#ifndef BOBBIN_RUNNER_IMPORTS_H
#define BOBBIN_RUNNER_IMPORTS_H

#include <stdbool.h>
#include <stddef.h>

#include "client/runner/guest.h"

struct wasm_name;

struct import {
    const char *module;
    const char *name;
    const char *signature;   /* "iI:i": parameters and result, i for i32 and I for i64 */
    guest_function function; /* its first argument is the struct host; NULL: `answer` instead */
    unsigned answer;         /* an errno, for what is not there for any program */
};

#define IMPORTS_KEY_VALUE_1 "key-value"
#define IMPORTS_KEY_VALUE_2 "fermyon:spin/key-value@2.0.0"
#define IMPORTS_WASI_STORE "wasi:keyvalue/store@0.2.0-draft2"
#define IMPORTS_WASI_ATOMICS "wasi:keyvalue/atomics@0.2.0-draft2"
#define IMPORTS_WASI_BATCH "wasi:keyvalue/batch@0.2.0-draft2"
#define IMPORTS_WASI "wasi_snapshot_preview1"

extern const struct import imports[];
extern const size_t imports_count;

/* NULL if it is not offered. */
const struct import *imports_find(struct wasm_name module, struct wasm_name name);
/* Whether anything of an interface is offered. */
bool imports_has_module(struct wasm_name module);
/* The functions by position, for struct guest_host: imports_count of them. */
void imports_functions(guest_function *ret_functions);

#endif
