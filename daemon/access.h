/* Who may use an app: its directory's owner, root, and the daemon's own user. */
#ifndef BOBBIN_DAEMON_ACCESS_H
#define BOBBIN_DAEMON_ACCESS_H

#include <stdbool.h>
#include <sys/types.h>

/* Whether `peer` sees everything: root and the daemon's own user. */
bool access_is_admin(uid_t peer);
/* Whether `peer` may attach to or administer an app whose directory belongs to `owner`. */
bool access_allows(uid_t peer, uid_t owner);

#endif
