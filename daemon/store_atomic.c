/* Read, decide, write, as one: increment, swap, atomic. */
#include <assert.h>
#include <endian.h>
#include <string.h>

#include "daemon/store_internal.h"
#include "protocol/message.h"

/* Add to the number at a key. The old value's bytes decide, so nothing is written before. */
static int increment(struct store *s, struct op *op, struct slice key, int64_t delta,
                     int64_t *ret_value)
{
    struct buffer old;
    uint64_t bits = 0;
    int64_t value = 0;
    bool found;

    buffer_init(&old);
    int rc = store_entry_get(s, op->label, key, &old, &found);
    size_t len = old.len;
    if (rc == SQLITE_OK && found && len == sizeof(bits))
        memcpy(&bits, old.data, sizeof(bits));
    buffer_fini(&old);
    if (rc != SQLITE_OK)
        return rc;
    if (found && len != sizeof(bits)) {
        op_fail(op, ERR_WRONG_TYPE, "'%.*s' holds %zu bytes, not the 8 of a number", (int)key.len,
                key.data, len);
        return STORE_FAILED;
    }
    value = (int64_t)le64toh(bits);
    if (__builtin_add_overflow(value, delta, &value)) {
        op_fail(op, ERR_INVALID_REQUEST, "increment overflows");
        return STORE_FAILED;
    }
    bits = htole64((uint64_t)value);
    struct slice bytes = store_changes_copy(s, (struct slice){(char *)&bits, sizeof(bits)});
    if (!bytes.data)
        return SQLITE_NOMEM;
    *ret_value = value;
    return store_entry_set(s, op, key, bytes, found ? STORE_KEEP_TTL : 0);
}

/* Fail the op unless that was done where the reason is known. */
static void finish(struct store *s, struct op *op, int rc)
{
    if (rc != SQLITE_OK && rc != STORE_FAILED)
        store_fail(s, op, rc);
}

void store_increment(struct store *s, struct op *op)
{
    msgpack_packer pk;
    int64_t value;
    int rc = increment(s, op, op->key, op->delta, &value);

    if (rc == SQLITE_OK) {
        pack_init(&pk, &op->result);
        msgpack_pack_int64(&pk, value);
    }
    finish(s, op, rc);
}

static bool same(const struct buffer *found, struct slice expected)
{
    return found->len == expected.len &&
           (!expected.len || memcmp(found->data, expected.data, expected.len) == 0);
}

void store_swap(struct store *s, struct op *op)
{
    struct buffer current;
    msgpack_packer pk;
    bool found, swap = false;

    buffer_init(&current);
    int rc = store_entry_get(s, op->label, op->key, &current, &found);
    if (rc == SQLITE_OK) {
        swap = op->expected.data ? found && same(&current, op->expected) : !found;
        if (swap)
            rc = store_entry_set(s, op, op->key, op->value, op->ttl_ms);
    }
    if (rc == SQLITE_OK) {
        pack_init(&pk, &op->result);
        msgpack_pack_array(&pk, 2);
        if (swap)
            msgpack_pack_true(&pk);
        else
            msgpack_pack_false(&pk);
        if (swap || !found)
            msgpack_pack_nil(&pk);
        else
            pack_slice_bin(&pk, (struct slice){(char *)current.data, current.len});
    }
    buffer_fini(&current);
    finish(s, op, rc);
}

/* {"since": N}: unchanged since that commit. */
static int check_since(struct store *s, struct op *op, struct slice key, struct reader *checks,
                       uint32_t index, bool *ret_holds)
{
    struct slice name;
    uint64_t since = 0;
    uint32_t entries;
    bool changed = true;
    int rc = reader_map(checks, &entries);

    if (!rc)
        rc = reader_str(checks, &name);
    if (!rc)
        rc = reader_uint(checks, &since);
    assert(!rc);
    if (since > s->commit) {
        op_fail(op, ERR_INVALID_REQUEST, "check %u: there has been no commit %llu yet", index,
                (unsigned long long)since);
        return STORE_FAILED;
    }
    if (since < s->log.floor) {
        op_fail(op, ERR_STALE, "check %u: the log of changes does not reach back to commit %llu",
                index, (unsigned long long)since);
        return STORE_FAILED;
    }
    rc = store_log_changed(s, op->label, key, since, &changed);
    *ret_holds = !changed;
    return rc;
}

static int check_value(struct store *s, struct op *op, struct slice key, struct reader *checks,
                       bool *ret_holds)
{
    struct slice expected = {0};
    struct buffer current;
    bool absent = reader_peek(checks) == READER_NIL;
    bool found;
    int rc = absent ? reader_nil(checks) : reader_bytes(checks, &expected);

    assert(!rc);
    buffer_init(&current);
    rc = store_entry_get(s, op->label, key, &current, &found);
    *ret_holds = absent ? !found : found && same(&current, expected);
    buffer_fini(&current);
    return rc;
}

/* *ret_failed: the first check that does not hold; check_count: all do. */
static int run_checks(struct store *s, struct op *op, uint32_t *ret_failed)
{
    struct reader checks = op->checks;
    int rc = SQLITE_OK;
    uint32_t i;

    for (i = 0; i < op->check_count; i++) {
        struct slice key;
        uint32_t two;
        bool holds = false;
        rc = reader_array(&checks, &two) || reader_str(&checks, &key);
        assert(!rc);
        rc = reader_peek(&checks) == READER_MAP ? check_since(s, op, key, &checks, i, &holds)
                                                : check_value(s, op, key, &checks, &holds);
        if (rc != SQLITE_OK || !holds)
            break;
    }
    *ret_failed = i;
    return rc;
}

/* {ttl_ms: N} or nothing, behind a set. */
static int64_t read_ttl(struct reader *items, uint32_t elements)
{
    struct slice name;
    uint32_t entries = 0;
    int64_t ttl = 0;

    if (elements < 4)
        return 0;
    if (reader_peek(items) == READER_NIL) {
        reader_nil(items);
        return 0;
    }
    reader_map(items, &entries);
    while (entries--) {
        reader_str(items, &name);
        if (reader_int(items, &ttl))
            reader_skip(items);
    }
    return ttl;
}

static int run_item(struct store *s, struct op *op, struct reader *items)
{
    struct slice verb = {0}, key = {0}, value = {0};
    uint32_t elements = 0;
    int64_t delta = 0;
    int rc = reader_array(items, &elements) || reader_str(items, &verb) || reader_str(items, &key);

    assert(!rc);
    (void)rc;
    if (slice_equals(verb, "delete"))
        return store_entry_delete(s, op->label, key);
    if (slice_equals(verb, "increment")) {
        reader_int(items, &delta);
        return increment(s, op, key, delta, &delta);
    }
    reader_bytes(items, &value);
    return store_entry_set(s, op, key, value, read_ttl(items, elements));
}

static int run_items(struct store *s, struct op *op)
{
    struct reader items = op->items;
    struct store_mark mark;
    int rc = store_mark(s, &mark);

    if (rc != SQLITE_OK)
        return rc;
    for (uint32_t i = 0; i < op->item_count && rc == SQLITE_OK; i++)
        rc = run_item(s, op, &items);
    int end = store_mark_end(s, &mark, rc == SQLITE_OK);
    return rc == SQLITE_OK ? end : rc;
}

void store_atomic(struct store *s, struct op *op)
{
    msgpack_packer pk;
    uint32_t failed = 0;
    int rc = run_checks(s, op, &failed);
    bool holds = rc == SQLITE_OK && failed == op->check_count;

    if (holds)
        rc = run_items(s, op);
    if (rc == SQLITE_OK) {
        pack_init(&pk, &op->result);
        msgpack_pack_array(&pk, 2);
        if (holds) {
            msgpack_pack_true(&pk);
            msgpack_pack_nil(&pk);
        } else {
            msgpack_pack_false(&pk);
            msgpack_pack_uint32(&pk, failed);
        }
    }
    finish(s, op, rc);
}
