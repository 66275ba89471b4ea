/* Sockets that the service manager has opened for the daemon: sd_listen_fds(3). */
#ifndef BOBBIN_DAEMON_ACTIVATION_H
#define BOBBIN_DAEMON_ACTIVATION_H

#include "protocol/errors.h"

/* The name, FileDescriptorName= of a socket unit, of the one at which metrics are told. */
#define ACTIVATION_METRICS "metrics"

/* 0: not given. The descriptors are close on exec, and stay open for the daemon's life: what is listened
 * on is a copy. */
struct activation {
    int listener; /* for clients, whatever its name */
    int metrics;
};

/* What was given to this process, if anything. What is more than one of a kind, or no listening stream
 * socket, is an error. Before there are threads: takes the variables out of the environment. */
int activation_init(struct activation *activation, struct error *e);

/* The path at which a Unix socket is bound, to be freed; NULL: it is no such socket, or no memory. */
char *activation_path(int fd);

#endif
