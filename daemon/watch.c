#include "daemon/watch.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/app.h"
#include "daemon/conn.h"
#include "daemon/server.h"
#include "protocol/limits.h"
#include "protocol/message.h"

enum watch_state {
    WATCH_COLLECTING, /* its place in the order of commits is not known yet */
    WATCH_TELLING,
    WATCH_ENDED, /* while it was collecting; whoever asked for it frees it */
};

/* Where in `early` the changes of a commit begin. */
struct watch_mark {
    uint64_t commit;
    size_t start;
};

struct watch {
    struct list in_app;  /* in app->watches */
    struct list in_conn; /* in conn->watches */
    struct app *app;
    struct conn *conn;
    enum watch_state state;
    uint64_t id;
    struct watch_filter filter; /* points behind this struct; the keys are sorted */
    struct buffer early;        /* COLLECTING: notifications … */
    struct buffer marks;        /* … and a struct watch_mark for each commit in it */
    uint64_t lost_first; /* COLLECTING: the first and last commit that did not fit; 0: none */
    uint64_t lost_last;
};

static int compare_keys(const void *a, const void *b)
{
    const struct slice *x = a;
    const struct slice *y = b;
    size_t common = x->len < y->len ? x->len : y->len;
    int order = common ? memcmp(x->data, y->data, common) : 0;
    return order ? order : (x->len > y->len) - (x->len < y->len);
}

static bool watch_matches_key(const struct watch_filter *f, struct slice key)
{
    if (f->key_count)
        return bsearch(&key, f->keys, f->key_count, sizeof key, compare_keys) != NULL;
    return key.len >= f->prefix.len &&
           (!f->prefix.len || !memcmp(key.data, f->prefix.data, f->prefix.len));
}

static bool watch_matches(const struct watch_filter *f, const struct store_change *change)
{
    return !compare_keys(&f->label, &change->label) && watch_matches_key(f, change->key);
}

static void watch_pack_head(const struct watch *w, struct buffer *out, uint64_t commit,
                            struct slice key, struct slice kind)
{
    msgpack_packer pk;
    message_write_notification(out, "changed");
    pack_init(&pk, out);
    msgpack_pack_array(&pk, 5);
    msgpack_pack_uint64(&pk, w->id);
    msgpack_pack_uint64(&pk, commit);
    pack_slice_str(&pk, key);
    pack_slice_str(&pk, kind);
}

static void watch_pack_value(const struct watch *w, struct buffer *out, struct slice value)
{
    msgpack_packer pk;
    pack_init(&pk, out);
    if (w->filter.values && value.data)
        pack_slice_bin(&pk, value);
    else
        msgpack_pack_nil(&pk);
}

static void watch_pack(const struct watch *w, struct buffer *out, uint64_t commit,
                       const struct store_change *change)
{
    static const struct slice kinds[] = {
        [CHANGE_SET] = {"set", 3},
        [CHANGE_DELETE] = {"delete", 6},
        [CHANGE_EXPIRE] = {"expire", 6},
    };
    struct slice value = change->value;
    if (change->kind == CHANGE_SET && !value.data)
        value.data = ""; /* empty, not absent */
    watch_pack_head(w, out, commit, change->key, kinds[change->kind]);
    watch_pack_value(w, out, value);
}

/* Append the changes of one commit, all or, when they are more than there is room for, none. */
static bool watch_append(const struct watch *w, struct buffer *out, size_t room, uint64_t commit,
                         const struct store_change *changes, size_t count)
{
    size_t start = out->len;
    for (size_t i = 0; i < count; i++) {
        if (!watch_matches(&w->filter, &changes[i]))
            continue;
        if (out->len - start >= room) {
            out->len = start;
            return false;
        }
        watch_pack(w, out, commit, &changes[i]);
    }
    return true;
}

static void watch_leave(struct watch *w)
{
    if (list_empty(&w->in_conn))
        return;
    list_remove(&w->in_conn);
    list_remove(&w->in_app);
    w->conn->watch_count--;
    w->app->watch_count--;
    if (list_empty(&w->app->watches))
        batcher_observe(w->app->batcher, NULL, NULL);
}

void watch_free(struct watch *w)
{
    watch_leave(w);
    buffer_fini(&w->early);
    buffer_fini(&w->marks);
    free(w);
}

/* The peer can go on with another watch since `commit`. */
static void watch_overflow(struct watch *w, uint64_t commit)
{
    struct buffer *out = &w->conn->out;
    msgpack_packer pk;
    message_write_notification(out, "overflow");
    pack_init(&pk, out);
    msgpack_pack_array(&pk, 2);
    msgpack_pack_uint64(&pk, w->id);
    msgpack_pack_uint64(&pk, commit);
    conn_wake(w->conn);
    watch_free(w);
}

static void watch_collect(struct watch *w, uint64_t commit, const struct store_change *changes,
                          size_t count)
{
    struct watch_mark mark = {commit, w->early.len};
    size_t room = LIMIT_EARLY_BYTES > w->early.len ? LIMIT_EARLY_BYTES - w->early.len : 0;
    if (!w->lost_first && watch_append(w, &w->early, room, commit, changes, count)) {
        buffer_append(&w->marks, &mark, sizeof mark);
        return;
    }
    w->lost_first = w->lost_first ? w->lost_first : commit;
    w->lost_last = commit;
}

static void watch_tell(struct watch *w, uint64_t commit, const struct store_change *changes,
                       size_t count)
{
    struct conn *c = w->conn;
    size_t before = c->out.len;
    size_t unread = c->out.len + c->sending.len;
    size_t most = c->server->options.limits.unread_bytes;
    size_t room = most > unread ? most - unread : 0;
    if (c->state != CONN_OPEN)
        return;
    if (!watch_append(w, &c->out, room, commit, changes, count))
        watch_overflow(w, commit - 1);
    else if (c->out.len > before)
        conn_wake(c);
}

static void watch_on_commit(void *arg, uint64_t commit, const struct store_change *changes,
                            size_t count)
{
    struct app *app = arg;
    struct list *it, *tmp;
    list_each(it, tmp, &app->watches)
    {
        struct watch *w = container_of(it, struct watch, in_app);
        if (w->state == WATCH_COLLECTING)
            watch_collect(w, commit, changes, count);
        else
            watch_tell(w, commit, changes, count);
    }
}

static struct slice watch_copy(char **at, struct slice from)
{
    struct slice copy = {*at, from.len};
    if (from.len)
        memcpy(*at, from.data, from.len);
    *at += from.len;
    return copy;
}

/* The watch and the bytes of its filter in one piece. */
static struct watch *watch_alloc(const struct watch_filter *f)
{
    size_t size = f->label.len + f->prefix.len + f->key_count * sizeof *f->keys;
    struct watch *w;
    struct slice *keys;
    char *at;
    for (size_t i = 0; i < f->key_count; i++)
        size += f->keys[i].len;
    w = calloc(1, sizeof *w + size);
    if (!w)
        return NULL;
    keys = (struct slice *)(w + 1);
    at = (char *)(keys + f->key_count);
    for (size_t i = 0; i < f->key_count; i++)
        keys[i] = watch_copy(&at, f->keys[i]);
    if (f->key_count)
        qsort(keys, f->key_count, sizeof *keys, compare_keys);
    w->filter = *f;
    w->filter.keys = keys;
    w->filter.label = watch_copy(&at, f->label);
    w->filter.prefix = watch_copy(&at, f->prefix);
    return w;
}

int watch_new(struct conn *c, const struct watch_filter *filter, struct watch **ret,
              struct error *e)
{
    unsigned most = c->server->options.limits.watches;
    struct watch *w;
    if (c->watch_count >= most)
        return error_set(e, ERR_QUOTA_EXCEEDED, "watch: the connection has %u watches already",
                         most);
    w = watch_alloc(filter);
    if (!w)
        return error_set(e, ERR_OTHER, "out of memory");
    w->conn = c;
    w->app = c->app;
    w->state = WATCH_COLLECTING;
    w->id = ++c->last_watch;
    buffer_init(&w->early);
    buffer_init(&w->marks);
    list_push(&c->watches, &w->in_conn);
    list_push(&c->app->watches, &w->in_app);
    c->watch_count++;
    c->app->watch_count++;
    batcher_observe(c->app->batcher, watch_on_commit, c->app);
    *ret = w;
    return 0;
}

uint64_t watch_id(const struct watch *w)
{
    return w->id;
}

/* [[commit, key, kind, value or nil]…] */
static void watch_replay(const struct watch *w, const struct buffer *replay)
{
    struct reader r = reader_of(replay->data, replay->len);
    uint32_t count = 0, fields;
    uint64_t commit;
    if (reader_peek(&r) == READER_NIL || reader_array(&r, &count))
        return;
    while (count--) {
        struct slice key, kind, value = {0};
        if (reader_array(&r, &fields) || fields != 4 || reader_uint(&r, &commit) ||
            reader_str(&r, &key) || reader_str(&r, &kind))
            return;
        if (reader_peek(&r) == READER_NIL ? reader_nil(&r) : reader_bytes(&r, &value))
            return;
        if (!watch_matches_key(&w->filter, key))
            continue;
        watch_pack_head(w, &w->conn->out, commit, key, kind);
        watch_pack_value(w, &w->conn->out, value);
    }
}

/* What was collected and belongs behind `commit`. */
static void watch_release(struct watch *w, uint64_t commit)
{
    const struct watch_mark *marks = (const struct watch_mark *)(void *)w->marks.data;
    size_t start = w->early.len;
    for (size_t i = w->marks.len / sizeof *marks; i-- > 0 && marks[i].commit > commit;)
        start = marks[i].start;
    buffer_append(&w->conn->out, w->early.data + start, w->early.len - start);
    buffer_fini(&w->early);
    buffer_fini(&w->marks);
}

/* What was granted when it was asked for may not be any more. */
static bool watch_is_granted(const struct watch *w)
{
    enum op_label_rule rule;
    struct error e;
    return !conn_label_rule(w->conn, w->filter.label, &rule, &e) && rule != LABEL_REFUSED;
}

void watch_end_revoked(struct conn *c, uint64_t commit)
{
    struct list *it, *tmp;
    list_each(it, tmp, &c->watches)
    {
        struct watch *w = container_of(it, struct watch, in_conn);
        if (w->state == WATCH_TELLING && !watch_is_granted(w))
            watch_overflow(w, commit);
    }
}

void watch_begin(struct watch *w, const struct buffer *replay, uint64_t commit)
{
    bool failed = w->early.failed || w->marks.failed;
    if (w->state == WATCH_ENDED) {
        watch_free(w);
        return;
    }
    if (!watch_is_granted(w)) {
        watch_overflow(w, commit);
        return;
    }
    watch_replay(w, replay);
    conn_wake(w->conn);
    if (!failed && w->early.len)
        watch_release(w, commit);
    w->state = WATCH_TELLING;
    if (failed)
        watch_overflow(w, commit);
    else if (w->lost_last > commit)
        watch_overflow(w, w->lost_first > commit ? w->lost_first - 1 : commit);
}

void watch_overflow_all(struct app *app, uint64_t commit, uint64_t now)
{
    struct list *it, *tmp;
    list_each(it, tmp, &app->watches)
    {
        struct watch *w = container_of(it, struct watch, in_app);
        if (w->state == WATCH_TELLING) {
            watch_overflow(w, commit);
        } else {
            /* Unless it begins behind that. */
            w->lost_first = w->lost_first ? w->lost_first : commit + 1;
            w->lost_last = now;
        }
    }
}

/* The one that collects is freed when its place is known. */
static void watch_stop_one(struct watch *w)
{
    if (w->state == WATCH_COLLECTING) {
        w->state = WATCH_ENDED;
        watch_leave(w);
    } else {
        watch_free(w);
    }
}

bool watch_end(struct conn *c, uint64_t id)
{
    struct list *it, *tmp;
    list_each(it, tmp, &c->watches)
    {
        struct watch *w = container_of(it, struct watch, in_conn);
        if (w->id != id)
            continue;
        watch_stop_one(w);
        return true;
    }
    return false;
}

void watch_end_all(struct conn *c)
{
    while (!list_empty(&c->watches))
        watch_stop_one(container_of(c->watches.next, struct watch, in_conn));
}

const struct watch *watch_of(const struct list *in_conn)
{
    return container_of(in_conn, struct watch, in_conn);
}

bool watch_has_begun(const struct watch *w)
{
    return w->state == WATCH_TELLING;
}

void watch_pack_saved(const struct watch *w, msgpack_packer *pk)
{
    const struct watch_filter *f = &w->filter;
    msgpack_pack_array(pk, 5);
    msgpack_pack_uint64(pk, w->id);
    pack_slice_str(pk, f->label);
    msgpack_pack_array(pk, f->key_count);
    for (size_t i = 0; i < f->key_count; i++)
        pack_slice_str(pk, f->keys[i]);
    pack_slice_str(pk, f->prefix);
    if (f->values)
        msgpack_pack_true(pk);
    else
        msgpack_pack_false(pk);
}

bool watch_restore(struct conn *c, struct reader *r)
{
    struct slice keys[LIMIT_WATCH_KEYS];
    struct watch_filter f = {.keys = keys};
    uint32_t fields, count;
    struct error e;
    struct watch *w;
    uint64_t id;
    if (reader_array(r, &fields) || fields != 5 || reader_uint(r, &id) || reader_str(r, &f.label) ||
        reader_array(r, &count) || count > LIMIT_WATCH_KEYS)
        return false;
    for (f.key_count = 0; f.key_count < count; f.key_count++)
        if (reader_str(r, &keys[f.key_count]))
            return false;
    if (reader_str(r, &f.prefix) || reader_bool(r, &f.values) || watch_new(c, &f, &w, &e))
        return false;
    w->id = id;
    w->state = WATCH_TELLING;
    return true;
}
