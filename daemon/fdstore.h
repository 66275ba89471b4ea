/* systemd's descriptor store: where a daemon leaves its descriptors, and the handover file beside
 * them, for the next one that the service manager starts, in another process. See
 * sd_pid_notify_with_fds(3) and sd_listen_fds(3); the manager says that there is a store by
 * FDSTORE, since its version 254. */
#ifndef BOBBIN_DAEMON_FDSTORE_H
#define BOBBIN_DAEMON_FDSTORE_H

#include <stddef.h>

#include "protocol/errors.h"

/* What our descriptors are called in the store; behind it is the number that they had. */
#define FDSTORE_PREFIX "bobbin-kept-"
/* The handover file's name. */
#define FDSTORE_FILE FDSTORE_PREFIX "handover"
/* The service manager has taken what it was given within this time. */
#define FDSTORE_WAIT_MS 5000

/* How many descriptors the store takes; 0: there is none. */
unsigned fdstore_size(void);

/* Leave the file and the descriptors, all or, when that fails, none. Blocks. */
int fdstore_leave(int file, const int *fds, size_t count, struct error *e);

/* One that was left. */
struct fdstore_entry {
    int number; /* that it had */
    int fd;     /* close on exec */
};

struct fdstore {
    int file;                      /* -1: nothing was left */
    struct fdstore_entry *entries; /* owned, the descriptors are not closed with it */
    size_t count;
};

/* Take what was left, out of the store and out of what LISTEN_FDS tells: there remain sockets of
 * socket units, from descriptor 3 on. Before there are threads. */
int fdstore_take(struct fdstore *ret, struct error *e);
void fdstore_fini(struct fdstore *store);

#endif
