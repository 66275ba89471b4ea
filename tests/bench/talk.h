/* Blocking conversation over a Unix socket, for what comes before and behind a load. */
#ifndef BOBBIN_BENCH_TALK_H
#define BOBBIN_BENCH_TALK_H

#include "protocol/buffer.h"
#include "protocol/errors.h"

/* A connected socket, the caller's to close; waits are bounded by TALK_SECONDS. */
#define TALK_SECONDS 60
int talk_connect(const char *socket_path, int *ret_fd, struct error *e);
int talk_send(int fd, const void *bytes, size_t n, struct error *e);
/* Append what comes next; a peer that ends is an error. */
int talk_receive(int fd, struct buffer *b, struct error *e);

/* One call of Bobbin's with n strings for its params. */
int bobbin_call(int fd, const char *method, const char *const params[], unsigned n,
                struct error *e);

#endif
