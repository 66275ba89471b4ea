/* What the tests of the store share: an app directory of their own, operations, files seen from
 * outside. Everything fails the test by itself when it cannot do what it says. */
#ifndef BOBBIN_TEST_STORE_ENV_H
#define BOBBIN_TEST_STORE_ENV_H

#include <check.h>
#include <sqlite3.h>

#include "daemon/directory.h"
#include "daemon/op.h"
#include "daemon/store.h"

#define DB_NAME ".spin/sqlite_key_value.db"
#define LOG_NAME ".spin/bobbin_commit_0.log"
#define OTHER_LOG_NAME ".spin/bobbin_commit_1.log"
#define SPIN_SQL                                                                                   \
    "CREATE TABLE IF NOT EXISTS spin_key_value ("                                                  \
    " store TEXT NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL, PRIMARY KEY (store, key))"

/* The app directory of the running test; made by env_setup, removed by env_teardown. */
extern struct directory env;
void env_setup(void);
void env_teardown(void);

/* A path inside the app directory; one of a few static buffers. */
const char *env_path(const char *name);
bool env_exists(const char *name);
void env_mkdir(const char *name);
void env_write(const char *name, const void *bytes, size_t len);
/* Delete a directory inside (or all of) the app directory with what is in it. */
void env_remove(const char *path);
/* Run SQL on the app's file with a connection of its own, made if need be. */
void env_sql(const char *sql);
/* The first column of the first row as a number. */
int env_sql_int(const char *sql);
/* Check that what is left is one file that any SQLite opens: no -wal, rollback journal. */
void env_check_plain(void);

struct slice text(const char *s);

/* Operations on the label "default". */
struct op op_get(const char *key);
struct op op_set(const char *key, struct slice value);
struct op op_delete(const char *key);
struct op op_keys(const char *prefix, uint32_t limit);

/* What a crash of the machine at this moment would leave, had all been written that is in the
 * kernel's memory: opened as a store of its own, in a directory of its own. */
struct store *open_crashed(void);
void close_crashed(struct store *s);

struct store *open_store(void);
/* Expect this failure with this text in its reason. */
void open_refused(int code, const char *in_text);
void close_store(struct store *s);
/* Run the op alone (a write in a batch of its own) and expect success. The caller calls op_fini. */
void run(struct store *s, struct op *op);
/* The same and expect this failure with this text in its reason, then op_fini. */
void run_refused(struct store *s, struct op op, int status, const char *in_text);
/* Run, free. */
void put(struct store *s, const char *key, const char *value);

/* Check the result of an OP_GET, then op_fini. NULL: no entry. */
void check_value(struct op *op, const char *expected);
void check_get(struct store *s, const char *key, const char *expected);

#endif
