#include "daemon/cache_feed.h"

#include "protocol/limits.h"

/* Whoever made the op has validated every element. */
static struct slice feed_str(struct reader *r)
{
    struct slice s = {0};
    reader_str(r, &s);
    return s;
}

static void feed_get(struct cache_space *s, const struct op *op)
{
    struct reader r = reader_of(op->result.data, op->result.len);
    struct slice value;
    if (!op->lasting)
        cache_remove(s, op->label, op->key);
    else if (!reader_bytes(&r, &value))
        cache_put(s, op->label, op->key, value);
    else
        cache_put_absent(s, op->label, op->key);
}

/* That it is there says nothing of its value. */
static void feed_exists(struct cache_space *s, const struct op *op)
{
    struct reader r = reader_of(op->result.data, op->result.len);
    bool found = true;
    if (op->lasting && !reader_bool(&r, &found) && !found)
        cache_put_absent(s, op->label, op->key);
}

static void feed_get_many(struct cache_space *s, const struct op *op)
{
    struct reader r = reader_of(op->result.data, op->result.len);
    struct reader keys = op->items;
    uint32_t count = 0;
    if (!op->lasting || reader_array(&r, &count))
        return;
    for (uint32_t i = 0; i < count; i++) {
        struct slice key = feed_str(&keys);
        struct slice value;
        if (reader_nil(&r) == 0)
            cache_put_absent(s, op->label, key);
        else if (reader_bytes(&r, &value) == 0)
            cache_put(s, op->label, key, value);
    }
}

static void feed_value(struct cache_space *s, const struct op *op, struct slice key,
                       struct slice value)
{
    if (op->ttl_ms)
        cache_remove(s, op->label, key);
    else
        cache_put(s, op->label, key, value);
}

static void feed_set_many(struct cache_space *s, const struct op *op)
{
    struct reader items = op->items;
    for (uint32_t i = 0; i < op->item_count; i++) {
        struct slice key, value = {0};
        uint32_t two;
        reader_array(&items, &two);
        key = feed_str(&items);
        reader_bytes(&items, &value);
        feed_value(s, op, key, value);
    }
}

static void feed_delete_many(struct cache_space *s, const struct op *op)
{
    struct reader items = op->items;
    for (uint32_t i = 0; i < op->item_count; i++)
        cache_put_absent(s, op->label, feed_str(&items));
}

/* It leaves the entry's time to live as it is: of an entry that is known there is none. */
static void feed_increment(struct cache_space *s, const struct op *op)
{
    struct reader r = reader_of(op->result.data, op->result.len);
    struct slice old;
    char value[8];
    int64_t number;
    if (cache_get(s, op->label, op->key, &old) != CACHE_VALUE || reader_int(&r, &number)) {
        cache_remove(s, op->label, op->key);
        return;
    }
    for (unsigned i = 0; i < sizeof value; i++)
        value[i] = (char)((uint64_t)number >> 8 * i);
    cache_put(s, op->label, op->key, (struct slice){value, sizeof value});
}

/* [true, nil], or [false, what is there]: in either case something is known. */
static void feed_swap(struct cache_space *s, const struct op *op)
{
    struct reader r = reader_of(op->result.data, op->result.len);
    uint32_t two;
    bool swapped;
    if (reader_array(&r, &two) || reader_bool(&r, &swapped))
        cache_remove(s, op->label, op->key);
    else if (swapped)
        feed_value(s, op, op->key, op->value);
}

/* Each is ["set", key, …], ["delete", key] or ["increment", key, …]. */
static void feed_atomic(struct cache_space *s, const struct op *op)
{
    struct reader items = op->items;
    for (uint32_t i = 0; i < op->item_count; i++) {
        uint32_t count = 0;
        reader_array(&items, &count);
        reader_skip(&items);
        cache_remove(s, op->label, feed_str(&items));
        while (count-- > 2)
            reader_skip(&items);
    }
}

void cache_feed(struct cache_space *s, const struct op *op)
{
    if (op->status)
        return;
    switch (op->kind) {
    case OP_GET:
        feed_get(s, op);
        break;
    case OP_EXISTS:
        feed_exists(s, op);
        break;
    case OP_GET_MANY:
        feed_get_many(s, op);
        break;
    case OP_SET:
        feed_value(s, op, op->key, op->value);
        break;
    case OP_DELETE:
        cache_put_absent(s, op->label, op->key);
        break;
    case OP_SET_MANY:
        feed_set_many(s, op);
        break;
    case OP_DELETE_MANY:
        feed_delete_many(s, op);
        break;
    case OP_INCREMENT:
        feed_increment(s, op);
        break;
    case OP_SWAP:
        feed_swap(s, op);
        break;
    case OP_ATOMIC:
        feed_atomic(s, op);
        break;
    case OP_LABELS:
    case OP_TTL:
    case OP_KEYS:
    case OP_ENTRIES:
    case OP_COUNT:
    case OP_CHANGES:
    case OP_STATS:
    case OP_KIND_COUNT:
        break;
    }
}
