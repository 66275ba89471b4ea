/* Acting as another user on this thread: what he may not open, the thread may not either. */
#ifndef BOBBIN_DAEMON_STORE_USER_H
#define BOBBIN_DAEMON_STORE_USER_H

#include <sys/types.h>

#include "protocol/errors.h"

/* Somebody on whose behalf files are made. All zeros is root. */
struct store_user {
    uid_t uid;
    gid_t gid;
    gid_t *groups; /* the supplementary ones, owned; NULL: none */
    int group_count;
};

/* What the thread was before. */
struct store_user_before {
    gid_t *groups; /* NULL: nothing was changed */
    int group_count;
};

/* Look up the user's groups; one without an entry in the user database has `gid` alone. May wait
 * for the user database. */
int store_user_init(struct store_user *u, uid_t uid, gid_t gid, struct error *e);
void store_user_fini(struct store_user *u);

/* From here on this thread opens, makes and removes files with that user's rights, until
 * store_user_leave; on failure there is nothing to leave. A daemon that is not root can act as
 * itself only, and does so for root as well. */
int store_user_enter(const struct store_user *u, struct store_user_before *ret, struct error *e);
void store_user_leave(struct store_user_before *before);

#endif
