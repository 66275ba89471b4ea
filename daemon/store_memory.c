/* Memory for the pages of SQLite: an equal part of what all stores in use share. */
#include <malloc.h>
#include <stdatomic.h>
#include <stdio.h>

#include "daemon/store_internal.h"

/* Below this it is not worth while to look for memory to give back to the system. */
#define TRIM_LEAST (4u << 20)

static uint64_t part(const struct store *s)
{
    const struct store_share *share = s->options.share;
    unsigned busy = share ? atomic_load(&share->busy) : 1;
    uint64_t bytes = share ? share->bytes / (busy ? busy : 1) : STORE_MEMORY;

    if (bytes > STORE_MEMORY)
        return STORE_MEMORY;
    return bytes < STORE_MEMORY_LEAST ? STORE_MEMORY_LEAST : bytes;
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
    uint64_t bytes = part(s);
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
    return s->phase != STORE_FOLDED || s->busy || s->unsynced_ms || s->fold.doubtful;
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
