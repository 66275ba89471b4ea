#include <stdlib.h>
#include <string.h>

#include "client/runner/canonical.h"
#include "client/runner/wasi_kv.h"
#include "client/runner/wasi_kv_errors.h"
#include "protocol/limits.h"

/* Elements in the module's memory: string; tuple<string, list<u8>>; and of the result
 * tuple<string, option<list<u8>>>. */
enum { KEY_SIZE = 8, ENTRY_SIZE = 16, VALUE_SIZE = 20 };

/* A batch may come in parts: each has at most so many bytes, but for one entry alone, which leaves
 * room for the rest of the message. */
#define PART_BYTES (15u << 20)
_Static_assert(PART_BYTES < LIMIT_MESSAGE && LIMIT_VALUE < LIMIT_MESSAGE, "parts fit");

struct part {
    bobbin_entry *entries; /* LIMIT_MANY of them */
    bobbin_string *keys;   /* the same keys again, for what takes only those */
    size_t count;
    uint64_t bytes;
};

typedef bobbin_status (*part_send)(bobbin *b, const char *label, const struct part *p);

static bobbin_status send_entries(bobbin *b, const char *label, const struct part *p)
{
    return bobbin_set_many(b, label, p->entries, p->count, 0);
}

static bobbin_status send_keys(bobbin *b, const char *label, const struct part *p)
{
    return bobbin_delete_many(b, label, p->keys, p->count);
}

/* Room for one part; false: out of memory. */
static bool part_init(struct part *p, uint32_t count)
{
    size_t room = count < LIMIT_MANY ? count : LIMIT_MANY;
    *p = (struct part){.entries = calloc(room + 1, sizeof(bobbin_entry)),
                       .keys = calloc(room + 1, sizeof(bobbin_string))};
    return p->entries && p->keys;
}

static void part_fini(struct part *p)
{
    free(p->entries);
    free(p->keys);
}

static bobbin_status part_flush(struct host *h, const char *label, struct part *p, part_send send)
{
    bobbin *b;
    if (p->count == 0)
        return BOBBIN_OK;
    bobbin_status status = stores_connection(h->stores, &b);
    if (!status) {
        status = send(b, label, p);
        stores_finished(h->stores, status);
    }
    p->count = 0;
    p->bytes = 0;
    return status;
}

static bool is_full(const struct part *p, uint64_t more)
{
    return p->count == LIMIT_MANY || (p->count > 0 && p->bytes + more > PART_BYTES);
}

static void part_add(struct part *p, const bobbin_entry *entry)
{
    p->entries[p->count] = *entry;
    p->keys[p->count++] = entry->key;
    p->bytes += entry->key.len + entry->value.len;
}

/* One element of the argument: a key, and if that is its size a value. */
static bobbin_entry read_entry(struct host *h, const uint8_t *element, uint32_t size)
{
    bobbin_entry entry = {0};
    uint32_t len;
    entry.key.data = canonical_string_at(h, element, &len);
    entry.key.len = len;
    if (size == ENTRY_SIZE) {
        len = host_load32(element + 12);
        entry.value.data = (char *)host_memory_or_trap(h, host_load32(element + 8), len);
        entry.value.len = len;
    }
    return entry;
}

/* Nothing here calls the module, so what was read from its memory stays. */
static void write_many(struct host *h, uint32_t bucket, const uint32_t list[2], uint32_t size,
                       uint32_t ret, part_send send)
{
    struct kv_call c = wasi_kv_call(h, ret);
    const char *label = wasi_kv_label(h, bucket);
    const uint8_t *element = canonical_list(h, list[0], list[1], size, 4);
    struct part p;
    bobbin_status status = BOBBIN_OK;
    if (!part_init(&p, list[1]))
        status = BOBBIN_NO_MEMORY;
    for (uint32_t i = 0; !status && i < list[1]; i++, element += size) {
        bobbin_entry entry = read_entry(h, element, size);
        if (is_full(&p, entry.key.len + entry.value.len))
            status = part_flush(h, label, &p, send);
        part_add(&p, &entry);
    }
    if (!status)
        status = part_flush(h, label, &p, send);
    part_fini(&p);
    kv_finish(&c, status);
}

void wasi_kv_set_many(struct host *h, uint32_t bucket, uint32_t entries, uint32_t count,
                      uint32_t ret)
{
    write_many(h, bucket, (uint32_t[]){entries, count}, ENTRY_SIZE, ret, send_entries);
}

void wasi_kv_delete_many(struct host *h, uint32_t bucket, uint32_t keys, uint32_t count,
                         uint32_t ret)
{
    write_many(h, bucket, (uint32_t[]){keys, count}, KEY_SIZE, ret, send_keys);
}

/* What get-many has read. The keys are copies: the module is called while the result is built. */
struct found {
    bobbin_string *keys;
    char *bytes; /* of the keys */
    size_t count;
    bobbin_values **parts; /* of LIMIT_MANY keys each, but for the last */
    size_t part_count;
    uint64_t size; /* of the result in the module's memory */
};

static void found_fini(struct found *f)
{
    for (size_t i = 0; i < f->part_count; i++)
        bobbin_values_free(f->parts[i]);
    free(f->parts);
    free(f->keys);
    free(f->bytes);
}

/* How many bytes the keys have; UINT64_MAX if they alone are more than a result may have. */
static uint64_t measure_keys(const uint8_t *element, uint32_t count)
{
    uint64_t size = (uint64_t)count * VALUE_SIZE, bytes = 0;
    for (uint32_t i = 0; i < count && size + bytes <= KV_RESULT_MAX; i++, element += KEY_SIZE)
        bytes += host_load32(element + 4);
    return size + bytes > KV_RESULT_MAX ? UINT64_MAX : bytes;
}

static bobbin_status copy_keys(struct host *h, const uint8_t *element, uint32_t count,
                               struct found *f)
{
    uint64_t bytes = measure_keys(element, count);
    if (bytes == UINT64_MAX) {
        f->size = UINT64_MAX;
        return BOBBIN_TOO_LARGE;
    }
    f->keys = calloc((size_t)count + 1, sizeof(*f->keys));
    f->parts = calloc(count / LIMIT_MANY + 1, sizeof(bobbin_values *));
    f->bytes = malloc(bytes + 1);
    if (!f->keys || !f->parts || !f->bytes)
        return BOBBIN_NO_MEMORY;
    char *next = f->bytes;
    for (; f->count < count; f->count++, element += KEY_SIZE) {
        uint32_t len;
        const char *key = canonical_string_at(h, element, &len);
        memcpy(next, key, len);
        f->keys[f->count] = (bobbin_string){next, len};
        next += len;
    }
    f->size = (uint64_t)count * VALUE_SIZE + bytes;
    return BOBBIN_OK;
}

static bobbin_status read_values(struct host *h, const char *label, struct found *f)
{
    for (size_t i = 0; i < f->count; i += LIMIT_MANY) {
        size_t many = f->count - i < LIMIT_MANY ? f->count - i : LIMIT_MANY;
        bobbin *b;
        bobbin_values *values;
        bobbin_status status = stores_connection(h->stores, &b);
        if (status)
            return status;
        status = bobbin_get_many(b, label, f->keys + i, many, &values);
        stores_finished(h->stores, status);
        if (status)
            return status;
        f->parts[f->part_count++] = values;
        for (size_t k = 0; k < values->count; k++)
            f->size += values->values[k].len;
        if (f->size > KV_RESULT_MAX)
            return BOBBIN_TOO_LARGE;
    }
    return BOBBIN_OK;
}

static void answer_values(const struct kv_call *c, const struct found *f)
{
    struct host *h = c->h;
    uint32_t array = canonical_alloc(h, 4, (uint64_t)f->count * VALUE_SIZE);
    for (size_t i = 0; i < f->count; i++) {
        const bobbin_string *value = &f->parts[i / LIMIT_MANY]->values[i % LIMIT_MANY];
        uint32_t key_at = canonical_copy(h, f->keys[i].data, f->keys[i].len);
        uint32_t value_at = value->data ? canonical_copy(h, value->data, value->len) : 0;
        uint8_t *element = host_memory_or_trap(h, array + (uint32_t)i * VALUE_SIZE, VALUE_SIZE);
        memset(element, 0, VALUE_SIZE);
        canonical_store_pair(element, key_at, f->keys[i].len);
        element[8] = value->data != NULL;
        if (value->data)
            canonical_store_pair(element + 12, value_at, value->len);
    }
    canonical_store_pair(kv_ok(c) + KV_PAYLOAD, array, f->count);
}

void wasi_kv_get_many(struct host *h, uint32_t bucket, uint32_t keys, uint32_t count, uint32_t ret)
{
    struct kv_call c = wasi_kv_call(h, ret);
    const char *label = wasi_kv_label(h, bucket);
    struct found f = {0};
    bobbin_status status = copy_keys(h, canonical_list(h, keys, count, KEY_SIZE, 4), count, &f);
    if (!status)
        status = read_values(h, label, &f);
    if (status == BOBBIN_TOO_LARGE && f.size > KV_RESULT_MAX)
        kv_fail_text(&c, KV_RESULT_TEXT);
    else if (status)
        kv_fail(&c, status);
    else
        answer_values(&c, &f);
    found_fini(&f);
}
