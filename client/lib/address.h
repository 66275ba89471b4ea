/* Where the daemon is, and getting there. */
#ifndef BOBBIN_CLIENT_ADDRESS_H
#define BOBBIN_CLIENT_ADDRESS_H

#include <sys/un.h>

#include "failure.h"

struct address {
    int fd;       /* connected already; -1: go by the path */
    bool is_path; /* the text is a path that can be connected to */
    char text[sizeof(((struct sockaddr_un *)0)->sun_path)]; /* the path, or "fd N" */
};

/* A connected socket that the caller has. */
void address_of_fd(struct address *a, int fd);
/* A socket's path; BOBBIN_CANNOT_CONNECT if it is too long for one. */
bobbin_status address_of_path(struct address *a, const char *path, struct failure *f);
/* What bobbin_connect(NULL) means in this environment. */
bobbin_status address_find(struct address *a, struct failure *f);

/* Connect, if it is not, within so many milliseconds (0: as long as it takes); *ret_fd is a stream
 * socket that is closed on exec, the caller's. On failure a descriptor that was there before stays
 * the caller's. */
bobbin_status address_open(const struct address *a, uint32_t timeout_ms, int *ret_fd,
                           struct failure *f);

#endif
