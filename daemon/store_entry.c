/* Single entries, with all that hangs on them: expiry, quota, and the note of the change. */
#include <stdlib.h>
#include <string.h>

#include "daemon/store_internal.h"

int store_run_plain(struct store *s, enum store_statement which)
{
    sqlite3_step(s->statements[which]);
    return sqlite3_reset(s->statements[which]);
}

int store_entry_get(struct store *s, struct slice label, struct slice key, struct buffer *copy,
                    bool *ret_found)
{
    sqlite3_stmt *stmt;
    bool found;

    *ret_found = false;
    if (store_expired(s, label, key))
        return SQLITE_OK;
    stmt = store_start(s, STORE_GET, label, &key);
    found = sqlite3_step(stmt) == SQLITE_ROW;
    if (found) {
        struct slice value = store_column(stmt);
        buffer_reserve(copy, value.len + 1);
        buffer_append(copy, value.data, value.len);
    }
    int rc = store_finish(stmt);
    if (rc == SQLITE_OK && copy->failed)
        rc = SQLITE_NOMEM;
    *ret_found = rc == SQLITE_OK && found;
    return rc;
}

int store_entry_exists(struct store *s, struct slice label, struct slice key, bool *ret_found)
{
    sqlite3_stmt *stmt;

    *ret_found = false;
    if (store_expired(s, label, key))
        return SQLITE_OK;
    stmt = store_start(s, STORE_EXISTS, label, &key);
    bool found = sqlite3_step(stmt) == SQLITE_ROW;
    int rc = store_finish(stmt);
    *ret_found = rc == SQLITE_OK && found;
    return rc;
}

/* The length of the value that is there, expired or not; -1: none. */
static int old_length(struct store *s, struct slice label, struct slice key, int64_t *ret)
{
    sqlite3_stmt *stmt = store_start(s, STORE_LENGTH, label, &key);

    *ret = sqlite3_step(stmt) == SQLITE_ROW ? sqlite3_column_int64(stmt, 0) : -1;
    return store_finish(stmt);
}

static bool limited(const struct store *s)
{
    return s->quota.max_bytes || s->quota.max_entries;
}

static int count_all(struct store *s)
{
    sqlite3_stmt *stmt = s->statements[STORE_COUNT_ALL];

    if (s->quota.known)
        return SQLITE_OK;
    if (sqlite3_step(stmt) == SQLITE_ROW) {
        s->quota.entries = (uint64_t)sqlite3_column_int64(stmt, 0);
        s->quota.bytes = (uint64_t)sqlite3_column_double(stmt, 1);
        s->quota.known = true;
    }
    return sqlite3_reset(stmt);
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

static int quota_take(struct store *s, struct op *op, struct slice key, struct slice value)
{
    struct store_quota q;
    int64_t old;
    int rc = count_all(s);

    if (rc == SQLITE_OK)
        rc = old_length(s, op->label, key, &old);
    if (rc != SQLITE_OK)
        return rc;
    q = s->quota;
    quota_move(&q, key.len, old, (int64_t)value.len);
    if (q.max_entries && q.entries > q.max_entries && q.entries > s->quota.entries) {
        op_fail(op, ERR_QUOTA_EXCEEDED, "the app would hold %llu entries, its quota is %llu",
                (unsigned long long)q.entries, (unsigned long long)q.max_entries);
        return STORE_FAILED;
    }
    if (q.max_bytes && q.bytes > q.max_bytes && q.bytes > s->quota.bytes) {
        op_fail(op, ERR_QUOTA_EXCEEDED, "the app would hold %llu bytes, its quota is %llu",
                (unsigned long long)q.bytes, (unsigned long long)q.max_bytes);
        return STORE_FAILED;
    }
    s->quota = q;
    return SQLITE_OK;
}

static int set_expiry(struct store *s, struct slice label, struct slice key, int64_t ttl_ms)
{
    sqlite3_stmt *stmt;

    if (ttl_ms == STORE_KEEP_TTL || (!ttl_ms && s->next_expiry < 0))
        return SQLITE_OK;
    if (!ttl_ms) {
        stmt = store_start(s, STORE_EXPIRE_CLEAR, label, &key);
    } else {
        int64_t expires = s->now_ms + ttl_ms;
        stmt = store_start(s, STORE_EXPIRE_SET, label, &key);
        store_bind_int(stmt, 3, expires);
        if (s->next_expiry < 0 || expires < s->next_expiry)
            s->next_expiry = expires;
    }
    sqlite3_step(stmt);
    return store_finish(stmt);
}

int store_entry_set(struct store *s, struct op *op, struct slice key, struct slice value,
                    int64_t ttl_ms)
{
    sqlite3_stmt *stmt;
    int rc = SQLITE_OK;

    if (limited(s))
        rc = quota_take(s, op, key, value);
    if (rc != SQLITE_OK)
        return rc;
    stmt = store_start(s, STORE_SET, op->label, &key);
    store_bind_blob(stmt, 3, value);
    sqlite3_step(stmt);
    rc = store_finish(stmt);
    if (rc == SQLITE_OK)
        rc = set_expiry(s, op->label, key, ttl_ms);
    if (rc == SQLITE_OK)
        rc = store_changes_add(s, op->label, key, value, CHANGE_SET);
    return rc;
}

int store_entry_delete(struct store *s, struct slice label, struct slice key)
{
    bool expired = store_expired(s, label, key);
    int64_t old = -1;
    int rc = SQLITE_OK;

    if (limited(s) && s->quota.known)
        rc = old_length(s, label, key, &old);
    if (rc != SQLITE_OK)
        return rc;
    sqlite3_stmt *stmt = store_start(s, STORE_DELETE, label, &key);
    sqlite3_step(stmt);
    rc = store_finish(stmt);
    if (rc != SQLITE_OK || sqlite3_changes(s->db) == 0)
        return rc;
    quota_move(&s->quota, key.len, old, -1);
    rc = set_expiry(s, label, key, 0);
    if (rc == SQLITE_OK)
        rc = store_changes_add(s, label, key, (struct slice){0},
                               expired ? CHANGE_EXPIRE : CHANGE_DELETE);
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
    return rc != SQLITE_OK ? rc : end;
}

void store_set_quota(struct store *s, uint64_t max_bytes, uint64_t max_entries)
{
    s->quota.max_bytes = max_bytes;
    s->quota.max_entries = max_entries;
}
