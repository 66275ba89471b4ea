/* The daemon's end of a connection under test, answering what the test says. Messages are written
 * as text: nil true false 12 "str" b"bin" [a, b] {k: v}, without escapes. */
#ifndef BOBBIN_TESTS_CLIENT_PEER_H
#define BOBBIN_TESTS_CLIENT_PEER_H

#include <pthread.h>

#include "bobbin.h"
#include "protocol/buffer.h"
#include "protocol/message.h"

/* Append the value that the text stands for. */
void peer_encode(struct buffer *b, const char *text);
/* The value at the reader as text, to be freed. */
char *peer_decode(struct reader *r);

#define PEER_SESSION                                                                               \
    "{\"server\": \"bobbind\", \"version\": \"1.2.3\", \"protocol\": 1, \"app\": nil, "            \
    "\"component\": nil, \"stores\": [], \"limits\": {}}"

/* A connection of which the test holds both ends. */
struct peer {
    int fd;      /* the daemon's end */
    bobbin *b;   /* the client, or NULL */
    uint32_t id; /* of the last request answered; hello is 1 */
};

/* A pair of sockets: the daemon's end in p->fd, the client's returned. */
int peer_pair(struct peer *p);
/* A connected client that has been greeted. */
void peer_setup(struct peer *p);
void peer_teardown(struct peer *p);

/* Write bytes, or the text of a message, for the client to find. */
void peer_write(struct peer *p, const void *bytes, size_t len);
void peer_send(struct peer *p, const char *message);
/* Answer the client's next request with this result or error. */
void peer_result(struct peer *p, const char *result);
void peer_error(struct peer *p, const char *code, const char *text);
/* Read one request; its text, to be freed. */
char *peer_request(struct peer *p);
/* Read one request and compare its method and params, as [method, params]. */
void peer_expect(struct peer *p, const char *call);

/* A daemon in a thread, for what needs two sides at once. It greets; the other requests go to
 * `handle`, which appends answers to `out`. */
struct server {
    pthread_t thread;
    int fd;
    size_t step; /* write so many bytes at a time; 0: all */
    void (*handle)(const struct message *m, struct buffer *out);
};

/* Start it; the client's end is returned. */
int server_start(struct server *s);
/* Wait until it has seen the client's end closed. */
void server_join(struct server *s);

#endif
