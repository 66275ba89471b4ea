/* Entries that are held: in the commit log, and in memory instead of the database.
 *
 * In a file that is much larger than the memory for its pages, each set of an entry somewhere is a page to be read, written to
 * the WAL and written to the file, which is more than the disk does in the time of a record of the log. So what single sets
 * write is held in memory, and brought to the database in the order of the keys: entries that are neighbours have a page in
 * common, and pages that are neighbours one request to the disk. It is done while a batch waits for the disk anyway, and when
 * nobody asks for anything.
 *
 * Whoever reads one entry looks here first (store_held_get). All other operations find the database as if nothing were held,
 * since what they are about is brought there before (store_held_make_way).
 *
 * A held entry has no time to live. The database notes up to which commit it holds all, and the log goes back to there: a store
 * that was not closed does again what is behind that, also what the database has of it already. */
#include "daemon/store_internal.h"
#include "protocol/limits.h"

/* Entries brought to the database while a batch waits for the disk, before it is looked whether it still does. */
#define STEP 4u
/* Where the log or memory is short, so many for each change of the batch. */
#define HASTE 2u
/* … but no more than this. */
#define HASTE_MOST 8192u
/* Sorts behind all keys and labels, which are UTF-8. */
#define BEHIND_ALL "\xff"

void store_held_init(struct store *s)
{
    memtable_init(&s->held.table);
}

void store_held_clear(struct store *s)
{
    memtable_clear(&s->held.table);
}

int store_held_look(struct store *s)
{
    sqlite3_stmt *stmt = s->statements[STORE_PAGE_COUNT];

    if (sqlite3_step(stmt) == SQLITE_ROW)
        s->held.on = (uint64_t)sqlite3_column_int64(stmt, 0) * s->page_bytes >= s->options.hold_from;
    return sqlite3_reset(stmt);
}

bool store_held_takes(const struct store *s)
{
    return s->held.on && !store_is_limited(s);
}

int store_held_set(struct store *s, const struct store_change *c, uint64_t commit)
{
    return memtable_put(&s->held.table, c->label, c->key, c->value, commit) ? SQLITE_OK
                                                                            : SQLITE_NOMEM;
}

bool store_held_get(struct store *s, struct slice label, struct slice key, struct slice *ret)
{
    const struct memtable_entry *entry = memtable_find(&s->held.table, label, key);

    if (entry)
        *ret = memtable_value(entry);
    return entry;
}

void store_held_forget(struct store *s, struct slice label, struct slice key)
{
    struct memtable_entry *entry = memtable_find(&s->held.table, label, key);

    if (entry)
        memtable_remove(&s->held.table, entry);
}

uint64_t store_held_behind(const struct store *s)
{
    return memtable_oldest(&s->held.table);
}

static int write(struct store *s, const struct store_change *c)
{
    struct store_mark mark;

    if (!s->options.checksums)
        return store_entry_write(s, c);
    int rc = store_mark(s, &mark);
    if (rc != SQLITE_OK)
        return rc;
    rc = store_entry_write(s, c);
    int end = store_mark_end(s, &mark, rc == SQLITE_OK);
    return rc == SQLITE_OK ? end : rc;
}

/* Bring one to the database, which is the memory's loss. A result of SQLite. */
static int settle(struct store *s, struct memtable_entry *entry)
{
    struct store_change c = {memtable_label(entry), memtable_key(entry), memtable_value(entry), 0,
                             CHANGE_SET};
    int rc = store_gather(s);

    if (rc == SQLITE_OK)
        rc = store_may_write(s) ? write(s, &c) : SQLITE_ABORT;
    if (rc != SQLITE_OK) {
        memtable_pass(&s->held.table, entry); /* others may go on */
        return rc;
    }
    s->fold.changes++;
    s->fold.bytes += c.key.len + c.value.len;
    memtable_remove(&s->held.table, entry);
    return SQLITE_OK;
}

int store_held_settle(struct store *s, unsigned count)
{
    int rc = SQLITE_OK;

    for (unsigned i = 0; rc == SQLITE_OK && i < count && s->held.table.count; i++)
        rc = settle(s, memtable_hand(&s->held.table));
    store_note_pages(s, true);
    return rc;
}

bool store_held_is_full(const struct store *s)
{
    return s->held.table.bytes > s->held.most;
}

/* What the log should be able to forget is held. */
static bool log_is_short(const struct store *s)
{
    uint64_t oldest = store_held_behind(s);

    return oldest && commit_log_needs_release(s->commit_log) >= oldest;
}

bool store_held_is_pressed(const struct store *s)
{
    return s->held.table.bytes > s->held.most / 8 * 7 || log_is_short(s);
}

int store_held_drain(struct store *s)
{
    size_t haste = log_is_short(s) ? s->changes.count : store_held_is_full(s) ? s->held.batch : 0;
    int rc = store_held_settle(s, haste < HASTE_MOST ? (unsigned)haste * HASTE : HASTE_MOST);

    while (rc == SQLITE_OK && s->early.written && store_held_is_pressed(s) &&
           !commit_log_append_is_done(s->commit_log))
        rc = store_held_settle(s, STEP);
    return rc;
}

static int settle_key(struct store *s, struct slice label, struct slice key)
{
    struct memtable_entry *entry = memtable_find(&s->held.table, label, key);

    return entry ? settle(s, entry) : SQLITE_OK;
}

/* The keys of a set of many, a delete of many or an atomic; its maker has validated every element. */
static int settle_items(struct store *s, const struct op *op)
{
    struct reader items = op->items;
    int rc = SQLITE_OK;

    for (uint32_t i = 0; rc == SQLITE_OK && i < op->item_count; i++) {
        struct slice key = {0};
        uint32_t elements = 1;
        if (op->kind != OP_DELETE_MANY)
            reader_array(&items, &elements);
        if (op->kind == OP_ATOMIC && elements--)
            reader_skip(&items); /* the verb */
        reader_str(&items, &key);
        while (elements-- > 1)
            reader_skip(&items);
        rc = settle_key(s, op->label, key);
    }
    return rc;
}

/* As many as can be on the page and decide whether there is another one. */
static unsigned page_of(const struct op *op)
{
    return (op->limit < LIMIT_PAGE ? op->limit : LIMIT_PAGE) + 2;
}

static bool is_listed(const struct op *op, const struct memtable_entry *entry)
{
    return entry && slice_same(memtable_label(entry), op->label) && slice_begins_with(memtable_key(entry), op->prefix);
}

/* From that entry on, in one direction or the other. */
static int settle_page(struct store *s, const struct op *op, struct memtable_entry *entry)
{
    int rc = SQLITE_OK;

    for (unsigned i = 0; rc == SQLITE_OK && i < page_of(op) && is_listed(op, entry); i++) {
        struct memtable_entry *next = op->reverse ? memtable_previous(entry) : memtable_next(entry);
        rc = settle(s, entry);
        entry = next;
    }
    return rc;
}

static int settle_forwards(struct store *s, const struct op *op)
{
    bool from_cursor = op->cursor.data && slice_order(op->cursor, op->prefix) > 0;

    return settle_page(s, op, memtable_from(&s->held.table, op->label,
                                            from_cursor ? op->cursor : op->prefix));
}

static int settle_backwards(struct store *s, const struct op *op)
{
    struct buffer end;
    int rc = SQLITE_NOMEM;

    buffer_init(&end);
    buffer_append(&end, op->prefix.data, op->prefix.len);
    buffer_append(&end, BEHIND_ALL, 1);
    if (!end.failed) {
        struct slice from = {(char *)end.data, end.len};
        if (op->cursor.data && slice_order(op->cursor, from) < 0)
            from = op->cursor;
        rc = settle_page(s, op, memtable_before(&s->held.table, op->label, from));
    }
    buffer_fini(&end);
    return rc;
}

/* One entry tells that there is its label. */
static int settle_labels(struct store *s)
{
    const struct slice behind = {BEHIND_ALL, 1};
    struct memtable_entry *entry = memtable_from(&s->held.table, (struct slice){0}, (struct slice){0});
    int rc = SQLITE_OK;

    while (rc == SQLITE_OK && entry) {
        struct memtable_entry *next = memtable_from(&s->held.table, memtable_label(entry), behind);
        rc = settle(s, entry);
        entry = next;
    }
    return rc;
}

static int settle_label(struct store *s, struct slice label)
{
    struct memtable_entry *entry = memtable_from(&s->held.table, label, (struct slice){0});

    return entry && slice_same(memtable_label(entry), label) ? settle(s, entry) : SQLITE_OK;
}

static int make_way(struct store *s, const struct op *op)
{
    switch (op->kind) {
    case OP_SET:
        return store_held_takes(s) && !op->ttl_ms ? SQLITE_OK : settle_key(s, op->label, op->key);
    case OP_DELETE:
    case OP_INCREMENT:
    case OP_SWAP:
    case OP_TTL:
        return settle_key(s, op->label, op->key);
    case OP_SET_MANY:
    case OP_DELETE_MANY:
    case OP_ATOMIC:
        return settle_items(s, op);
    case OP_KEYS:
    case OP_ENTRIES:
        return op->reverse ? settle_backwards(s, op) : settle_forwards(s, op);
    case OP_LABELS:
        return settle_labels(s);
    default: /* knows of what is held */
        return SQLITE_OK;
    }
}

int store_held_make_way(struct store *s, const struct op *op)
{
    int rc = SQLITE_OK;

    if (!s->held.table.count)
        return rc;
    if (op->label_rule != LABEL_GRANTED)
        rc = settle_label(s, op->label);
    return rc == SQLITE_OK ? make_way(s, op) : rc;
}

int store_held_count(struct store *s, const struct slice *label, int64_t *entries, int64_t *bytes)
{
    struct slice from = label ? *label : (struct slice){0};
    struct memtable_entry *entry = memtable_from(&s->held.table, from, (struct slice){0});
    int rc = SQLITE_OK;

    for (; rc == SQLITE_OK && entry && (!label || slice_same(memtable_label(entry), *label));
         entry = memtable_next(entry)) {
        int64_t old;
        rc = store_entry_length(s, memtable_label(entry), memtable_key(entry), &old);
        *entries += old < 0;
        *bytes += (int64_t)memtable_value(entry).len - (old < 0 ? -(int64_t)memtable_key(entry).len : old);
    }
    return rc;
}
