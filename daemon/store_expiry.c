/* Entries with a time to live: gone for every reader at that moment, removed in the background. */
#include "daemon/clock.h"
#include "daemon/store_internal.h"
#include "protocol/message.h"

void store_tick(struct store *s)
{
    int64_t now = clock_now_ms() + s->ahead_ms;

    if (now > s->now_ms)
        s->now_ms = now;
}

int store_expires_at(struct store *s, struct slice label, struct slice key, int64_t *ret)
{
    sqlite3_stmt *stmt;

    *ret = 0;
    if (s->next_expiry < 0)
        return SQLITE_OK;
    stmt = store_start(s, STORE_EXPIRES, label, &key);
    if (sqlite3_step(stmt) == SQLITE_ROW)
        *ret = sqlite3_column_int64(stmt, 0);
    return store_finish(stmt);
}

bool store_has_due(const struct store *s)
{
    return s->next_expiry >= 0 && s->now_ms >= s->next_expiry;
}

int store_expired(struct store *s, struct slice label, struct slice key, bool *ret)
{
    int64_t at = 0;
    int rc = SQLITE_OK;

    /* Nothing costs anything while nothing is due. */
    if (store_has_due(s))
        rc = store_expires_at(s, label, key, &at);
    *ret = at && at <= s->now_ms;
    return rc;
}

bool store_lasting(struct store *s, const struct op *op)
{
    int64_t at;

    if (op->kind == OP_GET || op->kind == OP_EXISTS)
        return store_expires_at(s, op->label, op->key, &at) == SQLITE_OK && !at;
    return op->kind == OP_GET_MANY && s->next_expiry < 0;
}

/* The time goes on from the latest that the file has seen: what has expired stays so, and what was
 * given a minute lives for a minute, wherever the wall clock was set to meanwhile. */
void store_tick_from(struct store *s, int64_t seen)
{
    int64_t now = clock_now_ms();

    s->ahead_ms = seen > now ? seen - now : 0;
    store_tick(s);
}

/* Below that is "never". */
static int64_t at_least_0(int64_t time_ms)
{
    return time_ms < 0 ? 0 : time_ms;
}

int store_expiry_load(struct store *s)
{
    sqlite3_stmt *stmt = s->statements[STORE_EXPIRE_NEXT];

    s->next_expiry = -1;
    /* Somebody else may have put anything there: what is no time may be before all others. */
    if (sqlite3_step(stmt) == SQLITE_ROW && sqlite3_column_type(stmt, 0) != SQLITE_NULL)
        s->next_expiry = at_least_0(sqlite3_column_int64(stmt, 0));
    int rc = sqlite3_reset(stmt);
    if (rc != SQLITE_OK)
        s->next_expiry = 0; /* it is not known: rather look each time */
    return rc;
}

int64_t store_next_expiry(const struct store *s)
{
    return s->next_expiry < 0 ? -1 : at_least_0(s->next_expiry - s->ahead_ms);
}

void store_ttl(struct store *s, struct op *op)
{
    msgpack_packer pk;
    bool found;
    int64_t at = 0;
    int rc = store_entry_exists(s, op->label, op->key, &found);

    if (rc == SQLITE_OK && found)
        rc = store_expires_at(s, op->label, op->key, &at);
    if (rc != SQLITE_OK) {
        store_fail(s, op, rc);
        return;
    }
    pack_init(&pk, &op->result);
    if (!found) {
        msgpack_pack_nil(&pk);
        return;
    }
    msgpack_pack_int64(&pk, at ? at - s->now_ms : -1);
}

/* The names of an entry that is due. With a blob in the place of one there is no such entry. */
struct due {
    struct slice label, key;
    bool label_is_blob, key_is_blob;
};

/* The next that is due, copied, since removing it moves the statement. *ret_found: there is. */
static int find_due(struct store *s, struct due *ret, bool *ret_found)
{
    sqlite3_stmt *stmt = s->statements[STORE_EXPIRE_DUE];

    store_bind_int(stmt, 1, s->now_ms);
    store_bind_int(stmt, 2, 1);
    *ret_found = sqlite3_step(stmt) == SQLITE_ROW;
    if (*ret_found) {
        struct slice label = {.data = sqlite3_column_blob(stmt, 0)};
        label.len = (size_t)sqlite3_column_bytes(stmt, 0);
        struct slice key = {.data = sqlite3_column_blob(stmt, 1)};
        key.len = (size_t)sqlite3_column_bytes(stmt, 1);
        *ret = (struct due){store_changes_copy(s, label), store_changes_copy(s, key),
                            sqlite3_column_type(stmt, 0) == SQLITE_BLOB,
                            sqlite3_column_type(stmt, 1) == SQLITE_BLOB};
    }
    int rc = store_finish(stmt);
    if (rc == SQLITE_OK && *ret_found && (!ret->label.data || !ret->key.data))
        rc = SQLITE_NOMEM;
    return rc;
}

/* The row may outlive an entry that Spin deleted. */
static int clear_due(struct store *s, const struct due *due)
{
    sqlite3_stmt *stmt = store_start(s, STORE_EXPIRE_CLEAR, due->label, &due->key);

    if (due->label_is_blob)
        store_bind_blob(stmt, 1, due->label);
    if (due->key_is_blob)
        store_bind_blob(stmt, 2, due->key);
    sqlite3_step(stmt);
    return store_finish(stmt);
}

/* Remove one entry that is due. *ret_found: there was one. */
static int sweep_one(struct store *s, bool *ret_found)
{
    struct due due;
    int rc = find_due(s, &due, ret_found);

    if (rc != SQLITE_OK || !*ret_found)
        return rc;
    if (!due.label_is_blob && !due.key_is_blob)
        rc = store_entry_delete(s, due.label, due.key);
    return rc == SQLITE_OK ? clear_due(s, &due) : rc;
}

int store_sweep_due(struct store *s, unsigned most, unsigned *ret_removed)
{
    bool found = true;
    int rc = SQLITE_OK;

    *ret_removed = 0;
    while (rc == SQLITE_OK && found && *ret_removed < most) {
        rc = sweep_one(s, &found);
        *ret_removed += rc == SQLITE_OK && found;
    }
    return rc == SQLITE_OK ? store_expiry_load(s) : rc;
}

int store_sweep(struct store *s, unsigned most, struct error *e)
{
    unsigned removed;

    if (s->lost.code)
        return error_set(e, s->lost.code, "%s", s->lost.text);
    store_tick(s);
    if (!store_has_due(s))
        return 0;
    int rc = store_sweep_due(s, most, &removed);
    if (rc == SQLITE_OK)
        return (int)removed;
    int code = store_error(s, rc, "write", e);
    s->lost = *e; /* an entry may be gone by half: nothing of this batch stays */
    return code;
}
