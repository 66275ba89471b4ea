/* Looking at all values that have checksums, some at a time. Where it is, is a key: no statement stays open. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/commit_log_format.h"
#include "daemon/store_internal.h"

struct store_scrub {
    struct buffer label; /* of the entry that was looked at last … */
    struct buffer key;   /* … and its key; both empty: none was */
    uint64_t checked;
    uint64_t wrong;
    char first[200];     /* the first that is wrong, in words */
};

static struct slice slice_of(const struct buffer *b)
{
    return (struct slice){(const char *)b->data, b->len};
}

static void keep(struct buffer *b, struct slice bytes)
{
    buffer_clear(b);
    buffer_reserve(b, bytes.len + 1);
    buffer_append(b, bytes.data, bytes.len);
}

static struct slice column(sqlite3_stmt *stmt, int i)
{
    struct slice slice = {.data = sqlite3_column_blob(stmt, i)};

    slice.len = (size_t)sqlite3_column_bytes(stmt, i);
    return slice;
}

static void look(struct store_scrub *c, sqlite3_stmt *stmt, size_t *bytes)
{
    struct slice label = column(stmt, 0), key = column(stmt, 1), value = column(stmt, 2);

    c->checked++;
    *bytes += key.len + value.len;
    if (commit_log_sum(value.data, value.len) != (uint64_t)sqlite3_column_int64(stmt, 3) &&
        c->wrong++ == 0)
        snprintf(c->first, sizeof(c->first), "that of key '%.*s' in store '%.*s'",
                 (int)(key.len < 100 ? key.len : 100), key.data,
                 (int)(label.len < 50 ? label.len : 50), label.data);
    keep(&c->label, label);
    keep(&c->key, key);
}

static int step(struct store *s, struct store_scrub *c, size_t most, bool *ret_whole)
{
    static const char sql[] = "SELECT x.store, x.key, e.value, x.sum FROM bobbin_sum AS x"
                              " JOIN spin_key_value AS e USING (store, key)"
                              " WHERE (x.store, x.key) > (?1, ?2) ORDER BY x.store, x.key";
    sqlite3_stmt *stmt = NULL;
    size_t bytes = 0;
    int rc = sqlite3_prepare_v2(s->db, sql, -1, &stmt, NULL);

    if (rc != SQLITE_OK)
        return rc;
    sqlite3_bind_text64(stmt, 1, c->label.len ? slice_of(&c->label).data : "", c->label.len,
                        SQLITE_TRANSIENT, SQLITE_UTF8);
    sqlite3_bind_text64(stmt, 2, c->key.len ? slice_of(&c->key).data : "", c->key.len,
                        SQLITE_TRANSIENT, SQLITE_UTF8);
    while (bytes < most && (rc = sqlite3_step(stmt)) == SQLITE_ROW)
        look(c, stmt, &bytes);
    *ret_whole = rc == SQLITE_DONE;
    rc = sqlite3_finalize(stmt);
    return rc == SQLITE_OK && (c->label.failed || c->key.failed) ? SQLITE_NOMEM : rc;
}

int store_scrub_step(struct store *s, struct store_scrub **pass, size_t most, bool *ret_whole,
                     struct error *e)
{
    int code = store_ready(s, e);

    *ret_whole = false;
    if (code)
        return code;
    if (!*pass)
        *pass = calloc(1, sizeof(**pass));
    if (!*pass)
        return error_set(e, ERR_OTHER, "out of memory");
    /* Those that are there are of another time. */
    if (!s->options.checksums) {
        *ret_whole = true;
        return 0;
    }
    int rc = step(s, *pass, most, ret_whole);
    return rc == SQLITE_OK ? 0 : store_error(s, rc, "read", e);
}

void store_scrub_counts(const struct store_scrub *pass, uint64_t *ret_checked, uint64_t *ret_wrong)
{
    *ret_checked = pass->checked;
    *ret_wrong = pass->wrong;
}

void store_scrub_first(const struct store_scrub *pass, char *ret, size_t size)
{
    snprintf(ret, size, "%s", pass->first);
}

void store_scrub_free(struct store_scrub *pass)
{
    if (!pass)
        return;
    buffer_fini(&pass->label);
    buffer_fini(&pass->key);
    free(pass);
}
