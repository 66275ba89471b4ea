/* All registered apps: finds them, keeps the registry, notices when a directory is gone. */
#ifndef BOBBIN_DAEMON_APPS_H
#define BOBBIN_DAEMON_APPS_H

#include <stdbool.h>
#include <sys/types.h>
#include <uv.h>

#include "daemon/access.h"
#include "daemon/app.h"
#include "daemon/apps_index.h"
#include "daemon/list.h"
#include "daemon/registry.h"
#include "protocol/errors.h"
#include "protocol/reader.h"

struct conn;
struct server;

/* A name that a registration has taken, from the check until its app is in the list. */
struct apps_claim {
    struct list link; /* in apps->claims */
    const struct directory *directory;
    const char *name;
};

struct apps {
    struct server *server;
    struct list all;           /* struct app, those that leave included */
    struct apps_index index;   /* the same, by path and name */
    struct list claims;        /* struct apps_claim */
    struct registry *registry; /* used at start-up, then by the worker's jobs alone */
    uv_timer_t tick;           /* look whether the directories are still there, count the time */
    uint64_t ticks;            /* of it, so far */
    bool looking;              /* such a look is on the worker */
};

/* Open the registry and make the registered apps; those whose directory is gone are dropped. */
int apps_init(struct apps *apps, struct server *server, const char *state_dir, struct error *e);
/* Begin to look after the directories; with `all`, start what is wanted. */
void apps_start(struct apps *apps, bool all);
/* Make every app leave because the daemon stops; what is wanted stays recorded. */
void apps_stop(struct apps *apps);
/* Read all manifests again and apply what has changed. */
void apps_reload(struct apps *apps);
/* Whether none is left. */
bool apps_empty(const struct apps *apps);
void apps_fini(struct apps *apps);

/* The app of that name or directory that `peer` may use. The same refusal for one that is not there
 * and one that may not be seen. */
int apps_find(struct apps *apps, const struct access_peer *peer, struct slice name, struct app **ret, struct error *e);
/* Whether `peer` is told of the app. */
bool apps_visible(const struct app *app, const struct access_peer *peer);
/* The app at that canonical path, in whatever state; NULL: none. */
struct app *apps_at(struct apps *apps, const char *path);
/* An error if another active app of the same owner has that name, or will have it. */
int apps_check_name(struct apps *apps, const struct directory *directory, const char *name,
                    struct error *e);
/* Take the name that was checked just now; what `claim` points to stays until apps_release. */
void apps_claim(struct apps *apps, struct apps_claim *claim);
void apps_release(struct apps_claim *claim);
/* Whether something of the connection is under way that does not itself wait for an app to be gone:
 * where the connection keeps an app from being gone, those could wait for each other. */
bool apps_conn_is_busy(const struct conn *c);

#endif
