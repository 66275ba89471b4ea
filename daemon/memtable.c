#include "daemon/memtable.h"

#include <stdlib.h>
#include <string.h>

/* What malloc adds to an entry, about. */
#define MALLOC_BYTES 16u

struct slice memtable_label(const struct memtable_entry *entry)
{
    return (struct slice){entry->bytes, entry->label_len};
}

struct slice memtable_key(const struct memtable_entry *entry)
{
    return (struct slice){entry->bytes + entry->label_len, entry->key_len};
}

struct slice memtable_value(const struct memtable_entry *entry)
{
    return (struct slice){entry->bytes + entry->label_len + entry->key_len, entry->value_len};
}

/* Where label and key belong, seen from an entry. */
static int compare_name(struct slice label, struct slice key, const struct memtable_entry *entry)
{
    int order = slice_order(label, memtable_label(entry));

    return order ? order : slice_order(key, memtable_key(entry));
}

static int compare(const struct memtable_entry *a, const struct memtable_entry *b)
{
    return compare_name(memtable_label(a), memtable_key(a), b);
}

RB_PROTOTYPE(memtable_tree, memtable_entry, node, compare)
RB_GENERATE(memtable_tree, memtable_entry, node, compare)

void memtable_init(struct memtable *m)
{
    RB_INIT(&m->tree);
    list_init(&m->ages);
    m->count = m->bytes = 0;
    m->hand = NULL;
}

void memtable_clear(struct memtable *m)
{
    while (!list_empty(&m->ages))
        free(container_of(list_pop(&m->ages), struct memtable_entry, age));
    memtable_init(m);
}

static size_t size_of(const struct memtable_entry *entry)
{
    return sizeof(*entry) + MALLOC_BYTES + entry->label_len + entry->key_len + entry->value_len;
}

static char *copy(char *to, struct slice bytes)
{
    if (bytes.len)
        memcpy(to, bytes.data, bytes.len);
    return to + bytes.len;
}

static struct memtable_entry *entry_new(struct slice label, struct slice key, struct slice value)
{
    struct memtable_entry *entry = malloc(sizeof(*entry) + label.len + key.len + value.len);

    if (!entry)
        return NULL;
    entry->label_len = (uint32_t)label.len;
    entry->key_len = (uint32_t)key.len;
    entry->value_len = (uint32_t)value.len;
    copy(copy(copy(entry->bytes, label), key), value);
    return entry;
}

void memtable_pass(struct memtable *m, struct memtable_entry *entry)
{
    if (m->hand == entry)
        m->hand = memtable_next(entry);
}

void memtable_remove(struct memtable *m, struct memtable_entry *entry)
{
    memtable_pass(m, entry);
    RB_REMOVE(memtable_tree, &m->tree, entry);
    list_remove(&entry->age);
    m->count--;
    m->bytes -= size_of(entry);
    free(entry);
}

static void make_latest(struct memtable *m, struct memtable_entry *entry, uint64_t commit)
{
    entry->commit = commit;
    list_push(&m->ages, &entry->age);
}

static void insert(struct memtable *m, struct memtable_entry *entry, uint64_t commit)
{
    RB_INSERT(memtable_tree, &m->tree, entry);
    m->count++;
    m->bytes += size_of(entry);
    make_latest(m, entry, commit);
}

bool memtable_put(struct memtable *m, struct slice label, struct slice key, struct slice value,
                  uint64_t commit)
{
    struct memtable_entry *old = memtable_find(m, label, key);

    if (old && old->value_len == value.len) {
        copy(old->bytes + label.len + key.len, value);
        list_remove(&old->age);
        make_latest(m, old, commit);
        return true;
    }
    struct memtable_entry *entry = entry_new(label, key, value);
    if (!entry)
        return false;
    bool at_hand = old && m->hand == old;
    if (old)
        memtable_remove(m, old);
    insert(m, entry, commit);
    if (at_hand)
        m->hand = entry;
    return true;
}

struct memtable_entry *memtable_from(struct memtable *m, struct slice label, struct slice key)
{
    struct memtable_entry *entry = RB_ROOT(&m->tree), *found = NULL;

    while (entry) {
        int order = compare_name(label, key, entry);
        if (order <= 0)
            found = entry;
        if (order == 0)
            break;
        entry = order < 0 ? RB_LEFT(entry, node) : RB_RIGHT(entry, node);
    }
    return found;
}

struct memtable_entry *memtable_find(struct memtable *m, struct slice label, struct slice key)
{
    struct memtable_entry *entry = memtable_from(m, label, key);

    return entry && compare_name(label, key, entry) == 0 ? entry : NULL;
}

struct memtable_entry *memtable_before(struct memtable *m, struct slice label, struct slice key)
{
    struct memtable_entry *behind = memtable_from(m, label, key);

    return behind ? memtable_previous(behind) : RB_MAX(memtable_tree, &m->tree);
}

struct memtable_entry *memtable_next(struct memtable_entry *entry)
{
    return RB_NEXT(memtable_tree, , entry);
}

struct memtable_entry *memtable_previous(struct memtable_entry *entry)
{
    return RB_PREV(memtable_tree, , entry);
}

struct memtable_entry *memtable_hand(struct memtable *m)
{
    if (!m->hand)
        m->hand = RB_MIN(memtable_tree, &m->tree);
    return m->hand;
}

uint64_t memtable_oldest(const struct memtable *m)
{
    return m->count ? container_of(m->ages.next, struct memtable_entry, age)->commit : 0;
}
