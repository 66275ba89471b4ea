#include "client/cli/arena.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_SIZE (64u << 10)

struct arena_chunk {
    struct arena_chunk *next;
    size_t size; /* of data */
    size_t used;
    alignas(max_align_t) char data[];
};

static struct arena_chunk *chunk_new(struct arena *a, size_t size)
{
    struct arena_chunk *c;

    size = size > CHUNK_SIZE ? size : CHUNK_SIZE;
    c = malloc(sizeof(*c) + size);
    if (c) {
        *c = (struct arena_chunk){.next = a->first, .size = size};
        a->first = c;
    }
    return c;
}

void *arena_alloc(struct arena *a, size_t size)
{
    struct arena_chunk *c = a->first;
    void *p;

    size = (size + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
    if (!c || c->size - c->used < size)
        c = chunk_new(a, size);
    if (!c)
        return NULL;
    p = c->data + c->used;
    c->used += size;
    a->bytes += size;
    return p;
}

char *arena_copy(struct arena *a, const void *bytes, size_t len)
{
    char *copy = arena_alloc(a, len + 1);

    if (!copy)
        return NULL;
    if (len)
        memcpy(copy, bytes, len);
    copy[len] = '\0';
    return copy;
}

void arena_reset(struct arena *a)
{
    struct arena_chunk *c, *next, *keep = NULL;

    for (c = a->first; c; c = next) {
        next = c->next;
        if (!keep && c->size == CHUNK_SIZE)
            keep = c;
        else
            free(c);
    }
    if (keep) {
        keep->next = NULL;
        keep->used = 0;
    }
    a->first = keep;
    a->bytes = 0;
}

void arena_fini(struct arena *a)
{
    struct arena_chunk *c, *next;

    for (c = a->first; c; c = next) {
        next = c->next;
        free(c);
    }
    *a = (struct arena){0};
}
