/* Memory for the pages of SQLite and for entries that are held: an equal part of what all stores in use share. */
#include <malloc.h>
#include <stdatomic.h>
#include <stdio.h>

#include "daemon/store_internal.h"

/* Below this it is not worth while to look for memory to give back to the system. */
#define TRIM_LEAST (4u << 20)

/* Where entries are held, the pages' part of all. They are needed in order then, so a few do. */
#define HELD_PAGES 4u

static uint64_t within(uint64_t bytes, uint64_t most)
{
    bytes = bytes < STORE_MEMORY_LEAST ? STORE_MEMORY_LEAST : bytes;
    return bytes > most ? most : bytes;
}

static uint64_t part(const struct store *s)
{
    const struct store_share *share = s->options.share;
    unsigned busy = share ? atomic_load(&share->busy) : 1;

    return share ? share->bytes / (busy ? busy : 1) : 2 * STORE_MEMORY;
}

static void set(struct store *s, uint64_t bytes)
{
    char sql[64];

    snprintf(sql, sizeof(sql), "PRAGMA cache_size=-%llu", (unsigned long long)(bytes >> 10));
    store_exec(s, sql);
    s->memory = bytes;
}

void store_memory_follow(struct store *s)
{
    if (!s->busy && s->options.share)
        atomic_fetch_add(&s->options.share->busy, 1);
    s->busy = true;
    uint64_t all = part(s);
    uint64_t bytes = within(s->held.on ? all / HELD_PAGES : all, STORE_MEMORY);
    s->held.most = within(all - all / HELD_PAGES, s->options.hold_most);
    /* A store that comes or goes does not matter to all others at once. */
    if (bytes > s->memory + s->memory / 4 || bytes < s->memory - s->memory / 4)
        set(s, bytes);
}

void store_memory_leave(struct store *s)
{
    if (s->busy && s->options.share)
        atomic_fetch_sub(&s->options.share->busy, 1);
    s->busy = false;
}

bool store_may_rest(const struct store *s)
{
    return s->phase != STORE_FOLDED || s->busy || s->held.table.count || s->unsynced_ms || s->fold.doubtful;
}

void store_rest(struct store *s)
{
    bool much = s->memory >= TRIM_LEAST;

    store_memory_leave(s);
    set(s, STORE_MEMORY_LEAST);
    s->memory = 0;
    sqlite3_db_release_memory(s->db);
    if (much)
        malloc_trim(0);
}
