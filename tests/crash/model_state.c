#include "model_state.h"

#include <endian.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/random.h"

const char *state_label(unsigned key)
{
    return key % 2 ? "second" : "default";
}

void state_key_name(unsigned key, char ret[16])
{
    snprintf(ret, 16, "key-%u", key);
}

int state_key_find(const char *label, const char *name)
{
    unsigned key;
    char expected[16];

    if (sscanf(name, "key-%u", &key) != 1 || key >= STATE_KEYS)
        return -1;
    state_key_name(key, expected);
    return strcmp(name, expected) == 0 && strcmp(label, state_label(key)) == 0 ? (int)key : -1;
}

void state_value(unsigned key, const struct state_entry *entry, uint8_t *ret)
{
    struct random r = {entry->seed};
    uint64_t word = htole64(entry->seed);

    if (key >= STATE_NUMBERS) {
        memcpy(ret, &word, sizeof(word));
        return;
    }
    for (size_t i = 0; i < entry->len; i += sizeof(word)) {
        word = random_next(&r);
        memcpy(ret + i, &word, entry->len - i < sizeof(word) ? entry->len - i : sizeof(word));
    }
}

/* Of one entry; their sum does not depend on the order. */
static uint64_t digest_entry(unsigned key, const uint8_t *value, size_t len, int64_t expires_ms)
{
    struct random r = {key + UINT64_C(0x517cc1b727220a95)};
    uint64_t sum = random_next(&r) ^ (uint64_t)expires_ms;

    for (size_t i = 0; i < len; i += 8) {
        uint64_t word = 0;
        memcpy(&word, value + i, len - i < 8 ? len - i : 8);
        r.state = sum ^ word;
        sum = random_next(&r);
    }
    r.state = sum ^ len;
    return random_next(&r);
}

uint64_t state_digest(const struct state *s)
{
    uint64_t sum = 0;

    for (unsigned key = 0; key < STATE_KEYS; key++) {
        const struct state_entry *e = &s->entries[key];
        if (!e->present)
            continue;
        uint8_t *value = malloc(e->len + 8);
        if (!value)
            abort();
        state_value(key, e, value);
        sum += digest_entry(key, value, e->len, e->expires_ms);
        free(value);
    }
    return sum;
}

static const char *check_integrity(sqlite3 *db)
{
    static char wrong[200];
    sqlite3_stmt *stmt = NULL;
    const char *found = NULL;

    if (sqlite3_prepare_v2(db, "PRAGMA integrity_check", -1, &stmt, NULL) != SQLITE_OK ||
        sqlite3_step(stmt) != SQLITE_ROW)
        snprintf(wrong, sizeof(wrong), "no integrity_check: %s", sqlite3_errmsg(db));
    else
        snprintf(wrong, sizeof(wrong), "%s", sqlite3_column_text(stmt, 0));
    if (strcmp(wrong, "ok") != 0)
        found = wrong;
    sqlite3_finalize(stmt);
    return found;
}

static const char *digest_rows(sqlite3 *db, uint64_t *ret)
{
    static const char sql[] = "SELECT e.store, e.key, e.value, coalesce(x.expires_ms, 0)"
                              " FROM spin_key_value AS e LEFT JOIN bobbin_expiry AS x"
                              " ON x.store = e.store AND x.key = e.key";
    sqlite3_stmt *stmt = NULL;
    const char *wrong = NULL;
    int rc = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);

    *ret = 0;
    while (!wrong && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        int key = state_key_find((const char *)sqlite3_column_text(stmt, 0),
                                 (const char *)sqlite3_column_text(stmt, 1));
        const uint8_t *value = sqlite3_column_blob(stmt, 2);
        if (key < 0)
            wrong = "a key that nobody wrote";
        else
            *ret += digest_entry((unsigned)key, value, (size_t)sqlite3_column_bytes(stmt, 2),
                                 sqlite3_column_int64(stmt, 3));
    }
    if (!wrong && rc != SQLITE_DONE)
        wrong = sqlite3_errmsg(db);
    sqlite3_finalize(stmt);
    return wrong;
}

static const char *check_empty(sqlite3 *db, const char *sql, const char *otherwise)
{
    sqlite3_stmt *stmt = NULL;
    bool empty = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) == SQLITE_OK &&
                 sqlite3_step(stmt) == SQLITE_DONE;

    sqlite3_finalize(stmt);
    return empty ? NULL : otherwise;
}

const char *state_digest_file(const char *path, uint64_t *ret_digest)
{
    static const char stray_sql[] = "SELECT 1 FROM bobbin_expiry AS x WHERE NOT EXISTS (SELECT 1"
                                    " FROM spin_key_value AS e WHERE x.store = e.store AND"
                                    " x.key = e.key)";
    static const char gap_sql[] =
        "SELECT 1 FROM bobbin_commit AS c WHERE n < (SELECT max(n) FROM bobbin_commit)"
        " AND NOT EXISTS (SELECT 1 FROM bobbin_commit AS d WHERE d.n = c.n + 1)";
    static char text[300];
    sqlite3 *db = NULL;
    const char *wrong = NULL;

    if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK)
        wrong = sqlite3_errmsg(db);
    if (!wrong)
        wrong = check_integrity(db);
    if (!wrong)
        wrong = digest_rows(db, ret_digest);
    if (!wrong)
        wrong = check_empty(db, stray_sql, "a time to live without an entry");
    if (!wrong)
        wrong = check_empty(db, gap_sql, "a gap in the log of changes");
    if (wrong)
        snprintf(text, sizeof(text), "%.60s: %s", strrchr(path, '/') + 1, wrong);
    sqlite3_close(db);
    return wrong ? text : NULL;
}
