/* One start of an app process: prepare, fork, execute, learn whether that worked.
 *
 * libuv's uv_spawn knows no PDEATHSIG, no groups and no socketpair at a fixed descriptor, so this
 * is our own. The process gets
 *   - its own session and process group, PDEATHSIG SIGKILL (unless it may outlive the daemon), no_new_privs, umask 077, no core file;
 *   - user, group and groups of the directory's owner, if the daemon is root;
 *   - descriptors 0 (/dev/null), 1 and 2 (pipes), 3 (its connection), with `ready = "line"` 4 (a
 *     pipe for the line), and no others;
 *   - the app directory as its working directory;
 *   - the manifest's limits: a control group's where there is one, else RLIMIT_DATA; RLIMIT_NOFILE;
 *   - the manifest's environment, BOBBIN_FD=3, BOBBIN_APP, BOBBIN_COMPONENT, BOBBIN_INSTANCE,
 *     BOBBIN_STATE_DIR; with a source, BOBBIN_SOURCE; with `ready = "line"`, BOBBIN_READY_FD=4; with
 *     a memory_max, BOBBIN_MEMORY_MAX in bytes; with `files`, BOBBIN_FILES, a line for each file or
 *     directory: its absolute path, a tab, its path in the guest, and a tab and "rw" where it may
 *     write; with a watchdog, BOBBIN_WATCHDOG_MS. Nothing is inherited, not even PATH. */
#ifndef BOBBIN_DAEMON_LAUNCH_H
#define BOBBIN_DAEMON_LAUNCH_H

#include <sys/types.h>

#include "daemon/cgroup.h"
#include "daemon/directory.h"
#include "daemon/leader.h"
#include "daemon/manifest.h"
#include "daemon/warden.h"

/* Where a program that is named without '/' is looked for. */
#define LAUNCH_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
/* Executing a program takes no longer than this, or the start has failed. */
#define LAUNCH_TIMEOUT_MS 10000

/* All borrowed for the call. */
struct launch_request {
    const char *app;
    const struct directory *directory;
    const struct component_spec *spec;
    unsigned instance;     /* from 1 */
    const char *runner;    /* used when the spec has no command */
    struct warden *warden; /* may be NULL */
    struct cgroup *cgroup; /* may be NULL */
    struct leader *leader; /* the thread that forks; NULL: the caller's (tests) */
    bool outlives;         /* it may go on under another daemon: the warden alone ends it with this one */
};

/* The caller's from now on; all descriptors are close on exec. */
struct launched {
    pid_t pid;      /* a child that nobody has waited for; also its process group */
    int pidfd;      /* readable when it has ended */
    int connection; /* the daemon's end, non-blocking */
    int out;        /* what it writes to stdout … */
    int err;        /* … and to stderr */
    int ready;      /* what it says when it is ready, non-blocking; -1: it is not asked to */
};

/* Blocks until the program has been executed: for a pool thread. The process lives no longer than the
 * thread that forks it, as that is what PDEATHSIG looks at: see leader.h. The error's text says what
 * could not be done: "cannot run '/x/y': No such file or directory". */
int launch(const struct launch_request *request, struct launched *ret, struct error *e);

#endif
