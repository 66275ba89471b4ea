/* The C code that wasm2c writes, cut at its top level, so that it can be compiled in several units.
 *
 * wasm2c writes one item after another: each begins at the start of a line, a function ends with a
 * line of "}" and a table with one of "};". What it calls things differs between its versions, the
 * form does not. */
#ifndef BOBBIN_RUNNER_C_SOURCE_H
#define BOBBIN_RUNNER_C_SOURCE_H

#include <stddef.h>

enum c_kind {
    C_PRELUDE, /* all before the first declaration of a function of the module */
    C_DECLARATION,
    C_FUNCTION_TYPES, /* "static u32 func_types[N];", within the prelude */
    C_BODY,           /* the definition of a function that was declared */
    C_DATA,           /* the bytes of a data segment */
    C_CONSTANT,       /* another constant, which any function may need */
    C_REST,
};

struct c_piece {
    enum c_kind kind;
    const char *at;
    size_t len;
    const char *name; /* of C_DECLARATION, C_BODY and C_DATA */
    size_t name_len;
};

struct c_source {
    struct c_piece *pieces; /* in the order of the text */
    size_t count;
    size_t declarations; /* how many of them there are; 0: the text is not as expected */
    size_t body_bytes;   /* of all bodies */
};

/* `text` stays the caller's and must outlive it. 0, or -1 without memory. */
int c_source_read(const char *text, struct c_source *ret);
void c_source_fini(struct c_source *s);

#endif
