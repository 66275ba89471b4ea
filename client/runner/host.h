/* What the functions that a module imports work on: the module, its memory, its arguments. */
#ifndef BOBBIN_RUNNER_HOST_H
#define BOBBIN_RUNNER_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/runner/guest.h"

struct cas_table;
struct stores;
struct wasi_fds;

struct host {
    const char *name;          /* of the module, for messages */
    const struct guest *guest; /* the loaded module */
    const char *const *args;   /* what the program sees as argv, NULL-terminated … */
    const char *const *env;    /* … and as its environment; both the caller's */
    struct stores *stores;     /* the key/value stores */
    struct cas_table *cas;     /* the compare-and-swap handles */
    struct wasi_fds *fds;      /* its descriptors */
};

/* The exit status of a program that trapped, as if it had raised SIGABRT. */
#define HOST_TRAP_STATUS 134

/* The bytes [at, at + len) of the module's memory as it is now: a call into the module makes the
 * pointer invalid. NULL if they are not all inside. */
uint8_t *host_memory(const struct host *h, uint32_t at, uint64_t len);
/* The same, a trap if they are not all inside. */
uint8_t *host_memory_or_trap(struct host *h, uint32_t at, uint64_t len);

/* Say why on stderr and end the process. Safe in a signal handler. */
void host_trap(struct host *h, const char *what) __attribute__((noreturn));

/* Little-endian numbers in the module's memory, at any alignment. */
uint32_t host_load32(const uint8_t *at);
uint64_t host_load64(const uint8_t *at);
void host_store16(uint8_t *at, uint16_t value);
void host_store32(uint8_t *at, uint32_t value);
void host_store64(uint8_t *at, uint64_t value);

#endif
