#include "daemon/cache.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "daemon/list.h"
#include "daemon/siphash.h"
#include "protocol/limits.h"

/* The table grows with the entries, up to a bucket for so many bytes of the limit. */
enum { CACHE_BYTES_PER_BUCKET = 128, CACHE_FIRST_BUCKETS = 64 };
/* So many buckets of the old table move at each insertion while the table grows. */
enum { CACHE_MOVE = 4 };
/* No entry takes more than this part of a space's share. */
enum { CACHE_SHARE_PART = 8 };
/* So many entries that were used get another chance before one of them has to go. */
enum { CACHE_CHANCES = 16 };
/* What malloc keeps for itself with each piece, and what it rounds up to. */
enum { CACHE_MALLOC_HEAD = 8, CACHE_MALLOC_STEP = 16 };

struct cache_entry {
    struct cache_entry *next; /* in its bucket */
    struct list link;         /* in its space's ring, the next to go in front, or in cache->dead */
    uint64_t owner;           /* the space's number of when it was made */
    uint32_t hash;
    uint32_t value_len;
    uint16_t label_len;
    uint16_t key_len;
    bool absent; /* there is no such entry in the file */
    bool used;   /* since it was last at the front */
    char bytes[];             /* label, key, value */
};

struct cache_space {
    struct list link; /* in cache->spaces */
    struct cache *cache;
    uint64_t id;      /* of this space alone */
    uint64_t owner;   /* no entry of another space, or from before a clear, has this number */
    struct list ring;
    struct cache_counts counts;
};

/* Each bucket is a list of entries. The number of buckets is a power of two. */
struct cache_table {
    struct cache_entry **buckets;
    size_t count; /* 0: there is no table */
};

struct cache {
    size_t limit;
    size_t room;  /* of the limit, what entries may take: the tables' part is set aside */
    size_t bytes; /* of entries, the dead ones included */
    size_t entries;
    struct siphash_key seed;
    struct cache_table table;
    struct cache_table old; /* while the table grows: buckets from `moved` on are still here */
    size_t moved;
    size_t most_buckets;
    struct list spaces;
    size_t active;              /* of these, how many hold something */
    struct cache_space *victim; /* the last one found to be the largest; NULL: none */
    struct list dead;           /* entries of spaces that were cleared: no answer any more */
    uint64_t last_number;       /* of an id or owner */
};

static int cache_table_init(struct cache_table *t, size_t count)
{
    struct cache_entry **buckets = calloc(count, sizeof *buckets);
    if (!buckets)
        return ERR_OTHER;
    *t = (struct cache_table){buckets, count};
    /* cppcheck-suppress memleak ; the table has it */
    return 0;
}

static void cache_table_fini(struct cache_table *t)
{
    free(t->buckets);
    *t = (struct cache_table){0};
}

/* The most that table and old table take at one time is left out of the entries' room. */
static void cache_set_limit(struct cache *c, size_t limit)
{
    size_t most = limit / CACHE_BYTES_PER_BUCKET;
    size_t tables;
    c->limit = limit;
    c->most_buckets = 1;
    while (c->most_buckets * 2 <= most)
        c->most_buckets *= 2;
    tables = (c->most_buckets + c->most_buckets / 2) * sizeof *c->table.buckets;
    c->room = limit > tables ? limit - tables : 0;
}

int cache_new(size_t limit, struct cache **ret, struct error *e)
{
    struct cache *c = calloc(1, sizeof *c);
    size_t first;
    if (!c)
        return error_set(e, ERR_OTHER, "out of memory");
    cache_set_limit(c, limit);
    first = c->most_buckets < CACHE_FIRST_BUCKETS ? c->most_buckets : CACHE_FIRST_BUCKETS;
    if (cache_table_init(&c->table, first)) {
        free(c);
        return error_set(e, ERR_OTHER, "out of memory");
    }
    /* Keys come from anybody: nobody shall know which of them meet in a bucket. */
    if (getrandom(&c->seed, sizeof c->seed, 0) != (ssize_t)sizeof c->seed) {
        cache_table_fini(&c->table);
        free(c);
        return error_set(e, ERR_OTHER, "the system has no random bytes: %m");
    }
    list_init(&c->spaces);
    list_init(&c->dead);
    *ret = c;
    return 0;
}

void cache_free(struct cache *c)
{
    if (!c)
        return;
    cache_tidy(c, UINT32_MAX);
    cache_table_fini(&c->table);
    cache_table_fini(&c->old);
    free(c);
}

static struct cache_entry **cache_bucket(const struct cache *c, uint32_t hash)
{
    size_t old = hash & (c->old.count - 1);
    if (c->old.count && old >= c->moved)
        return &c->old.buckets[old];
    return &c->table.buckets[hash & (c->table.count - 1)];
}

static void cache_move_bucket(struct cache *c)
{
    struct cache_entry *e = c->old.buckets[c->moved++];
    while (e) {
        struct cache_entry *next = e->next;
        struct cache_entry **bucket = cache_bucket(c, e->hash);
        e->next = *bucket;
        *bucket = e;
        e = next;
    }
    if (c->moved == c->old.count)
        cache_table_fini(&c->old);
}

/* As many buckets as entries, in steps so small that nobody waits for them. */
static void cache_grow(struct cache *c)
{
    for (unsigned i = 0; i < CACHE_MOVE && c->old.count; i++)
        cache_move_bucket(c);
    if (c->old.count || c->entries <= c->table.count || c->table.count * 2 > c->most_buckets)
        return;
    c->old = c->table;
    c->moved = 0;
    if (cache_table_init(&c->table, c->old.count * 2))
        c->old = (struct cache_table){0};
}

struct cache_space *cache_space_new(struct cache *c)
{
    struct cache_space *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->cache = c;
    s->id = ++c->last_number;
    s->owner = s->id;
    list_init(&s->ring);
    list_push(&c->spaces, &s->link);
    return s;
}

void cache_space_free(struct cache_space *s)
{
    if (!s)
        return;
    cache_space_clear(s);
    if (s->cache->victim == s)
        s->cache->victim = NULL;
    list_remove(&s->link);
    free(s);
}

void cache_space_clear(struct cache_space *s)
{
    if (list_empty(&s->ring))
        return;
    s->owner = ++s->cache->last_number;
    list_splice(&s->cache->dead, &s->ring);
    s->cache->active--;
    s->counts.bytes = 0;
    s->counts.entries = 0;
}

static size_t cache_cost(size_t label_len, size_t key_len, size_t value_len)
{
    size_t size = offsetof(struct cache_entry, bytes) + label_len + key_len + value_len;
    return (size + CACHE_MALLOC_HEAD + CACHE_MALLOC_STEP - 1) / CACHE_MALLOC_STEP *
           CACHE_MALLOC_STEP;
}

static size_t cache_entry_cost(const struct cache_entry *e)
{
    return cache_cost(e->label_len, e->key_len, e->value_len);
}

static char *cache_value(struct cache_entry *e)
{
    return e->bytes + e->label_len + e->key_len;
}

struct siphash cache_label_hash(const struct cache_space *s, struct slice label)
{
    struct siphash h = siphash_begin(&s->cache->seed, s->id);
    siphash_add(&h, label.data, label.len);
    return h;
}

uint32_t cache_key_hash(const struct siphash *label_hash, struct slice key)
{
    struct siphash h = *label_hash;
    siphash_add(&h, key.data, key.len);
    return (uint32_t)siphash_end(&h);
}

static uint32_t cache_hash(const struct cache_space *s, struct slice label, struct slice key)
{
    struct siphash h = cache_label_hash(s, label);
    return cache_key_hash(&h, key);
}

void cache_fetch_bucket(const struct cache_space *s, uint32_t hash)
{
    __builtin_prefetch(cache_bucket(s->cache, hash));
}

/* Of most entries two lines are enough: what is compared, and much of the value. */
void cache_fetch_entry(const struct cache_space *s, uint32_t hash)
{
    const struct cache_entry *e = *cache_bucket(s->cache, hash);
    if (!e)
        return;
    __builtin_prefetch(e);
    __builtin_prefetch((const char *)e + 64);
    __builtin_prefetch((const char *)e + 128);
}

static bool cache_matches(const struct cache_entry *e, const struct cache_space *s,
                          struct slice label, struct slice key)
{
    return e->owner == s->owner && e->key_len == key.len && e->label_len == label.len &&
           (!key.len || !memcmp(e->bytes + label.len, key.data, key.len)) &&
           (!label.len || !memcmp(e->bytes, label.data, label.len));
}

static struct cache_entry *cache_find(const struct cache_space *s, uint32_t hash,
                                      struct slice label, struct slice key)
{
    struct cache_entry *e = *cache_bucket(s->cache, hash);
    while (e && (e->hash != hash || !cache_matches(e, s, label, key)))
        e = e->next;
    return e;
}

enum cache_answer cache_look(struct cache_space *s, uint32_t hash, struct slice label,
                             struct slice key, struct slice *ret)
{
    struct cache_entry *e = cache_find(s, hash, label, key);
    if (!e)
        return CACHE_UNKNOWN;
    if (!e->used)
        e->used = true;
    if (e->absent)
        return CACHE_ABSENT;
    *ret = (struct slice){cache_value(e), e->value_len};
    return CACHE_VALUE;
}

enum cache_answer cache_get(struct cache_space *s, struct slice label, struct slice key,
                            struct slice *ret)
{
    return cache_look(s, cache_hash(s, label, key), label, key, ret);
}

/* Out of its bucket and its list, and free it. */
static void cache_entry_free(struct cache *c, struct cache_entry *e)
{
    struct cache_entry **at = cache_bucket(c, e->hash);
    while (*at != e)
        at = &(*at)->next;
    *at = e->next;
    list_remove(&e->link);
    c->bytes -= cache_entry_cost(e);
    c->entries--;
    free(e);
}

static void cache_drop(struct cache_space *s, struct cache_entry *e)
{
    s->counts.bytes -= cache_entry_cost(e);
    s->counts.entries--;
    cache_entry_free(s->cache, e);
    s->cache->active -= list_empty(&s->ring);
}

void cache_tidy(struct cache *c, unsigned most)
{
    for (; most && !list_empty(&c->dead); most--)
        cache_entry_free(c, container_of(c->dead.next, struct cache_entry, link));
}

static size_t cache_share(const struct cache *c, const struct cache_space *s)
{
    size_t spaces = c->active + list_empty(&s->ring);
    return c->room / spaces;
}

/* Who has to give something up for `s`: itself if it has its share, else who has most. */
static struct cache_space *cache_find_victim(struct cache *c, struct cache_space *s, size_t share)
{
    struct list *it, *tmp;
    if (s->counts.bytes > share)
        return s;
    if (c->victim && c->victim->counts.bytes > share)
        return c->victim;
    c->victim = s;
    list_each(it, tmp, &c->spaces)
    {
        struct cache_space *other = container_of(it, struct cache_space, link);
        if (other->counts.bytes > c->victim->counts.bytes)
            c->victim = other;
    }
    return c->victim;
}

/* CLOCK: the one in front goes, unless it was used since it was last there. */
static bool cache_evict(struct cache_space *s)
{
    struct cache_entry *e = NULL;
    for (unsigned i = 0; i <= CACHE_CHANCES; i++) {
        if (list_empty(&s->ring))
            return false;
        e = container_of(s->ring.next, struct cache_entry, link);
        if (!e->used || i == CACHE_CHANCES)
            break;
        e->used = false;
        list_remove(&e->link);
        list_push(&s->ring, &e->link);
    }
    cache_drop(s, e);
    return true;
}

static bool cache_make_room(struct cache_space *s, size_t cost, size_t share)
{
    struct cache *c = s->cache;
    while (c->bytes + cost > c->room) {
        if (!list_empty(&c->dead))
            cache_tidy(c, 1);
        else if (!cache_evict(cache_find_victim(c, s, share)))
            return false;
    }
    return true;
}

static void cache_insert(struct cache_space *s, struct cache_entry *e)
{
    struct cache *c = s->cache;
    struct cache_entry **bucket = cache_bucket(c, e->hash);
    e->next = *bucket;
    *bucket = e;
    c->active += list_empty(&s->ring);
    list_push(&s->ring, &e->link);
    s->counts.bytes += cache_entry_cost(e);
    s->counts.entries++;
    c->bytes += cache_entry_cost(e);
    c->entries++;
    cache_grow(c);
}

static void cache_copy(char *to, struct slice from)
{
    if (from.len)
        memcpy(to, from.data, from.len);
}

static struct cache_entry *cache_entry_new(const struct cache_space *s, uint32_t hash,
                                           struct slice label, struct slice key,
                                           struct slice value)
{
    /* All of the piece is ours: another value of the same cost fits. */
    struct cache_entry *e =
        malloc(cache_cost(label.len, key.len, value.len) - CACHE_MALLOC_HEAD);
    if (!e)
        return NULL;
    e->owner = s->owner;
    e->hash = hash;
    e->value_len = (uint32_t)value.len;
    e->label_len = (uint16_t)label.len;
    e->key_len = (uint16_t)key.len;
    e->absent = false;
    e->used = false;
    list_init(&e->link);
    cache_copy(e->bytes, label);
    cache_copy(e->bytes + label.len, key);
    cache_copy(cache_value(e), value);
    return e;
}

static struct cache_entry *cache_set(struct cache_space *s, struct slice label, struct slice key,
                                     struct slice value)
{
    uint32_t hash = cache_hash(s, label, key);
    struct cache_entry *e = cache_find(s, hash, label, key);
    size_t cost = cache_cost(label.len, key.len, value.len);
    size_t share = cache_share(s->cache, s);
    if (e && cost == cache_entry_cost(e)) {
        e->value_len = (uint32_t)value.len;
        cache_copy(cache_value(e), value);
        e->absent = false;
        return e;
    }
    /* Whatever comes now, the old value is over. */
    if (e)
        cache_drop(s, e);
    if (label.len > LIMIT_LABEL || key.len > LIMIT_KEY || cost > share / CACHE_SHARE_PART ||
        !cache_make_room(s, cost, share))
        return NULL;
    e = cache_entry_new(s, hash, label, key, value);
    if (e)
        cache_insert(s, e);
    return e;
}

void cache_put(struct cache_space *s, struct slice label, struct slice key, struct slice value)
{
    cache_set(s, label, key, value);
}

void cache_put_absent(struct cache_space *s, struct slice label, struct slice key)
{
    struct cache_entry *e = cache_set(s, label, key, (struct slice){0});
    if (e)
        e->absent = true;
}

void cache_remove(struct cache_space *s, struct slice label, struct slice key)
{
    struct cache_entry *e;
    if (list_empty(&s->ring))
        return;
    e = cache_find(s, cache_hash(s, label, key), label, key);
    if (e)
        cache_drop(s, e);
}

size_t cache_bytes(const struct cache *c)
{
    return c->bytes + (c->table.count + c->old.count) * sizeof *c->table.buckets;
}

size_t cache_limit(const struct cache *c)
{
    return c->limit;
}

struct cache_counts cache_space_counts(const struct cache_space *s)
{
    return s->counts;
}

void cache_note(struct cache_space *s, bool hit)
{
    s->counts.hits += hit;
    s->counts.misses += !hit;
}
