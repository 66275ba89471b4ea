/* The SQLite file of one app. Knows nothing of connections, batching or the event loop.
 *
 * Every function may wait for the disk and is called on one thread at a time, not on the loop's.
 * SQLite's own codes stop here: what comes out is ERR_… with a text that names the file. */
#ifndef BOBBIN_DAEMON_STORE_H
#define BOBBIN_DAEMON_STORE_H

#include "daemon/directory.h"
#include "daemon/op.h"
#include "protocol/errors.h"

struct store;

/* Open (and make when it is not there) .spin/sqlite_key_value.db of an app directory and take sole
 * ownership of it. Fails at once, naming the file, when another process holds it (ERR_BUSY);
 * ERR_NO_SUCH_APP when the directory is gone or replaced, ERR_OTHER for all else. A file that is
 * not Spin's is left as it was. */
int store_open(const struct directory *directory, struct store **ret, struct error *e);

/* Leave one plain SQLite file: checkpoint, no -wal, rollback journal mode. Frees the store also
 * when that fails (the data is then still safe in file and -wal). Nothing is touched when the file
 * is no longer the one that was opened. NULL is fine. */
int store_close(struct store *s, struct error *e);

/* Whether the path still leads to the file that is open, in the directory that was registered:
 * ERR_NO_SUCH_APP when the directory is gone or replaced, ERR_OTHER when only the file is. What is
 * written after that is lost, so ask before each batch; such a store is good for nothing but
 * store_close. */
int store_check(struct store *s, struct error *e);

/* A batch: begin, any number of operations, commit. Only commit makes them durable. Reads need no
 * batch. */
int store_begin(struct store *s, struct error *e);
/* Run one operation; its outcome is in the op. One that fails changes nothing and leaves the others
 * of the batch alone; if SQLite had to give up the whole batch for it (disk full, input/output
 * error), the commit fails with that reason. A write must be inside a batch. */
void store_run(struct store *s, struct op *op);
/* On failure everything since store_begin is rolled back, also what a crash could have brought
 * back. */
int store_commit(struct store *s, struct error *e);
void store_rollback(struct store *s);

#endif
