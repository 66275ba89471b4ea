/* Keys and values: which key stands for which number, and values that tell whose they are. */
#ifndef BOBBIN_BENCH_KEYS_H
#define BOBBIN_BENCH_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "bench.h"

/* "key:000000000042", and "num:…" for what increments count. */
#define KEY_LEN 16u
#define VALUE_MAX (16u << 20)

/* A source of values: each begins with its key's number and a sequence number (as far as there is
 * room), so that no two are the same, and goes on with bytes from a pool of random ones. */
struct values {
    uint8_t *pool; /* owned, `len` + VALUES_SPARE bytes */
    size_t len;    /* of every value */
    uint64_t seq;  /* of the last value */
    uint64_t seed; /* state of the generator */
};

#define VALUES_SPARE 65536u

int values_init(struct values *v, size_t len, uint64_t seed, struct error *e);
void values_fini(struct values *v);

/* Write the key of a number, KEY_LEN bytes. */
void key_write(uint8_t *to, enum op op, uint64_t number);

static inline void values_write(struct values *v, uint8_t *to, uint64_t key)
{
    uint64_t head[2] = {key, ++v->seq};
    size_t own = v->len < sizeof head ? v->len : sizeof head;
    memcpy(to, v->pool + (bench_random(&v->seed) >> 48), v->len);
    memcpy(to, head, own);
}

/* Whether these bytes are a value of that length written for that key. */
static inline bool values_check(const uint8_t *bytes, size_t n, size_t len, uint64_t key)
{
    return n == len && !memcmp(bytes, &key, len < sizeof key ? len : sizeof key);
}

#endif
