/* The changes of the batch under way, in the order made: for the log and for those who watch. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/store_internal.h"

/* What memory is kept for the next batch, in changes and in bytes. */
#define KEEP_CHANGES 16384u
#define KEEP_BYTES (1u << 20)

/* Make room for one more element. False: no memory. */
static bool grow(void **list, size_t count, size_t *cap, size_t size)
{
    size_t more = *cap ? *cap * 2 : 64;
    void *bigger;

    if (count < *cap)
        return true;
    bigger = realloc(*list, more * size);
    if (!bigger)
        return false;
    *list = bigger;
    *cap = more;
    return true;
}

int store_changes_reserve(struct store *s)
{
    struct store_changes *c = &s->changes;
    void *list = c->list;

    if (!grow(&list, c->count, &c->cap, sizeof(*c->list)))
        return SQLITE_NOMEM;
    c->list = list;
    return SQLITE_OK;
}

void store_changes_add(struct store *s, const struct store_change *change)
{
    struct store_changes *c = &s->changes;

    assert(c->count < c->cap);
    c->list[c->count] = *change;
    if (change->kind == CHANGE_SET && !change->value.data)
        c->list[c->count].value.data = "";
    c->count++;
}

struct slice store_changes_copy(struct store *s, struct slice bytes)
{
    struct store_changes *c = &s->changes;
    void *owned = c->owned;
    char *copy;

    if (!grow(&owned, c->owned_count, &c->owned_cap, sizeof(*c->owned)))
        return (struct slice){0};
    c->owned = owned;
    copy = malloc(bytes.len + 1);
    if (!copy)
        return (struct slice){0};
    if (bytes.len)
        memcpy(copy, bytes.data, bytes.len);
    c->owned[c->owned_count++] = copy;
    return (struct slice){copy, bytes.len};
}

void store_changes_clear(struct store *s)
{
    struct store_changes *c = &s->changes;

    c->count = 0;
    while (c->owned_count)
        free(c->owned[--c->owned_count]);
    if (c->cap > KEEP_CHANGES) {
        free(c->list);
        c->list = NULL;
        c->cap = 0;
    }
    if (c->packed.cap > KEEP_BYTES)
        buffer_fini(&c->packed);
}

void store_changes_fini(struct store *s)
{
    store_changes_clear(s);
    free(s->changes.list);
    free(s->changes.owned);
    buffer_fini(&s->changes.packed);
}

const struct store_change *store_changes(const struct store *s, size_t *ret_count)
{
    *ret_count = s->changes.count;
    return s->changes.list;
}
