/* watch, unwatch: params, and the place in the order of commits at which a watch begins. */
#include "daemon/app.h"
#include "daemon/batcher.h"
#include "daemon/conn.h"
#include "daemon/dispatch.h"
#include "daemon/kv_params.h"
#include "daemon/options_map.h"
#include "daemon/server.h"
#include "daemon/watch.h"
#include "protocol/limits.h"

struct watch_options {
    struct slice key;    /* data NULL: not there */
    struct reader keys;  /* pos NULL: not there */
    struct slice prefix; /* data NULL: not there */
    bool values;
    uint64_t since;
    struct slice list[LIMIT_WATCH_KEYS];
};

/* The answer goes out before the first notification. */
static void watch_on_changes(struct op *op)
{
    struct request *r = container_of(op, struct request, op);
    struct watch *w = r->detail;
    struct buffer replay = op->result;
    uint64_t commit = op->commit;
    struct buffer id;
    msgpack_packer pk;
    if (op->status) {
        watch_free(w);
        request_fail(r, op->status, op->error);
        return;
    }
    buffer_init(&op->result);
    buffer_init(&id);
    pack_init(&pk, &id);
    msgpack_pack_uint64(&pk, watch_id(w));
    request_reply_packed(r, &id);
    watch_begin(w, &replay, commit);
    buffer_fini(&id);
    buffer_fini(&replay);
}

static int watch_read_keys(struct request *r, struct watch_options *o, struct watch_filter *f,
                           struct error *e)
{
    uint32_t count = 0;
    int rc = kv_read_array(r, &o->keys, "keys", LIMIT_WATCH_KEYS, &count, e);
    for (uint32_t i = 0; i < count && !rc; i++) {
        struct kv_place place = kv_place("key", i, NULL);
        rc = kv_read_written_key(r, &o->keys, place.text, &o->list[i], e);
    }
    if (!rc && !count)
        rc = error_set(e, ERR_INVALID_REQUEST, "watch: option 'keys' is empty");
    f->keys = o->list;
    f->key_count = count;
    return rc;
}

static int watch_check_text(const struct request *r, const char *name, struct slice text,
                            struct error *e)
{
    unsigned most = r->conn->server->options.limits.key;
    if (!utf8_valid(text.data, text.len))
        return error_set(e, ERR_INVALID_REQUEST, "watch: option '%s' is not valid UTF-8", name);
    if (text.len > most)
        return error_set(e, ERR_TOO_LARGE, "watch: option '%s' exceeds limit of %u bytes", name,
                         most);
    return 0;
}

static int watch_read_filter(struct request *r, struct watch_options *o, struct watch_filter *f,
                             struct error *e)
{
    int given = (o->key.data != NULL) + (o->keys.pos != NULL) + (o->prefix.data != NULL);
    if (given > 1)
        return error_set(e, ERR_INVALID_REQUEST,
                         "watch: only one of the options 'key', 'keys' and 'prefix' may be given");
    f->values = o->values;
    if (o->keys.pos)
        return watch_read_keys(r, o, f, e);
    if (o->key.data) {
        f->keys = &o->key;
        f->key_count = 1;
        return watch_check_text(r, "key", o->key, e);
    }
    f->prefix = o->prefix;
    return watch_check_text(r, "prefix", o->prefix, e);
}

int watch_start(struct request *r, struct error *e)
{
    struct watch_options o = {.since = OP_SINCE_NOW};
    const struct option_field fields[] = {
        {.name = "key", .type = OPTION_BYTES, .ret = &o.key},
        {.name = "keys", .type = OPTION_ARRAY, .ret = &o.keys},
        {.name = "prefix", .type = OPTION_BYTES, .ret = &o.prefix},
        {.name = "values", .type = OPTION_BOOL, .ret = &o.values},
        {.name = "since", .type = OPTION_UINT, .ret = &o.since},
    };
    struct watch_filter filter = {0};
    struct watch *w;
    int rc = kv_begin(r, OP_CHANGES, e);
    if (!rc && r->param_count > 1)
        rc = options_map_read(&r->params, "watch", fields, sizeof fields / sizeof *fields, e);
    if (!rc)
        rc = watch_read_filter(r, &o, &filter, e);
    filter.label = r->op.label;
    if (!rc)
        rc = watch_new(r->conn, &filter, &w, e);
    if (rc)
        return rc;
    r->detail = w;
    r->op.since = o.since;
    r->op.want_values = o.values;
    r->op.on_done = watch_on_changes;
    app_submit(r->conn->app, &r->op);
    return 0;
}

int watch_stop(struct request *r, struct error *e)
{
    struct buffer result;
    msgpack_packer pk;
    uint64_t id;
    if (reader_uint(&r->params, &id))
        return error_set(e, ERR_INVALID_REQUEST, "unwatch: watch id must be a number");
    buffer_init(&result);
    pack_init(&pk, &result);
    if (watch_end(r->conn, id))
        msgpack_pack_true(&pk);
    else
        msgpack_pack_false(&pk);
    request_reply_packed(r, &result);
    buffer_fini(&result);
    return 0;
}
