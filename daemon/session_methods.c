/* hello, ping, attach: who is who, and which app a connection is bound to. */
#include <stdlib.h>
#include <string.h>

#include "daemon/app.h"
#include "daemon/apps.h"
#include "daemon/conn.h"
#include "daemon/dispatch.h"
#include "daemon/server.h"
#include "protocol/limits.h"

int session_ping(struct request *r, struct error *e)
{
    static const uint8_t pong[] = {0xa4, 'p', 'o', 'n', 'g'};
    struct buffer result = {.data = (uint8_t *)pong, .len = sizeof pong};
    (void)e;
    if (r->conn->process)
        component_heard_ping(r->conn->process);
    request_reply_packed(r, &result);
    return 0;
}

/* What holds in this daemon: some of the limits may have been configured. */
static uint64_t session_limit(const struct server_options *options, const char *name,
                              uint64_t number)
{
#define X(field, standard, least, most)                                                            \
    if (!strcmp(name, #field))                                                                     \
        return options->limits.field;
    LIMIT_SETTABLE_LIST(X)
#undef X
    return number;
}

static void session_pack_limits(msgpack_packer *pk, const struct server_options *options)
{
    const struct {
        const char *name;
        uint64_t number;
    } limits[] = {
#define X(name, number, what) {name, session_limit(options, name, number)},
        LIMIT_LIST(X)
#undef X
            {"quota_bytes", options->quota_bytes},
        {"quota_entries", options->quota_entries},
    };
    size_t count = sizeof limits / sizeof *limits;
    msgpack_pack_map(pk, count);
    for (size_t i = 0; i < count; i++) {
        pack_cstr(pk, limits[i].name);
        msgpack_pack_uint64(pk, limits[i].number);
    }
}

static void pack_cstr_or_nil(msgpack_packer *pk, const char *text)
{
    if (text)
        pack_cstr(pk, text);
    else
        msgpack_pack_nil(pk);
}

static int slice_compare(const void *a, const void *b)
{
    const struct slice *x = a;
    const struct slice *y = b;
    int order = memcmp(x->data, y->data, x->len < y->len ? x->len : y->len);
    return order ? order : (x->len > y->len) - (x->len < y->len);
}

static void session_pack_labels(msgpack_packer *pk, struct slice *labels, size_t count)
{
    size_t distinct = 0;
    qsort(labels, count, sizeof *labels, slice_compare);
    for (size_t i = 0; i < count; i++)
        if (!distinct || slice_compare(&labels[i], &labels[distinct - 1]))
            labels[distinct++] = labels[i];
    msgpack_pack_array(pk, distinct);
    for (size_t i = 0; i < distinct; i++)
        pack_slice_str(pk, labels[i]);
}

static size_t session_add_granted(struct slice *labels, size_t count, char *const *stores)
{
    for (; *stores; stores++)
        labels[count++] = (struct slice){*stores, strlen(*stores)};
    return count;
}

static size_t session_count_granted(const struct manifest *m)
{
    size_t count = 1;
    for (size_t i = 0; i < m->component_count; i++)
        for (char **store = m->components[i]->stores; *store; store++)
            count++;
    return count;
}

/* A person's labels: "default", what the manifest grants to any component, what the file holds. */
static size_t session_person_labels(const struct app *app, struct slice *labels,
                                    const struct buffer *held)
{
    static char *const standard[] = {"default", NULL};
    size_t count = session_add_granted(labels, 0, standard);
    struct reader r = reader_of(held->data, held->len);
    uint32_t held_count = 0;
    for (size_t i = 0; i < app->manifest->component_count; i++)
        count = session_add_granted(labels, count, app->manifest->components[i]->stores);
    if (reader_array(&r, &held_count))
        return count;
    while (held_count-- && !reader_str(&r, &labels[count]))
        count++;
    return count;
}

static int session_pack_stores(msgpack_packer *pk, const struct conn *c, const struct buffer *held)
{
    struct reader r = reader_of(held->data, held->len);
    uint32_t held_count = 0;
    struct slice *labels;
    size_t count;
    if (!c->app)
        return msgpack_pack_array(pk, 0);
    reader_array(&r, &held_count);
    labels = calloc(session_count_granted(c->app->manifest) + held_count + 1, sizeof *labels);
    if (!labels)
        return -1;
    count = c->component ? session_add_granted(labels, 0, c->component->stores)
                         : session_person_labels(c->app, labels, held);
    session_pack_labels(pk, labels, count);
    free(labels);
    return 0;
}

/* `held`: the labels of the file, packed; empty where nobody asked it. */
static void session_reply(struct request *r, const struct buffer *held)
{
    const struct conn *c = r->conn;
    struct buffer result;
    msgpack_packer pk;
    buffer_init(&result);
    pack_init(&pk, &result);
    msgpack_pack_map(&pk, 8);
    pack_cstr(&pk, "server");
    pack_cstr(&pk, "bobbind");
    pack_cstr(&pk, "version");
    pack_cstr(&pk, BOBBIN_VERSION);
    pack_cstr(&pk, "protocol");
    msgpack_pack_int(&pk, PROTOCOL_VERSION);
    pack_cstr(&pk, "app");
    pack_cstr_or_nil(&pk, c->app ? app_name(c->app) : NULL);
    pack_cstr(&pk, "component");
    pack_cstr_or_nil(&pk, c->component ? c->component->id : NULL);
    pack_cstr(&pk, "durability");
    pack_cstr_or_nil(&pk, c->app ? app_durability(c->app) : NULL);
    pack_cstr(&pk, "limits");
    session_pack_limits(&pk, &c->server->options);
    pack_cstr(&pk, "stores");
    if (session_pack_stores(&pk, c, held))
        result.failed = true;
    request_reply_packed(r, &result);
    buffer_fini(&result);
}

static void session_on_labels(struct op *op)
{
    struct request *r = container_of(op, struct request, op);
    if (op->status)
        request_fail(r, op->status, op->error);
    else
        session_reply(r, &op->result);
}

static int session_answer(struct request *r)
{
    struct conn *c = r->conn;
    static const struct buffer none;
    if (!c->app || c->component) {
        session_reply(r, &none);
        return 0;
    }
    op_init(&r->op, OP_LABELS, session_on_labels);
    app_submit(c->app, &r->op);
    return 0;
}

static int session_check_hello(struct request *r, struct error *e)
{
    uint32_t entries;
    if (reader_peek(&r->params) == READER_NIL)
        return 0;
    if (reader_map(&r->params, &entries))
        return error_set(e, ERR_INVALID_REQUEST, "hello: expected a map {client, protocol}");
    /* Unknown keys are passed over: a newer client says more about itself. */
    while (entries--) {
        struct slice key;
        uint64_t protocol = 0;
        if (reader_str(&r->params, &key))
            return error_set(e, ERR_INVALID_REQUEST, "hello: a key of the map is not a string");
        if (!slice_equals(key, "protocol"))
            reader_skip(&r->params);
        else if (reader_uint(&r->params, &protocol) || protocol != PROTOCOL_VERSION)
            return error_set(e, ERR_INVALID_REQUEST, "hello: this daemon speaks protocol %d only",
                             PROTOCOL_VERSION);
    }
    return 0;
}

int session_hello(struct request *r, struct error *e)
{
    int rc = r->param_count ? session_check_hello(r, e) : 0;
    if (rc)
        return rc;
    if (r->conn->process)
        component_heard_hello(r->conn->process);
    return session_answer(r);
}

int session_attach(struct request *r, struct error *e)
{
    struct conn *c = r->conn;
    struct slice name;
    struct app *app;
    int rc;
    if (reader_str(&r->params, &name))
        return error_set(e, ERR_INVALID_REQUEST, "attach: app must be a string");
    rc = apps_find(&c->server->apps, &c->peer, name, &app, e);
    if (rc)
        return rc;
    if (c->app && c->app != app)
        return error_set(e, ERR_INVALID_REQUEST,
                         "attach: the connection is bound to app '%s' already", app_name(c->app));
    rc = c->app ? 0 : app_check_room(app, e);
    if (rc)
        return rc;
    conn_bind(c, app);
    return session_answer(r);
}
