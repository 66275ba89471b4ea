/* Operations on many keys: all or nothing. */
#include <assert.h>

#include "daemon/store_internal.h"
#include "protocol/limits.h"
#include "protocol/message.h"

/* The maker of the op has validated every element. */
static struct slice next_str(struct reader *r)
{
    struct slice s = {0};
    int rc = reader_str(r, &s);

    assert(!rc);
    (void)rc;
    return s;
}

void store_get_many(struct store *s, struct op *op)
{
    struct reader items = op->items;
    msgpack_packer pk;
    int rc = SQLITE_OK, sum_rc = SQLITE_OK;

    pack_init(&pk, &op->result);
    msgpack_pack_array(&pk, op->item_count);
    for (uint32_t i = 0; i < op->item_count && rc == SQLITE_OK; i++) {
        struct slice key = next_str(&items);
        struct slice held;
        bool expired;
        if (store_held_get(s, op->label, key, &held)) {
            if (op->result.len + held.len > LIMIT_RESULT) {
                store_fail_too_large(op);
                return;
            }
            pack_slice_bin(&pk, held);
            continue;
        }
        rc = store_expired(s, op->label, key, &expired);
        if (rc != SQLITE_OK)
            break;
        sqlite3_stmt *stmt = store_start(s, STORE_GET, op->label, &key);
        if (sqlite3_step(stmt) == SQLITE_ROW && !expired) {
            struct slice value = store_column(stmt);
            if (op->result.len + value.len > LIMIT_RESULT) {
                store_finish(stmt);
                store_fail_too_large(op);
                return;
            }
            pack_slice_bin(&pk, value);
            sum_rc = store_sum_check(s, op->label, key, value);
        } else {
            msgpack_pack_nil(&pk);
        }
        rc = store_finish(stmt);
        if (rc == SQLITE_OK)
            rc = sum_rc;
    }
    if (rc == SQLITE_TOOBIG)
        store_fail_too_large(op);
    else if (rc != SQLITE_OK)
        store_fail(s, op, rc);
}

static int set_one(struct store *s, struct op *op, struct reader *items)
{
    struct slice key, value = {0};
    uint32_t two;
    int rc = reader_array(items, &two);

    assert(!rc && two == 2);
    key = next_str(items);
    rc = reader_bytes(items, &value);
    assert(!rc);
    (void)rc;
    return store_entry_set(s, op, key, value, op->ttl_ms);
}

static int delete_one(struct store *s, struct op *op, struct reader *items)
{
    return store_entry_delete(s, op->label, next_str(items));
}

static void write_many(struct store *s, struct op *op,
                       int (*step)(struct store *s, struct op *op, struct reader *items))
{
    struct reader items = op->items;
    struct store_mark mark;
    msgpack_packer pk;
    int rc = store_mark(s, &mark);

    if (rc != SQLITE_OK) {
        store_fail(s, op, rc);
        return;
    }
    for (uint32_t i = 0; i < op->item_count && rc == SQLITE_OK; i++)
        rc = step(s, op, &items);
    int end = store_mark_end(s, &mark, rc == SQLITE_OK);
    if (rc == SQLITE_OK)
        rc = end;
    if (rc == SQLITE_OK) {
        pack_init(&pk, &op->result);
        msgpack_pack_nil(&pk);
    } else if (rc != STORE_FAILED) {
        store_fail(s, op, rc);
    }
}

void store_set_many(struct store *s, struct op *op)
{
    write_many(s, op, set_one);
}

void store_delete_many(struct store *s, struct op *op)
{
    write_many(s, op, delete_one);
}
