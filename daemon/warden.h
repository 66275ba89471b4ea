/* The warden: a tiny process beside the daemon that kills what app processes leave behind when the
 * daemon dies, however it dies.
 *
 * PR_SET_PDEATHSIG covers the daemon's own children only. The warden knows every process group and
 * sends SIGKILL to those still alive once its socket reports that the daemon is gone. Processes
 * that leave their group (setsid) are out of its reach. */
#ifndef BOBBIN_DAEMON_WARDEN_H
#define BOBBIN_DAEMON_WARDEN_H

#include <sys/types.h>

#include "protocol/errors.h"

struct warden;

/* Fork the warden. To be called at start-up, before there are threads. */
int warden_start(struct warden **ret, struct error *e);
/* Kill the groups that are left, wait for the warden's end, free. NULL is fine. */
void warden_stop(struct warden *w);
/* The one that the daemon before started, whose descriptor (taken over on success) it has left us. */
int warden_adopt(int fd, pid_t pid, struct warden **ret, struct error *e);
int warden_fd(const struct warden *w);
pid_t warden_pid(const struct warden *w);

/* A process group came to be, or has been killed and must be forgotten before its leader is reaped
 * (its number may be another's afterwards). Any thread; warden_add is async-signal-safe and may be
 * called by the group's leader itself before it executes anything. Both do nothing with NULL and
 * return 0, or -1 with errno when the warden is gone. */
int warden_add(struct warden *w, pid_t group);
int warden_remove(struct warden *w, pid_t group);

#endif
