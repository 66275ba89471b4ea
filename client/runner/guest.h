/* What a compiled module and the runner know of each other.
 *
 * This text and guest_glue.c are compiled into every module's shared object as well, so it needs
 * nothing but <stdint.h>. The object carries wasm2c's runtime with it: its structures differ
 * between the versions of wabt and never cross this border. */
#ifndef GUEST_H
#define GUEST_H

#include <stdint.h>

typedef void (*guest_function)(void);

/* What the runner gives to the module. */
struct guest_host {
    void *context;                   /* first argument of every function below */
    const guest_function *functions; /* by position in the list of imports, see imports.h */
    uint64_t memory_max;             /* of each linear memory, in bytes; 0: as the module says */
    /* Ends the process. `what` is a sentence without a full stop. */
    void (*trap)(void *context, const char *what) __attribute__((noreturn));
};

/* Changes with every change of what stands below. */
#define GUEST_ABI 2

/* What the module gives to the runner. Functions that it does not export are NULL. */
struct guest {
    uint32_t abi; /* GUEST_ABI */
    /* What the object was made from: "sha256 of the module; tools". */
    const char *made_from;
    /* Allocates and fills the memories and tables, runs the start function. Once. `host` stays. */
    void (*instantiate)(const struct guest_host *host);
    /* The memory as it is now: any call into the module may grow or move it. */
    uint8_t *(*memory)(uint64_t *ret_size);
    uint32_t (*realloc)(uint32_t old, uint32_t old_size, uint32_t align, uint32_t new_size);
    void (*initialize)(void);
    void (*start)(void);
    uint32_t (*run)(void);
    const int32_t *symbols; /* see symbols.h */
};

/* The only symbol that the object exports: a struct guest. */
#define GUEST_SYMBOL bobbin_guest

#endif
