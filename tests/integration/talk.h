/* A connection that speaks the wire as readable texts: requests in notation.h's notation, what the
 * daemon sends as lines such as "result 5: nil" and "changed: [1, 7, 'a', 'set', nil]". */
#ifndef BOBBIN_TESTS_TALK_H
#define BOBBIN_TESTS_TALK_H

#include <stddef.h>
#include <stdint.h>

#include "harness.h"

struct talk {
    int fd;
    uint32_t id;       /* of the request that was sent last */
    struct buffer in;  /* received */
    size_t used;       /* of it, taken apart already */
    struct buffer out; /* requests that talk_flush sends */
    char *line;        /* what talk_next returned last */
};

/* Connect, failing the test when that fails; attached when `app` is not NULL. */
void talk_open(struct talk *t, struct harness *h, const char *app);
void talk_close(struct talk *t);

/* Queue a request; the params are printed into `format`. Returns its id. */
uint32_t talk_add(struct talk *t, const char *method, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void talk_flush(struct talk *t);

/* The next message, good until the next call: "result ID: VALUE", "error ID: CODE: TEXT" or
 * "METHOD: PARAMS"; NULL when the daemon has closed the connection. */
const char *talk_next(struct talk *t);
/* The next message as it is; its slices are good until the next call. False: closed. */
bool talk_receive(struct talk *t, struct message *ret);

/* Send one request and return its answer, which must come next: "VALUE" or "CODE: TEXT". */
const char *talk_ask(struct talk *t, const char *method, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
