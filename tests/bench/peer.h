/* Child processes that the bench measures, and the directories that they live in. */
#ifndef BOBBIN_BENCH_PEER_H
#define BOBBIN_BENCH_PEER_H

#include <limits.h>
#include <stdint.h>
#include <sys/types.h>

#include "protocol/errors.h"

/* Two fresh directories: one on the disk that is to be measured, one with a path that is short
 * enough for sockets. Both are gone after workspace_fini, whatever is in them. */
struct workspace {
    char data[PATH_MAX - 256];
    char run[64];
};

/* Make both; `parent` is where the data goes. Says so on stderr when no figure about durable writes
 * means anything there. */
int workspace_init(struct workspace *w, const char *parent, struct error *e);
void workspace_fini(struct workspace *w);

struct peer {
    const char *name;   /* for messages; not owned */
    pid_t pid;          /* 0: not running */
    uid_t uid;          /* set both before the start to run it as somebody else … */
    gid_t gid;          /* … 0: as this process */
    int stop_signal;    /* the same; 0: SIGTERM */
    char log[PATH_MAX]; /* where its output goes */
};

/* What the child does in place of exec: its return value is its exit status. */
typedef int (*peer_main)(void *arg);

/* Fork a child that dies with this process, in a process group of its own (so that ^C reaches only
 * the bench), output to log. It runs argv, or `body` when argv is NULL. */
int peer_start(struct peer *p, const char *name, const char *log, char *const argv[],
               peer_main body, void *arg, struct error *e);
/* Wait until something answers on the socket; a child that ended is an error with its last words.
 */
int peer_await(struct peer *p, const char *socket_path, struct error *e);
/* Wait until the child has ended by itself; anything but status 0 is an error. */
int peer_finish(struct peer *p, struct error *e);
/* SIGTERM (or stop_signal) to the child's process group, because the program may be a script that
 * has started the real one, and SIGKILL after ten seconds; returns when all of it is gone. */
void peer_stop(struct peer *p);

/* Memory of a process in bytes, from smaps_rollup. */
struct peer_memory {
    uint64_t rss;
    uint64_t pss;
    uint64_t private_bytes; /* that nobody shares with it */
};
int peer_memory(pid_t pid, struct peer_memory *ret, struct error *e);
/* Processor time so far, user and system, in ns; 0 if that cannot be read. */
uint64_t peer_cpu(pid_t pid);

#endif
