/* Opening files as their owner. A daemon that runs as root would otherwise open whatever an app
 * directory's owner puts in the way between a check and SQLite's own look at the path. */
#include <sys/fsuid.h>
#include <unistd.h>

#include "daemon/store_internal.h"

static bool needed(const struct store *s)
{
    return geteuid() == 0 && s->directory.uid != 0;
}

/* setfsuid and setfsgid tell only the value before; asking for an impossible one changes nothing.
 */
static bool acts_as(uid_t uid, gid_t gid)
{
    return (uid_t)setfsuid((uid_t)-1) == uid && (gid_t)setfsgid((gid_t)-1) == gid;
}

int store_owner_enter(const struct store *s, struct error *e)
{
    if (!needed(s))
        return 0;
    setfsgid(s->directory.gid);
    setfsuid(s->directory.uid);
    if (acts_as(s->directory.uid, s->directory.gid))
        return 0;
    store_owner_leave(s);
    return error_set(e, ERR_OTHER, "cannot open '%s': not allowed to act as its owner", s->shown);
}

void store_owner_leave(const struct store *s)
{
    if (!needed(s))
        return;
    setfsuid(geteuid());
    setfsgid(getegid());
}
