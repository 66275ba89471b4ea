/* What can be configured, as one table: file, environment, command line, `config` and the reload of the
 * daemon follow from it. */
#ifndef BOBBIN_DAEMON_SETTINGS_H
#define BOBBIN_DAEMON_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/limits.h"

#ifdef __cplusplus
extern "C" {
#endif

#define CONFIG_STORE_IDLE_MS 5000u
#define CONFIG_THREADS 16u
#define CONFIG_STORE_MEMORY (64u << 20)
#define CONFIG_COMMIT_LOG_SIZE (64u << 20)
#define CONFIG_HOLD_FROM (64u << 20)
#define CONFIG_FOLD_CHANGES 131072u
#define CONFIG_WAL_PAGES 8192u
/* Without a word values may take such a part of the memory, and no less than so many bytes. */
#define CONFIG_CACHE_PART 8u
#define CONFIG_CACHE_BYTES (UINT64_C(64) << 20)
#define CONFIG_CACHE_BYTES_MAX (UINT64_C(1) << 40)
/* As many as libuv takes. */
#define CONFIG_THREADS_MAX 1024u

enum setting_type {
    SETTING_PATH,   /* absolute; char *, NULL: not set */
    SETTING_WORD,   /* char *, the same */
    SETTING_CHOICE, /* enum: the number of one of the words */
    SETTING_TIME,   /* uint32_t of milliseconds; in text with a unit, or seconds */
    SETTING_UINT32, /* from least to most */
    SETTING_UINT64, /* the same */
    SETTING_ADDRESSES, /* struct config_addresses; in text outside of a file with commas between */
};

enum setting_change {
    SETTING_AT_ONCE,  /* a reload puts it in force */
    SETTING_AT_OPEN,  /* the same, for stores that are opened from then on */
    SETTING_RESTARTS, /* a restart does */
};

/* All but the limits: X(key, field of struct config, type, default, least, most, change). The default of
 * texts is not here: none, or what options.c finds; that of cache_bytes depends on the machine. */
#define SETTING_LIST(X)                                                                            \
    X(socket, socket, PATH, 0, 0, 0, RESTARTS)                                                     \
    X(state_dir, state_dir, PATH, 0, 0, 0, RESTARTS)                                               \
    X(runner, runner, PATH, 0, 0, 0, RESTARTS)                                                     \
    X(log_level, log_level, CHOICE, LOG_LEVEL_INFO, 0, 0, AT_ONCE)                                 \
    X(log_format, log_format, CHOICE, LOG_FORMAT_TEXT, 0, 0, AT_ONCE)                              \
    X(admin_group, admin_group, WORD, 0, 0, 0, AT_ONCE)                                            \
    X(cgroup, cgroup, PATH, 0, 0, 0, RESTARTS)                                                     \
    X(threads, threads, UINT32, CONFIG_THREADS, 1, CONFIG_THREADS_MAX, RESTARTS)                   \
    X(store_idle, store_idle_ms, TIME, CONFIG_STORE_IDLE_MS, 0, UINT32_MAX, AT_ONCE)               \
    X(stall_timeout, stall_ms, TIME, LIMIT_STALL_MS, 0, UINT32_MAX, AT_ONCE)                       \
    X(store_memory, store_memory, UINT64, CONFIG_STORE_MEMORY, 0, INT64_MAX, RESTARTS)             \
    X(commit_log_size, commit_log_size, UINT32, CONFIG_COMMIT_LOG_SIZE, 8192, 1u << 30, AT_OPEN)   \
    X(fold_changes, fold_changes, UINT32, CONFIG_FOLD_CHANGES, 1, 1u << 24, AT_OPEN)               \
    X(hold_from, hold_from, UINT64, CONFIG_HOLD_FROM, 0, INT64_MAX, AT_OPEN)                       \
    X(wal_pages, wal_pages, UINT32, CONFIG_WAL_PAGES, 8, 1u << 20, AT_OPEN)                        \
    X(cache_bytes, cache_bytes, UINT64, CONFIG_CACHE_BYTES, 0, CONFIG_CACHE_BYTES_MAX, RESTARTS)   \
    X(metrics_listen, metrics_listen, ADDRESSES, 0, 0, 0, RESTARTS)                                \
    X(quota_bytes, quota_bytes, UINT64, 0, 0, INT64_MAX, AT_ONCE)                                  \
    X(quota_entries, quota_entries, UINT64, 0, 0, INT64_MAX, AT_ONCE)

/* The limits of LIMIT_SETTABLE_LIST come behind them, as max_NAME. */
enum setting_id {
#define X(key, field, type, standard, least, most, change) SETTING_ID_##key,
    SETTING_LIST(X)
#undef X
#define X(name, standard, least, most) SETTING_ID_max_##name,
        LIMIT_SETTABLE_LIST(X)
#undef X
            SETTING_COUNT
};

struct setting {
    const char *key; /* as in the file */
    enum setting_type type;
    enum setting_change change;
    size_t offset; /* of its field in struct config */
    uint64_t standard;
    uint64_t least;
    uint64_t most;
};

/* Indexed by enum setting_id. */
extern const struct setting setting_table[SETTING_COUNT];

struct config;

/* The words of a choice by their number, NULL behind them. */
const char *const *setting_words(const struct setting *setting);
/* Its field. */
void *setting_field(const struct setting *setting, struct config *c);
const void *setting_look(const struct setting *setting, const struct config *c);
/* The default, where the table has one. */
void setting_reset(const struct setting *setting, struct config *c);
/* The value as the file would have it ("5s", 16, "/run/x" with its quotes); "" when it is not set. To be
 * freed; NULL: no memory. */
char *setting_text(const struct setting *setting, const struct config *c);
bool setting_same(const struct setting *setting, const struct config *a, const struct config *b);
/* Exchange the values of the two, and where they come from. */
void setting_swap(const struct setting *setting, struct config *a, struct config *b);

#ifdef __cplusplus
}
#endif

#endif
