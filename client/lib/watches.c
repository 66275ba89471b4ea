#include "watches.h"

#include <stdlib.h>
#include <string.h>

#include "handle.h"

struct change {
    bobbin_change change; /* what its owner sees; its strings stand in `bytes` */
    STAILQ_ENTRY(change) link;
    size_t size; /* of the whole */
    char bytes[];
};

struct watch {
    LIST_ENTRY(watch) link;
    uint64_t id;
    struct change *overflow; /* owned; made early, because it is told when memory is short */
};

void watches_init(struct watches *w)
{
    *w = (struct watches){.limit = WATCHES_LIMIT};
    LIST_INIT(&w->active);
    STAILQ_INIT(&w->queue);
}

static void watch_free(struct watch *watch)
{
    LIST_REMOVE(watch, link);
    free(watch->overflow);
    free(watch);
}

/* The change that waits for longest; NULL if none does. */
static struct change *watches_pop(struct watches *w)
{
    struct change *c = STAILQ_FIRST(&w->queue);
    if (c != NULL) {
        STAILQ_REMOVE_HEAD(&w->queue, link);
        w->waiting -= c->size;
    }
    return c;
}

static void watches_push(struct watches *w, struct change *c)
{
    STAILQ_INSERT_TAIL(&w->queue, c, link);
    w->waiting += c->size;
}

void watches_clear(struct watches *w)
{
    struct watch *watch;
    struct change *c;
    while ((watch = LIST_FIRST(&w->active)) != NULL)
        watch_free(watch);
    while ((c = watches_pop(w)) != NULL)
        free(c);
}

static struct watch *watches_find(struct watches *w, uint64_t id)
{
    struct watch *watch;
    LIST_FOREACH(watch, &w->active, link)
    if (watch->id == id)
        return watch;
    return NULL;
}

void watches_refuse(bobbin *b, uint64_t id)
{
    struct request r;
    struct failure ignored;
    request_begin(&r, &b->core, method_table[METHOD_UNWATCH].name, 1);
    request_uint(&r, id);
    core_submit(&r, 0, NULL, NULL, NULL, &ignored);
}

bobbin_status watches_begin(bobbin *b, uint64_t id, struct failure *f)
{
    struct watch *watch = calloc(1, sizeof(*watch));
    if (watch != NULL)
        watch->overflow = calloc(1, sizeof(*watch->overflow));
    if (watch == NULL || watch->overflow == NULL) {
        free(watch);
        watches_refuse(b, id);
        return failure_no_memory(f);
    }
    watch->id = id;
    watch->overflow->size = sizeof(*watch->overflow);
    LIST_INSERT_HEAD(&b->watches.active, watch, link);
    return BOBBIN_OK;
}

void watches_end(bobbin *b, uint64_t id)
{
    struct watches *w = &b->watches;
    struct watch *watch = watches_find(w, id);
    if (watch != NULL)
        watch_free(watch);
    struct change *c, *next;
    for (c = STAILQ_FIRST(&w->queue); c != NULL; c = next) {
        next = STAILQ_NEXT(c, link);
        if (c->change.watch != id)
            continue;
        STAILQ_REMOVE(&w->queue, c, change, link);
        w->waiting -= c->size;
        free(c);
    }
}

static void watches_call(bobbin *b, struct change *c)
{
    b->in_callback++;
    b->watches.callback(b->watches.arg, &c->change);
    b->in_callback--;
    free(c);
}

void watches_flush(bobbin *b)
{
    struct change *c;
    while (b->watches.callback != NULL && (c = watches_pop(&b->watches)) != NULL)
        watches_call(b, c);
}

static void watches_deliver(bobbin *b, struct change *c)
{
    watches_push(&b->watches, c);
    watches_flush(b);
}

/* The last change of a watch that told all up to a commit. */
static void watch_overflow(bobbin *b, struct watch *watch, uint64_t commit)
{
    struct change *c = watch->overflow;
    c->change =
        (bobbin_change){.watch = watch->id, .commit = commit, .kind = BOBBIN_CHANGE_OVERFLOW};
    watch->overflow = NULL;
    watch_free(watch);
    watches_deliver(b, c);
}

static bobbin_string change_keep(char **pos, struct slice s)
{
    char *copy = *pos;
    if (s.len > 0)
        memcpy(copy, s.data, s.len);
    copy[s.len] = '\0';
    *pos += s.len + 1;
    return (bobbin_string){copy, s.len};
}

/* A copy of a change with its key and, unless its data is NULL, value. NULL when memory is short.
 */
static struct change *change_new(const bobbin_change *shape, struct slice key, struct slice value)
{
    size_t size = sizeof(struct change) + key.len + value.len + 2;
    struct change *c = malloc(size);
    if (c == NULL)
        return NULL;
    *c = (struct change){.change = *shape, .size = size};
    char *pos = c->bytes;
    c->change.key = change_keep(&pos, key);
    if (value.data != NULL)
        c->change.value = change_keep(&pos, value);
    return c;
}

static bool read_kind(struct reader *r, bobbin_change_kind *ret)
{
    struct slice s;
    if (reader_str(r, &s) != 0)
        return false;
    if (slice_equals(s, "set"))
        *ret = BOBBIN_CHANGE_SET;
    else if (slice_equals(s, "delete"))
        *ret = BOBBIN_CHANGE_DELETE;
    else if (slice_equals(s, "expire"))
        *ret = BOBBIN_CHANGE_EXPIRE;
    else
        return false;
    return true;
}

/* [watch id, commit, key, kind, value or nil] */
static bool read_changed(const struct message *m, bobbin_change *ret, struct slice *ret_key,
                         struct slice *ret_value)
{
    struct reader r = m->params;
    *ret_value = (struct slice){0};
    if (m->param_count != 5 || reader_uint(&r, &ret->watch) != 0 ||
        reader_uint(&r, &ret->commit) != 0 || reader_str(&r, ret_key) != 0 ||
        !read_kind(&r, &ret->kind))
        return false;
    if (reader_nil(&r) == 0)
        return true;
    return ret->kind == BOBBIN_CHANGE_SET && reader_peek(&r) == READER_BIN &&
           reader_bytes(&r, ret_value) == 0;
}

static bool fits(const struct watches *w, struct slice key, struct slice value)
{
    size_t size = sizeof(struct change) + key.len + value.len + 2;
    return w->waiting == 0 || (size <= w->limit && w->waiting <= w->limit - size);
}

static void on_changed(bobbin *b, const struct message *m)
{
    bobbin_change shape = {0};
    struct slice key, value;
    if (!read_changed(m, &shape, &key, &value)) {
        core_fail(&b->core, BOBBIN_BAD_RESPONSE, "the daemon told of a change that is none");
        return;
    }
    watches_flush(b);
    /* Not before: the callback may have ended it. */
    struct watch *watch = watches_find(&b->watches, shape.watch);
    if (watch == NULL)
        return;
    struct change *c = fits(&b->watches, key, value) ? change_new(&shape, key, value) : NULL;
    if (c != NULL) {
        watches_deliver(b, c);
        return;
    }
    /* Of this commit some changes may have been told: it is told again to who goes on from here. */
    watches_refuse(b, shape.watch);
    watch_overflow(b, watch, shape.commit > 0 ? shape.commit - 1 : 0);
}

/* [watch id, commit] */
static void on_overflow(bobbin *b, const struct message *m)
{
    struct reader r = m->params;
    uint64_t id, commit;
    if (m->param_count != 2 || reader_uint(&r, &id) != 0 || reader_uint(&r, &commit) != 0) {
        core_fail(&b->core, BOBBIN_BAD_RESPONSE, "the daemon told of an overflow that is none");
        return;
    }
    struct watch *watch = watches_find(&b->watches, id);
    if (watch != NULL)
        watch_overflow(b, watch, commit);
}

void watches_notify(void *owner, const struct message *m)
{
    if (slice_equals(m->method, "changed"))
        on_changed(owner, m);
    else if (slice_equals(m->method, "overflow"))
        on_overflow(owner, m);
    /* Others are of a daemon that is newer. */
}

bobbin_status bobbin_watch(bobbin *b, const char *store, const bobbin_watch_options *options,
                           uint64_t *ret_id)
{
    struct result res;
    if (ret_id == NULL)
        return handle_misuse(b, "there is nowhere to put the watch's id");
    bobbin_status status = handle_run(
        b, &(bobbin_request){.kind = BOBBIN_REQUEST_WATCH, .store = store, .watching = options},
        &res);
    if (status == BOBBIN_OK)
        *ret_id = res.shown.watch;
    return status;
}

bobbin_status bobbin_unwatch(bobbin *b, uint64_t id, bool *ret_existed)
{
    struct result res;
    bobbin_status status =
        handle_run(b, &(bobbin_request){.kind = BOBBIN_REQUEST_UNWATCH, .watch = id}, &res);
    if (status == BOBBIN_OK && ret_existed != NULL)
        *ret_existed = res.shown.flag;
    return status;
}

bobbin_status bobbin_next_change(bobbin *b, int timeout_ms, bobbin_change **ret_change)
{
    if (ret_change == NULL)
        return handle_misuse(b, "there is nowhere to put the change");
    bobbin_status status = handle_may_wait(b);
    if (status != BOBBIN_OK)
        return status;
    if (b->watches.callback != NULL)
        return handle_misuse(b, "changes are handed to the callback of bobbin_on_change");

    struct change *c;
    int64_t end = timeout_ms < 0 ? INT64_MAX : core_now_ms() + timeout_ms;
    for (bool first = true; (c = watches_pop(&b->watches)) == NULL; first = false) {
        if (b->core.failure.status != BOBBIN_OK) {
            b->last = b->core.failure;
            return b->last.status;
        }
        int64_t left = end - core_now_ms();
        if (left <= 0 && !first)
            break;
        handle_round(b, timeout_ms < 0 ? -1 : left > 0 ? (int)left : 0);
    }
    *ret_change = c != NULL ? &c->change : NULL;
    return BOBBIN_OK;
}

void bobbin_change_free(bobbin_change *change)
{
    /* It is the first member of what was allocated. */
    free(change);
}

bobbin_status bobbin_set_queue_limit(bobbin *b, size_t bytes)
{
    if (b == NULL)
        return BOBBIN_MISUSE;
    b->watches.limit = bytes;
    return BOBBIN_OK;
}

bobbin_status bobbin_on_change(bobbin *b, bobbin_change_callback callback, void *arg)
{
    if (b == NULL)
        return BOBBIN_MISUSE;
    b->watches.callback = callback;
    b->watches.arg = arg;
    return BOBBIN_OK;
}
