#include "daemon/store_user.h"

#include <grp.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/fsuid.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What a line of the user database may take, and how many groups are asked for at first. */
enum { ENTRY_SIZE = 16384, GROUPS_GUESS = 64 };

/* glibc's setgroups() changes all threads of the process; the system call only this one. */
static int set_thread_groups(int count, const gid_t *groups)
{
    return (int)syscall(SYS_setgroups, (size_t)count, groups);
}

static int look_up_groups(struct store_user *u, const char *name)
{
    int count = GROUPS_GUESS;

    u->groups = calloc((size_t)count, sizeof(gid_t));
    if (u->groups && getgrouplist(name, u->gid, u->groups, &count) < 0) {
        free(u->groups);
        u->groups = calloc((size_t)count, sizeof(gid_t));
        if (u->groups && getgrouplist(name, u->gid, u->groups, &count) < 0)
            count = 0;
    }
    if (!u->groups)
        return -1;
    u->group_count = count;
    return 0;
}

int store_user_init(struct store_user *u, uid_t uid, gid_t gid, struct error *e)
{
    char *entry = malloc(ENTRY_SIZE);
    struct passwd pw;
    struct passwd *found = NULL;
    int rc = entry ? 0 : -1;

    *u = (struct store_user){.uid = uid, .gid = gid};
    if (!rc && getpwuid_r(uid, &pw, entry, ENTRY_SIZE, &found) == 0 && found)
        rc = look_up_groups(u, found->pw_name);
    free(entry);
    return rc ? error_set(e, ERR_OTHER, "out of memory") : 0;
}

void store_user_fini(struct store_user *u)
{
    free(u->groups);
    u->groups = NULL;
    u->group_count = 0;
}

/* setfsuid and setfsgid tell only the value before; asking for an impossible one changes nothing.
 */
static bool acts_as(const struct store_user *u)
{
    return (uid_t)setfsuid((uid_t)-1) == u->uid && (gid_t)setfsgid((gid_t)-1) == u->gid;
}

static int save_groups(struct store_user_before *ret)
{
    int count = getgroups(0, NULL);
    gid_t *groups = count < 0 ? NULL : calloc((size_t)count + 1, sizeof(gid_t));

    if (!groups)
        return -1;
    count = getgroups(count, groups);
    if (count < 0) {
        free(groups);
        return -1;
    }
    *ret = (struct store_user_before){groups, count};
    return 0;
}

int store_user_enter(const struct store_user *u, struct store_user_before *ret, struct error *e)
{
    *ret = (struct store_user_before){NULL, 0};
    if (u->uid == 0 || u->uid == geteuid())
        return 0;
    if (geteuid() != 0 || save_groups(ret) != 0)
        return error_set(e, ERR_ACCESS_DENIED, "the daemon cannot act as user %u",
                         (unsigned)u->uid);
    /* Capabilities over files go with the user, and come back with root. */
    if (set_thread_groups(u->group_count, u->groups) == 0) {
        setfsgid(u->gid);
        setfsuid(u->uid);
        if (acts_as(u))
            return 0;
    }
    store_user_leave(ret);
    return error_set(e, ERR_ACCESS_DENIED, "the daemon cannot act as user %u", (unsigned)u->uid);
}

void store_user_leave(struct store_user_before *before)
{
    if (!before->groups)
        return;
    setfsuid(geteuid());
    setfsgid(getegid());
    /* A thread that stays in somebody's groups would lend them to everybody. */
    if (set_thread_groups(before->group_count, before->groups) != 0)
        abort();
    free(before->groups);
    before->groups = NULL;
}
