/* The command line of bobbin-run, and what of the environment a program gets to see. */
#ifndef BOBBIN_RUNNER_OPTIONS_H
#define BOBBIN_RUNNER_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "client/runner/wasi_fds.h"
#include "protocol/errors.h"

struct options {
    const char *module;   /* path */
    const char *name;     /* its last part */
    char *cache_dir;      /* owned */
    bool build;           /* only compile what `modules` names */
    char **modules;       /* NULL-terminated, part of argv; with `build` */
    struct wasi_fds *fds; /* the program's descriptors; owned */
    uint64_t memory_max;  /* of the linear memory; 0: no limit */
    const char **args;    /* the program's argv, NULL-terminated; the array is owned */
    const char **env;     /* the program's environment, likewise */
    bool help, version;
};

extern const char options_usage[];

/* ERR_INVALID_REQUEST says what is wrong with the command line. Strings point into argv and
 * environ. */
int options_parse(int argc, char **argv, char **environment, struct options *ret, struct error *e);
void options_fini(struct options *o);

#endif
