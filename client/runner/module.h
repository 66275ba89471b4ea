/* A core wasm module: the sections that the runner itself looks into before wasm2c gets it. */
#ifndef BOBBIN_RUNNER_MODULE_H
#define BOBBIN_RUNNER_MODULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/runner/wasm_reader.h"
#include "protocol/errors.h"

/* As the binary format numbers them. */
enum module_kind { MODULE_FUNCTION, MODULE_TABLE, MODULE_MEMORY, MODULE_GLOBAL, MODULE_TAG };

/* A function's type; the value types are bytes of the module. */
struct module_type {
    uint32_t param_count, result_count;
    const uint8_t *params, *results;
};

struct module_import {
    struct wasm_name module, name;
    enum module_kind kind;
    uint32_t type; /* of a function */
};

struct module_export {
    struct wasm_name name;
    enum module_kind kind;
    uint32_t index;    /* among all of its kind, imported ones first */
    size_t index_at;   /* where the index stands in the module's bytes … */
    size_t index_size; /* … and how many bytes it takes there */
};

struct module {
    const uint8_t *bytes; /* the caller's, for as long as this is used */
    size_t len;
    uint32_t type_count, import_count, function_count, export_count;
    struct module_type *types;
    struct module_import *imports;
    uint32_t *functions; /* type of each function, imported ones first */
    struct module_export *exports;
    uint32_t imported_functions;
    struct wasm_reader bodies; /* the code section behind its count */
    uint32_t body_count;
    struct wasm_reader names; /* of functions, in the name section, behind their count … */
    uint32_t name_count;      /* … which is 0 if there are none */
};

/* Read a module's headers. Not a validation: that is left to wasm2c; but whatever this finds may be
 * relied upon. ERR_INVALID_REQUEST says what is wrong, without the module's name. */
int module_parse(const uint8_t *bytes, size_t len, struct module *ret, struct error *e);
void module_fini(struct module *m);

/* A walk over the function names of the name section; what is wrong there ends it. */
struct module_names {
    struct wasm_reader left;
    uint32_t index; /* of the function whose name is next … */
    struct wasm_name name;
    bool has; /* … if there is one */
};
void module_names_init(const struct module *m, struct module_names *names);
/* The name of a function, "" for one without; to be called for functions in ascending order. */
struct wasm_name module_names_of(struct module_names *names, uint32_t function);

/* The export of that name and kind; NULL if there is none. */
const struct module_export *module_export_find(const struct module *m, const char *name,
                                               enum module_kind kind);
/* The type of a function; NULL for one that is not there. */
const struct module_type *module_function_type(const struct module *m, uint32_t function);
/* Whether a type is that of a signature such as "iI:i" (i32 and i64 to i32) or ":" (nothing). */
bool module_type_is(const struct module_type *type, const char *signature);

#endif
