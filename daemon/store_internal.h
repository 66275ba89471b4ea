/* What the files of the store share; nobody else includes this. */
#ifndef BOBBIN_DAEMON_STORE_INTERNAL_H
#define BOBBIN_DAEMON_STORE_INTERNAL_H

#include <sqlite3.h>

#include "daemon/store.h"

/* The statements that are prepared once, when a store is opened: X(identifier, SQL) */
#define STORE_STATEMENT_LIST(X)                                                                    \
    X(BEGIN, "BEGIN IMMEDIATE")                                                                    \
    X(COMMIT, "COMMIT")                                                                            \
    X(ROLLBACK, "ROLLBACK")                                                                        \
    X(HAS_LABEL, "SELECT 1 FROM spin_key_value WHERE store = ?1 LIMIT 1")                          \
    X(NEXT_LABEL, "SELECT min(store) FROM spin_key_value WHERE store > ?1")                        \
    X(GET, "SELECT value FROM spin_key_value WHERE store = ?1 AND key = ?2")                       \
    X(EXISTS, "SELECT 1 FROM spin_key_value WHERE store = ?1 AND key = ?2")                        \
    X(SET, "INSERT INTO spin_key_value (store, key, value) VALUES (?1, ?2, ?3)"                    \
           " ON CONFLICT (store, key) DO UPDATE SET value = excluded.value")                       \
    X(DELETE, "DELETE FROM spin_key_value WHERE store = ?1 AND key = ?2")                          \
    X(KEYS_FROM, "SELECT key FROM spin_key_value WHERE store = ?1 AND key >= ?2 ORDER BY key")     \
    X(KEYS_BEHIND, "SELECT key FROM spin_key_value WHERE store = ?1 AND key > ?2 ORDER BY key")

enum store_statement {
#define X(id, sql) STORE_##id,
    STORE_STATEMENT_LIST(X)
#undef X
        STORE_STATEMENT_COUNT
};

struct store {
    struct directory directory; /* a copy */
    char *path;                 /* of the file; owned */
    const char *shown;          /* the end of the path, short enough to leave
                                   room for the reason in a struct error */
    sqlite3 *db;
    sqlite3_stmt *statements[STORE_STATEMENT_COUNT];
    bool in_batch;     /* between store_begin and its end */
    struct error lost; /* why SQLite gave up the batch before its end; code 0: it did not */
};

/* Translate a result of SQLite: the code goes into *e with "cannot DOING 'PATH': REASON". */
int store_error(const struct store *s, int rc, const char *doing, struct error *e);

/* As root, open files as the directory's owner from here on, on this thread, until
 * store_owner_leave; on failure there is nothing to leave. Descriptors that are open already are
 * not affected. */
int store_owner_enter(const struct store *s, struct error *e);
void store_owner_leave(const struct store *s);

/* A statement with ?1 and, unless `key` is NULL, ?2 bound; it borrows the bytes until store_finish.
 */
sqlite3_stmt *store_start(struct store *s, enum store_statement which, struct slice label,
                          const struct slice *key);
/* Make a statement ready for its next use. The result of its last step, SQLITE_OK for a row. */
int store_finish(sqlite3_stmt *stmt);
/* The bytes of the first column; valid until the statement moves on. */
struct slice store_column(sqlite3_stmt *stmt);
/* Fail an op with a result of SQLite, and because its answer would be too long. */
void store_fail(struct store *s, struct op *op, int rc);
void store_fail_too_large(struct op *op);

/* OP_LABELS and OP_KEYS. */
void store_list_labels(struct store *s, struct op *op);
void store_list_keys(struct store *s, struct op *op);

/* Find the file in the state directory `dirfd`, or make it: 0600, empty, durable, its owner's.
 * Refuses what is not a regular file of the directory's owner. */
int store_file_prepare(const struct store *s, int dirfd, struct error *e);

/* Run SQL whose rows, if any, are of no interest. A result of SQLite. */
int store_exec(const struct store *s, const char *sql);
/* Set SQLite up for a file that somebody else may have written. A result of SQLite. */
int store_schema_guard(const struct store *s);
/* Check that the table is Spin's, or make it; changes nothing in a foreign file. */
int store_schema_ensure(const struct store *s, struct error *e);

#endif
