/* Compiled modules, kept by content: the name of an object says out of which bytes, for which
 * runner and by which tools it was made, so that nothing ever has to be declared out of date.
 *
 * Where the tools are not installed, an object that others have made of the same bytes is taken: an
 * app can be built ahead of time. */
#ifndef BOBBIN_RUNNER_CACHE_H
#define BOBBIN_RUNNER_CACHE_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/runner/compile.h"
#include "protocol/errors.h"

/* A SHA-256 in hexadecimal. */
#define CACHE_DIGEST 65

struct cache_request {
    const char *directory;
    const char *name; /* the module's, in messages */
    uint8_t *bytes;   /* the module; may be changed */
    size_t len;
    bool anew;                               /* what is there is of no use: make it again */
    const struct compile_progress *progress; /* told when something is compiled; or NULL */
};

struct cache_object {
    int fd;                    /* the caller's */
    char path[PATH_MAX];       /* for messages */
    char module[CACHE_DIGEST]; /* digest of the module */
    bool fresh;                /* it was made just now */
    bool can_build;            /* the tools are there */
};

/* Open the shared object of a module, after compiling it if the directory does not have it.
 * Processes that want the same at once wait for the one that compiles.
 *
 * The directory is created if need be. It must belong to us and be writable by nobody else, and so
 * must an object in it: what is in there is executed. */
int cache_open(const struct cache_request *request, struct cache_object *ret, struct error *e);

#endif
