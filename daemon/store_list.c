/* Listings: labels and pages of keys. */
#include <assert.h>
#include <string.h>

#include "daemon/store_internal.h"
#include "protocol/limits.h"
#include "protocol/message.h"

/* The most labels of a listing; more than a person reads and less than an answer holds. */
#define LABELS_MAX 1000u

/* An array whose length is known only when all of it has been packed. */
struct array {
    size_t at;      /* where its header is in the buffer */
    uint32_t count; /* elements so far */
};

static struct array array_begin(struct buffer *b)
{
    static const uint8_t header[5] = {0xdd};
    struct array array = {.at = b->len};

    buffer_append(b, header, sizeof(header));
    return array;
}

static void array_end(struct buffer *b, const struct array *array)
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
    struct array labels = array_begin(&op->result);
    msgpack_packer pk;
    int moved = SQLITE_OK;

    pack_init(&pk, &op->result);
    while (moved == SQLITE_OK && labels.count < LABELS_MAX && sqlite3_step(stmt) == SQLITE_ROW &&
           sqlite3_column_type(stmt, 0) == SQLITE_TEXT) {
        struct slice label = store_column(stmt);
        if (label.len <= LIMIT_LABEL) {
            pack_slice_str(&pk, label);
            labels.count++;
        }
        moved = move_behind_row(stmt);
    }
    int rc = store_finish(stmt);
    if (moved != SQLITE_OK || rc != SQLITE_OK)
        store_fail(s, op, rc != SQLITE_OK ? rc : moved);
    else
        array_end(&op->result, &labels);
}

static bool begins_with(struct slice text, struct slice prefix)
{
    return text.len >= prefix.len &&
           (prefix.len == 0 || memcmp(text.data, prefix.data, prefix.len) == 0);
}

/* In the order of SQLite's BINARY collation, which is that of the bytes. */
static bool is_behind(struct slice a, struct slice b)
{
    size_t common = a.len < b.len ? a.len : b.len;
    int order = common ? memcmp(a.data, b.data, common) : 0;

    return order > 0 || (order == 0 && a.len > b.len);
}

/* Listing starts at the prefix, or behind the cursor if that is further. */
static sqlite3_stmt *start_keys(struct store *s, const struct op *op)
{
    if (op->cursor.data && !is_behind(op->prefix, op->cursor))
        return store_start(s, STORE_KEYS_BEHIND, op->label, &op->cursor);
    return store_start(s, STORE_KEYS_FROM, op->label, &op->prefix);
}

/* The next key, if there is one. Keys are in order, so the first that does not begin with the
 * prefix ends the listing; so does the first blob, which is no key and behind which there are only
 * blobs. */
static bool next_key(sqlite3_stmt *stmt, const struct op *op, struct slice *ret)
{
    if (sqlite3_step(stmt) != SQLITE_ROW || sqlite3_column_type(stmt, 0) != SQLITE_TEXT)
        return false;
    *ret = store_column(stmt);
    return begins_with(*ret, op->prefix);
}

struct page {
    struct array keys;
    size_t bytes;    /* of all keys */
    size_t last_len; /* of the last key … */
    size_t last_at;  /* … and where it is in the result */
    bool more;       /* a key follows that is not on the page */
};

static void fill_page(sqlite3_stmt *stmt, struct op *op, msgpack_packer *pk, struct page *page)
{
    uint32_t limit = op->limit < LIMIT_PAGE ? op->limit : LIMIT_PAGE;
    struct slice key;

    assert(limit > 0);
    while (next_key(stmt, op, &key)) {
        page->more = page->keys.count == limit ||
                     (page->keys.count && page->bytes + key.len > LIMIT_PAGE_BYTES);
        if (page->more)
            return;
        pack_slice_str(pk, key);
        page->keys.count++;
        page->bytes += key.len;
        page->last_len = key.len;
        page->last_at = op->result.len - key.len;
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

void store_list_keys(struct store *s, struct op *op)
{
    sqlite3_stmt *stmt = start_keys(s, op);
    struct page page = {0};
    msgpack_packer pk;

    pack_init(&pk, &op->result);
    msgpack_pack_array(&pk, 2);
    page.keys = array_begin(&op->result);
    fill_page(stmt, op, &pk, &page);
    int rc = store_finish(stmt);
    /* A key that somebody else wrote may be of any length, and would be there twice. */
    if (rc == SQLITE_TOOBIG || page.bytes > LIMIT_RESULT / 2) {
        store_fail_too_large(op);
    } else if (rc != SQLITE_OK) {
        store_fail(s, op, rc);
    } else {
        array_end(&op->result, &page.keys);
        pack_cursor(op, &pk, &page);
    }
}
