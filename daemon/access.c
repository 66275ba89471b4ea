#include "daemon/access.h"

#include <unistd.h>

bool access_is_admin(uid_t peer)
{
    return peer == 0 || peer == geteuid();
}

bool access_allows(uid_t peer, uid_t owner)
{
    return peer == owner || access_is_admin(peer);
}
