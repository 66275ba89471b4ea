/* Single entries, with all that hangs on them: expiry, quota, and the note of the change. */
#include <stdlib.h>
#include <string.h>

#include "daemon/store_internal.h"

/* So many entries that have expired make room for one that is written. */
#define QUOTA_SWEEP 256u

int store_run_plain(struct store *s, enum store_statement which)
{
    sqlite3_step(s->statements[which]);
    return sqlite3_reset(s->statements[which]);
}

int store_entry_get(struct store *s, struct slice label, struct slice key, struct buffer *copy,
                    bool *ret_found)
{
    sqlite3_stmt *stmt;
    struct slice held;
    bool found;

    *ret_found = false;
    if (store_held_get(s, label, key, &held)) {
        buffer_reserve(copy, held.len + 1);
        buffer_append(copy, held.data, held.len);
        *ret_found = !copy->failed;
        return copy->failed ? SQLITE_NOMEM : SQLITE_OK;
    }
    int rc = store_expired(s, label, key, &found);
    if (rc != SQLITE_OK || found)
        return rc;
    stmt = store_start(s, STORE_GET, label, &key);
    found = sqlite3_step(stmt) == SQLITE_ROW;
    if (found) {
        struct slice value = store_column(stmt);
        buffer_reserve(copy, value.len + 1);
        buffer_append(copy, value.data, value.len);
    }
    rc = store_finish(stmt);
    if (rc == SQLITE_OK && copy->failed)
        rc = SQLITE_NOMEM;
    if (rc == SQLITE_OK && found)
        rc = store_sum_check(s, label, key, (struct slice){(char *)copy->data, copy->len});
    *ret_found = rc == SQLITE_OK && found;
    return rc;
}

int store_entry_exists(struct store *s, struct slice label, struct slice key, bool *ret_found)
{
    sqlite3_stmt *stmt;
    bool found;

    *ret_found = store_held_get(s, label, key, &(struct slice){0});
    if (*ret_found)
        return SQLITE_OK;
    int rc = store_expired(s, label, key, &found);
    if (rc != SQLITE_OK || found)
        return rc;
    stmt = store_start(s, STORE_EXISTS, label, &key);
    found = sqlite3_step(stmt) == SQLITE_ROW;
    rc = store_finish(stmt);
    *ret_found = rc == SQLITE_OK && found;
    return rc;
}

int store_entry_length(struct store *s, struct slice label, struct slice key, int64_t *ret)
{
    sqlite3_stmt *stmt = store_start(s, STORE_LENGTH, label, &key);

    *ret = sqlite3_step(stmt) == SQLITE_ROW ? sqlite3_column_int64(stmt, 0) : -1;
    return store_finish(stmt);
}

/* The same of what is held too. */
static int old_length(struct store *s, struct slice label, struct slice key, int64_t *ret)
{
    struct slice held;

    if (!store_held_get(s, label, key, &held))
        return store_entry_length(s, label, key, ret);
    *ret = (int64_t)held.len;
    return SQLITE_OK;
}

bool store_is_limited(const struct store *s)
{
    return s->quota.max_bytes || s->quota.max_entries;
}

static int count_all(struct store *s)
{
    sqlite3_stmt *stmt = s->statements[STORE_COUNT_ALL];
    int64_t entries = 0, bytes = 0;

    if (s->quota.known)
        return SQLITE_OK;
    if (sqlite3_step(stmt) == SQLITE_ROW) {
        entries = sqlite3_column_int64(stmt, 0);
        bytes = (int64_t)sqlite3_column_double(stmt, 1);
    }
    int rc = sqlite3_reset(stmt);
    if (rc == SQLITE_OK)
        rc = store_held_count(s, NULL, &entries, &bytes);
    if (rc != SQLITE_OK)
        return rc;
    s->quota.entries = (uint64_t)entries;
    s->quota.bytes = (uint64_t)bytes;
    s->quota.known = true;
    return SQLITE_OK;
}

/* Account for an entry that changes from `old` to `len` bytes (-1: none). */
static void quota_move(struct store_quota *q, size_t key_len, int64_t old, int64_t len)
{
    if (old >= 0) {
        q->entries--;
        q->bytes -= key_len + (uint64_t)old;
    }
    if (len >= 0) {
        q->entries++;
        q->bytes += key_len + (uint64_t)len;
    }
}

/* *ret: what the app would hold with that entry. */
static int quota_with(struct store *s, struct slice label, struct slice key, struct slice value,
                      struct store_quota *ret)
{
    int64_t old;
    int rc = count_all(s);

    if (rc == SQLITE_OK)
        rc = old_length(s, label, key, &old);
    if (rc != SQLITE_OK)
        return rc;
    *ret = s->quota;
    quota_move(ret, key.len, old, (int64_t)value.len);
    return SQLITE_OK;
}

static bool has_too_many(const struct store *s, const struct store_quota *q)
{
    return q->max_entries && q->entries > q->max_entries && q->entries > s->quota.entries;
}

static bool has_too_much(const struct store *s, const struct store_quota *q)
{
    return q->max_bytes && q->bytes > q->max_bytes && q->bytes > s->quota.bytes;
}

/* *ret_before: to go back to if the entry is not written after all. */
static int quota_take(struct store *s, struct op *op, struct slice key, struct slice value,
                      struct store_quota *ret_before)
{
    struct store_quota q;
    int rc = quota_with(s, op->label, key, value, &q);

    /* What has expired is in the way no more. */
    if (rc == SQLITE_OK && (has_too_many(s, &q) || has_too_much(s, &q)) && store_has_due(s)) {
        rc = store_sweep_due(s, QUOTA_SWEEP, &(unsigned){0});
        if (rc == SQLITE_OK)
            rc = quota_with(s, op->label, key, value, &q);
    }
    if (rc != SQLITE_OK)
        return rc;
    if (has_too_many(s, &q)) {
        op_fail(op, ERR_QUOTA_EXCEEDED, "the app would hold %llu entries, its quota is %llu",
                (unsigned long long)q.entries, (unsigned long long)q.max_entries);
        return STORE_FAILED;
    }
    if (has_too_much(s, &q)) {
        op_fail(op, ERR_QUOTA_EXCEEDED, "the app would hold %llu bytes, its quota is %llu",
                (unsigned long long)q.bytes, (unsigned long long)q.max_bytes);
        return STORE_FAILED;
    }
    *ret_before = s->quota;
    s->quota = q;
    return SQLITE_OK;
}

/* 0: it does not expire. */
static int set_expiry(struct store *s, struct slice label, struct slice key, int64_t expires_ms)
{
    sqlite3_stmt *stmt =
        store_start(s, expires_ms ? STORE_EXPIRE_SET : STORE_EXPIRE_CLEAR, label, &key);

    if (expires_ms) {
        store_bind_int(stmt, 3, expires_ms);
        if (s->next_expiry < 0 || expires_ms < s->next_expiry)
            s->next_expiry = expires_ms;
    }
    sqlite3_step(stmt);
    return store_finish(stmt);
}

static int write_entry(struct store *s, const struct store_change *c)
{
    bool set = c->kind == CHANGE_SET;
    sqlite3_stmt *stmt = store_start(s, set ? STORE_SET : STORE_DELETE, c->label, &c->key);

    if (set)
        store_bind_blob(stmt, 3, c->value);
    sqlite3_step(stmt);
    return store_finish(stmt);
}

static int write_sum(struct store *s, const struct store_change *c)
{
    return c->kind == CHANGE_SET ? store_sum_set(s, c->label, c->key, c->value)
                                 : store_sum_clear(s, c->label, c->key);
}

int store_entry_write(struct store *s, const struct store_change *c)
{
    int rc = write_entry(s, c);

    return rc == SQLITE_OK ? write_sum(s, c) : rc;
}

/* Several statements, all or none. */
static int write_all(struct store *s, const struct store_change *c, bool expiry, bool *ret_changed)
{
    struct store_mark mark;
    int rc = store_mark(s, &mark);

    if (rc != SQLITE_OK)
        return rc;
    if (expiry)
        rc = set_expiry(s, c->label, c->key, c->kind == CHANGE_SET ? c->expires_ms : 0);
    if (rc == SQLITE_OK)
        rc = write_entry(s, c);
    if (rc == SQLITE_OK)
        *ret_changed = sqlite3_changes(s->db) > 0;
    if (rc == SQLITE_OK)
        rc = write_sum(s, c);
    int end = store_mark_end(s, &mark, rc == SQLITE_OK);
    return rc == SQLITE_OK ? end : rc;
}

static int hold(struct store *s, const struct store_change *c, bool *ret_changed)
{
    int rc = store_held_set(s, c, s->commit + 1);

    *ret_changed = rc == SQLITE_OK;
    if (rc == SQLITE_OK)
        store_changes_add(s, c);
    s->held.batch += rc == SQLITE_OK;
    return rc;
}

/* Do it, with what hangs on it, or nothing. *ret_changed: whether it was anything to be done. */
static int write_change(struct store *s, const struct store_change *c, bool *ret_changed)
{
    int64_t expires = 0;
    int rc = store_may_write(s) ? store_changes_reserve(s) : SQLITE_ABORT;

    if (rc == SQLITE_OK && !(c->kind == CHANGE_SET && c->expires_ms))
        rc = store_expires_at(s, c->label, c->key, &expires);
    if (rc != SQLITE_OK)
        return rc;
    if (c->kind == CHANGE_SET && !c->expires_ms && !expires && s->held.takes)
        return hold(s, c, ret_changed);
    bool both = c->kind == CHANGE_SET ? c->expires_ms > 0 || (expires && !c->expires_ms) : expires;
    if (both || s->options.checksums) {
        rc = write_all(s, c, both, ret_changed);
    } else {
        rc = write_entry(s, c);
        *ret_changed = sqlite3_changes(s->db) > 0;
    }
    if (rc != SQLITE_OK)
        return rc;
    if (*ret_changed)
        store_changes_add(s, c);
    return SQLITE_OK;
}

int store_entry_set(struct store *s, struct op *op, struct slice key, struct slice value,
                    int64_t ttl_ms)
{
    struct store_change change = {op->label, key, value, ttl_ms, CHANGE_SET};
    struct store_quota before = s->quota;
    bool changed;

    if (ttl_ms > 0)
        change.expires_ms = s->now_ms + ttl_ms;
    int rc = store_is_limited(s) ? quota_take(s, op, key, value, &before) : SQLITE_OK;
    if (rc != SQLITE_OK)
        return rc;
    rc = write_change(s, &change, &changed);
    if (rc != SQLITE_OK)
        s->quota = before;
    return rc;
}

int store_entry_delete(struct store *s, struct slice label, struct slice key)
{
    struct store_change change = {label, key, {0}, 0, CHANGE_DELETE};
    bool expired, changed;
    int64_t old = -1;
    int rc = store_expired(s, label, key, &expired);

    if (rc == SQLITE_OK && store_is_limited(s) && s->quota.known)
        rc = old_length(s, label, key, &old);
    if (rc != SQLITE_OK)
        return rc;
    if (expired)
        change.kind = CHANGE_EXPIRE;
    rc = write_change(s, &change, &changed);
    if (rc == SQLITE_OK && changed)
        quota_move(&s->quota, key.len, old, -1);
    return rc;
}

int store_mark(struct store *s, struct store_mark *ret)
{
    *ret = (struct store_mark){s->changes.count, s->quota, s->next_expiry};
    return store_run_plain(s, STORE_SAVE);
}

int store_mark_end(struct store *s, const struct store_mark *mark, bool keep)
{
    int rc = SQLITE_OK;

    if (!keep) {
        s->changes.count = mark->changes;
        s->quota = mark->quota;
        s->next_expiry = mark->next_expiry;
        if (sqlite3_get_autocommit(s->db))
            return SQLITE_OK; /* SQLite gave up the whole batch already */
        rc = store_run_plain(s, STORE_SAVE_UNDO);
    }
    int end = store_run_plain(s, STORE_SAVE_END);
    if (rc == SQLITE_OK)
        rc = end;
    if (rc != SQLITE_OK && !s->lost.code)
        store_error(s, rc, "write", &s->lost);
    return rc;
}

void store_set_quota(struct store *s, uint64_t max_bytes, uint64_t max_entries)
{
    s->quota.max_bytes = max_bytes;
    s->quota.max_entries = max_entries;
    /* What is written without limits is not counted. */
    if (!store_is_limited(s))
        s->quota.known = false;
}
