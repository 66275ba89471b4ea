#include "daemon/loop_memory.h"

#include <malloc.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

/* Costs nothing as long as nobody writes to it. What was taken is not given back. */
static alignas(max_align_t) char reserve[LOOP_MEMORY_RESERVE];
static atomic_size_t taken;

/* In front of each block of the reserve, as large as what a block is aligned to. */
union header {
    size_t size;
    max_align_t aligned;
};

static bool is_lent(const void *block)
{
    return (uintptr_t)block >= (uintptr_t)reserve &&
           (uintptr_t)block < (uintptr_t)reserve + sizeof(reserve);
}

static void *lend(size_t size)
{
    const size_t unit = sizeof(union header);
    size_t at = atomic_load(&taken), bytes;

    if (size > sizeof(reserve) - unit)
        return NULL;
    bytes = unit + (size + unit - 1) / unit * unit;
    do {
        if (bytes > sizeof(reserve) - at)
            return NULL;
    } while (!atomic_compare_exchange_weak(&taken, &at, at + bytes));
    union header *h = (union header *)(void *)(reserve + at);
    h->size = size;
    return h + 1;
}

static void *take(size_t size)
{
    void *block = malloc(size);

    if (!block && size)
        block = lend(size);
    return block;
}

static void *take_zeroed(size_t count, size_t size)
{
    size_t bytes;

    if (__builtin_mul_overflow(count, size, &bytes))
        return NULL;
    void *block = calloc(count, size);
    /* The reserve is zero, and used once. */
    if (!block && bytes)
        block = lend(bytes);
    return block;
}

static void give_back(void *block)
{
    if (!is_lent(block))
        free(block);
}

static void *resize(void *block, size_t size)
{
    bool lent = is_lent(block);
    void *moved = lent ? malloc(size) : realloc(block, size);

    if (!moved && size)
        moved = lend(size);
    else if (!lent)
        return moved;
    if (!moved || !block)
        return moved;
    size_t old = lent ? ((union header *)block - 1)->size : malloc_usable_size(block);
    memcpy(moved, block, old < size ? old : size);
    give_back(block);
    return moved;
}

void loop_memory_init(void)
{
    uv_replace_allocator(take, resize, take_zeroed, give_back);
}
