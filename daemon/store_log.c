/* The log of recent changes: one row a commit, in a table of our own, bounded. From it follow the
 * commit numbers, the checks "unchanged since", and what a watcher that comes back has missed. */
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "daemon/store_internal.h"
#include "protocol/limits.h"
#include "protocol/message.h"

#define META_COMMIT "commit"   /* the last commit number, also when its row is pruned */
#define META_FOLDED STORE_FOLDED_ROW
#define META_FLOOR "log_floor" /* the log knows what came after this commit */
#define META_TIME "time_ms"    /* the latest time that the store has seen */
#define META_LOG "commit_log"  /* a random number: which commit log belongs to the file … */
#define META_EPOCH "commit_log_epoch" /* … and how often it was begun anew */
#define META_SUMS "sums"   /* up to which commit the checksums hold, see store_sums_hold */
#define META_SEAL "sealed" /* SQLite's change counter as it was left, see store_log_seal */

static struct slice text(const char *s)
{
    return (struct slice){s, strlen(s)};
}

static int meta_get(struct store *s, const char *name, int64_t otherwise, int64_t *ret)
{
    sqlite3_stmt *stmt = store_start(s, STORE_META_GET, text(name), NULL);

    *ret = sqlite3_step(stmt) == SQLITE_ROW ? sqlite3_column_int64(stmt, 0) : otherwise;
    return store_finish(stmt);
}

static int meta_set(struct store *s, const char *name, int64_t value)
{
    sqlite3_stmt *stmt = store_start(s, STORE_META_SET, text(name), NULL);

    store_bind_int(stmt, 2, value);
    sqlite3_step(stmt);
    return store_finish(stmt);
}

/* SQLite counts the transactions on a plain file in its header. */
static int read_change_counter(const struct store *s, int64_t *ret)
{
    sqlite3_file *file = NULL;
    uint8_t bytes[4] = {0};
    int rc = sqlite3_file_control(s->db, "main", SQLITE_FCNTL_FILE_POINTER, &file);

    if (rc == SQLITE_OK)
        rc = file->pMethods ? file->pMethods->xRead(file, bytes, 4, 24) : SQLITE_IOERR;
    if (rc == SQLITE_IOERR_SHORT_READ) /* a new file is empty */
        rc = SQLITE_OK;
    if (rc == SQLITE_OK)
        *ret = (int64_t)bytes[0] << 24 | (int64_t)bytes[1] << 16 | (int64_t)bytes[2] << 8 |
               (int64_t)bytes[3];
    return rc;
}

/* Somebody else wrote the file while we did not run, or it is another one: what we know of changes is not all. */
static int start_over(struct store *s)
{
    sqlite3_stmt *stmt = store_start(s, STORE_LOG_PRUNE, (struct slice){0}, NULL);

    store_bind_int(stmt, 1, INT64_MAX);
    sqlite3_step(stmt);
    int rc = store_finish(stmt);
    s->commit++;
    s->log.floor = s->commit;
    log_rows_fini(&s->log.rows);
    s->log.rows = (struct log_rows){0};
    if (rc == SQLITE_OK)
        rc = meta_set(s, META_COMMIT, (int64_t)s->commit);
    if (rc == SQLITE_OK)
        rc = meta_set(s, META_FLOOR, (int64_t)s->log.floor);
    return rc;
}

/* *seen: moved on to the time of the last commit if that is later. */
static int load_rows(struct store *s, int64_t *seen)
{
    sqlite3_stmt *stmt = store_start(s, STORE_LOG_AFTER, (struct slice){0}, NULL);
    bool memory = true;

    store_bind_int(stmt, 1, (int64_t)s->log.floor);
    while (memory && sqlite3_step(stmt) == SQLITE_ROW) {
        struct reader r =
            reader_of(sqlite3_column_blob(stmt, 1), (size_t)sqlite3_column_bytes(stmt, 1));
        struct log_row row = {.n = (uint64_t)sqlite3_column_int64(stmt, 0),
                              .bytes = (uint32_t)sqlite3_column_bytes(stmt, 1)};
        if (reader_array(&r, &row.changes))
            row.changes = 0;
        memory = log_rows_push(&s->log.rows, row);
        if (row.n > s->commit)
            s->commit = row.n;
        if (sqlite3_column_int64(stmt, 2) > *seen)
            *seen = sqlite3_column_int64(stmt, 2);
    }
    int rc = store_finish(stmt);
    return memory ? rc : SQLITE_NOMEM;
}

/* Which commit log is ours; a file that never had one gets a number. */
static int load_identity(struct store *s)
{
    int64_t database = 0, epoch = 0;
    int rc = meta_get(s, META_LOG, 0, &database);

    if (rc == SQLITE_OK)
        rc = meta_get(s, META_EPOCH, 0, &epoch);
    if (rc == SQLITE_OK && !database &&
        getrandom(&database, sizeof(database), 0) != sizeof(database))
        rc = SQLITE_IOERR;
    s->log_id = (struct commit_log_id){(uint64_t)database, (uint64_t)epoch};
    return rc;
}

int store_log_identify(struct store *s, struct commit_log_id id)
{
    int rc = meta_set(s, META_LOG, (int64_t)id.database);

    return rc == SQLITE_OK ? meta_set(s, META_EPOCH, (int64_t)id.epoch) : rc;
}

/* From here on what is written has one, or none does. */
static int open_sums(struct store *s, int64_t mark, int64_t sealed, uint64_t commit)
{
    int64_t now = s->options.checksums ? STORE_SUMS_OPEN : STORE_SUMS_NONE;
    int rc = SQLITE_OK;

    if (s->options.checksums && (!store_sums_hold(mark, sealed, commit) || s->commit != commit))
        rc = store_sums_forget(s);
    return rc == SQLITE_OK && mark != now ? meta_set(s, META_SUMS, now) : rc;
}

int store_log_open(struct store *s)
{
    int64_t commit = 0, folded = -1, floor = 0, seen = 0, sealed = 0, counter = 0,
            sums = STORE_SUMS_NONE;
    int rc = meta_get(s, META_COMMIT, 0, &commit);

    if (rc == SQLITE_OK)
        rc = meta_get(s, META_FOLDED, -1, &folded);
    if (rc == SQLITE_OK)
        rc = meta_get(s, META_FLOOR, 0, &floor);
    if (rc == SQLITE_OK)
        rc = meta_get(s, META_TIME, 0, &seen);
    if (rc == SQLITE_OK)
        rc = meta_get(s, META_SEAL, -1, &sealed);
    if (rc == SQLITE_OK)
        rc = meta_get(s, META_SUMS, STORE_SUMS_NONE, &sums);
    if (rc == SQLITE_OK)
        rc = read_change_counter(s, &counter);
    if (rc == SQLITE_OK)
        rc = load_identity(s);
    if (rc != SQLITE_OK)
        return rc;
    s->commit = (uint64_t)commit;
    s->log.floor = (uint64_t)floor;
    rc = load_rows(s, &seen);
    store_tick_from(s, seen);
    uint64_t before = s->commit;
    /* -1: we did not come to seal it, and what recovery found is ours. */
    if (rc == SQLITE_OK && sealed >= 0 && sealed != s->opened_counter && s->commit)
        rc = start_over(s);
    if (rc == SQLITE_OK)
        rc = open_sums(s, sums, sealed, before);
    if (rc == SQLITE_OK && sealed >= 0)
        rc = meta_set(s, META_SEAL, -1);
    if (rc == SQLITE_OK)
        rc = store_expiry_load(s);
    s->held.noted = folded >= 0;
    s->fold.rows = s->commit;
    s->fold.commit = folded >= 0 && folded < commit ? (uint64_t)folded : s->commit;
    return rc;
}

int store_log_go_on(struct store *s)
{
    const struct store_place *known = &s->options.known;

    if (!known->database ||
        (known->database == s->log_id.database && known->commit <= s->commit))
        return SQLITE_OK;
    if (s->commit < known->commit)
        s->commit = known->commit;
    return start_over(s);
}

int store_log_counter(struct store *s)
{
    return read_change_counter(s, &s->opened_counter);
}

static void pack_changes(struct store *s)
{
    struct buffer *b = &s->changes.packed;
    msgpack_packer pk;

    buffer_clear(b);
    pack_init(&pk, b);
    msgpack_pack_array(&pk, s->changes.count);
    for (size_t i = 0; i < s->changes.count; i++) {
        const struct store_change *c = &s->changes.list[i];
        msgpack_pack_array(&pk, 3);
        pack_slice_str(&pk, c->label);
        pack_slice_str(&pk, c->key);
        msgpack_pack_int(&pk, (int)c->kind);
    }
}

static int add_row(struct store *s, uint64_t n, int64_t time_ms, struct slice changes)
{
    sqlite3_stmt *stmt = s->statements[STORE_LOG_ADD];

    store_bind_int(stmt, 1, (int64_t)n);
    store_bind_int(stmt, 2, time_ms);
    store_bind_blob(stmt, 3, changes);
    sqlite3_step(stmt);
    return store_finish(stmt);
}

/* Inside the batch, right before its commit. */
int store_log_write(struct store *s)
{
    struct buffer *b = &s->changes.packed;

    pack_changes(s);
    if (b->failed)
        return SQLITE_NOMEM;
    return add_row(s, s->commit + 1, s->now_ms, (struct slice){(char *)b->data, b->len});
}

/* In memory: one more commit, and none more than the limits allow. */
static void note_row(struct store *s, struct log_row row)
{
    uint64_t trimmed;

    s->commit = row.n;
    if (!log_rows_push(&s->log.rows, row))
        s->log.floor = row.n;
    trimmed = log_rows_trim(&s->log.rows, LIMIT_LOG_CHANGES, LIMIT_LOG_BYTES);
    if (trimmed)
        s->log.floor = trimmed;
}

void store_log_written(struct store *s)
{
    note_row(s, (struct log_row){s->commit + 1, (uint32_t)s->changes.count,
                                 (uint32_t)s->changes.packed.len});
}

int store_log_add(struct store *s, uint64_t n, int64_t time_ms, struct slice changes)
{
    struct reader r = reader_of(changes.data, changes.len);
    struct log_row row = {.n = n, .bytes = (uint32_t)changes.len};
    int rc = add_row(s, n, time_ms, changes);

    /* What is done again was noted when it was done first, but not by an earlier process. */
    if (rc != SQLITE_OK || n <= s->commit)
        return rc;
    if (reader_array(&r, &row.changes))
        row.changes = 0;
    if (time_ms > s->now_ms)
        store_tick_from(s, time_ms);
    note_row(s, row);
    return SQLITE_OK;
}

/* A commit that is said to have failed may be in the file. */
static int note_held(struct store *s, bool holds, uint64_t folded)
{
    if (!holds && !s->held.noted)
        return SQLITE_OK;
    s->held.noted = true;
    if (holds)
        return meta_set(s, META_FOLDED, (int64_t)folded);
    sqlite3_stmt *stmt = store_start(s, STORE_META_CLEAR, text(META_FOLDED), NULL);
    sqlite3_step(stmt);
    return store_finish(stmt);
}

int store_log_fold(struct store *s, uint64_t folded, uint64_t rows)
{
    sqlite3_stmt *stmt;
    int rc = meta_set(s, META_COMMIT, (int64_t)rows);

    if (rc == SQLITE_OK)
        rc = note_held(s, folded < rows, folded);
    if (rc != SQLITE_OK || s->log.floor == s->log_pruned)
        return rc;
    stmt = s->statements[STORE_LOG_PRUNE];
    store_bind_int(stmt, 1, (int64_t)s->log.floor);
    sqlite3_step(stmt);
    rc = store_finish(stmt);
    if (rc == SQLITE_OK)
        rc = meta_set(s, META_FLOOR, (int64_t)s->log.floor);
    return rc;
}

static int seal_as(struct store *s, int64_t counter)
{
    int rc = store_exec(s, "BEGIN IMMEDIATE");

    if (rc == SQLITE_OK)
        rc = meta_set(s, META_COMMIT, (int64_t)s->commit);
    if (rc == SQLITE_OK)
        rc = meta_set(s, META_TIME, s->now_ms);
    if (rc == SQLITE_OK && s->options.checksums)
        rc = meta_set(s, META_SUMS, (int64_t)s->commit);
    if (rc == SQLITE_OK)
        rc = meta_set(s, META_SEAL, counter);
    if (rc == SQLITE_OK)
        return store_exec(s, "COMMIT");
    store_exec(s, "ROLLBACK");
    return rc;
}

int store_log_seal(struct store *s)
{
    int64_t counter, expected = -1;
    int rc = read_change_counter(s, &counter);

    /* A transaction counts one, but not while the exclusive lock of before is held: try both. */
    for (int i = 0; rc == SQLITE_OK && counter != expected && i < 4; i++) {
        expected = (counter + (i % 2 == 0)) & 0xffffffff;
        rc = seal_as(s, expected);
        if (rc == SQLITE_OK)
            rc = read_change_counter(s, &counter);
    }
    return rc;
}

int store_log_unseal(const struct store *s)
{
    char *sql = sqlite3_mprintf("UPDATE bobbin_meta SET value = -1 WHERE name = '" META_SEAL "'"
                                " AND value = %lld",
                                (long long)s->opened_counter);
    int rc = sql ? store_exec(s, sql) : SQLITE_NOMEM;

    sqlite3_free(sql);
    return rc;
}

void store_log_fini(struct store *s)
{
    log_rows_fini(&s->log.rows);
}

/* One change of a packed row. False at its end. */
static bool next_change(struct reader *r, struct slice *label, struct slice *key, uint64_t *kind)
{
    uint32_t three;

    return !reader_array(r, &three) && three == 3 && !reader_str(r, label) && !reader_str(r, key) &&
           !reader_uint(r, kind);
}

static bool row_has(sqlite3_stmt *stmt, struct slice label, struct slice key)
{
    struct reader r =
        reader_of(sqlite3_column_blob(stmt, 1), (size_t)sqlite3_column_bytes(stmt, 1));
    struct slice l, k;
    uint64_t kind;
    uint32_t count;

    if (reader_array(&r, &count))
        return false;
    while (next_change(&r, &l, &k, &kind))
        if (slice_same(k, key) && slice_same(l, label))
            return true;
    return false;
}

int store_log_changed(struct store *s, struct slice label, struct slice key, uint64_t since,
                      bool *ret_changed)
{
    *ret_changed = true;
    for (size_t i = 0; i < s->changes.count; i++)
        if (slice_same(s->changes.list[i].key, key) && slice_same(s->changes.list[i].label, label))
            return SQLITE_OK;
    int rc = store_expired(s, label, key, ret_changed);
    if (rc != SQLITE_OK || *ret_changed || since == s->commit)
        return rc;
    sqlite3_stmt *stmt = s->statements[STORE_LOG_AFTER];
    store_bind_int(stmt, 1, (int64_t)since);
    while (!*ret_changed && sqlite3_step(stmt) == SQLITE_ROW)
        *ret_changed = row_has(stmt, label, key);
    return store_finish(stmt);
}

static const char *const kind_words[] = {
    [CHANGE_SET] = "set", [CHANGE_DELETE] = "delete", [CHANGE_EXPIRE] = "expire"};

/* The value of now, if asked for, or nil. */
static int pack_value(struct store *s, struct op *op, struct slice key, uint64_t kind,
                      msgpack_packer *pk)
{
    struct buffer value;
    bool found = false;
    int rc = SQLITE_OK;

    buffer_init(&value);
    if (op->want_values && kind == CHANGE_SET)
        rc = store_entry_get(s, op->label, key, &value, &found);
    if (found)
        pack_slice_bin(pk, (struct slice){(char *)value.data, value.len});
    else
        msgpack_pack_nil(pk);
    buffer_fini(&value);
    return rc;
}

static int list_row(struct store *s, struct op *op, sqlite3_stmt *stmt, msgpack_packer *pk,
                    struct store_array *array)
{
    struct reader r =
        reader_of(sqlite3_column_blob(stmt, 1), (size_t)sqlite3_column_bytes(stmt, 1));
    struct slice label, key;
    uint64_t kind;
    uint32_t count;
    int rc = SQLITE_OK;

    if (reader_array(&r, &count))
        return SQLITE_OK;
    while (rc == SQLITE_OK && next_change(&r, &label, &key, &kind)) {
        if (!slice_same(label, op->label) || kind > CHANGE_EXPIRE)
            continue;
        msgpack_pack_array(pk, 4);
        msgpack_pack_int64(pk, sqlite3_column_int64(stmt, 0));
        pack_slice_str(pk, key);
        pack_cstr(pk, kind_words[kind]);
        rc = pack_value(s, op, key, kind, pk);
        array->count++;
        if (op->result.len > LIMIT_RESULT)
            return SQLITE_TOOBIG;
    }
    return rc;
}

void store_log_list(struct store *s, struct op *op)
{
    struct store_array array;
    msgpack_packer pk;
    int rc = SQLITE_OK;

    if (op->since != OP_SINCE_NOW && op->since > s->commit) {
        op_fail(op, ERR_INVALID_REQUEST, "since: there has been no commit %llu yet",
                (unsigned long long)op->since);
        return;
    }
    if (op->since < s->log.floor) {
        op_fail(op, ERR_COMPACTED, "since: the log of changes does not reach back to commit %llu",
                (unsigned long long)op->since);
        return;
    }
    pack_init(&pk, &op->result);
    array = store_array_begin(&op->result);
    if (op->since != OP_SINCE_NOW) {
        sqlite3_stmt *stmt = s->statements[STORE_LOG_AFTER];
        store_bind_int(stmt, 1, (int64_t)op->since);
        while (rc == SQLITE_OK && sqlite3_step(stmt) == SQLITE_ROW)
            rc = list_row(s, op, stmt, &pk, &array);
        int end = store_finish(stmt);
        rc = rc == SQLITE_OK ? end : rc;
    }
    if (rc == SQLITE_TOOBIG)
        store_fail_too_large(op);
    else if (rc != SQLITE_OK)
        store_fail(s, op, rc);
    else
        store_array_end(&op->result, &array);
}

uint64_t store_commit_number(const struct store *s)
{
    return s->commit;
}

struct store_place store_place(const struct store *s)
{
    return (struct store_place){s->log_id.database, s->commit};
}
