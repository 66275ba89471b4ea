/* Control groups, version 2: one for each app process, below the subtree that was delegated to the
 * daemon. They bound memory and processor time of a process with all its descendants, and reach
 * descendants that left their process group. */
#ifndef BOBBIN_DAEMON_CGROUP_H
#define BOBBIN_DAEMON_CGROUP_H

#include <stdbool.h>
#include <stddef.h>

#include "daemon/directory.h"
#include "daemon/manifest.h"
#include "protocol/errors.h"

#define CGROUP_NAME_MAX 200u

struct cgroup;

/* Take over the subtree at `path`, or, with NULL, the daemon's own group if systemd has delegated it
 * (Delegate=yes). The daemon moves into a leaf of its own, as the kernel wants it. *ret is NULL,
 * without an error, when nothing is delegated. At start-up. */
int cgroup_open(const char *path, struct cgroup **ret, struct error *e);
/* NULL is fine. */
void cgroup_close(struct cgroup *cg);

/* The daemon's own group's directory, the caller's to free; NULL: not known, or not of the second
 * version. */
char *cgroup_own_path(void);

/* The group of one instance of a component: a name that is no other's. */
void cgroup_name(char name[CGROUP_NAME_MAX], const struct directory *directory, const char *app,
                 const char *component, unsigned instance);
/* Make the group with the limits of `spec` and open its cgroup.procs, into which the process writes
 * "0" to enter. Returns the descriptor, or an ERR_… code. Any thread. */
int cgroup_prepare(struct cgroup *cg, const char *name, const struct component_spec *spec,
                   struct error *e);
/* Whether the kernel has killed a process of the group because of memory.max. Any thread. */
bool cgroup_ran_out_of_memory(struct cgroup *cg, const char *name);
/* Kill whoever is left in the group and remove it, as soon as it is empty. Any thread. */
void cgroup_remove(struct cgroup *cg, const char *name);

#endif
