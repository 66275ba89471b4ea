#include "keys.h"

#include <stdlib.h>

int values_init(struct values *v, size_t len, uint64_t seed, struct error *e)
{
    *v = (struct values){.len = len, .seed = seed * 2 + 1};
    v->pool = malloc(len + VALUES_SPARE);
    if (!v->pool)
        return error_set(e, ERR_OTHER, "out of memory");
    for (size_t i = 0; i < len + VALUES_SPARE; i++)
        v->pool[i] = (uint8_t)(bench_random(&v->seed) >> 56);
    /* Two runs on one server do not write the same values. */
    v->seq = bench_now();
    return 0;
}

void values_fini(struct values *v)
{
    free(v->pool);
    v->pool = NULL;
}

void key_write(uint8_t *to, enum op op, uint64_t number)
{
    memcpy(to, op == OP_INCREMENT ? "num:" : "key:", 4);
    for (unsigned i = KEY_LEN - 1; i >= 4; i--) {
        to[i] = (uint8_t)('0' + number % 10);
        number /= 10;
    }
}
