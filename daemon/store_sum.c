/* Checksums of values, for apps that want them: in a table of our own beside Spin's, written with each value and compared
 * with each that is read from the file.
 *
 * They hold as long as nobody else writes the file. What Spin wrote while we were away, or a Bobbin that knew nothing of
 * them, is found as the store is opened, and all are forgotten: an entry without one is read as it is. */
#include "daemon/commit_log_format.h"
#include "daemon/store_internal.h"

static int64_t sum_of(struct slice value)
{
    return (int64_t)commit_log_sum(value.data, value.len);
}

int store_sum_set(struct store *s, struct slice label, struct slice key, struct slice value)
{
    sqlite3_stmt *stmt;

    if (!s->options.checksums)
        return SQLITE_OK;
    stmt = store_start(s, STORE_SUM_SET, label, &key);
    store_bind_int(stmt, 3, sum_of(value));
    sqlite3_step(stmt);
    return store_finish(stmt);
}

int store_sum_clear(struct store *s, struct slice label, struct slice key)
{
    sqlite3_stmt *stmt;

    if (!s->options.checksums)
        return SQLITE_OK;
    stmt = store_start(s, STORE_SUM_CLEAR, label, &key);
    sqlite3_step(stmt);
    return store_finish(stmt);
}

int store_sum_check(struct store *s, struct slice label, struct slice key, struct slice value)
{
    sqlite3_stmt *stmt;
    bool wrong;

    if (!s->options.checksums)
        return SQLITE_OK;
    stmt = store_start(s, STORE_SUM_GET, label, &key);
    wrong = sqlite3_step(stmt) == SQLITE_ROW && sqlite3_column_int64(stmt, 0) != sum_of(value);
    int rc = store_finish(stmt);
    return rc == SQLITE_OK && wrong ? STORE_SUM_WRONG : rc;
}

bool store_sums_hold(int64_t mark, int64_t sealed, uint64_t commit)
{
    return (mark >= 0 && mark == (int64_t)commit) ||
           (mark == STORE_SUMS_OPEN && sealed == STORE_SUMS_OPEN);
}

int store_sums_forget(struct store *s)
{
    return store_exec(s, "DELETE FROM bobbin_sum");
}
