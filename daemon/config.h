/* The daemon's configuration: defaults, the file bobbin.toml over them, the environment over the file, the
 * command line over all. Everything is optional. bobbin.toml(5) describes each key, the table of
 * daemon/settings.h lists them. */
#ifndef BOBBIN_DAEMON_CONFIG_H
#define BOBBIN_DAEMON_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/settings.h"

#ifdef __cplusplus
extern "C" {
#endif

#include "daemon/log.h"
#include "protocol/errors.h"
#include "protocol/limits.h"

#define CONFIG_SIZE_MAX (1u << 20)
/* A variable of the environment that sets a key, in capitals. */
#define CONFIG_VARIABLE "BOBBIND_"
/* The one that names the file, as --config does. */
#define CONFIG_FILE_VARIABLE CONFIG_VARIABLE "CONFIG"

/* Some addresses, all owned. */
struct config_addresses {
    char *items[LIMIT_METRICS_LISTENERS];
    unsigned count;
};

enum log_format { LOG_FORMAT_TEXT, LOG_FORMAT_JSON };

enum config_origin {
    CONFIG_DEFAULT,
    CONFIG_FILE,
    CONFIG_ENVIRONMENT,
    CONFIG_OPTION, /* the command line */
    CONFIG_SYSTEMD, /* the service manager, which has opened the socket */
};

/* The texts are owned; NULL: not set. */
struct config {
    char *file; /* what was read; NULL: no file */
    char *socket;
    char *state_dir;
    char *runner;
    char *admin_group; /* a name; NULL: none */
    char *cgroup;
    enum log_level log_level;
    enum log_format log_format;
    uint32_t store_idle_ms;
    uint32_t stall_ms; /* 0: for ever */
    uint32_t threads;
    uint64_t store_memory;    /* bytes for pages of SQLite, of all stores in use */
    uint32_t commit_log_size; /* as store_options.log_most */
    uint64_t hold_from;       /* the same name there */
    uint32_t fold_changes;    /* as there */
    uint32_t wal_pages;       /* as there */
    struct limits limits;     /* the numbers of protocol/limits.h */
    uint64_t quota_bytes;     /* 0: no limit */
    uint64_t quota_entries;   /* the same */
    uint64_t cache_bytes;     /* 0: none */
    struct config_addresses metrics_listen; /* where metrics are told */
    enum config_origin origin[SETTING_COUNT]; /* by enum setting_id */
};

/* The defaults. */
void config_init(struct config *c);
/* Set what the file sets; on failure (file, line, column and what was expected) `c` is unchanged.
 * An unknown key is an error. Blocks on the disk. */
int config_load(struct config *c, const char *path, struct error *e);
/* Set one key from a text as people write it, without quotes; `where` names the place in messages. */
int config_set(struct config *c, const char *key, const char *text, enum config_origin origin,
               const char *where, struct error *e);
/* Set what the environment sets, from all its BOBBIND_… but BOBBIND_CONFIG. */
int config_set_environment(struct config *c, char **environment, struct error *e);
void config_fini(struct config *c);

/* "default", "file", "environment", "option" or "systemd". */
const char *config_origin_name(enum config_origin origin);

#ifdef __cplusplus
}
#endif

#endif
