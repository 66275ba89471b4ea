/* The daemon's Unix socket: binds it, accepts, finds out who the peer is. */
#ifndef BOBBIN_DAEMON_LISTENER_H
#define BOBBIN_DAEMON_LISTENER_H

#include <stdbool.h>
#include <uv.h>

#include "protocol/errors.h"
#include "protocol/reader.h"

struct server;

struct listener {
    struct server *server;
    uv_pipe_t pipe;
    char *path;     /* where it is bound; owned */
    bool listening; /* until listener_stop */
    uv_pipe_t refused; /* one that there is no memory for, on its way out … */
    bool refusing;     /* … if so */
    bool refuse_next;  /* and one more waits behind it */
    bool given;     /* by the service manager, whose it stays */
};

/* Listen at a socket that the service manager has opened, if `given` is one and not 0; it stays open. Else
 * bind and listen. A socket file that nobody answers at is replaced; one that somebody answers at is
 * an error. Makes the socket's directory when it is not there. */
int listener_start(struct listener *l, struct server *server, const char *path, int given,
                   struct error *e);
/* Go on listening on a socket of the daemon before, which was bound there; `given` as it was. 0 or an
 * ERR_… code. */
int listener_adopt(struct listener *l, struct server *server, int fd, struct slice path,
                   bool given);
int listener_fd(const struct listener *l);
/* Stop accepting and unlink the socket, unless it was given. No effect when it is not listening. */
void listener_stop(struct listener *l);

#endif
