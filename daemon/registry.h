/* Which apps are registered and which of their components are wanted: a SQLite file in the daemon's
 * state directory. Every function waits for the disk: start-up, or one worker's jobs. */
#ifndef BOBBIN_DAEMON_REGISTRY_H
#define BOBBIN_DAEMON_REGISTRY_H

#include <stdint.h>

#include "daemon/directory.h"
#include "protocol/errors.h"

/* What `wanted` says for "every component". */
#define REGISTRY_WANT_ALL "*"

struct registry;

/* Open (and make) STATE_DIR/registry.db. */
int registry_open(const char *state_dir, struct registry **ret, struct error *e);
/* NULL is fine. */
void registry_close(struct registry *r);

/* Add a directory, or replace what stands under its path. `wanted`: "" for none, REGISTRY_WANT_ALL,
 * or component ids separated by newlines. Durable on return. */
int registry_put(struct registry *r, const struct directory *directory, const char *wanted,
                 struct error *e);
/* Change what is wanted of a directory that is recorded; ERR_NO_SUCH_APP when it is not any more. */
int registry_set_wanted(struct registry *r, const char *path, const char *wanted, struct error *e);
/* Forget the directory at that path, if it is there. Durable on return. */
int registry_remove(struct registry *r, const char *path, struct error *e);

/* Call `each` for every registration; stops at its first non-zero return and returns that. The
 * directory is as it was registered, without owner; born_ns is 0 where an older daemon did not keep
 * it. Both arguments are valid during the call. */
int registry_each(struct registry *r,
                  int (*each)(void *arg, const struct directory *directory, const char *wanted),
                  void *arg, struct error *e);

#endif
