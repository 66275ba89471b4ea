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

/* Two digits at a time: this is on the path of every request. */
void key_write(uint8_t *to, enum op op, uint64_t number)
{
    static const char pairs[] = "00010203040506070809101112131415161718192021222324"
                                "25262728293031323334353637383940414243444546474849"
                                "50515253545556575859606162636465666768697071727374"
                                "75767778798081828384858687888990919293949596979899";
    memcpy(to, op == OP_INCREMENT ? "num:" : "key:", 4);
    for (unsigned i = KEY_LEN; i > 4; i -= 2) {
        memcpy(to + i - 2, pairs + number % 100 * 2, 2);
        number /= 100;
    }
}
