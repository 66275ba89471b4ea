/* One supervised component: starts its process, watches it, restarts it by policy, stops it.
 *
 * What is wanted and what is are two fields; moves are a table [state][event]. All functions are
 * called on the loop's thread; callbacks never fire before the function that starts them returned.
 */
#ifndef BOBBIN_DAEMON_COMPONENT_H
#define BOBBIN_DAEMON_COMPONENT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <uv.h>

#include "daemon/directory.h"
#include "daemon/manifest.h"

struct cgroup;
struct handover_in;
struct handover_out;
struct journal;
struct launch_gate;
struct leader;
struct warden;

/* X(identifier, word) */
#define COMPONENT_STATE_LIST(X)                                                                    \
    X(STOPPED, "stopped")                                                                          \
    X(STARTING, "starting")                                                                        \
    X(RUNNING, "running")                                                                          \
    X(BACKING_OFF, "backing-off")                                                                  \
    X(WAITING, "waiting")                                                                          \
    X(STOPPING, "stopping")                                                                        \
    X(FAILED, "failed")                                                                            \
    X(EXITED, "exited")

enum component_state {
#define X(id, word) COMPONENT_##id,
    COMPONENT_STATE_LIST(X)
#undef X
        COMPONENT_STATE_COUNT
};

const char *component_state_word(enum component_state state);

struct component;

/* Where a component's processes live. The app's name is copied, everything else belongs to the
 * caller and outlives the component. */
struct component_host {
    uv_loop_t *loop;
    const char *app; /* the app's name */
    const struct directory
        *directory;        /* working directory; the owner's uid when the daemon is root */
    const char *runner;    /* path of bobbin-run */
    struct warden *warden; /* told of every process group; NULL: none (tests) */
    struct launch_gate *gate; /* bounds how many are started at once; NULL: none (tests) */
    struct leader *leader;    /* the thread that forks them; NULL: any (tests) */
    bool outlives;            /* as launch_request.outlives */
    struct cgroup *cgroup;    /* where limits are set; NULL: by rlimits */
    struct journal *journal;  /* where output goes besides its files; NULL: nowhere */
    /* A process was started: `fd` is the daemon's end of its connection (non-blocking, close on
     * exec), the callee's from now on. */
    void (*on_connection)(void *arg, struct component *c, int fd);
    /* The state changed; the component must not be freed from in here. Changes that follow each
     * other before the loop runs again are told once. An end (exited, failed, stopped, backing-off)
     * is told when the last output of the process is in its log files. */
    void (*on_change)(void *arg, struct component *c);
    void *arg;
};

struct component_status {
    enum component_state state;
    const char *reason; /* in words; "" when there is nothing to say; the component's */
    int64_t since_ms;   /* wall clock, since 1970 */
    bool wanted;        /* to be running */
    pid_t pid;          /* 0: none */
    int exit_code;      /* of the last run; -1: none */
    int exit_signal;    /* of the last run; 0: none */
    const char *last_exit; /* how the last run ended, in words; "" for none; the component's */
    uint64_t restarts;  /* by policy, since the last component_start */
    uint64_t dropped;   /* bytes of output that were not logged, so far */
};

/* `host` is copied, the component holds a reference of its own to `spec`. `instance` counts from 1;
 * those behind the first one
 * are called "ID@INSTANCE". */
int component_new(const struct component_host *host, struct component_spec *spec, unsigned instance,
                  struct component **ret, struct error *e);
struct component_spec *component_spec(const struct component *c);
unsigned component_instance(const struct component *c);
/* Another spec that differs in policy only (SPEC_POLICY) from now on. */
void component_set_spec(struct component *c, struct component_spec *spec);
struct component_status component_status(const struct component *c);

/* Want it running. Starts a stopped, failed or exited one and clears its history; no effect on one
 * that is running. */
void component_start(struct component *c);
/* Want it stopped: SIGTERM to the process group, SIGKILL after the stop time-out. Ends in STOPPED.
 */
void component_stop(struct component *c);
/* Forget that it failed: FAILED becomes STOPPED; no effect otherwise. */
void component_reset(struct component *c);
/* Its process said hello, or sent a ping. */
void component_heard_hello(struct component *c);
void component_heard_ping(struct component *c);
/* With `pause`, neither read its process's output nor start one. */
void component_pause(struct component *c, bool pause);
/* Pack what component_restore takes, an array, noting the descriptors that belong to it. False: it is
 * between two states, and nothing is packed. */
bool component_save(const struct component *c, struct handover_out *out);
/* Whether component_save would. */
bool component_is_settled(const struct component *c);
/* Be what a component of the daemon before was, which has just been made; its process goes on. False: it
 * cannot be read. */
bool component_restore(struct component *c, struct handover_in *in);
/* Kill the process of a component that there is not any more. False: it cannot be read. */
bool component_discard(struct warden *warden, struct handover_in *in);

/* Whether no process and no timer is left: STOPPED, FAILED or EXITED. */
bool component_at_rest(const struct component *c);
/* Close all handles, then free, then call on_freed (may be NULL). Only when at rest. */
void component_free(struct component *c, void (*on_freed)(void *arg), void *arg);

#endif
