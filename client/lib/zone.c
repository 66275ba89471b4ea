#include "zone.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_SIZE 2000

struct zone_block {
    struct zone_block *next;
    size_t size; /* bytes of `data` */
    alignas(max_align_t) char data[];
};

void zone_fini(struct zone *z)
{
    for (struct zone_block *b = z->blocks, *next; b != NULL; b = next) {
        next = b->next;
        free(b);
    }
    *z = (struct zone){0};
}

void *zone_alloc(struct zone *z, size_t count, size_t size)
{
    size_t n;
    if (__builtin_mul_overflow(count, size, &n) || n > SIZE_MAX / 2)
        return NULL;
    n = (n + alignof(max_align_t) - 1) / alignof(max_align_t) * alignof(max_align_t);
    if (z->blocks == NULL || n > z->room) {
        size_t block_size = n > BLOCK_SIZE ? n : BLOCK_SIZE;
        struct zone_block *b = calloc(1, sizeof(*b) + block_size);
        if (b == NULL)
            return NULL;
        b->next = z->blocks;
        b->size = block_size;
        z->blocks = b;
        z->room = block_size;
    }
    void *p = z->blocks->data + (z->blocks->size - z->room);
    z->room -= n;
    return p;
}

char *zone_copy(struct zone *z, struct slice s)
{
    char *p = zone_alloc(z, s.len + 1, 1);
    if (p != NULL && s.len > 0)
        memcpy(p, s.data, s.len);
    return p;
}
