/* The watches of a handle, and the changes that wait to be taken.
 *
 * The daemon answers a watch before it tells its first change, so a change of a watch that is not
 * known here belongs to one that was ended: it is passed over. */
#ifndef BOBBIN_CLIENT_WATCHES_H
#define BOBBIN_CLIENT_WATCHES_H

#include <sys/queue.h>

#include "failure.h"
#include "protocol/message.h"

/* Bytes of changes that may wait, unless told otherwise. */
#define WATCHES_LIMIT ((size_t)16 << 20)

struct watch;
struct change;

struct watches {
    LIST_HEAD(, watch) active;
    STAILQ_HEAD(, change) queue;     /* not taken yet, in the order received */
    size_t waiting;                  /* bytes that these take … */
    size_t limit;                    /* … and may take */
    bobbin_change_callback callback; /* NULL: changes wait for bobbin_next_change */
    void *arg;                       /* of the callback */
};

void watches_init(struct watches *w);
/* Forget all watches and changes; limit and callback stay. */
void watches_clear(struct watches *w);

/* A watch has begun. When memory is short it is ended again at the daemon. */
bobbin_status watches_begin(bobbin *b, uint64_t id, struct failure *f);
/* A watch is about to be ended by its owner: none of its changes is handed out any more. */
void watches_end(bobbin *b, uint64_t id);
/* Tell the daemon that a watch is not wanted. Nobody waits for its answer. */
void watches_refuse(bobbin *b, uint64_t id);
/* Take in a notification; a notify_fn whose owner is the handle. */
void watches_notify(void *owner, const struct message *notification);
/* Hand the changes that wait to the callback, if there is one. */
void watches_flush(bobbin *b);

#endif
