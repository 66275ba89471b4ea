/* The daemon as a whole: its loop, socket, connections and apps, and its orderly end. */
#ifndef BOBBIN_DAEMON_SERVER_H
#define BOBBIN_DAEMON_SERVER_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "daemon/activation.h"
#include "daemon/apps.h"
#include "daemon/events.h"
#include "daemon/faillog.h"
#include "daemon/launch_gate.h"
#include "daemon/leader.h"
#include "daemon/list.h"
#include "daemon/listener.h"
#include "daemon/metrics.h"
#include "daemon/notify.h"
#include "daemon/reconfig.h"
#include "daemon/request.h"
#include "daemon/store.h"
#include "daemon/tally.h"
#include "daemon/trace.h"
#include "daemon/upgrade.h"
#include "daemon/warden.h"
#include "daemon/worker.h"
#include "protocol/errors.h"
#include "protocol/limits.h"

enum server_state {
    SERVER_RUNNING,
    SERVER_PAUSED,   /* for an upgrade: accepts connections, serves no requests, starts no processes */
    SERVER_STOPPING, /* no new connections or requests; app processes and stores are being closed */
    SERVER_STOPPED,  /* nothing but the loop's own handles is left */
};

/* What runs this daemon, and is run in its place by an upgrade. */
struct server_program {
    const char *path;
    char **argv;
};

struct journal;

struct server_options {
    const char *socket_path;
    const char *state_dir; /* exists; locked by the caller */
    const char *runner;    /* path of bobbin-run */
    uint64_t store_idle_ms;
    uint64_t stall_ms; /* how long a peer may keep the daemon waiting; 0: for ever */
    struct store_options store; /* of all apps, but for what a manifest says */
    struct limits limits;
    uint64_t quota_bytes; /* what one app may hold; 0: no limit */
    uint64_t quota_entries;
    uint64_t cache_bytes; /* of the cache of committed values; 0: none */
    struct warden *warden; /* started by the caller; may be NULL */
    struct cgroup *cgroup; /* the same */
    struct leader *leader; /* the process's first thread; not the server's */
    struct access_admins admins;
    char *const *metrics_listen; /* addresses; borrowed during server_init */
    unsigned metrics_listen_count;
    struct server_program program;
    int lock_fd; /* of the state directory */
    unsigned kept_max; /* descriptors that the service manager keeps for the next daemon; 0: it does not */
    struct handover_in *handover; /* of the daemon before; NULL: none */
    struct activation activation; /* sockets that the service manager has opened */
    struct config *config; /* as those above were taken from; the server changes it at a reload */
    int argc;              /* of the program's argv, for a reload */
};

struct server {
    uv_loop_t loop;
    struct server_options options;
    enum server_state state;
    struct listener listener;
    struct metrics metrics;
    struct apps apps;
    struct events events;        /* what has happened lately */
    struct faillog faillog;
    struct journal *journal;     /* takes the app processes' output, too; NULL: it does not */
    struct list traces;          /* struct trace: of apps that somebody watches */
    struct launch_gate gate;     /* how fast app processes are started */
    struct cache *cache;         /* of committed values, all apps' */
    unsigned rounds;             /* of the apps' batchers, those on the pool now */
    struct upgrade upgrade;      /* whether another program is to take over */
    struct notify notify;        /* tells the service manager how it goes */
    struct reconfig reconfig;    /* of the configuration and all manifests */
    struct worker worker;        /* the registry, manifests, looking at directories */
    struct list conns;           /* struct conn */
    uint8_t *read_buffer;        /* what is read from all of them comes here first */
    unsigned conn_count;
    uint64_t requests;           /* so far */
    uint64_t errors[TALLY_ERRORS]; /* of these, refused or failed, by -code */
    uint64_t accepted;           /* connections so far */
    uint64_t started_ns;         /* by uv_hrtime */
    unsigned stop_ticks;         /* how long it has been stopping, in seconds */
    bool sweep;                  /* an app that leaves may be free to go */
    struct request_pool request_pool;
    struct list submitting;      /* struct app: those with operations of this turn */
    struct list ready;           /* connections with something to do at the end of this turn */
    struct list later;           /* connections put off to a turn in which their app has something left … */
    uv_idle_t later_idle;        /* … which begins at once while there are any */
    uint64_t turn;               /* counts turns */
    bool contended;              /* more than one app is in use */
    uint64_t scrub_turns;        /* steps of all apps' scrubs so far */
    uint64_t held;               /* bytes of answers that no peer has read yet */
    uv_check_t turn_end;         /* runs them behind the poll phase … */
    uv_prepare_t turn_start;     /* … and before it, for what timers did */
    uv_signal_t sigterm;
    uv_signal_t sigint;
    uv_signal_t sighup;          /* reload */
    uv_signal_t sigusr2;         /* leave everything to the next daemon */
};

/* Open the registry, start the wanted apps and listen, or take over what another daemon was doing. On failure
 * nothing is left behind, or, of what was to be taken over, everything. */
int server_init(struct server *s, const struct server_options *options, struct error *e);
/* Serve until a signal, then end in order. Returns 0. */
int server_run(struct server *s);
void server_fini(struct server *s);

/* Begin the orderly end; no effect when it has begun. */
void server_stop(struct server *s);
/* One tick of the clock. While it stops: peers that do not read are not waited for forever. */
void server_tick(struct server *s);

#endif
