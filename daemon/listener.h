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
};

/* Bind and listen. A socket file that nobody answers at is replaced; one that somebody answers at is
 * an error. Makes the socket's directory when it is not there. */
int listener_start(struct listener *l, struct server *server, const char *path, struct error *e);
/* Go on listening on a socket of the daemon before, which was bound there. 0 or an ERR_… code. */
int listener_adopt(struct listener *l, struct server *server, int fd, struct slice path);
int listener_fd(const struct listener *l);
/* Stop accepting and unlink the socket. No effect when it is not listening. */
void listener_stop(struct listener *l);

#endif
