/* All that the child needs between fork and exec, made beforehand: the child itself may call only
 * what is async-signal-safe. */
#ifndef BOBBIN_DAEMON_LAUNCH_PLAN_H
#define BOBBIN_DAEMON_LAUNCH_PLAN_H

#include <stdbool.h>
#include <sys/types.h>

#include "daemon/launch.h"

#define LAUNCHED_NONE                                                                              \
    ((struct launched){.pidfd = -1, .connection = -1, .out = -1, .err = -1, .ready = -1})

/* What the child does; the texts are for the error of the step that failed. */
#define LAUNCH_STEP_LIST(X)                                                                        \
    X(SESSION, "cannot make a session")                                                            \
    X(WARDEN, "cannot tell the warden process")                                                    \
    X(DESCRIPTORS, "cannot set up descriptors")                                                    \
    X(CGROUP, "cannot enter its control group")                                                    \
    X(LIMITS, "cannot set resource limits")                                                        \
    X(USER, "cannot change to the directory's owner")                                              \
    X(DIRECTORY, "cannot change to the app directory")                                             \
    X(PRIVILEGES, "cannot give up privileges")                                                     \
    X(EXEC, "cannot run")

enum launch_step {
    LAUNCH_DONE,
#define X(id, text) LAUNCH_##id,
    LAUNCH_STEP_LIST(X)
#undef X
};

/* What the child writes to its report pipe when a step fails; nothing is written on success. */
struct launch_report {
    int step; /* enum launch_step */
    int errnum;
};

/* Descriptors are all above those that the child sets up (0 to 5), -1 when there is none. */
struct launch_plan {
    char *program; /* absolute */
    char **argv;
    char **envp;
    bool switch_user; /* uid, gid and groups are to be set */
    uid_t uid;
    gid_t gid;
    gid_t *groups;
    size_t group_count;
    struct warden *warden; /* borrowed; may be NULL */
    bool outlives;         /* no PDEATHSIG */
    pid_t parent;          /* who must still be there when PDEATHSIG has been set */
    int cwd;               /* the app directory */
    int null;              /* the child's 0 … */
    int out;               /* … 1 … */
    int err;               /* … 2 … */
    int connection;        /* … 3 … */
    int ready;             /* … and 4, or -1 */
    struct cgroup *cgroup; /* borrowed; may be NULL */
    char group[CGROUP_NAME_MAX]; /* its control group … */
    int procs;                   /* … and what it writes to to enter it; -1: no group */
    uint64_t data_max;           /* RLIMIT_DATA; 0: no limit */
    uint64_t files_max;          /* RLIMIT_NOFILE; 0: the default */
    int report;            /* for struct launch_report; closed by a successful exec */
    struct launched ours;  /* the parent's ends; pid and pidfd are not set */
    int our_report;        /* the parent's end of `report` */
};

/* On failure nothing is left to be freed. */
int launch_plan_init(struct launch_plan *p, const struct launch_request *request, struct error *e);
/* Closes everything, also `ours` unless its descriptors have been set to -1. */
void launch_plan_fini(struct launch_plan *p);
/* Closes the child's ends only. */
void launch_plan_close_child(struct launch_plan *p);

/* Whose process it becomes. */
int launch_user(struct launch_plan *p, const struct directory *directory, struct error *e);

/* In the child: never returns. */
_Noreturn void launch_child(const struct launch_plan *p);

#endif
