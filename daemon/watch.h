/* A watch: tells one connection of the changes that are committed to some keys of a store.
 *
 * A watch begins at one place in the order of commits: what came up to there is replayed from the
 * log if asked for, what comes after it is told as it is committed; nothing is missed or told
 * twice. Everything here runs on the loop. */
#ifndef BOBBIN_DAEMON_WATCH_H
#define BOBBIN_DAEMON_WATCH_H

#include <msgpack/pack.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/list.h"
#include "protocol/buffer.h"
#include "protocol/errors.h"
#include "protocol/reader.h"

struct app;
struct conn;
struct watch;

/* What to tell of. Without keys and prefix: everything in the store. */
struct watch_filter {
    struct slice label;
    const struct slice *keys; /* in any order */
    size_t key_count;         /* 0: not by key */
    struct slice prefix;      /* len 0: not by prefix */
    bool values;              /* tell the value of a key that was set */
};

/* A watch that collects changes but tells none until watch_begin. The filter is copied.
 * ERR_QUOTA_EXCEEDED when the connection has too many. */
int watch_new(struct conn *c, const struct watch_filter *filter, struct watch **ret,
              struct error *e);
/* The number that the connection knows it by. */
uint64_t watch_id(const struct watch *w);
/* Tell what `replay` (the result of OP_CHANGES) holds, and from then on all that is committed after
 * `commit`. A watch that was ended meanwhile is freed instead. */
void watch_begin(struct watch *w, const struct buffer *replay, uint64_t commit);
/* One that has not begun. */
void watch_free(struct watch *w);

/* Pack what watch_restore takes, an array. Only of a watch that has begun. */
void watch_pack_saved(const struct watch *w, msgpack_packer *pk);
bool watch_has_begun(const struct watch *w);
/* A watch of the daemon before, which tells from now on: nothing was committed since. False: it cannot be
 * made of what is packed there. */
bool watch_restore(struct conn *c, struct reader *r);
/* The watch with that place in conn->watches. */
const struct watch *watch_of(const struct list *in_conn);

/* End the watch of that number; whether there was one. */
bool watch_end(struct conn *c, uint64_t id);
/* All that the app held was replaced after that commit, and is now of commit `now`: every watch of it
 * is told that it ended. */
void watch_overflow_all(struct app *app, uint64_t commit, uint64_t now);
/* The connection's grants have changed: watches of labels that are none of it any more are told that they ended. All
 * changes up to that commit were told. */
void watch_end_revoked(struct conn *c, uint64_t commit);
/* The connection closes: end all of its watches. */
void watch_end_all(struct conn *c);

#endif
