/* Who may use an app: its directory's owner, those whom its manifest names, and the administrators:
 * root, the daemon's own user, and the members of the administrators' group. */
#ifndef BOBBIN_DAEMON_ACCESS_H
#define BOBBIN_DAEMON_ACCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "daemon/manifest.h"
#include "protocol/errors.h"

/* Who is at the other end of a connection, as the kernel says. All zeros: nobody asked yet. */
struct access_peer {
    uid_t uid;
    pid_t pid;
    gid_t *groups; /* all that it is a member of; owned */
    size_t group_count;
    bool admin; /* may use everything */
};

/* The group whose members are administrators besides root and the daemon's own user. */
struct access_admins {
    bool has_group;
    gid_t group;
};

/* Look the group up, which must exist. At start-up. */
int access_admins_find(struct access_admins *admins, const char *group, struct error *e);

/* Ask the kernel who is at the other end of a socket. */
int access_peer_init(struct access_peer *peer, int fd, const struct access_admins *admins,
                     struct error *e);
void access_peer_fini(struct access_peer *peer);

/* Whether the peer may register what belongs to `owner`, and administer it in every way. */
bool access_owns(const struct access_peer *peer, uid_t owner);
/* Whether the peer may attach to and administer an app of that owner and manifest. */
bool access_allows(const struct access_peer *peer, uid_t owner, const struct manifest *manifest);

#endif
