/* The table in the store's file: Spin's own, so that either program can read what the other wrote.
 */
#include <stdio.h>
#include <strings.h>

#include "daemon/store_internal.h"
#include "protocol/limits.h"

#define TABLE_SQL                                                                                  \
    "CREATE TABLE IF NOT EXISTS spin_key_value ("                                                  \
    "store TEXT NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL, PRIMARY KEY (store, key))"

static const struct column {
    const char *name;
    const char *type;
    int key_position; /* in the primary key, from 1; 0: not part of it */
} columns[] = {{"store", "TEXT", 1}, {"key", "TEXT", 2}, {"value", "BLOB", 0}};

#define COLUMN_COUNT ((int)(sizeof(columns) / sizeof(columns[0])))

int store_exec(const struct store *s, const char *sql)
{
    return sqlite3_exec(s->db, sql, NULL, NULL, NULL);
}

int store_schema_guard(const struct store *s)
{
    static const struct {
        int option;
        int value;
    } options[] = {
        {SQLITE_DBCONFIG_DEFENSIVE, 1},
        {SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0},
        {SQLITE_DBCONFIG_ENABLE_TRIGGER, 0},
        {SQLITE_DBCONFIG_ENABLE_VIEW, 0},
        {SQLITE_DBCONFIG_DQS_DML, 0},
        {SQLITE_DBCONFIG_DQS_DDL, 0},
        {SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0},
    };
    int rc = SQLITE_OK;

    for (size_t i = 0; rc == SQLITE_OK && i < sizeof(options) / sizeof(options[0]); i++)
        rc = sqlite3_db_config(s->db, options[i].option, options[i].value, (int *)NULL);
    /* A value that is far too long for an answer is then refused without being read into memory. */
    sqlite3_limit(s->db, SQLITE_LIMIT_LENGTH, (int)LIMIT_RESPONSE);
    sqlite3_limit(s->db, SQLITE_LIMIT_ATTACHED, 0);
    return rc;
}

static bool text_is(sqlite3_stmt *row, int column, const char *expected)
{
    const char *text = (const char *)sqlite3_column_text(row, column);

    return text && strcasecmp(text, expected) == 0;
}

/* A row of PRAGMA table_xinfo: cid, name, type, notnull, default, pk, hidden. */
static bool column_matches(sqlite3_stmt *row, const struct column *c)
{
    return text_is(row, 1, c->name) && text_is(row, 2, c->type) &&
           sqlite3_column_int(row, 3) == 1 && sqlite3_column_int(row, 5) == c->key_position &&
           sqlite3_column_int(row, 6) == 0;
}

/* *ret_matches: whether the table has exactly Spin's columns. A result of SQLite. */
static int columns_match(const struct store *s, bool *ret_matches)
{
    sqlite3_stmt *stmt;
    int n = 0;
    bool matches = true;
    int rc = sqlite3_prepare_v2(s->db, "PRAGMA table_xinfo(spin_key_value)", -1, &stmt, NULL);

    if (rc != SQLITE_OK)
        return rc;
    while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        matches = matches && n < COLUMN_COUNT && column_matches(stmt, &columns[n]);
        n++;
    }
    sqlite3_finalize(stmt);
    if (rc != SQLITE_DONE)
        return rc;
    *ret_matches = matches && n == COLUMN_COUNT;
    return SQLITE_OK;
}

/* Evaluate `sql`; *ret: its first column as a number, or `otherwise` without a row. */
static int query_int(const struct store *s, const char *sql, int otherwise, int *ret)
{
    sqlite3_stmt *stmt;
    int rc = sqlite3_prepare_v2(s->db, sql, -1, &stmt, NULL);

    if (rc != SQLITE_OK)
        return rc;
    rc = sqlite3_step(stmt);
    if (rc == SQLITE_ROW || rc == SQLITE_DONE) {
        *ret = rc == SQLITE_ROW ? sqlite3_column_int(stmt, 0) : otherwise;
        rc = SQLITE_OK;
    }
    sqlite3_finalize(stmt);
    return rc;
}

int store_schema_page_bytes(const struct store *s, uint32_t *ret)
{
    int bytes = 0;
    int rc = query_int(s, "PRAGMA page_size", 0, &bytes);

    if (rc == SQLITE_OK)
        *ret = bytes >= 512 ? (uint32_t)bytes : 512;
    return rc;
}

/* Tables of our own, beside Spin's. */
static int ensure_own(const struct store *s, struct error *e)
{
    static const char sql[] =
        "CREATE TABLE IF NOT EXISTS bobbin_meta("
        " name TEXT NOT NULL PRIMARY KEY, value) WITHOUT ROWID;"
        "CREATE TABLE IF NOT EXISTS bobbin_expiry("
        " store TEXT NOT NULL, key TEXT NOT NULL, expires_ms INTEGER NOT NULL,"
        " PRIMARY KEY (store, key)) WITHOUT ROWID;"
        "CREATE INDEX IF NOT EXISTS bobbin_expiry_time ON bobbin_expiry(expires_ms);"
        "CREATE TABLE IF NOT EXISTS bobbin_sum("
        " store TEXT NOT NULL, key TEXT NOT NULL, sum INTEGER NOT NULL,"
        " PRIMARY KEY (store, key)) WITHOUT ROWID;"
        "CREATE TABLE IF NOT EXISTS bobbin_commit("
        " n INTEGER PRIMARY KEY, time_ms INTEGER NOT NULL, changes BLOB NOT NULL);";
    int rc = store_exec(s, sql);

    return rc == SQLITE_OK ? 0 : store_error(s, rc, "create the tables in", e);
}

int store_schema_ensure(const struct store *s, struct error *e)
{
    /* A view or a virtual table of that name has no root page. */
    static const char find_sql[] = "SELECT rootpage > 0 FROM sqlite_schema"
                                   " WHERE name = 'spin_key_value' COLLATE NOCASE";
    enum { ABSENT = -1, IS_VIRTUAL, IS_TABLE };
    int found = ABSENT;
    bool matches = false;
    int utf8 = 0;
    int rc = query_int(s, find_sql, ABSENT, &found);

    if (rc == SQLITE_OK)
        rc = query_int(s, "SELECT encoding = 'UTF-8' FROM pragma_encoding", 0, &utf8);
    if (rc == SQLITE_OK && !utf8)
        return error_set(e, ERR_OTHER, "cannot open '%s': its text is not in UTF-8", s->shown);
    if (rc == SQLITE_OK && found == ABSENT) {
        rc = store_exec(s, TABLE_SQL);
        return rc == SQLITE_OK ? ensure_own(s, e) : store_error(s, rc, "create the table in", e);
    }
    if (rc == SQLITE_OK && found == IS_TABLE)
        rc = columns_match(s, &matches);
    if (rc != SQLITE_OK)
        return store_error(s, rc, "open", e);
    if (matches)
        return ensure_own(s, e);
    return error_set(e, ERR_OTHER,
                         "cannot open '%s': its table spin_key_value is not Spin's (store TEXT,"
                         " key TEXT, value BLOB)",
                         s->shown);
}
