/* Running one operation: SQL in, MessagePack out. */
#include <assert.h>
#include <string.h>

#include "daemon/store_internal.h"
#include "protocol/limits.h"
#include "protocol/message.h"

/* Bytes that the result of a write takes at most, unless it is a swap that has not written. */
#define RESULT_LEAST 16u

/* SQLite takes a NULL pointer for SQL's NULL. */
static const char *bytes_of(struct slice slice)
{
    return slice.len ? slice.data : "";
}

/* SQLite refuses to bind only what is longer than any message can be. */
static void bind_text(sqlite3_stmt *stmt, int index, struct slice text)
{
    int rc = sqlite3_bind_text64(stmt, index, bytes_of(text), text.len, SQLITE_STATIC, SQLITE_UTF8);

    assert(rc == SQLITE_OK);
    (void)rc;
}

void store_bind_int(sqlite3_stmt *stmt, int index, int64_t value)
{
    sqlite3_bind_int64(stmt, index, value);
}

void store_bind_blob(sqlite3_stmt *stmt, int index, struct slice blob)
{
    int rc = sqlite3_bind_blob64(stmt, index, bytes_of(blob), blob.len, SQLITE_STATIC);

    assert(rc == SQLITE_OK);
    (void)rc;
}

sqlite3_stmt *store_start(struct store *s, enum store_statement which, struct slice label,
                          const struct slice *key)
{
    sqlite3_stmt *stmt = s->statements[which];

    bind_text(stmt, 1, label);
    if (key)
        bind_text(stmt, 2, *key);
    return stmt;
}

int store_finish(sqlite3_stmt *stmt)
{
    int rc = sqlite3_reset(stmt);

    sqlite3_clear_bindings(stmt);
    return rc;
}

struct slice store_column(sqlite3_stmt *stmt)
{
    /* In this order: the length is that of what the first call converted to. */
    struct slice slice = {.data = sqlite3_column_blob(stmt, 0)};

    slice.len = (size_t)sqlite3_column_bytes(stmt, 0);
    return slice;
}

void store_fail(struct store *s, struct op *op, int rc)
{
    struct error e;

    store_error(s, rc, op_is_write(op) ? "write" : "read", &e);
    op_fail(op, e.code, "%s", e.text);
}

void store_fail_too_large(struct op *op)
{
    op_fail(op, ERR_TOO_LARGE, "query result exceeds limit of %u bytes", LIMIT_RESULT);
}

/* Whether there is a row. A result of SQLite. */
static int probe(sqlite3_stmt *stmt, bool *ret)
{
    bool found = sqlite3_step(stmt) == SQLITE_ROW;
    int rc = store_finish(stmt);

    if (rc == SQLITE_OK)
        *ret = found;
    return rc;
}

static void pack_held(struct op *op, struct slice value)
{
    msgpack_packer pk;

    pack_init(&pk, &op->result);
    if (value.len > LIMIT_RESULT)
        store_fail_too_large(op);
    else
        pack_slice_bin(&pk, value);
}

static void run_get(struct store *s, struct op *op)
{
    sqlite3_stmt *stmt;
    msgpack_packer pk;
    bool too_large = false;
    bool expired;
    int sum_rc = SQLITE_OK;
    struct slice held;

    if (store_held_get(s, op->label, op->key, &held)) {
        pack_held(op, held);
        return;
    }
    int rc = store_expired(s, op->label, op->key, &expired);
    if (rc != SQLITE_OK) {
        store_fail(s, op, rc);
        return;
    }
    stmt = store_start(s, STORE_GET, op->label, &op->key);
    pack_init(&pk, &op->result);
    if (sqlite3_step(stmt) == SQLITE_ROW && !expired) {
        struct slice value = store_column(stmt);
        too_large = value.len > LIMIT_RESULT;
        if (!too_large)
            pack_slice_bin(&pk, value);
        sum_rc = store_sum_check(s, op->label, op->key, value);
    } else {
        msgpack_pack_nil(&pk);
    }
    rc = store_finish(stmt);
    if (rc == SQLITE_OK)
        rc = sum_rc;
    if (too_large || rc == SQLITE_TOOBIG)
        store_fail_too_large(op);
    else if (rc != SQLITE_OK)
        store_fail(s, op, rc);
}

static void run_exists(struct store *s, struct op *op)
{
    bool found;
    msgpack_packer pk;
    int rc = store_entry_exists(s, op->label, op->key, &found);

    if (rc != SQLITE_OK) {
        store_fail(s, op, rc);
        return;
    }
    pack_init(&pk, &op->result);
    if (found)
        msgpack_pack_true(&pk);
    else
        msgpack_pack_false(&pk);
}

/* Its result is nil. */
static void finish_write(struct store *s, struct op *op, int rc)
{
    if (rc != SQLITE_OK && rc != STORE_FAILED)
        store_fail(s, op, rc);
}

static void run_set(struct store *s, struct op *op)
{
    finish_write(s, op, store_entry_set(s, op, op->key, op->value, op->ttl_ms));
}

static void run_delete(struct store *s, struct op *op)
{
    finish_write(s, op, store_entry_delete(s, op->label, op->key));
}

static void (*const runners[OP_KIND_COUNT])(struct store *s, struct op *op) = {
    [OP_LABELS] = store_list_labels,
    [OP_GET] = run_get,
    [OP_SET] = run_set,
    [OP_DELETE] = run_delete,
    [OP_EXISTS] = run_exists,
    [OP_TTL] = store_ttl,
    [OP_KEYS] = store_list_keys,
    [OP_ENTRIES] = store_list_entries,
    [OP_COUNT] = store_count,
    [OP_GET_MANY] = store_get_many,
    [OP_SET_MANY] = store_set_many,
    [OP_DELETE_MANY] = store_delete_many,
    [OP_INCREMENT] = store_increment,
    [OP_SWAP] = store_swap,
    [OP_ATOMIC] = store_atomic,
    [OP_CHANGES] = store_log_list,
    [OP_STATS] = store_stats,
};

/* The connection refuses these before; nothing larger may get into a file from anywhere. */
static bool within_limits(struct op *op)
{
    if (op->kind != OP_SET && op->kind != OP_SWAP && op->kind != OP_INCREMENT)
        return true;
    if (op->label.len > LIMIT_LABEL)
        op_fail(op, ERR_TOO_LARGE, "label exceeds limit of %u bytes", LIMIT_LABEL);
    else if (op->key.len > LIMIT_KEY)
        op_fail(op, ERR_TOO_LARGE, "key exceeds limit of %u bytes", LIMIT_KEY);
    else if (op->value.len > LIMIT_VALUE)
        op_fail(op, ERR_TOO_LARGE, "value exceeds limit of %u bytes", LIMIT_VALUE);
    return op->status == 0;
}

int store_label_present(struct store *s, struct slice label, bool *ret)
{
    bool due = s->next_expiry >= 0 && s->now_ms >= s->next_expiry;
    sqlite3_stmt *stmt = store_start(s, due ? STORE_HAS_LASTING : STORE_HAS_LABEL, label, NULL);

    if (due)
        store_bind_int(stmt, 3, s->now_ms);
    return probe(stmt, ret);
}

static bool label_allowed(struct store *s, struct op *op)
{
    bool present;

    if (op->kind == OP_LABELS || op->kind == OP_STATS || op->label_rule == LABEL_GRANTED)
        return true;
    int rc = store_label_present(s, op->label, &present);
    if (rc != SQLITE_OK)
        store_fail(s, op, rc);
    else if (!present)
        op_fail(op, ERR_NO_SUCH_STORE, "no such store '%.*s'", (int)op->label.len,
                bytes_of(op->label));
    else if (op->label_rule == LABEL_REFUSED)
        op_fail(op, ERR_ACCESS_DENIED, "access denied to store '%.*s'", (int)op->label.len,
                bytes_of(op->label));
    return op->status == 0;
}

/* Nothing is held that the operation would not find. */
static bool has_way(struct store *s, struct op *op)
{
    int rc = store_held_make_way(s, op);

    if (rc != SQLITE_OK)
        store_fail(s, op, rc);
    return rc == SQLITE_OK;
}

/* Some errors make SQLite roll the whole transaction back by itself, with all that has gathered in
 * it. Then nothing more may be written: it would be committed at once, on its own. */
static void note_lost_batch(struct store *s, const struct op *op)
{
    store_note_lost(s);
    if (!s->in_batch || s->lost.code || s->phase != STORE_LOST)
        return;
    error_set(&s->lost, op->status ? op->status : ERR_OTHER, "%s",
              op->error ? op->error : "the batch was rolled back");
}

/* A write that changed something is told the number of its batch. Whatever only looked is told the
 * last one committed, so that "unchanged since" then finds also what this batch changes behind it.
 */
static void note_commit(struct store *s, struct op *op, size_t changes_before)
{
    bool changed = s->in_batch && s->changes.count > changes_before;

    op->commit = s->commit + changed;
    if (changed && op->want_commit)
        s->told = true;
}

bool store_must_wait(const struct store *s, const struct op *op)
{
    /* What it brings to the database is too much for one transaction together with what others have brought. */
    if (s->in_batch && (op->kind == OP_KEYS || op->kind == OP_ENTRIES) && s->held.table.count &&
        store_fold_is_due(s))
        return true;
    if (!s->in_batch || !s->told || !op_is_write(op))
        return false;
    if (op->kind == OP_SET_MANY || op->kind == OP_DELETE_MANY || op->kind == OP_ATOMIC)
        return true;
    for (size_t i = 0; i < s->changes.count; i++) {
        const struct store_change *c = &s->changes.list[i];
        if (slice_same(c->key, op->key) && slice_same(c->label, op->label))
            return true;
    }
    return false;
}

/* What an operation writes is not undone for want of memory for its answer: have that before. */
static bool has_room_for_result(struct op *op)
{
    bool answers = op_is_write(op) && op->kind != OP_SET && op->kind != OP_DELETE;

    if (answers && buffer_reserve(&op->result, RESULT_LEAST) != 0)
        op_fail(op, ERR_OTHER, "out of memory");
    return op->status == 0;
}

static int ready_to_read(struct store *s, struct error *e)
{
    struct error ignored; /* it is tried again, by whoever writes */

    if (s->held.table.count && store_fold_is_due(s) && store_may_fold(s, &ignored) == 0)
        store_fold_gathered(s, &ignored);
    return store_ready(s, e);
}

void store_run(struct store *s, struct op *op)
{
    assert(s->in_batch || !op_is_write(op));
    if (s->lost.code) {
        op_fail(op, s->lost.code, "%s", s->lost.text);
        return;
    }
    struct error e;
    if (!s->in_batch && ready_to_read(s, &e) != 0) {
        op_fail(op, e.code, "%s", e.text);
        return;
    }
    size_t changes = s->in_batch ? s->changes.count : 0;
    /* A batch whose record is written has its time. */
    if (!s->early.written)
        store_tick(s);
    s->held.takes = op->kind == OP_SET && !op->ttl_ms && store_held_takes(s);
    if (within_limits(op) && has_way(s, op) && label_allowed(s, op) && has_room_for_result(op))
        runners[op->kind](s, op);
    store_note_pages(s, op_is_write(op));
    note_commit(s, op, changes);
    op->lasting = op->status == 0 && store_lasting(s, op);
    if (op->status == 0 && op->result.failed)
        op_fail(op, ERR_OTHER, "out of memory");
    note_lost_batch(s, op);
}
