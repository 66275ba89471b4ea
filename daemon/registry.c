#include "daemon/registry.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct registry {
    sqlite3 *db;
    sqlite3_stmt *put;
    sqlite3_stmt *set_wanted;
    sqlite3_stmt *remove;
    sqlite3_stmt *list;
    sqlite3_stmt *get;
    char *path;
};

static const char schema[] =
    /* EXTRA: a journal whose deletion is not durable would undo after a power cut what was done. */
    "PRAGMA journal_mode=DELETE; PRAGMA synchronous=EXTRA; PRAGMA trusted_schema=OFF;"
    "CREATE TABLE IF NOT EXISTS app("
    " path TEXT NOT NULL PRIMARY KEY, dev INTEGER NOT NULL, ino INTEGER NOT NULL,"
    " wanted TEXT NOT NULL) WITHOUT ROWID;";

/* What has changed since, each step from the version of its index to the next. */
static const char *const upgrades[] = {
    "BEGIN IMMEDIATE; ALTER TABLE app ADD COLUMN born_ns INTEGER NOT NULL DEFAULT 0;"
    "PRAGMA user_version = 1; COMMIT;",
};

static int registry_fail(const struct registry *r, const char *what, struct error *e)
{
    return error_set(e, ERR_OTHER, "cannot %s '%s': %s", what, r->path,
                     r->db ? sqlite3_errmsg(r->db) : "out of memory");
}

/* The file says which programs a daemon runs as whom: nobody else may write it. */
static int registry_create_file(const char *path, struct error *e)
{
    int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return error_set(e, ERR_OTHER, "cannot open '%s': %m", path);
    close(fd);
    return 0;
}

static int registry_prepare(struct registry *r, const char *sql, sqlite3_stmt **ret)
{
    return sqlite3_prepare_v3(r->db, sql, -1, SQLITE_PREPARE_PERSISTENT, ret, NULL);
}

static int registry_upgrade(struct registry *r)
{
    sqlite3_stmt *stmt;
    size_t version = 0;
    int rc = sqlite3_prepare_v2(r->db, "PRAGMA user_version", -1, &stmt, NULL);
    if (rc)
        return rc;
    if (sqlite3_step(stmt) == SQLITE_ROW)
        version = (size_t)sqlite3_column_int64(stmt, 0);
    rc = sqlite3_finalize(stmt);
    for (; !rc && version < sizeof upgrades / sizeof *upgrades; version++)
        rc = sqlite3_exec(r->db, upgrades[version], NULL, NULL, NULL);
    return rc;
}

int registry_open(const char *state_dir, struct registry **ret, struct error *e)
{
    struct registry *r = calloc(1, sizeof *r);
    int rc;
    if (!r || asprintf(&r->path, "%s/registry.db", state_dir) < 0) {
        free(r);
        return error_set(e, ERR_OTHER, "out of memory");
    }
    rc = registry_create_file(r->path, e);
    if (rc)
        goto fail;
    if (sqlite3_open_v2(r->path, &r->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) ||
        sqlite3_exec(r->db, schema, NULL, NULL, NULL) || registry_upgrade(r) ||
        registry_prepare(r,
                         "INSERT INTO app(path, dev, ino, wanted, born_ns)"
                         " VALUES(?1, ?2, ?3, ?4, ?5) ON CONFLICT(path) DO UPDATE SET"
                         " dev = excluded.dev, ino = excluded.ino, wanted = excluded.wanted,"
                         " born_ns = excluded.born_ns",
                         &r->put) ||
        registry_prepare(r, "UPDATE app SET wanted = ?2 WHERE path = ?1", &r->set_wanted) ||
        registry_prepare(r, "DELETE FROM app WHERE path = ?1", &r->remove) ||
        registry_prepare(r, "SELECT path, dev, ino, wanted, born_ns FROM app ORDER BY path", &r->list) ||
        registry_prepare(r, "SELECT path, dev, ino, wanted, born_ns FROM app WHERE path = ?1", &r->get)) {
        rc = registry_fail(r, "open", e);
        goto fail;
    }
    *ret = r;
    return 0;
fail:
    registry_close(r);
    return rc;
}

void registry_close(struct registry *r)
{
    if (!r)
        return;
    sqlite3_finalize(r->put);
    sqlite3_finalize(r->set_wanted);
    sqlite3_finalize(r->remove);
    sqlite3_finalize(r->list);
    sqlite3_finalize(r->get);
    sqlite3_close(r->db);
    free(r->path);
    free(r);
}

/* Bind all of a row as ?1 to ?5, from the statement that stands on it. */
static int registry_copy(sqlite3_stmt *from, sqlite3_stmt *to)
{
    int rc = SQLITE_OK;
    for (int i = 0; i < 5 && !rc; i++)
        rc = sqlite3_bind_value(to, i + 1, sqlite3_column_value(from, i));
    return rc;
}

static int registry_step(sqlite3_stmt *stmt)
{
    int rc = sqlite3_step(stmt);
    sqlite3_reset(stmt);
    sqlite3_clear_bindings(stmt);
    return rc == SQLITE_DONE ? 0 : -1;
}

/* What stands under a path, to be put back: a statement to be run and finalized; NULL: no memory, say. */
static sqlite3_stmt *registry_remember(struct registry *r, const char *path)
{
    sqlite3_stmt *undo = NULL;
    int rc;
    sqlite3_bind_text(r->get, 1, path, -1, SQLITE_STATIC);
    rc = sqlite3_step(r->get);
    if (rc == SQLITE_ROW) {
        rc = sqlite3_prepare_v2(r->db, sqlite3_sql(r->put), -1, &undo, NULL);
        if (!rc)
            rc = registry_copy(r->get, undo);
    } else if (rc == SQLITE_DONE) {
        rc = sqlite3_prepare_v2(r->db, sqlite3_sql(r->remove), -1, &undo, NULL);
        if (!rc)
            rc = sqlite3_bind_text(undo, 1, path, -1, SQLITE_TRANSIENT);
    }
    sqlite3_reset(r->get);
    sqlite3_clear_bindings(r->get);
    if (!rc)
        return undo;
    sqlite3_finalize(undo);
    return NULL;
}

/* Run a statement that changes what stands under the path, and make it ready for the next time. Where the sync behind
 * the deletion of its journal fails, SQLite has done it all the same. */
static int registry_run(struct registry *r, const char *path, sqlite3_stmt *stmt, struct error *e)
{
    sqlite3_stmt *undo = registry_remember(r, path);
    int rc = undo ? registry_step(stmt) : -1;
    if (rc) {
        rc = registry_fail(r, "write", e);
        if (undo)
            registry_step(undo);
    }
    sqlite3_finalize(undo);
    return rc;
}

int registry_put(struct registry *r, const struct directory *directory, const char *wanted,
                 struct error *e)
{
    sqlite3_bind_text(r->put, 1, directory->path, -1, SQLITE_STATIC);
    sqlite3_bind_int64(r->put, 2, (sqlite3_int64)directory->dev);
    sqlite3_bind_int64(r->put, 3, (sqlite3_int64)directory->ino);
    sqlite3_bind_text(r->put, 4, wanted, -1, SQLITE_STATIC);
    sqlite3_bind_int64(r->put, 5, directory->born_ns);
    return registry_run(r, directory->path, r->put, e);
}

int registry_set_wanted(struct registry *r, const char *path, const char *wanted, struct error *e)
{
    int rc;
    sqlite3_bind_text(r->set_wanted, 1, path, -1, SQLITE_STATIC);
    sqlite3_bind_text(r->set_wanted, 2, wanted, -1, SQLITE_STATIC);
    rc = registry_run(r, path, r->set_wanted, e);
    if (!rc && !sqlite3_changes(r->db))
        rc = error_set(e, ERR_NO_SUCH_APP, "'%s' is not registered any more", path);
    return rc;
}

int registry_remove(struct registry *r, const char *path, struct error *e)
{
    sqlite3_bind_text(r->remove, 1, path, -1, SQLITE_STATIC);
    return registry_run(r, path, r->remove, e);
}

/* A file that is damaged may hold NULL in spite of its schema. */
static int registry_tell(const struct registry *r,
                         int (*each)(void *arg, const struct directory *directory,
                                     const char *wanted),
                         void *arg, struct error *e)
{
    const char *path = (const char *)sqlite3_column_text(r->list, 0);
    const char *wanted = (const char *)sqlite3_column_text(r->list, 3);
    struct directory directory = {
        .path = path ? strdup(path) : NULL,
        .dev = (dev_t)sqlite3_column_int64(r->list, 1),
        .ino = (ino_t)sqlite3_column_int64(r->list, 2),
        .born_ns = sqlite3_column_int64(r->list, 4),
    };
    int rc;
    if (!path || !wanted)
        rc = error_set(e, ERR_OTHER, "cannot read '%s': a registration has no %s", r->path,
                       path ? "wanted state" : "path");
    else if (!directory.path)
        rc = error_set(e, ERR_OTHER, "out of memory");
    else
        rc = each(arg, &directory, wanted);
    free(directory.path);
    return rc;
}

int registry_each(struct registry *r,
                  int (*each)(void *arg, const struct directory *directory, const char *wanted),
                  void *arg, struct error *e)
{
    int rc = 0;
    int step = SQLITE_DONE;
    while (!rc && (step = sqlite3_step(r->list)) == SQLITE_ROW)
        rc = registry_tell(r, each, arg, e);
    if (!rc && step != SQLITE_DONE)
        rc = registry_fail(r, "read", e);
    sqlite3_reset(r->list);
    return rc;
}
