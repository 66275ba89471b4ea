/* The daemon's configuration file, bobbin.toml: all of it optional, the command line goes first.
 *
 *     socket = "/run/bobbin/bobbin.sock"
 *     state_dir = "/var/lib/bobbin"
 *     runner = "/usr/libexec/bobbin/bobbin-run"
 *     log_level = "info"      # error, warning, info, debug
 *     log_format = "text"     # or json: a document a line
 *     store_idle = "5s"       # a store that nobody uses is closed after this
 *     stall_timeout = "1min"  # a peer that reads no answer or ends no message is cut off; 0: never
 *     threads = 16            # for the disk
 *     store_memory = 67108864 # bytes for the pages of all open stores
 *     commit_log_size = 33554432 # bytes of each of an app's two commit logs, under load
 *     fold_changes = 131072   # changes that gather at most before they go to the database
 *     wal_pages = 8192        # pages of SQLite's WAL at which they go to its file
 *     max_connections = 1000  # and the other limits of LIMIT_SETTABLE_LIST in protocol/limits.h
 *     admin_group = "bobbin"  # its members may use every app, as root may
 *     cgroup = "/sys/fs/cgroup/bobbin"  # where limits are set; otherwise what systemd delegated
 *     quota_bytes = 1000000   # keys and values that one app may hold; 0: no limit
 *     quota_entries = 10000
 *     cache_bytes = 67108864  # of values kept in memory, for all apps together; 0: none. If it is
 *                             # not said: an eighth of the memory, and not less than this
 *     metrics_listen = ["/run/bobbin/metrics.sock", "127.0.0.1:9751"] # where metrics are told */
#ifndef BOBBIN_DAEMON_CONFIG_H
#define BOBBIN_DAEMON_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#include "daemon/log.h"
#include "protocol/errors.h"
#include "protocol/limits.h"

#define CONFIG_STORE_IDLE_MS 5000u
#define CONFIG_THREADS 16u
#define CONFIG_STORE_MEMORY (64u << 20)
#define CONFIG_COMMIT_LOG_SIZE (32u << 20)
#define CONFIG_FOLD_CHANGES 131072u
#define CONFIG_WAL_PAGES 8192u
/* The cache of committed values. */
/* Without a word values may take such a part of the memory, and no less than so many bytes. */
#define CONFIG_CACHE_PART 8u
#define CONFIG_CACHE_BYTES (UINT64_C(64) << 20)
#define CONFIG_CACHE_BYTES_MAX (UINT64_C(1) << 40)
/* As many as libuv takes. */
#define CONFIG_THREADS_MAX 1024u
#define CONFIG_SIZE_MAX (1u << 20)

/* The paths are absolute and owned; NULL: not set. The others have a default, and a flag that tells
 * whether the file set them. */
struct config {
    char *socket;
    char *state_dir;
    char *runner;
    char *admin_group; /* a name; NULL: none */
    char *cgroup;
    enum log_level log_level; /* LOG_LEVEL_INFO */
    bool log_level_set;
    bool log_json; /* false: text */
    uint64_t store_idle_ms; /* CONFIG_STORE_IDLE_MS */
    bool store_idle_set;
    uint64_t stall_ms; /* LIMIT_STALL_MS; 0: for ever */
    unsigned threads; /* CONFIG_THREADS */
    bool threads_set;
    uint64_t store_memory;    /* bytes for pages of SQLite, of all stores in use */
    uint32_t commit_log_size; /* as store_options.log_most */
    uint32_t fold_changes;    /* as there */
    uint32_t wal_pages;       /* as there */
    struct limits limits;   /* the numbers of protocol/limits.h */
    uint64_t quota_bytes;   /* 0: no limit */
    uint64_t quota_entries; /* the same */
    uint64_t cache_bytes;   /* 0: none */
    char *metrics_listen[LIMIT_METRICS_LISTENERS]; /* addresses, owned … */
    unsigned metrics_listen_count;                 /* … and how many */
};

/* The defaults. */
void config_init(struct config *c);
/* Set what the file sets; on failure (file, line, column and what was expected) `c` is unchanged.
 * An unknown key is an error. Blocks: at start-up only. */
int config_load(struct config *c, const char *path, struct error *e);
/* "text" or "json"; false for anything else. */
bool config_set_log_format(struct config *c, const char *word);
/* Forget the addresses for metrics; another one, whose text is copied. */
void config_clear_metrics_listen(struct config *c);
int config_add_metrics_listen(struct config *c, const char *address, struct error *e);
void config_fini(struct config *c);

#ifdef __cplusplus
}
#endif

#endif
