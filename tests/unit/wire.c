#include "tests/unit/wire.h"

#include <msgpack/pack.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

/* Bytes for strings and such; letters, so that they are UTF-8. */
static const char *filler(size_t len)
{
    static char bytes[70000];
    if (len > sizeof(bytes))
        abort();
    memset(bytes, 'x', sizeof(bytes));
    return bytes;
}

static struct wire_value *add(struct wire_values *v, msgpack_packer *pk, const char *kind,
                              long long n)
{
    if (v->count == WIRE_VALUES_MAX)
        abort();
    struct wire_value *value = &v->value[v->count++];
    snprintf(value->name, sizeof(value->name), "%s %lld", kind, n);
    buffer_init(&value->bytes);
    msgpack_packer_init(pk, &value->bytes, buffer_msgpack_write);
    return value;
}

static void add_integers(struct wire_values *v)
{
    static const int64_t numbers[] = {0,           1,         127,   128,    255,       256,
                                      32767,       32768,     65535, 65536,  INT32_MAX, UINT32_MAX,
                                      4294967296,  INT64_MAX, -1,    -31,    -32,       -33,
                                      -127,        -128,      -129,  -32768, -32769,    INT32_MIN,
                                      -2147483649, INT64_MIN};
    msgpack_packer pk;
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        add(v, &pk, "int", numbers[i]);
        msgpack_pack_int64(&pk, numbers[i]);
    }
    add(v, &pk, "uint64 max", -1);
    msgpack_pack_uint64(&pk, UINT64_MAX);
    add(v, &pk, "uint64 over int64 max", 1);
    msgpack_pack_uint64(&pk, (uint64_t)INT64_MAX + 1);

    /* Small numbers in every fixed width. */
    for (int n = -1; n <= 7; n += 8) {
        add(v, &pk, "int8", n);
        msgpack_pack_fix_int8(&pk, (int8_t)n);
        add(v, &pk, "int16", n);
        msgpack_pack_fix_int16(&pk, (int16_t)n);
        add(v, &pk, "int32", n);
        msgpack_pack_fix_int32(&pk, n);
        add(v, &pk, "int64", n);
        msgpack_pack_fix_int64(&pk, n);
    }
    add(v, &pk, "uint8", 7);
    msgpack_pack_fix_uint8(&pk, 7);
    add(v, &pk, "uint16", 7);
    msgpack_pack_fix_uint16(&pk, 7);
    add(v, &pk, "uint32", 7);
    msgpack_pack_fix_uint32(&pk, 7);
    add(v, &pk, "uint64", 7);
    msgpack_pack_fix_uint64(&pk, 7);
}

static void add_blobs(struct wire_values *v)
{
    static const size_t lengths[] = {0, 1, 2, 3, 4, 8, 16, 17, 31, 32, 33, 255, 256, 65535, 65536};
    msgpack_packer pk;
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        size_t n = lengths[i];
        add(v, &pk, "str", (long long)n);
        msgpack_pack_str(&pk, n);
        msgpack_pack_str_body(&pk, filler(n), n);
        add(v, &pk, "bin", (long long)n);
        msgpack_pack_bin(&pk, n);
        msgpack_pack_bin_body(&pk, filler(n), n);
        add(v, &pk, "ext", (long long)n);
        msgpack_pack_ext(&pk, n, (int8_t)-3);
        msgpack_pack_ext_body(&pk, filler(n), n);
    }
}

static void add_containers(struct wire_values *v)
{
    static const size_t counts[] = {0, 1, 15, 16, 255, 65535, 65536};
    msgpack_packer pk;
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        size_t n = counts[i];
        add(v, &pk, "array", (long long)n);
        msgpack_pack_array(&pk, n);
        for (size_t k = 0; k < n; k++)
            msgpack_pack_int(&pk, (int)(k % 200));
        add(v, &pk, "map", (long long)n);
        msgpack_pack_map(&pk, n);
        for (size_t k = 0; k < 2 * n; k++)
            msgpack_pack_int(&pk, (int)(k % 100));
    }
    add(v, &pk, "arrays and maps in one another", 0);
    msgpack_pack_array(&pk, 3);
    msgpack_pack_array(&pk, 0);
    msgpack_pack_map(&pk, 2);
    msgpack_pack_str(&pk, 1);
    msgpack_pack_str_body(&pk, "k", 1);
    msgpack_pack_array(&pk, 1);
    msgpack_pack_map(&pk, 0);
    msgpack_pack_nil(&pk);
    msgpack_pack_double(&pk, 0.5);
    msgpack_pack_true(&pk);
}

void wire_values_init(struct wire_values *v)
{
    msgpack_packer pk;
    *v = (struct wire_values){0};
    add(v, &pk, "nil", 0);
    msgpack_pack_nil(&pk);
    add(v, &pk, "false", 0);
    msgpack_pack_false(&pk);
    add(v, &pk, "true", 0);
    msgpack_pack_true(&pk);
    add(v, &pk, "float", 1);
    msgpack_pack_float(&pk, 1.5f);
    add(v, &pk, "double", 1);
    msgpack_pack_double(&pk, 1.1);
    add_integers(v);
    add_blobs(v);
    add_containers(v);
}

void wire_values_fini(struct wire_values *v)
{
    for (size_t i = 0; i < v->count; i++)
        buffer_fini(&v->value[i].bytes);
    v->count = 0;
}

void wire_message_of(const struct wire_value *value, struct buffer *ret)
{
    buffer_clear(ret);
    buffer_append(ret, "\x91", 1);
    buffer_append(ret, value->bytes.data, value->bytes.len);
}

void wire_random_init(struct wire_random *r, const char *test)
{
    const char *given = getenv("BOBBIN_TEST_SEED");
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    r->state = given != NULL ? strtoull(given, NULL, 0)
                             : (uint64_t)now.tv_sec * 1000000007u ^ (uint64_t)now.tv_nsec;
    r->state |= 1; /* xorshift never leaves zero */
    printf("%s: BOBBIN_TEST_SEED=0x%llx\n", test, (unsigned long long)r->state);
    fflush(stdout);
}

uint64_t wire_random_below(struct wire_random *r, uint64_t bound)
{
    r->state ^= r->state << 13;
    r->state ^= r->state >> 7;
    r->state ^= r->state << 17;
    return (r->state * UINT64_C(0x2545f4914f6cdd1d) >> 16) % bound;
}

/* Mostly short, sometimes beyond a size class. */
static size_t random_length(struct wire_random *r)
{
    return wire_random_below(r, 20) == 0 ? wire_random_below(r, 700) : wire_random_below(r, 40);
}

static void random_scalar(struct wire_random *r, msgpack_packer *pk)
{
    size_t n = random_length(r);
    int64_t number = (int64_t)(wire_random_below(r, UINT64_MAX) << wire_random_below(r, 2) >>
                               wire_random_below(r, 64));
    switch (wire_random_below(r, 9)) {
    case 0:
        msgpack_pack_nil(pk);
        break;
    case 1:
        msgpack_pack_true(pk);
        break;
    case 2:
        msgpack_pack_double(pk, (double)number / 3);
        break;
    case 3:
        msgpack_pack_uint64(pk, (uint64_t)number);
        break;
    case 4:
        msgpack_pack_int64(pk, number);
        break;
    case 5:
        msgpack_pack_int64(pk, -number);
        break;
    case 6:
        msgpack_pack_str(pk, n);
        msgpack_pack_str_body(pk, filler(n), n);
        break;
    case 7:
        msgpack_pack_bin(pk, n);
        msgpack_pack_bin_body(pk, filler(n), n);
        break;
    default:
        msgpack_pack_ext(pk, n, 5);
        msgpack_pack_ext_body(pk, filler(n), n);
    }
}

/* `budget` bounds the elements of the whole message. */
static void random_value(struct wire_random *r, msgpack_packer *pk, unsigned depth, size_t *budget)
{
    uint64_t kind = wire_random_below(r, 4);
    size_t count =
        wire_random_below(r, 15) == 0 ? wire_random_below(r, 40) : wire_random_below(r, 5);
    if (depth == 0 || kind < 2 || *budget < 2 * count) {
        random_scalar(r, pk);
        return;
    }
    *budget -= 2 * count;
    if (kind == 2)
        msgpack_pack_array(pk, count);
    else
        msgpack_pack_map(pk, count);
    for (size_t i = 0; i < count * (kind - 1); i++)
        random_value(r, pk, depth - 1, budget);
}

void wire_random_message(struct wire_random *r, unsigned depth, struct buffer *ret)
{
    msgpack_packer pk;
    size_t budget = 200;
    size_t count = wire_random_below(r, 20);
    msgpack_packer_init(&pk, ret, buffer_msgpack_write);
    msgpack_pack_array(&pk, count);
    for (size_t i = 0; i < count; i++)
        random_value(r, &pk, depth - 1, &budget);
}

void wire_random_garbage(struct wire_random *r, size_t len, struct buffer *ret)
{
    static const uint8_t leads[] = {0x80, 0x81, 0x90, 0x92, 0x94, 0xa3, 0xc0, 0xc4, 0xc5,
                                    0xc6, 0xc7, 0xc9, 0xcb, 0xcf, 0xd3, 0xd4, 0xd8, 0xd9,
                                    0xda, 0xdb, 0xdc, 0xdd, 0xde, 0xdf, 0x00, 0x01, 0x02};
    for (size_t i = 0; i < len; i++) {
        uint8_t byte = (uint8_t)wire_random_below(r, 256);
        if (wire_random_below(r, 3) > 0)
            byte = leads[wire_random_below(r, sizeof(leads))];
        buffer_append(ret, &byte, 1);
    }
}

void wire_guard_init(struct wire_guard *g, size_t size)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    g->size = (size + page - 1) / page * page;
    g->base =
        mmap(NULL, g->size + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (g->base == MAP_FAILED || mprotect(g->base + g->size, page, PROT_NONE) != 0)
        abort();
}

void wire_guard_fini(struct wire_guard *g)
{
    munmap(g->base, g->size + (size_t)sysconf(_SC_PAGESIZE));
}

const uint8_t *wire_guard_put(struct wire_guard *g, const void *bytes, size_t len)
{
    if (len > g->size)
        abort();
    if (len > 0)
        memcpy(g->base + g->size - len, bytes, len);
    return g->base + g->size - len;
}
