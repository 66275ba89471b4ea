/* Where metrics are told: a Unix socket's path, or a loopback address and port. */
#ifndef BOBBIN_DAEMON_METRICS_ADDRESS_H
#define BOBBIN_DAEMON_METRICS_ADDRESS_H

#include <stdbool.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#include "protocol/errors.h"

/* Whether metrics_address_listen would understand it: "/path", "127.0.0.1:PORT", "[::1]:PORT" or
 * "localhost:PORT". Other addresses than the machine's own are refused. */
int metrics_address_check(const char *address, struct error *e);

/* Listen there. A Unix socket gets mode 0600, or with a group 0660 and that group; one that nobody
 * answers at is replaced. *ret_fd is the caller's. */
int metrics_address_listen(const char *address, bool has_group, gid_t group, int *ret_fd,
                           struct error *e);

/* Whether the Host header names the machine itself, as a program on it would: not one that only
 * leads here. */
bool metrics_address_is_own_host(const char *host);

#ifdef __cplusplus
}
#endif

#endif
