/* The wire of a target: requests as templates with holes, answers taken apart strictly.
 *
 * All targets share the code that fills in templates, so that a request costs the same to make
 * whatever its protocol. */
#ifndef BOBBIN_BENCH_DIALECT_H
#define BOBBIN_BENCH_DIALECT_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "bench.h"
#include "keys.h"
#include "protocol/buffer.h"

/* One request with holes for the slot's number, the key and the value. */
struct template
{
    struct buffer bytes; /* owned */
    size_t id_at;        /* where the slot's number goes */
    size_t id_width;     /* 0: nowhere; 1; or 2, big-endian */
    size_t key_at;       /* where the key goes */
    size_t value_at;     /* where the value goes, if value_len is not 0 */
    size_t value_len;
};

enum reply_kind { REPLY_DONE, REPLY_VALUE, REPLY_NONE, REPLY_NUMBER, REPLY_ERROR };

struct reply {
    enum reply_kind kind;
    uint32_t id;         /* dialects that answer by id */
    const uint8_t *data; /* REPLY_VALUE: the bytes; REPLY_ERROR: the text */
    size_t len;
    int64_t number; /* REPLY_NUMBER */
};

/* What a dialect needs to know of the load. */
struct shape {
    unsigned depth;   /* requests in flight on a connection */
    size_t value_len; /* of every value */
};

#define DECODE_MORE 0
#define DECODE_BROKEN (-1)

struct dialect {
    const char *name;
    bool by_id;                /* answers come in any order; else in that of the requests */
    enum reply_kind set_reply; /* what answers a set that went well */
    /* Append the bytes of one request and say where the holes are. Failures stick in t->bytes. */
    void (*build)(struct template *t, enum op op, const struct shape *shape);
    /* Take one answer off the n bytes at p: how many bytes it has, or DECODE_…. `op` is that of the
     * oldest request in flight; a dialect that answers by id must not look at it. */
    ssize_t (*decode)(enum op op, const struct shape *shape, const uint8_t *p, size_t n,
                      struct reply *ret);
    /* Make a fresh, blocking connection ready, bound to an app where the target has some. */
    int (*greet)(int fd, const char *app, struct error *e);
};

extern const struct dialect dialect_bobbin, dialect_redis, dialect_echo, dialect_postgres;

int template_init(struct template *t, const struct dialect *d, enum op op,
                  const struct shape *shape, struct error *e);
void template_fini(struct template *t);

/* Append formatted text to a template under construction. */
void template_text(struct template *t, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Leave a hole for the key, for the value. */
void template_key(struct template *t);
void template_value(struct template *t, size_t len);

/* Write a request for `slot` and `key` to `to`, which has room for t->bytes.len. */
static inline void template_fill(const struct template *t, uint8_t *to, enum op op, uint32_t slot,
                                 uint64_t key, struct values *values)
{
    memcpy(to, t->bytes.data, t->bytes.len - t->value_len);
    if (t->id_width == 1) {
        to[t->id_at] = (uint8_t)slot;
    } else if (t->id_width == 2) {
        to[t->id_at] = (uint8_t)(slot >> 8);
        to[t->id_at + 1] = (uint8_t)slot;
    }
    key_write(to + t->key_at, op, key);
    if (t->value_len) {
        size_t tail = t->value_at + t->value_len;
        values_write(values, to + t->value_at, key);
        memcpy(to + tail, t->bytes.data + tail, t->bytes.len - tail);
    }
}

#endif
