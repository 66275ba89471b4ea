/* What one peer may take from the others: its app's share of a turn of the loop, time to read and to send,
 * and memory for answers that nobody reads. On the loop's thread. */
#ifndef BOBBIN_DAEMON_CONN_SHARE_H
#define BOBBIN_DAEMON_CONN_SHARE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct conn;
struct server;

/* What was found when somebody looked whether a peer keeps the daemon waiting. */
struct conn_look {
    uint64_t since_ms; /* by the loop's clock: nothing has moved since; 0: it does not wait */
    uint64_t written;  /* conn->written and conn->handed of then */
    uint64_t handed;
};

/* Where more than one app is in use: whether the connection's app has anything left of this turn. If not,
 * the connection goes on in a later one, behind all that wait for that, and is not read meanwhile. Always
 * where it is alone. */
bool conn_share_left(struct conn *c);
/* Note what was done for it, in bytes. */
void conn_share_take(struct conn *c, size_t bytes);
/* A turn begins: wake those that were put off. */
void conn_share_next_turn(struct server *s);

/* What its unread answers hold has changed. May not close the connection. */
void conn_share_account(struct conn *c);
/* At the end of a turn: while all of them hold too much, close the connection that holds most, of the app that
 * holds most. */
void conn_share_shed(struct server *s);

/* Once a second: note which apps are in use, and close connections whose peer has neither read nor sent
 * for too long what it should. */
void conn_share_tick(struct server *s);

#endif
