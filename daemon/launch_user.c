#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/launch_plan.h"

#define NOGROUP 65534
/* As many as Linux gives a process. */
#define GROUPS_MAX 65536
/* Where a name service database's entries stop growing. */
#define ENTRY_MAX (1u << 20)

/* The owner's entry, in a buffer that the caller frees. *ret_found is false for a user that the
 * system does not know by name. 0 or an errno. */
static int find_user(uid_t uid, struct passwd *pw, char **ret_buffer, bool *ret_found)
{
    struct passwd *result = NULL;

    for (size_t size = 1024; size <= ENTRY_MAX; size *= 2) {
        char *buffer = malloc(size);
        if (!buffer)
            return ENOMEM;
        int r = getpwuid_r(uid, pw, buffer, size, &result);
        if (r == 0) {
            *ret_buffer = buffer;
            *ret_found = result != NULL;
            return 0;
        }
        free(buffer);
        if (r != ERANGE)
            return r;
    }
    return ERANGE;
}

/* 0 or an errno. */
static int find_groups(struct launch_plan *p, const char *user)
{
    int count = 32;

    for (;;) {
        int room = count;
        gid_t *groups = realloc(p->groups, (size_t)room * sizeof(*groups));
        if (!groups)
            return ENOMEM;
        p->groups = groups;
        if (getgrouplist(user, p->gid, groups, &count) >= 0) {
            p->group_count = (size_t)count;
            return 0;
        }
        if (count <= room) /* the group list may have grown in between */
            count = 2 * room;
        if (count > GROUPS_MAX)
            return E2BIG;
    }
}

int launch_user(struct launch_plan *p, const struct directory *directory, struct error *e)
{
    struct passwd pw;
    char *buffer = NULL;
    bool found;

    if (geteuid() != 0) {
        if (directory->uid == geteuid())
            return 0;
        return error_set(e, ERR_ACCESS_DENIED,
                         "directory '%s' belongs to user %u, and this daemon serves user %u only",
                         directory->path, (unsigned)directory->uid, (unsigned)geteuid());
    }
    p->switch_user = true;
    p->uid = directory->uid;
    int r = find_user(directory->uid, &pw, &buffer, &found);
    if (r == 0 && found) {
        p->gid = pw.pw_gid;
        r = find_groups(p, pw.pw_name);
    } else if (r == 0) {
        /* A number without a name has no groups; the directory's must not make it root's. */
        p->gid = directory->gid != 0 ? directory->gid : NOGROUP;
    }
    free(buffer);
    if (r == 0)
        return 0;
    return error_set(e, ERR_OTHER, "cannot find out the groups of user %u: %s",
                     (unsigned)directory->uid, strerror(r));
}
