/* A connection on its way from one daemon into the next: what came in and was not handed on, what
 * was to go out and is not written, and its watches. Nothing of it is under way. */
#include <string.h>
#include <unistd.h>

#include "daemon/app.h"
#include "daemon/conn.h"
#include "daemon/handover.h"
#include "daemon/log.h"
#include "daemon/request.h"
#include "daemon/server.h"
#include "daemon/watch.h"
#include "protocol/message.h"

static unsigned conn_parked_count(const struct conn *c)
{
    unsigned count = 0;
    for (const struct list *it = c->parked.next; it != &c->parked; it = it->next)
        count++;
    return count;
}

bool conn_is_settled(const struct conn *c, unsigned inflight)
{
    return c->state == CONN_CLOSED || c->inflight == inflight + conn_parked_count(c);
}

/* A request whose turn has not come is sent once more, in front of what came behind it. */
static void conn_save_parked(const struct conn *c, struct buffer *in)
{
    for (struct list *it = c->parked.next; it != &c->parked; it = it->next) {
        struct op *op = container_of(it, struct op, link);
        const struct request *r = container_of(op, struct request, op);
        msgpack_packer pk;
        message_write_request(in, r->id, method_table[r->method].name);
        pack_init(&pk, in);
        msgpack_pack_array(&pk, r->param_count);
        buffer_append(in, r->bytes, r->size);
    }
}

static void conn_put_buffer(struct handover_out *out, const struct buffer *b)
{
    if (b->failed)
        out->bytes.failed = true;
    pack_slice_bin(&out->pk, (struct slice){(const char *)b->data, b->len});
}

static void conn_save_in(const struct conn *c, struct handover_out *out)
{
    struct buffer in;
    buffer_init(&in);
    conn_save_parked(c, &in);
    if (c->taken < c->in.len)
        buffer_append(&in, c->in.data + c->taken, c->in.len - c->taken);
    conn_put_buffer(out, &in);
    buffer_fini(&in);
}

/* libuv has written a part of what it was given. */
static void conn_save_out(const struct conn *c, struct handover_out *out)
{
    size_t left = uv_stream_get_write_queue_size((const uv_stream_t *)&c->pipe);
    struct buffer unwritten;
    buffer_init(&unwritten);
    if (c->sending.len)
        buffer_append(&unwritten, c->sending.data + (c->sending.len - left), left);
    buffer_append(&unwritten, c->out.data, c->out.len);
    conn_put_buffer(out, &unwritten);
    buffer_fini(&unwritten);
}

static void conn_save_watches(const struct conn *c, struct handover_out *out)
{
    msgpack_pack_uint64(&out->pk, c->last_watch);
    msgpack_pack_array(&out->pk, c->watch_count);
    for (const struct list *it = c->watches.next; it != &c->watches; it = it->next)
        watch_pack_saved(watch_of(it), &out->pk);
}

void conn_save(const struct conn *c, struct handover_out *out)
{
    uv_os_fd_t fd = -1;
    uv_fileno((const uv_handle_t *)&c->pipe, &fd);
    msgpack_pack_array(&out->pk, 9);
    handover_put_fd(out, fd);
    pack_cstr(&out->pk, c->app ? c->app->directory.path : "");
    pack_cstr(&out->pk, c->component ? c->component->id : "");
    msgpack_pack_unsigned_int(&out->pk, c->process ? component_instance(c->process) : 0);
    handover_put_bool(out, c->component != NULL);
    conn_save_in(c, out);
    conn_save_out(c, out);
    conn_save_watches(c, out);
}

static struct component *conn_find_process(struct app *app, struct slice id, uint64_t instance)
{
    for (size_t i = 0; i < app->slot_count; i++) {
        struct component *component = app->slots[i].component;
        if (slice_equals(id, component_spec(component)->id) &&
            (!instance || component_instance(component) == instance))
            return component;
    }
    return NULL;
}

/* Whom it belongs to. The reason why it does not any more; NULL: it does. */
static const char *conn_restore_owner(struct conn *c, struct handover_in *in)
{
    struct slice path = handover_take_str(in);
    struct slice id = handover_take_str(in);
    uint64_t instance = handover_take_uint(in);
    bool of_component = handover_take_bool(in);
    struct component *process = NULL;
    struct app *app = NULL;
    struct error e;
    uv_os_fd_t fd;
    struct list *it, *tmp;
    list_each(it, tmp, apps_index_paths(&c->server->apps.index, path.data, path.len))
        if (slice_equals(path, container_of(it, struct app, in_paths)->directory.path))
            app = container_of(it, struct app, in_paths);
    if (path.len && !app)
        return "the app is gone";
    if (!of_component) {
        uv_fileno((const uv_handle_t *)&c->pipe, &fd);
        if (access_peer_init(&c->peer, fd, &c->server->options.admins, &e))
            return "nobody says who it is";
        if (app && !access_allows(&c->peer, app->directory.uid, app->manifest))
            return "the app's manifest does not allow it any more";
    } else {
        process = app ? conn_find_process(app, id, instance) : NULL;
        if (!process)
            return "the component is gone";
        conn_set_component(c, component_spec(process));
        c->process = instance ? process : NULL;
    }
    if (app)
        conn_bind(c, app);
    return NULL;
}

static void conn_restore_watches(struct conn *c, struct handover_in *in)
{
    uint64_t last = handover_take_uint(in);
    uint32_t count = handover_take_list(in);
    while (count-- && !in->failed)
        if (c && c->app ? !watch_restore(c, &in->r) : reader_skip(&in->r) != 0)
            in->failed = true;
    if (c)
        c->last_watch = last;
}

struct conn *conn_restore(struct server *server, struct handover_in *in)
{
    struct slice received, unwritten;
    struct conn *c = conn_new(server);
    const char *reason;
    int fd;
    handover_take_array(in, 9);
    fd = handover_take_fd(in);
    if (!c || in->failed || uv_pipe_open(&c->pipe, fd)) {
        in->failed = true;
        return NULL;
    }
    reason = conn_restore_owner(c, in);
    received = handover_take_bytes(in);
    unwritten = handover_take_bytes(in);
    buffer_append(&c->in, received.data, received.len);
    buffer_append(&c->out, unwritten.data, unwritten.len);
    conn_restore_watches(reason ? NULL : c, in);
    if (in->failed)
        return NULL;
    if (reason) {
        conn_close(c, "%s", reason);
        return NULL;
    }
    conn_open(c);
    return c;
}
