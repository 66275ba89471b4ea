/* The bytes of a connection: read, cut into messages, handed on; and the answers written. Nobody but
 * conn.c includes this. */
#ifndef BOBBIN_DAEMON_CONN_IO_H
#define BOBBIN_DAEMON_CONN_IO_H

#include "daemon/conn.h"

/* At the turn's end, on one that is not closed: hand on what had to wait, write what is to be written,
 * close where nothing more is to come. May close the connection. */
void conn_io_run(struct conn *c);

/* Give what is parked back to the batcher, if the peer has room for it by now. */
void conn_unpark(struct conn *c);

/* In conn.c. */
void conn_move(struct conn *c, enum conn_state state);

#endif
