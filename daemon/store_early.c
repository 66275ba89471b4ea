/* A batch's record before the batch has run, so that the disk takes it meanwhile.
 *
 * What a plain set changes is known without asking SQLite, whose work takes as long as the sync where the file is larger than
 * the memory for its pages. So such a batch's record is written and its sync begins first. Once the batch has run, its
 * record is made as ever: if it is the same one, only the sync is waited for. If not (an entry could not be written), the
 * one that was written early is taken back before anybody is answered. */
#include <string.h>

#include "daemon/clock.h"
#include "daemon/store_internal.h"

/* A batch and a sync that take less than this each are not worth a second thread, in nanoseconds. */
#define EARLY_LEAST_NS 50000u
/* What goes to the disk in so many bytes takes it much longer than SQLite, and is in memory twice. */
#define EARLY_MOST (1u << 20)
/* What is expected of the next one is the mean of about so many. */
#define MEAN_OF 8

static void learn(uint64_t *mean, uint64_t value)
{
    *mean = *mean == 0 ? value : (*mean * (MEAN_OF - 1) + value) / MEAN_OF;
}

static bool is_plain(const struct op *op)
{
    if (!op_is_write(op))
        return true;
    return op->kind == OP_SET && op->ttl_ms == 0 && op->label_rule == LABEL_GRANTED && !op->want_commit;
}

/* How many operations there are; 0: it is not known what they will change. */
static uint32_t count_plain(struct list *ops, uint32_t *ret_writes)
{
    struct list *it, *tmp;
    uint32_t count = 0;

    *ret_writes = 0;
    list_each(it, tmp, ops)
    {
        const struct op *op = container_of(it, struct op, link);
        if (!is_plain(op))
            return 0;
        *ret_writes += op_is_write(op);
        count++;
    }
    return count;
}

static bool pays(const struct store *s, uint32_t count)
{
    if (s->options.early != STORE_EARLY_AS_PAYS)
        return s->options.early == STORE_EARLY_ALWAYS;
    if (store_held_is_pressed(s))
        return s->early.sync_ns >= EARLY_LEAST_NS;
    return s->early.op_ns * count >= EARLY_LEAST_NS && s->early.sync_ns >= EARLY_LEAST_NS;
}

/* False: it is left to the batch. */
static bool pack(struct store *s, struct list *ops)
{
    struct buffer *b = &s->early.payload;
    struct store_change change = {.kind = CHANGE_SET}, before;
    struct list *it, *tmp;
    bool first = true;

    if (b->cap > 2 * EARLY_MOST)
        buffer_fini(b);
    buffer_clear(b);
    list_each(it, tmp, ops)
    {
        const struct op *op = container_of(it, struct op, link);
        if (!op_is_write(op))
            continue;
        before = change;
        change.label = op->label;
        change.key = op->key;
        change.value = op->value;
        if (!store_redo_acceptable(&change))
            return false;
        store_redo_pack(b, &change, first ? NULL : &before);
        first = false;
        if (b->len > EARLY_MOST)
            return false;
    }
    return !b->failed;
}

void store_expect(struct store *s, struct list *ops)
{
    struct store_early *early = &s->early;
    struct error ignored; /* the batch finds out by itself */
    uint32_t writes;

    early->count = count_plain(ops, &writes);
    early->began_ns = clock_ns();
    early->synced_ns = commit_log_sync_ns(s->commit_log);
    if (!early->count || !writes || s->options.relaxed || store_is_limited(s) ||
        !commit_log_is_synced(s->commit_log) || !pays(s, early->count) || !pack(s, ops))
        return;
    store_tick(s);
    struct commit_log_record record = store_redo_record(s, &early->payload, writes);
    early->written = commit_log_append_begin(s->commit_log, &record, &ignored) == 0;
}

void store_early_ran(struct store *s)
{
    struct store_early *early = &s->early;

    if (early->count)
        learn(&early->op_ns, (clock_ns() - early->began_ns) / early->count);
}

void store_early_committed(struct store *s)
{
    struct store_early *early = &s->early;

    if (early->count)
        learn(&early->sync_ns, commit_log_sync_ns(s->commit_log) - early->synced_ns);
}

bool store_early_holds(struct store *s, const struct buffer *payload)
{
    const struct buffer *b = &s->early.payload;

    if (!s->early.written || b->len != payload->len || memcmp(b->data, payload->data, b->len) != 0)
        return false;
    s->early.written = false;
    return true;
}

int store_early_undo(struct store *s, struct error *e)
{
    if (!s->early.written)
        return 0;
    s->early.written = false;
    return commit_log_append_undo(s->commit_log, e);
}

void store_early_fini(struct store *s)
{
    buffer_fini(&s->early.payload);
}
