#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/commit_log_format.h"
#include "daemon/store_internal.h"
#include "daemon/store_recover.h"

#define FILE_NAME "sqlite_key_value.db"

static int query(const struct store *s, const char *sql, int64_t *ret)
{
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v2(s->db, sql, -1, &stmt, NULL);

    *ret = 0;
    if (rc == SQLITE_OK && sqlite3_step(stmt) == SQLITE_ROW)
        *ret = sqlite3_column_int64(stmt, 0);
    return rc == SQLITE_OK ? sqlite3_finalize(stmt) : rc;
}

static int damaged(const struct store *s, struct error *e, const char *what)
{
    return error_set(e, ERR_OTHER, "'%s' is damaged: %s", s->shown, what);
}

static int check_integrity(const struct store *s, struct error *e)
{
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v2(s->db, "PRAGMA integrity_check(1)", -1, &stmt, NULL);
    int code = 0;

    if (rc == SQLITE_OK && sqlite3_step(stmt) == SQLITE_ROW) {
        const char *text = (const char *)sqlite3_column_text(stmt, 0);
        if (!text || strcmp(text, "ok") != 0)
            code = damaged(s, e, text ? text : "out of memory");
    }
    rc = stmt ? sqlite3_finalize(stmt) : rc;
    if (!code && rc != SQLITE_OK)
        code = store_error(s, rc, "check", e);
    return code;
}

/* What SQLite's own check does not know. */
static int check_tables(const struct store *s, struct store_verified *ret, struct error *e)
{
    static const struct {
        const char *sql;
        const char *wrong;
    } checks[] = {
        {"SELECT count(*) FROM spin_key_value WHERE typeof(store) <> 'text' OR typeof(key) <> 'text'"
         " OR typeof(value) NOT IN ('blob', 'text')",
         "entries of spin_key_value have values of other types than Spin's"},
        {"SELECT count(*) FROM bobbin_expiry WHERE typeof(expires_ms) <> 'integer'",
         "rows of bobbin_expiry have no time"},
        {"SELECT count(*) FROM bobbin_meta WHERE typeof(value) <> 'integer'",
         "rows of bobbin_meta have no number"},
        {"SELECT count(*) FROM bobbin_commit WHERE typeof(changes) <> 'blob'",
         "rows of bobbin_commit have no changes"},
    };
    int64_t count = 0;

    for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
        int rc = query(s, checks[i].sql, &count);
        if (rc != SQLITE_OK)
            return store_error(s, rc, "check", e);
        if (count)
            return damaged(s, e, checks[i].wrong);
    }
    int rc = query(s, "SELECT count(*) FROM spin_key_value", &count);
    ret->entries = (uint64_t)count;
    return rc == SQLITE_OK ? 0 : store_error(s, rc, "check", e);
}

/* Whether the checksums were kept up with what the file holds, as store_log_open would find it. */
static int sums_hold(struct store *s, bool *ret)
{
    int64_t mark = 0, sealed = 0, commit = 0;
    int rc = query(s, "SELECT coalesce((SELECT value FROM bobbin_meta WHERE name = 'sums'), -2)", &mark);

    if (rc == SQLITE_OK)
        rc = query(s, "SELECT coalesce((SELECT value FROM bobbin_meta WHERE name = 'sealed'), -1)",
                   &sealed);
    if (rc == SQLITE_OK)
        rc = query(s, "SELECT value FROM bobbin_meta WHERE name = 'commit'", &commit);
    if (rc == SQLITE_OK)
        rc = store_log_counter(s);
    *ret = rc == SQLITE_OK && store_sums_hold(mark, sealed, (uint64_t)commit) &&
           (sealed < 0 || sealed == s->opened_counter);
    return rc;
}

static int check_sums(struct store *s, struct error *e)
{
    static const char sql[] = "SELECT e.value, x.sum FROM bobbin_sum AS x"
                              " JOIN spin_key_value AS e USING (store, key)";
    sqlite3_stmt *stmt = NULL;
    unsigned wrong = 0;
    char words[80];
    bool hold;
    int rc = sums_hold(s, &hold);

    if (rc == SQLITE_OK && hold)
        rc = sqlite3_prepare_v2(s->db, sql, -1, &stmt, NULL);
    while (stmt && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        struct slice value = store_column(stmt);
        wrong += commit_log_sum(value.data, value.len) != (uint64_t)sqlite3_column_int64(stmt, 1);
    }
    if (stmt)
        rc = sqlite3_finalize(stmt);
    if (rc != SQLITE_OK)
        return store_error(s, rc, "check", e);
    snprintf(words, sizeof(words), "%u value%s not have %s checksum", wrong,
             wrong == 1 ? " does" : "s do", wrong == 1 ? "its" : "their");
    return wrong ? damaged(s, e, words) : 0;
}

static int check_change(void *arg, const struct store_change *change, struct error *e)
{
    (void)arg;
    (void)change;
    (void)e;
    return 0;
}

static int check_record(void *arg, const struct commit_log_record *record, struct error *e)
{
    const struct store *s = arg;

    return store_redo_each(s, record, check_change, NULL, e);
}

static int check_log(struct store *s, struct store_verified *ret, struct error *e)
{
    int64_t commit = 0, folded = 0, database = 0, epoch = 0;
    uint64_t last;
    int rc = query(s,
                   "SELECT min(value) FROM bobbin_meta WHERE name IN ('commit', '" STORE_FOLDED_ROW "')",
                   &folded);

    if (rc == SQLITE_OK)
        rc = query(s, "SELECT value FROM bobbin_meta WHERE name = 'commit'", &commit);
    if (rc == SQLITE_OK)
        rc = query(s, "SELECT value FROM bobbin_meta WHERE name = 'commit_log'", &database);
    if (rc == SQLITE_OK)
        rc = query(s, "SELECT value FROM bobbin_meta WHERE name = 'commit_log_epoch'", &epoch);
    if (rc != SQLITE_OK)
        return store_error(s, rc, "check", e);
    s->commit_log = commit_log_new(s->dirfd, &s->directory, &(struct commit_log_limits){0});
    if (!s->commit_log)
        return error_set(e, ERR_OTHER, "out of memory");
    int code = commit_log_load(s->commit_log, e);
    if (!code)
        code = commit_log_replay(s->commit_log,
                                 (struct commit_log_id){(uint64_t)database, (uint64_t)epoch},
                                 (uint64_t)folded, check_record, s, &last, e);
    if (!code && last < (uint64_t)commit)
        code = store_redo_short(s, last, (uint64_t)commit, e);
    if (!code)
        ret->logged = last - (uint64_t)folded;
    return code;
}

/* The tables that are missing are made, and all of it is undone. */
static int check_all(struct store *s, struct store_verified *ret, struct error *e)
{
    int rc = store_exec(s, "BEGIN IMMEDIATE");
    int code = rc == SQLITE_OK ? 0 : store_error(s, rc, "check", e);

    if (!code)
        code = check_integrity(s, e);
    if (!code)
        code = store_schema_ensure(s, e);
    if (!code)
        code = check_tables(s, ret, e);
    if (!code)
        code = check_sums(s, e);
    if (!code)
        code = check_log(s, ret, e);
    store_exec(s, "ROLLBACK");
    return code;
}

static int open_file(struct store *s, struct error *e)
{
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW |
                      SQLITE_OPEN_PRIVATECACHE;
    int rc = sqlite3_open_v2(s->path, &s->db, flags, STORE_VFS);

    if (rc == SQLITE_OK) {
        int code = store_file_check_form(s, e);
        if (code)
            return code;
    }
    /* What is in the WAL stays there. */
    if (rc == SQLITE_OK)
        rc = sqlite3_db_config(s->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, (int *)NULL);
    if (rc == SQLITE_OK)
        rc = store_schema_guard(s);
    if (rc == SQLITE_OK)
        rc = store_exec(s, "PRAGMA cell_size_check=ON; PRAGMA mmap_size=0");
    return rc == SQLITE_OK ? 0 : store_error(s, rc, "open", e);
}

static int look(struct store *s, struct store_verified *ret, struct error *e)
{
    struct stat st;
    int code;

    if (lstat(s->path, &st) != 0) {
        ret->absent = true;
        return 0;
    }
    s->dirfd = directory_open_state(&s->directory, e);
    if (s->dirfd < 0)
        return s->dirfd;
    if (flock(s->dirfd, LOCK_EX | LOCK_NB) != 0) {
        ret->in_use = true;
        return 0;
    }
    code = store_file_prepare(s, s->dirfd, false, e);
    if (!code)
        code = open_file(s, e);
    if (!code)
        code = check_all(s, ret, e);
    if (code == ERR_BUSY) {
        ret->in_use = true;
        code = 0;
    }
    return code;
}

int store_verify(const struct directory *directory, struct store_verified *ret, struct error *e)
{
    struct store s = {.dirfd = -1};
    int code = directory_copy(&s.directory, directory, e);

    *ret = (struct store_verified){0};
    if (code)
        return code;
    if (asprintf(&s.path, "%s/.spin/" FILE_NAME, directory->path) < 0) {
        s.path = NULL;
        code = error_set(e, ERR_OTHER, "out of memory");
    } else {
        s.shown = s.path;
        code = look(&s, ret, e);
    }
    commit_log_free(s.commit_log);
    sqlite3_close(s.db);
    if (s.dirfd >= 0)
        close(s.dirfd);
    directory_fini(&s.directory);
    free(s.path);
    return code;
}
