/* spin.toml, versions 1 and 2: what Bobbin uses of it. toml++ stays behind this interface. */
#ifndef BOBBIN_DAEMON_MANIFEST_H
#define BOBBIN_DAEMON_MANIFEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

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
#define MANIFEST_START_TIMEOUT_MS 30000u
#define MANIFEST_LOG_SIZE (10u << 20)
#define MANIFEST_LOG_KEEP 3u

/* The most that may be asked for. */
#define MANIFEST_INSTANCES_MAX 64u
#define MANIFEST_FILES_MAX 1048576u
#define MANIFEST_MOUNTS_MAX 64u
#define MANIFEST_LOG_SIZE_MIN 4096u
#define MANIFEST_LOG_SIZE_MAX (1u << 30)
#define MANIFEST_LOG_KEEP_MAX 100u
#define MANIFEST_ALLOW_MAX 100u

enum restart_policy { RESTART_NO, RESTART_ON_FAILURE, RESTART_ALWAYS };

/* When a component counts as running. */
enum ready_policy {
    READY_EXEC,  /* when its program has been executed */
    READY_HELLO, /* when it has sent its first hello */
    READY_LINE,  /* when it has written a line to the descriptor BOBBIN_READY_FD */
};

/* Programs that run to completion. */
enum schedule {
    SCHEDULE_NONE,  /* one that is to keep running */
    SCHEDULE_START, /* runs once, when the app is started */
    SCHEDULE_EVERY, /* runs again and again, each start schedule_ms behind the last */
};

/* What happens to a process that writes faster than the disk takes it. */
enum log_policy {
    LOG_BLOCK, /* it waits */
    LOG_DROP,  /* its output is dropped and counted */
};

/* Which file a module was when the manifest was read: another one is another module. */
struct source_mark {
    uint64_t dev;
    uint64_t ino;
    int64_t size;
    int64_t mtime_ns;
};

/* What a manifest says of one component; shared by those who hold a reference, and changed by
 * nobody. Vectors of strings are NULL-terminated and never NULL themselves, but for `command`. */
struct component_spec {
    unsigned refs;
    char *id;
    char *source;       /* absolute path of the wasm module; NULL if `command` needs none */
    struct source_mark source_mark;
    char **command;     /* program and first arguments to run instead of the runner; NULL: runner */
    char **args;        /* arguments behind the module's path (runner) or the command */
    char **environment; /* "NAME=value", in the order of their names */
    char **files;       /* "SOURCE\tDESTINATION", with "\trw" behind it if the guest may
                         * write it too: for the runner */
    char **stores;      /* labels of key_value_stores */
    enum restart_policy restart;
    uint32_t restart_delay_ms;     /* first delay before a restart; doubles … */
    uint32_t restart_max_delay_ms; /* … up to this */
    uint32_t start_limit_burst;    /* so many starts … */
    uint32_t
        start_limit_interval_ms; /* … within this time, then it is failed; either 0: no limit */
    uint32_t stop_timeout_ms;    /* SIGTERM, and after this SIGKILL; 0: at once */
    enum schedule schedule;
    uint32_t schedule_ms; /* SCHEDULE_EVERY */
    enum ready_policy ready;
    uint32_t start_timeout_ms; /* to become ready; 0: for ever */
    uint32_t watchdog_ms;      /* the longest time between two pings; 0: no watchdog */
    uint32_t instances;        /* processes at the same time, at least 1 */
    uint64_t memory_max;       /* bytes; 0: no limit */
    uint32_t cpu_max;          /* hundredths of one processor's time; 0: no limit */
    uint32_t files_max;        /* open files; 0: the default */
    uint32_t log_size;         /* bytes of a log file before it is rotated */
    uint32_t log_keep;         /* older log files beside the current one */
    enum log_policy log_policy;
};

struct component_spec *component_spec_ref(struct component_spec *spec);
/* NULL is fine. */
void component_spec_unref(struct component_spec *spec);

/* How much of a running component another manifest concerns. */
enum spec_change {
    SPEC_SAME,    /* nothing */
    SPEC_POLICY,  /* only how the daemon treats the process: it may stay */
    SPEC_PROCESS, /* the process itself: it has to be started anew */
};
/* `instances` is left out of it. */
enum spec_change component_spec_compare(const struct component_spec *a,
                                        const struct component_spec *b);

struct manifest {
    char *name;                         /* the app's name */
    struct source_mark mark;            /* of spin.toml; all zeros: there is none */
    int checksums;                      /* values have checksums */
    int relaxed;                        /* writes are synced within a second, not before the answer */
    size_t component_count;             /* 0 without a manifest */
    struct component_spec **components; /* each a reference */
    uid_t *allow_users;                 /* who else may use the app … */
    size_t allow_user_count;
    gid_t *allow_groups; /* … by user or by group */
    size_t allow_group_count;
};

/* The component of that id; NULL: none. */
struct component_spec *manifest_find(const struct manifest *m, const char *id);

bool source_mark_equal(const struct source_mark *a, const struct source_mark *b);

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
