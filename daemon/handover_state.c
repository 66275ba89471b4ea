#include "daemon/handover_state.h"

#include <string.h>

#include "daemon/app.h"
#include "daemon/conn.h"
#include "daemon/log.h"
#include "daemon/server.h"

static void save_base(const struct server *s, bool in_place, struct handover_out *out)
{
    const struct warden *warden = s->options.warden;
    msgpack_pack_array(&out->pk, 4);
    handover_put_fd(out, in_place ? s->options.lock_fd : -1);
    handover_put_fd(out, warden ? warden_fd(warden) : -1);
    msgpack_pack_int(&out->pk, warden ? warden_pid(warden) : 0);
    handover_put_fd(out, s->options.activation.metrics ? s->options.activation.metrics : -1);
}

bool handover_take_base(struct handover_in *in, struct handover_base *ret)
{
    handover_take_array(in, 4);
    ret->lock = handover_take_fd(in);
    ret->warden = handover_take_fd(in);
    ret->warden_pid = (int)handover_take_int(in);
    ret->metrics = handover_take_fd(in);
    return !in->failed;
}

static void save_mark(const struct source_mark *mark, struct handover_out *out)
{
    msgpack_pack_array(&out->pk, 4);
    msgpack_pack_uint64(&out->pk, mark->dev);
    msgpack_pack_uint64(&out->pk, mark->ino);
    msgpack_pack_int64(&out->pk, mark->size);
    msgpack_pack_int64(&out->pk, mark->mtime_ns);
}

static struct source_mark take_mark(struct handover_in *in)
{
    struct source_mark mark;
    handover_take_array(in, 4);
    mark.dev = handover_take_uint(in);
    mark.ino = handover_take_uint(in);
    mark.size = handover_take_int(in);
    mark.mtime_ns = handover_take_int(in);
    return mark;
}

static void save_app(const struct app *app, struct handover_out *out)
{
    msgpack_pack_array(&out->pk, 5);
    pack_cstr(&out->pk, app->directory.path);
    msgpack_pack_uint64(&out->pk, app->directory.ino);
    msgpack_pack_uint64(&out->pk, app->traced);
    save_mark(&app->manifest->mark, out);
    msgpack_pack_array(&out->pk, app->slot_count);
    for (size_t i = 0; i < app->slot_count; i++) {
        const struct component *c = app->slots[i].component;
        msgpack_pack_array(&out->pk, 4);
        pack_cstr(&out->pk, component_spec(c)->id);
        msgpack_pack_unsigned_int(&out->pk, component_instance(c));
        save_mark(&component_spec(c)->source_mark, out);
        component_save(c, out);
    }
}

static struct app *find_app(struct server *s, struct slice path, uint64_t ino)
{
    for (struct list *it = s->apps.all.next; it != &s->apps.all; it = it->next) {
        struct app *app = container_of(it, struct app, link);
        if (slice_equals(path, app->directory.path) && app->directory.ino == ino)
            return app;
    }
    return NULL;
}

static struct app_slot *find_slot(struct app *app, struct slice id, uint64_t instance)
{
    for (size_t i = 0; app && i < app->slot_count; i++)
        if (component_instance(app->slots[i].component) == instance &&
            slice_equals(id, component_spec(app->slots[i].component)->id))
            return &app->slots[i];
    return NULL;
}

/* Where the manifest or the module is another one than that the process was started from, the
 * process is replaced, as a reload would. Whether there is a process. */
static bool restore_component(struct server *s, struct app *app, bool changed,
                              struct handover_in *in)
{
    struct app_slot *slot;
    struct component *c;
    struct source_mark mark;
    struct slice id;
    handover_take_array(in, 4);
    id = handover_take_str(in);
    slot = find_slot(app, id, handover_take_uint(in));
    mark = take_mark(in);
    if (!slot) {
        if (!component_discard(s->options.warden, in))
            in->failed = true;
        return false;
    }
    c = slot->component;
    if (!component_restore(c, in)) {
        in->failed = true;
        return false;
    }
    slot->restored = true;
    if (changed || !source_mark_equal(&mark, &component_spec(c)->source_mark)) {
        component_stop(c);
        if (slot->wanted)
            component_start(c);
    }
    return component_status(c).pid != 0;
}

static unsigned restore_app(struct server *s, struct handover_in *in)
{
    struct source_mark mark;
    struct slice path;
    struct app *app;
    uint32_t count;
    unsigned processes = 0;
    uint64_t traced;
    bool changed;
    handover_take_array(in, 5);
    path = handover_take_str(in);
    app = find_app(s, path, handover_take_uint(in));
    traced = handover_take_uint(in);
    if (app)
        app->traced = traced;
    mark = take_mark(in);
    changed = app && !source_mark_equal(&mark, &app->manifest->mark);
    if (changed)
        log_info("app '%s': its manifest has changed: its components are started anew",
                 app_name(app));
    count = handover_take_list(in);
    while (count-- && !in->failed)
        processes += restore_component(s, app, changed, in);
    return processes;
}

/* What was not there before, or could not be read. */
static void start_new(struct server *s)
{
    for (struct list *it = s->apps.all.next; it != &s->apps.all; it = it->next) {
        struct app *app = container_of(it, struct app, link);
        for (size_t i = 0; i < app->slot_count; i++)
            if (app->slots[i].wanted && !app->slots[i].restored)
                component_start(app->slots[i].component);
    }
}

static bool goes_on(const struct conn *c, const struct handover_asked *asked)
{
    return c->state == CONN_OPEN && (asked->peers || c->component);
}

void handover_save(const struct server *s, const struct handover_asked *asked,
                   struct handover_out *out)
{
    const struct list *it;
    uint32_t count = 0;
    save_base(s, asked->in_place, out);
    msgpack_pack_array(&out->pk, 8);
    pack_cstr(&out->pk, BOBBIN_VERSION);
    handover_put_fd(out, listener_fd(&s->listener));
    pack_cstr(&out->pk, s->listener.path);
    handover_put_bool(out, s->listener.given);
    msgpack_pack_uint64(&out->pk, asked->begun_ms);
    msgpack_pack_uint32(&out->pk, asked->id);
    msgpack_pack_uint64(&out->pk, s->accepted);
    events_save(&s->events, &out->pk);
    for (it = s->apps.all.next; it != &s->apps.all; it = it->next)
        count++;
    msgpack_pack_array(&out->pk, count);
    for (it = s->apps.all.next; it != &s->apps.all; it = it->next)
        save_app(container_of(it, struct app, link), out);
    for (count = 0, it = s->conns.next; it != &s->conns; it = it->next)
        count += goes_on(container_of(it, struct conn, link), asked);
    msgpack_pack_array(&out->pk, count);
    for (it = s->conns.next; it != &s->conns; it = it->next) {
        const struct conn *c = container_of(it, struct conn, link);
        if (!goes_on(c, asked))
            continue;
        msgpack_pack_array(&out->pk, 2);
        handover_put_bool(out, c == asked->conn);
        conn_save(c, out);
    }
}

/* The answer that the administrator waits for. */
static void answer(struct conn *c, uint32_t id, struct slice version, unsigned processes,
                   uint64_t begun_ms)
{
    uint64_t pause_ms = uv_hrtime() / 1000000 - begun_ms;
    msgpack_packer pk;
    message_write_result(&c->out, id);
    pack_init(&pk, &c->out);
    upgrade_pack_result(&pk, BOBBIN_VERSION, version, processes, (int64_t)pause_ms);
    conn_wake(c);
}

bool handover_restore(struct server *s, struct handover_in *in)
{
    struct conn *asking = NULL;
    unsigned processes = 0;
    struct slice version, path;
    uint64_t begun_ms;
    uint32_t count, id;
    bool given;
    int fd;
    handover_take_array(in, 8);
    version = handover_take_str(in);
    fd = handover_take_fd(in);
    path = handover_take_str(in);
    given = handover_take_bool(in);
    begun_ms = handover_take_uint(in);
    id = (uint32_t)handover_take_uint(in);
    s->accepted = handover_take_uint(in);
    if (in->failed || listener_adopt(&s->listener, s, fd, path, given) ||
        !events_restore(&s->events, &in->r))
        return false;
    count = handover_take_list(in);
    while (count-- && !in->failed)
        processes += restore_app(s, in);
    count = handover_take_list(in);
    while (count-- && !in->failed) {
        bool asks;
        struct conn *c;
        handover_take_array(in, 2);
        asks = handover_take_bool(in);
        c = conn_restore(s, in);
        if (asks && c)
            asking = c;
    }
    if (in->failed)
        return false;
    for (struct list *it = s->apps.all.next; it != &s->apps.all; it = it->next)
        app_open_watched(container_of(it, struct app, link));
    start_new(s);
    if (asking)
        answer(asking, id, version, processes, begun_ms);
    log_info("took over from bobbind %.*s: %u app processes, %u connections, after %llu ms",
             (int)version.len, version.data, processes, s->conn_count,
             (unsigned long long)(uv_hrtime() / 1000000 - begun_ms));
    return true;
}
