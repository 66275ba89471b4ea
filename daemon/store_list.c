/* Listings: labels and pages of keys. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/store_internal.h"
#include "protocol/limits.h"
#include "protocol/message.h"

struct store_array store_array_begin(struct buffer *b)
{
    static const uint8_t header[5] = {0xdd};
    struct store_array array = {.at = b->len};

    buffer_append(b, header, sizeof(header));
    return array;
}

void store_array_end(struct buffer *b, const struct store_array *array)
{
    if (b->failed)
        return;
    for (unsigned i = 0; i < 4; i++)
        b->data[array->at + 1 + i] = (uint8_t)(array->count >> (24 - 8 * i));
}

/* Let the statement's parameter be the row it stands on. A result of SQLite. */
static int move_behind_row(sqlite3_stmt *stmt)
{
    sqlite3_value *row = sqlite3_value_dup(sqlite3_column_value(stmt, 0));

    if (!row)
        return SQLITE_NOMEM;
    sqlite3_reset(stmt);
    int rc = sqlite3_bind_value(stmt, 1, row);
    sqlite3_value_free(row);
    return rc;
}

/* One index probe for each label. What no client can ask for is left out: a label that is too long,
 * and a blob in its place, behind which there are only blobs. */
void store_list_labels(struct store *s, struct op *op)
{
    sqlite3_stmt *stmt = store_start(s, STORE_NEXT_LABEL, (struct slice){0}, NULL);
    struct store_array labels = store_array_begin(&op->result);
    msgpack_packer pk;
    int moved = SQLITE_OK;

    pack_init(&pk, &op->result);
    while (moved == SQLITE_OK && labels.count < LIMIT_LABELS && sqlite3_step(stmt) == SQLITE_ROW &&
           sqlite3_column_type(stmt, 0) == SQLITE_TEXT) {
        struct slice label = store_column(stmt);
        bool present;
        moved = store_label_present(s, label, &present);
        if (moved == SQLITE_OK && present && label.len <= LIMIT_LABEL) {
            pack_slice_str(&pk, label);
            labels.count++;
        }
        if (moved == SQLITE_OK)
            moved = move_behind_row(stmt);
    }
    int rc = store_finish(stmt);
    if (moved != SQLITE_OK || rc != SQLITE_OK)
        store_fail(s, op, rc != SQLITE_OK ? rc : moved);
    else
        store_array_end(&op->result, &labels);
}

/* What comes behind every text that begins with the prefix; data NULL: nothing does. `room` is as
 * long as the prefix. */
static struct slice behind_prefix(struct slice prefix, char *room)
{
    size_t len = prefix.len;

    while (len && (unsigned char)prefix.data[len - 1] == 0xff)
        len--;
    if (!len)
        return (struct slice){0};
    memcpy(room, prefix.data, len);
    room[len - 1] = (char)((unsigned char)room[len - 1] + 1);
    return (struct slice){room, len};
}

/* Keys alone are all in the index of the table: their values, which may be long, are not read. */
static enum store_statement listing(const struct op *op, enum store_statement with_values,
                                    enum store_statement keys)
{
    return op->kind == OP_ENTRIES ? with_values : keys;
}

/* Forwards from the prefix, or behind the cursor if that is further; backwards the other way. */
static sqlite3_stmt *start_listing(struct store *s, const struct op *op, char *room)
{
    struct slice end;

    if (!op->reverse) {
        if (op->cursor.data && slice_order(op->prefix, op->cursor) <= 0)
            return store_start(s, listing(op, STORE_LIST_BEHIND, STORE_KEYS_BEHIND), op->label,
                               &op->cursor);
        return store_start(s, listing(op, STORE_LIST_FROM, STORE_KEYS_FROM), op->label,
                           &op->prefix);
    }
    end = behind_prefix(op->prefix, room);
    if (op->cursor.data && (!end.data || slice_order(end, op->cursor) > 0))
        end = op->cursor;
    if (!end.data)
        return store_start(s, listing(op, STORE_LIST_BACK_ALL, STORE_KEYS_BACK_ALL), op->label,
                           NULL);
    return store_start(s, listing(op, STORE_LIST_BACK, STORE_KEYS_BACK), op->label, &end);
}

/* The next key, if there is one. Keys are in order, so the first that does not begin with the
 * prefix ends the listing. A blob is no key; all blobs are behind all keys. *rc: a result of SQLite
 * that ends it too. */
static bool next_key(struct store *s, sqlite3_stmt *stmt, const struct op *op, struct slice *ret,
                     int *rc)
{
    bool expired;

    while (sqlite3_step(stmt) == SQLITE_ROW) {
        if (sqlite3_column_type(stmt, 0) != SQLITE_TEXT) {
            if (op->reverse)
                continue;
            return false;
        }
        *ret = store_column(stmt);
        if (!slice_begins_with(*ret, op->prefix))
            return false;
        *rc = store_expired(s, op->label, *ret, &expired);
        if (*rc != SQLITE_OK)
            return false;
        if (!expired)
            return true;
    }
    return false;
}

struct page {
    struct store_array keys;
    size_t bytes;    /* of all keys and values */
    size_t last_len; /* of the last key … */
    size_t last_at;  /* … and where it is in the result */
    bool more;       /* a key follows that is not on the page */
    bool too_large;  /* a single entry is over what an answer may hold */
    int rc;          /* of SQLite: why the page could not be filled */
};

/* What the entry has left to live; -1: it stays. */
static void pack_ttl(struct store *s, struct op *op, msgpack_packer *pk, struct page *page,
                     struct slice key)
{
    int64_t at = 0;

    page->rc = store_expires_at(s, op->label, key, &at);
    msgpack_pack_int64(pk, at ? at - s->now_ms : -1);
}

static void add_to_page(struct store *s, sqlite3_stmt *stmt, struct op *op, msgpack_packer *pk,
                        struct page *page, struct slice key, size_t value_len)
{
    bool entries = op->kind == OP_ENTRIES;

    if (entries)
        msgpack_pack_array(pk, op->want_ttl ? 3 : 2);
    pack_slice_str(pk, key);
    page->last_len = key.len;
    page->last_at = op->result.len - key.len;
    page->keys.count++;
    page->bytes += key.len + value_len;
    if (entries) {
        struct slice value = {sqlite3_column_blob(stmt, 1), value_len};
        pack_slice_bin(pk, value);
        page->rc = store_sum_check(s, op->label, key, value);
    }
    if (entries && op->want_ttl && page->rc == SQLITE_OK)
        pack_ttl(s, op, pk, page, key);
}

static void fill_page(struct store *s, sqlite3_stmt *stmt, struct op *op, msgpack_packer *pk,
                      struct page *page)
{
    uint32_t limit = op->limit < LIMIT_PAGE ? op->limit : LIMIT_PAGE;
    struct slice key;

    assert(limit > 0);
    while (next_key(s, stmt, op, &key, &page->rc)) {
        size_t value_len = op->kind == OP_ENTRIES ? (size_t)sqlite3_column_bytes(stmt, 1) : 0;
        page->more = page->keys.count == limit ||
                     (page->keys.count && page->bytes + key.len + value_len > LIMIT_PAGE_BYTES);
        page->too_large = !page->more && 2 * key.len + value_len > LIMIT_RESULT;
        if (page->more || page->too_large)
            return;
        add_to_page(s, stmt, op, pk, page, key, value_len);
        if (page->rc != SQLITE_OK)
            return;
    }
}

static void pack_cursor(struct op *op, msgpack_packer *pk, const struct page *page)
{
    struct slice last = {.len = page->last_len};

    if (!page->more) {
        msgpack_pack_nil(pk);
        return;
    }
    /* The key is copied from within the result, which must not move meanwhile. */
    if (buffer_reserve(&op->result, page->last_len + 8) != 0)
        return;
    last.data = (const char *)op->result.data + page->last_at;
    pack_slice_bin(pk, last);
}

static void list_page(struct store *s, struct op *op)
{
    char *room = malloc(op->prefix.len + 1);
    struct page page = {0};
    msgpack_packer pk;
    sqlite3_stmt *stmt;

    if (!room) {
        op_fail(op, ERR_OTHER, "out of memory");
        return;
    }
    stmt = start_listing(s, op, room);
    pack_init(&pk, &op->result);
    msgpack_pack_array(&pk, 2);
    page.keys = store_array_begin(&op->result);
    fill_page(s, stmt, op, &pk, &page);
    int rc = store_finish(stmt);
    if (rc == SQLITE_OK)
        rc = page.rc;
    free(room);
    /* What somebody else wrote may be of any length. */
    if (rc == SQLITE_TOOBIG || page.too_large) {
        store_fail_too_large(op);
    } else if (rc != SQLITE_OK) {
        store_fail(s, op, rc);
    } else {
        store_array_end(&op->result, &page.keys);
        pack_cursor(op, &pk, &page);
    }
}

void store_list_keys(struct store *s, struct op *op)
{
    list_page(s, op);
}

void store_list_entries(struct store *s, struct op *op)
{
    list_page(s, op);
}
