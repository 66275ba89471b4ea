#include "memory.h"

#ifdef BOBBIN_TEST_OWN_MEMORY

#include <errno.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))
#define COUNTED UINT64_C(0x626c6f636b206f66)
#define SPARED UINT64_C(0x7370617265642062)

void *__libc_malloc(size_t size);
void __libc_free(void *block);

/* In front of each block, as large as its alignment. */
struct header {
    uint64_t kind;
    size_t size;
};

static _Thread_local unsigned spared;
static atomic_size_t count, fail_from, fail_to, failed;
static atomic_long blocks;

bool memory_can_fail(void)
{
    return true;
}

void memory_fail(size_t n, size_t times)
{
    atomic_store(&failed, 0);
    atomic_store(&count, 0);
    atomic_store(&fail_to, n ? n + times : 0);
    atomic_store(&fail_from, n);
}

size_t memory_failed(void)
{
    return atomic_load(&failed);
}

void memory_spare(void)
{
    spared++;
}

void memory_spare_end(void)
{
    spared--;
}

long memory_blocks(void)
{
    return atomic_load(&blocks);
}

static bool is_short(void)
{
    size_t n = atomic_fetch_add(&count, 1) + 1;

    if (n < atomic_load(&fail_from) || n >= atomic_load(&fail_to))
        return false;
    atomic_fetch_add(&failed, 1);
    errno = ENOMEM;
    return true;
}

EXPORT void *malloc(size_t size)
{
    if (size > SIZE_MAX - sizeof(struct header) || (!spared && is_short()))
        return NULL;
    struct header *h = __libc_malloc(sizeof(*h) + size);
    if (!h)
        return NULL;
    *h = (struct header){spared ? SPARED : COUNTED, size};
    if (!spared)
        atomic_fetch_add(&blocks, 1);
    return h + 1;
}

EXPORT void free(void *block)
{
    struct header *h = block ? (struct header *)block - 1 : NULL;

    if (!h)
        return;
    if (h->kind == COUNTED)
        atomic_fetch_sub(&blocks, 1);
    else if (h->kind != SPARED)
        abort();
    h->kind = 0;
    __libc_free(h);
}

EXPORT void *calloc(size_t n, size_t size)
{
    size_t bytes;
    void *block = __builtin_mul_overflow(n, size, &bytes) ? NULL : malloc(bytes);

    return block ? memset(block, 0, bytes) : NULL;
}

EXPORT void *realloc(void *block, size_t size)
{
    void *grown = malloc(size);

    if (!grown || !block)
        return grown;
    size_t old = ((struct header *)block - 1)->size;
    memcpy(grown, block, old < size ? old : size);
    free(block);
    return grown;
}

EXPORT void *reallocarray(void *block, size_t n, size_t size)
{
    size_t bytes;

    return __builtin_mul_overflow(n, size, &bytes) ? NULL : realloc(block, bytes);
}

/* Not counted: its blocks have no room in front. */
EXPORT int posix_memalign(void **ret, size_t alignment, size_t size)
{
    (void)alignment;
    *ret = malloc(size);
    return *ret ? 0 : ENOMEM;
}

EXPORT size_t malloc_usable_size(void *block)
{
    return block ? ((struct header *)block - 1)->size : 0;
}

#else

bool memory_can_fail(void)
{
    return false;
}

void memory_fail(size_t n, size_t times)
{
    (void)n;
    (void)times;
}

size_t memory_failed(void)
{
    return 0;
}

void memory_spare(void)
{
}

void memory_spare_end(void)
{
}

long memory_blocks(void)
{
    return 0;
}

#endif
