/* spin.toml, versions 1 and 2: what Bobbin uses of it. toml++ stays behind this interface. */
#ifndef BOBBIN_DAEMON_MANIFEST_H
#define BOBBIN_DAEMON_MANIFEST_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#include "protocol/errors.h"

/* A file larger than this, or with more components, is refused. */
#define MANIFEST_SIZE_MAX (1u << 20)
#define MANIFEST_COMPONENTS_MAX 1000u
/* A component's id becomes part of file names. */
#define MANIFEST_ID_MAX 64u

/* What holds when [component.ID.tool.bobbin] does not say otherwise. A program that ends at once is
 * started at 0, 0.1, 0.3, 0.7 and 1.5 s; the sixth start, at 3.1 s, would still be within the
 * interval of the limit: it is failed. One that lives for two seconds and more never reaches the
 * limit and is restarted for ever, in the end every 30 s. */
#define MANIFEST_RESTART_DELAY_MS 100u
#define MANIFEST_RESTART_MAX_DELAY_MS 30000u
#define MANIFEST_START_LIMIT_BURST 5u
#define MANIFEST_START_LIMIT_INTERVAL_MS 10000u
#define MANIFEST_STOP_TIMEOUT_MS 5000u

enum restart_policy { RESTART_NO, RESTART_ON_FAILURE, RESTART_ALWAYS };

/* Vectors of strings are NULL-terminated and never NULL themselves, but for `command`. */
struct component_spec {
    char *id;
    char *source;       /* absolute path of the wasm module; NULL if `command` needs none */
    char **command;     /* program and first arguments to run instead of the runner; NULL: runner */
    char **args;        /* arguments behind the module's path (runner) or the command */
    char **environment; /* "NAME=value" */
    char **stores;      /* labels of key_value_stores */
    enum restart_policy restart;
    uint32_t restart_delay_ms;     /* first delay before a restart; doubles … */
    uint32_t restart_max_delay_ms; /* … up to this */
    uint32_t start_limit_burst;    /* so many starts … */
    uint32_t
        start_limit_interval_ms; /* … within this time, then it is failed; either 0: no limit */
    uint32_t stop_timeout_ms;    /* SIGTERM, and after this SIGKILL; 0: at once */
};

struct manifest {
    char *name;                        /* the app's name */
    int relaxed;                       /* writes are synced within a second, not before the answer */
    size_t component_count;            /* 0 without a manifest */
    struct component_spec *components; /* owned */
};

/* Read `directory`/spin.toml, which may be a symbolic link within the directory. Without that file:
 * a manifest with the directory's name and no components. Errors (ERR_INVALID_REQUEST) name file,
 * line and what was expected. Touches the disk. */
int manifest_load(const char *directory, struct manifest **ret, struct error *e);
/* The manifest of a directory without spin.toml, whatever is there: for an app that stays
 * registered while its manifest cannot be read. */
int manifest_empty(const char *directory, struct manifest **ret, struct error *e);
void manifest_free(struct manifest *m);

#ifdef __cplusplus
}
#endif

#endif
