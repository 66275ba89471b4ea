#include "daemon/access.h"

#include <errno.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* As many as Linux gives a process. */
#define ACCESS_GROUPS_MAX 65537u

int access_admins_find(struct access_admins *admins, const char *group, struct error *e)
{
    const struct group *entry;

    errno = 0;
    entry = getgrnam(group);
    if (!entry)
        return error_set(e, ERR_INVALID_REQUEST, "admin_group: there is no group '%s'%s%s", group,
                         errno ? ": " : "", errno ? strerror(errno) : "");
    admins->has_group = true;
    admins->group = entry->gr_gid;
    return 0;
}

/* The supplementary groups, and `first` in front of them. 0 or an errno. */
static int read_groups(struct access_peer *peer, int fd, gid_t first)
{
    socklen_t size = 0;
    gid_t *groups;

    /* Asked without room, the kernel says how much it takes; before Linux 4.13 it knows no answer. */
    if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, NULL, &size) != 0 && errno != ERANGE)
        size = 0;
    if (size > ACCESS_GROUPS_MAX * sizeof(gid_t))
        return E2BIG;
    groups = malloc(sizeof(gid_t) + size);
    if (!groups)
        return ENOMEM;
    groups[0] = first;
    if (size > 0 && getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups + 1, &size) != 0) {
        int errnum = errno;
        free(groups);
        return errnum;
    }
    peer->groups = groups;
    peer->group_count = 1 + size / sizeof(gid_t);
    return 0;
}

static bool has_group(const struct access_peer *peer, gid_t group)
{
    for (size_t i = 0; i < peer->group_count; i++)
        if (peer->groups[i] == group)
            return true;
    return false;
}

int access_peer_init(struct access_peer *peer, int fd, const struct access_admins *admins,
                     struct error *e)
{
    struct ucred credentials;
    socklen_t size = sizeof(credentials);
    int errnum;

    memset(peer, 0, sizeof(*peer));
    errnum = getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0 ? errno : 0;
    if (!errnum)
        errnum = read_groups(peer, fd, credentials.gid);
    if (errnum)
        return error_set(e, ERR_OTHER, "the kernel does not say who it is: %s", strerror(errnum));
    peer->uid = credentials.uid;
    peer->pid = credentials.pid;
    peer->admin = peer->uid == 0 || peer->uid == geteuid() ||
                  (admins->has_group && has_group(peer, admins->group));
    return 0;
}

void access_peer_fini(struct access_peer *peer)
{
    free(peer->groups);
    peer->groups = NULL;
    peer->group_count = 0;
}

bool access_owns(const struct access_peer *peer, uid_t owner)
{
    return peer->uid == owner || peer->admin;
}

bool access_allows(const struct access_peer *peer, uid_t owner, const struct manifest *manifest)
{
    if (access_owns(peer, owner))
        return true;
    for (size_t i = 0; i < manifest->allow_user_count; i++)
        if (manifest->allow_users[i] == peer->uid)
            return true;
    for (size_t i = 0; i < manifest->allow_group_count; i++)
        if (has_group(peer, manifest->allow_groups[i]))
            return true;
    return false;
}
