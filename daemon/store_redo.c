/* What a commit changed, as a record of the commit log, and doing it again.
 *
 * A record's payload is its changes one after the other, numbers little-endian:
 *
 *     kind u8 | same u8 | 0 u16 | label u32 | key u32 | value u32 | expires_ms i64, then the bytes
 *     of label, key and value, whose lengths these are
 *
 * `same` 1: the label is that of the change before, and its length here 0. */
#include <endian.h>
#include <string.h>

#include "daemon/store_internal.h"
#include "protocol/limits.h"
#include "protocol/message.h"

#define CHANGE_HEADER 24u
/* Entries that are brought to the database in one go where too many are held. */
#define MAKE_ROOM 256u
/* A record's memory is kept for the next one up to this. */
#define KEEP_BYTES (1u << 20)

static void put32(uint8_t *at, size_t n)
{
    uint32_t le = htole32((uint32_t)n);

    memcpy(at, &le, sizeof(le));
}

static uint32_t get32(const uint8_t *at)
{
    uint32_t le;

    memcpy(&le, at, sizeof(le));
    return le32toh(le);
}

static uint8_t *put_bytes(uint8_t *at, struct slice bytes)
{
    if (bytes.len)
        memcpy(at, bytes.data, bytes.len);
    return at + bytes.len;
}

void store_redo_pack(struct buffer *b, const struct store_change *c,
                     const struct store_change *before)
{
    bool same = before && slice_same(c->label, before->label);
    struct slice label = {0};
    /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference) ; where there are changes there is a list */
    uint64_t expires = htole64((uint64_t)c->expires_ms);
    uint8_t *at;

    if (!same)
        label = c->label;
    if (buffer_reserve(b, CHANGE_HEADER + label.len + c->key.len + c->value.len) != 0)
        return;
    at = b->data + b->len;
    memset(at, 0, CHANGE_HEADER);
    at[0] = (uint8_t)c->kind;
    at[1] = same;
    put32(at + 4, label.len);
    put32(at + 8, c->key.len);
    put32(at + 12, c->value.len);
    memcpy(at + 16, &expires, sizeof(expires));
    at = put_bytes(at + CHANGE_HEADER, label);
    at = put_bytes(at, c->key);
    at = put_bytes(at, c->value);
    b->len = (size_t)(at - b->data);
}

struct commit_log_record store_redo_record(const struct store *s, const struct buffer *payload,
                                           uint32_t changes)
{
    return (struct commit_log_record){
        .commit = s->commit + 1,
        .time_ms = s->now_ms,
        .changes = changes,
        .payload = {(const char *)payload->data, payload->len},
    };
}

int store_redo_append(struct store *s, struct error *e)
{
    const struct store_changes *c = &s->changes;
    struct buffer *b = &s->redo;

    if (b->cap > KEEP_BYTES)
        buffer_fini(b);
    buffer_clear(b);
    for (size_t i = 0; i < c->count; i++)
        store_redo_pack(b, &c->list[i], i ? &c->list[i - 1] : NULL);
    if (b->failed)
        return error_set(e, ERR_OTHER, "out of memory");
    if (store_early_holds(s, b))
        return commit_log_append_end(s->commit_log, e);
    int code = store_early_undo(s, e);
    if (code)
        return code;
    struct commit_log_record record = store_redo_record(s, b, (uint32_t)c->count);
    return commit_log_append(s->commit_log, &record, !s->options.relaxed, e);
}

static bool take(struct reader *r, size_t len, struct slice *ret)
{
    if ((size_t)(r->end - r->pos) < len)
        return false;
    *ret = (struct slice){(const char *)r->pos, len};
    r->pos += len;
    return true;
}

/* The next change; *label is that of the one before, and moved on. False: it is not one. */
static bool unpack_change(struct reader *r, struct slice *label, struct store_change *ret)
{
    struct slice header, bytes;
    uint64_t expires;

    if (!take(r, CHANGE_HEADER, &header))
        return false;
    const uint8_t *at = (const uint8_t *)header.data;
    memcpy(&expires, at + 16, sizeof(expires));
    *ret = (struct store_change){.kind = at[0], .expires_ms = (int64_t)le64toh(expires)};
    if (!take(r, get32(at + 4), &bytes) || !take(r, get32(at + 8), &ret->key) ||
        !take(r, get32(at + 12), &ret->value))
        return false;
    if (!at[1])
        *label = bytes;
    ret->label = *label;
    return at[0] <= CHANGE_EXPIRE && (!at[1] || (!bytes.len && label->data));
}

/* Nothing gets into a file this way that could not have been asked for. */
bool store_redo_acceptable(const struct store_change *c)
{
    if (!utf8_valid(c->label.data, c->label.len) || !utf8_valid(c->key.data, c->key.len))
        return false;
    if (c->kind != CHANGE_SET)
        return c->value.len == 0;
    return c->label.len <= LIMIT_LABEL && c->key.len <= LIMIT_KEY && c->value.len <= LIMIT_VALUE &&
           c->expires_ms >= STORE_KEEP_TTL;
}

static int redo_expiry(struct store *s, const struct store_change *c)
{
    sqlite3_stmt *stmt;

    if (c->kind == CHANGE_SET && c->expires_ms == STORE_KEEP_TTL)
        return SQLITE_OK;
    if (c->kind == CHANGE_SET && c->expires_ms > 0) {
        stmt = store_start(s, STORE_EXPIRE_SET, c->label, &c->key);
        store_bind_int(stmt, 3, c->expires_ms);
    } else {
        stmt = store_start(s, STORE_EXPIRE_CLEAR, c->label, &c->key);
    }
    sqlite3_step(stmt);
    return store_finish(stmt);
}

static int redo_change(struct store *s, const struct store_change *c)
{
    bool held = c->kind == CHANGE_SET && !c->expires_ms && s->held.on;
    int rc;

    if (!held)
        store_held_forget(s, c->label, c->key);
    s->fold.changes += !held && s->redo_folds;
    rc = held ? store_held_set(s, c, s->redoing) : store_entry_write(s, c);
    return rc == SQLITE_OK ? redo_expiry(s, c) : rc;
}

/* What is held has its bounds, and so has what has gathered. */
static int make_room(struct store *s, struct error *e)
{
    int rc = SQLITE_OK;
    int code = 0;

    if (!s->redo_folds || commit_log_is_broken(s->commit_log))
        return 0;
    store_note_pages(s, true);
    while (!code && rc == SQLITE_OK && (store_held_is_full(s) || store_fold_is_due(s))) {
        if (store_held_is_full(s))
            rc = store_held_settle(s, MAKE_ROOM);
        if (rc == SQLITE_OK && store_fold_is_due(s))
            code = store_fold_midway(s, e);
    }
    return rc == SQLITE_OK ? code : store_error(s, rc, "write", e);
}

/* The row of the log of changes, as store_log_write packs it. */
static void pack_row(msgpack_packer *pk, const struct store_change *c)
{
    msgpack_pack_array(pk, 3);
    pack_slice_str(pk, c->label);
    pack_slice_str(pk, c->key);
    msgpack_pack_int(pk, (int)c->kind);
}

static int malformed(const struct store *s, const struct commit_log_record *record,
                     struct error *e)
{
    return error_set(e, ERR_OTHER, "cannot use '%s': commit %llu of its commit log is malformed",
                     s->shown, (unsigned long long)record->commit);
}

static int redo(void *arg, const struct commit_log_record *record, struct error *e)
{
    struct store *s = arg;
    struct reader r = reader_of(record->payload.data, record->payload.len);
    struct buffer row;
    struct slice label = {0};
    msgpack_packer pk;
    int rc = SQLITE_OK;
    int code = 0;

    if (record->commit > INT64_MAX || record->payload.len / CHANGE_HEADER < record->changes)
        return malformed(s, record, e);
    s->redoing = record->commit;
    buffer_init(&row);
    pack_init(&pk, &row);
    msgpack_pack_array(&pk, record->changes);
    for (uint32_t i = 0; !code && rc == SQLITE_OK && i < record->changes; i++) {
        struct store_change c;
        if (unpack_change(&r, &label, &c) && store_redo_acceptable(&c)) {
            pack_row(&pk, &c);
            rc = redo_change(s, &c);
        } else {
            code = malformed(s, record, e);
        }
    }
    if (!code && rc == SQLITE_OK && record->commit > s->fold.rows)
        rc = row.failed ? SQLITE_NOMEM
                        : store_log_add(s, record->commit, record->time_ms,
                                        (struct slice){(const char *)row.data, row.len});
    buffer_fini(&row);
    if (!code && rc != SQLITE_OK)
        code = store_error(s, rc, "write", e);
    return code ? code : make_room(s, e);
}

int store_redo_replay(struct store *s, bool folds, uint64_t *ret_last, struct error *e)
{
    s->redo_folds = folds && (s->held.on || s->held.noted);
    int code = commit_log_replay(s->commit_log, s->log_id, s->fold.commit, redo, s, ret_last, e);

    s->redoing = 0;
    return code;
}

int store_redo_short(const struct store *s, uint64_t last, uint64_t wanted, struct error *e)
{
    return error_set(e, ERR_OTHER, "cannot use '%s': its commit log ends with commit %llu, not %llu; 'bobbin recover' gets"
                     " out what is there",
                     s->shown, (unsigned long long)last, (unsigned long long)wanted);
}

int store_redo_each(const struct store *s, const struct commit_log_record *record,
                    int (*each)(void *arg, const struct store_change *change, struct error *e),
                    void *arg, struct error *e)
{
    struct reader r = reader_of(record->payload.data, record->payload.len);
    struct slice label = {0};
    int code = 0;

    for (uint32_t i = 0; !code && i < record->changes; i++) {
        struct store_change c;
        if (!unpack_change(&r, &label, &c) || !store_redo_acceptable(&c)) {
            malformed(s, record, e);
            return e->code = ERR_INVALID_REQUEST;
        }
        code = each(arg, &c, e);
    }
    return code;
}
