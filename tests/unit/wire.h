/* Material for tests of the wire: MessagePack values of every type and size class, random values,
 * and memory that cannot be overrun. Everything is made by msgpack-c, never by the code under test.
 */
#ifndef BOBBIN_TESTS_WIRE_H
#define BOBBIN_TESTS_WIRE_H

#include <stddef.h>
#include <stdint.h>

#include "protocol/buffer.h"

/* A named value, encoded. */
struct wire_value {
    char name[40];
    struct buffer bytes;
};

#define WIRE_VALUES_MAX 128

/* Scalars, strings, bytes, extensions, arrays and maps at every boundary of MessagePack's size
 * classes, also in encodings longer than needed. */
struct wire_values {
    size_t count;
    struct wire_value value[WIRE_VALUES_MAX];
};

void wire_values_init(struct wire_values *v);
void wire_values_fini(struct wire_values *v);

/* `value` as the only element of an array: the smallest message that holds it. */
void wire_message_of(const struct wire_value *value, struct buffer *ret);

/* A random number generator whose seed is printed, or taken from $BOBBIN_TEST_SEED. */
struct wire_random {
    uint64_t state;
};

void wire_random_init(struct wire_random *r, const char *test);
uint64_t wire_random_below(struct wire_random *r, uint64_t bound);
/* Append a random array, nested at most `depth` deep (at least 1). */
void wire_random_message(struct wire_random *r, unsigned depth, struct buffer *ret);
/* Append `len` bytes that look like MessagePack often enough to get somewhere. */
void wire_random_garbage(struct wire_random *r, size_t len, struct buffer *ret);

/* Memory in front of a page that may not be touched: reading one byte too many is a crash. */
struct wire_guard {
    uint8_t *base;
    size_t size; /* usable bytes */
};

void wire_guard_init(struct wire_guard *g, size_t size);
void wire_guard_fini(struct wire_guard *g);
/* Copy the bytes to where the last of them is the last that may be read; returns the first. */
const uint8_t *wire_guard_put(struct wire_guard *g, const void *bytes, size_t len);

#endif
