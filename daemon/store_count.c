/* How much is in a store, and numbers about the file. */
#include "daemon/store_internal.h"
#include "protocol/message.h"

static int count_one(struct store *s, enum store_statement which, struct slice label,
                     int64_t *ret_entries, int64_t *ret_bytes)
{
    sqlite3_stmt *stmt = store_start(s, which, label, NULL);

    if (which == STORE_COUNT_EXPIRED)
        store_bind_int(stmt, 3, s->now_ms);
    *ret_entries = *ret_bytes = 0;
    if (sqlite3_step(stmt) == SQLITE_ROW) {
        *ret_entries = sqlite3_column_int64(stmt, 0);
        *ret_bytes = (int64_t)sqlite3_column_double(stmt, 1);
    }
    return store_finish(stmt);
}

void store_count(struct store *s, struct op *op)
{
    int64_t entries, bytes, expired = 0, expired_bytes = 0;
    msgpack_packer pk;
    int rc = count_one(s, STORE_COUNT, op->label, &entries, &bytes);

    if (rc == SQLITE_OK)
        rc = store_held_count(s, &op->label, &entries, &bytes);
    if (rc == SQLITE_OK && s->next_expiry >= 0 && s->next_expiry <= s->now_ms)
        rc = count_one(s, STORE_COUNT_EXPIRED, op->label, &expired, &expired_bytes);
    if (rc != SQLITE_OK) {
        store_fail(s, op, rc);
        return;
    }
    pack_init(&pk, &op->result);
    msgpack_pack_array(&pk, 2);
    msgpack_pack_int64(&pk, entries - expired);
    msgpack_pack_int64(&pk, bytes - expired_bytes);
}

static int64_t pragma_int(const struct store *s, const char *sql)
{
    sqlite3_stmt *stmt;
    int64_t value = 0;

    if (sqlite3_prepare_v2(s->db, sql, -1, &stmt, NULL) != SQLITE_OK)
        return 0;
    if (sqlite3_step(stmt) == SQLITE_ROW)
        value = sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    return value;
}

void store_stats(struct store *s, struct op *op)
{
    msgpack_packer pk;
    int64_t page = pragma_int(s, "PRAGMA page_size");

    pack_init(&pk, &op->result);
    msgpack_pack_map(&pk, 6);
    pack_cstr(&pk, "file_bytes");
    msgpack_pack_int64(&pk, page * pragma_int(s, "PRAGMA page_count"));
    pack_cstr(&pk, "free_bytes");
    msgpack_pack_int64(&pk, page * pragma_int(s, "PRAGMA freelist_count"));
    pack_cstr(&pk, "commit");
    msgpack_pack_uint64(&pk, s->commit);
    pack_cstr(&pk, "log_floor");
    msgpack_pack_uint64(&pk, s->log.floor);
    pack_cstr(&pk, "log_commits");
    msgpack_pack_uint64(&pk, s->log.rows.count);
    pack_cstr(&pk, "log_changes");
    msgpack_pack_uint64(&pk, s->log.rows.changes);
}
