/* The null server: what any libuv server could reach at most. It counts bytes and does nothing
 * else. */
#ifndef BOBBIN_BENCH_ECHO_H
#define BOBBIN_BENCH_ECHO_H

#include <stddef.h>

#include "dialect.h"

#define ECHO_BYTE 'E'

/* The size of Bobbin's answer to such a request, as a load of that shape gets it. */
size_t echo_reply_len(enum op op, const struct shape *shape);

/* Serve on that socket until the process is killed: for every request_len bytes of a connection,
 * reply_len bytes. What one read brought is answered with one write. Returns only on failure, with
 * an exit status. */
int echo_serve(const char *socket_path, size_t request_len, size_t reply_len);

#endif
