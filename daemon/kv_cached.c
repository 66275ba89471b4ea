#include "daemon/kv_cached.h"

#include "daemon/app.h"
#include "daemon/conn.h"
#include "protocol/limits.h"
#include "protocol/message.h"

bool kv_cached_may(const struct conn *c, unsigned before)
{
    return c->inflight == before && c->state == CONN_OPEN;
}

struct kv_name kv_cached_name(const struct conn *c, const struct op *op, struct slice key)
{
    struct siphash label = cache_label_hash(c->app->cache, op->label);
    return (struct kv_name){op->label_rule, cache_key_hash(&label, key), op->label, key,
                            op->want_commit};
}

/* A label that is not granted is good if the file holds it: one of its entries proves that, that there
 * is no such entry does not. */
static enum cache_answer kv_look(const struct conn *c, const struct kv_name *n, struct slice *ret)
{
    enum cache_answer answer = CACHE_UNKNOWN;
    if (n->rule != LABEL_REFUSED)
        answer = cache_look(c->app->cache, n->hash, n->label, n->key, ret);
    return answer == CACHE_ABSENT && n->rule != LABEL_GRANTED ? CACHE_UNKNOWN : answer;
}

/* The longer shape of a response. What the cache holds is the state behind that very commit. */
static void kv_write_with_commit(struct conn *c, uint32_t id, const struct slice *value,
                                 bool found)
{
    msgpack_packer pk;
    message_write_result(&c->out, id);
    pack_init(&pk, &c->out);
    msgpack_pack_array(&pk, 2);
    if (value && found)
        pack_slice_bin(&pk, *value);
    else if (value)
        msgpack_pack_nil(&pk);
    else if (found)
        msgpack_pack_true(&pk);
    else
        msgpack_pack_false(&pk);
    msgpack_pack_uint64(&pk, batcher_last_commit(c->app->batcher));
}

bool kv_cached_get(struct conn *c, uint32_t id, const struct kv_name *name)
{
    struct slice value;
    enum cache_answer answer = kv_look(c, name, &value);
    cache_note(c->app->cache, answer != CACHE_UNKNOWN);
    if (answer == CACHE_UNKNOWN)
        return false;
    if (name->with_commit)
        kv_write_with_commit(c, id, &value, answer == CACHE_VALUE);
    else if (answer == CACHE_VALUE)
        message_write_bin(&c->out, id, value);
    else
        message_write_nil(&c->out, id);
    return true;
}

bool kv_cached_exists(struct conn *c, uint32_t id, const struct kv_name *name)
{
    struct slice value;
    enum cache_answer answer = kv_look(c, name, &value);
    cache_note(c->app->cache, answer != CACHE_UNKNOWN);
    if (answer == CACHE_UNKNOWN)
        return false;
    if (name->with_commit)
        kv_write_with_commit(c, id, NULL, answer == CACHE_VALUE);
    else
        message_write_bool(&c->out, id, answer == CACHE_VALUE);
    return true;
}

/* One of its keys: false when it is not known, or the result would be longer than one may be. */
static bool kv_cached_one(struct conn *c, const struct op *op, struct slice key, size_t start)
{
    const struct kv_name name = kv_cached_name(c, op, key);
    struct slice value;
    msgpack_packer pk;
    enum cache_answer answer = kv_look(c, &name, &value);
    pack_init(&pk, &c->out);
    if (answer == CACHE_VALUE && c->out.len - start + value.len <= LIMIT_RESULT)
        pack_slice_bin(&pk, value);
    else if (answer == CACHE_ABSENT)
        msgpack_pack_nil(&pk);
    else
        return false;
    return true;
}

bool kv_cached_get_many(struct conn *c, uint32_t id, const struct op *op)
{
    size_t before = c->out.len;
    struct reader items = op->items;
    struct slice key = {0};
    msgpack_packer pk;
    bool all = true;
    size_t start;
    message_write_result(&c->out, id);
    start = c->out.len;
    pack_init(&pk, &c->out);
    if (op->want_commit)
        msgpack_pack_array(&pk, 2);
    msgpack_pack_array(&pk, op->item_count);
    for (uint32_t i = 0; i < op->item_count && all; i++) {
        reader_str(&items, &key);
        all = kv_cached_one(c, op, key, start);
    }
    if (op->want_commit)
        msgpack_pack_uint64(&pk, batcher_last_commit(c->app->batcher));
    /* Where none is asked for, the label is still to be looked at, and what the cache holds does not prove
     * that the store is open and its number known. */
    all = all && (op->item_count || (op->label_rule == LABEL_GRANTED && !op->want_commit));
    cache_note(c->app->cache, all);
    if (!all && !c->out.failed)
        c->out.len = before;
    return all;
}
