#include "client/runner/canonical.h"

#include <string.h>

#include "protocol/utf8.h"

const char *canonical_string(struct host *h, uint32_t at, uint32_t len)
{
    const char *bytes = (const char *)host_memory_or_trap(h, at, len);
    if (!utf8_valid(bytes, len))
        host_trap(h, "a string that is not UTF-8, in the arguments of an import");
    return bytes;
}

const uint8_t *canonical_list(struct host *h, uint32_t at, uint32_t count, uint32_t size,
                              uint32_t align)
{
    if (at % align != 0)
        host_trap(h, "a misaligned pointer to a list, in the arguments of an import");
    return host_memory_or_trap(h, at, (uint64_t)count * size);
}

const char *canonical_string_at(struct host *h, const uint8_t *pair, uint32_t *ret_len)
{
    *ret_len = host_load32(pair + 4);
    return canonical_string(h, host_load32(pair), *ret_len);
}

uint8_t *canonical_result(struct host *h, uint32_t ret, uint32_t size, uint32_t align)
{
    if (ret % align != 0)
        host_trap(h, "a misaligned pointer for the result of an import");
    uint8_t *result = host_memory_or_trap(h, ret, size);
    memset(result, 0, size);
    return result;
}

uint32_t canonical_alloc(struct host *h, uint32_t align, uint64_t size)
{
    if (size > UINT32_MAX)
        host_trap(h, "a result of an import that does not fit into the memory");
    uint32_t at = h->guest->realloc(0, 0, align, (uint32_t)size);
    if (at == 0 && size > 0)
        host_trap(h, "realloc, called for the result of an import, returned null");
    if (at % align != 0)
        host_trap(h, "realloc, called for the result of an import, returned a misaligned pointer");
    if (!host_memory(h, at, size))
        host_trap(h, "realloc, called for the result of an import, returned memory out of bounds");
    return at;
}

uint32_t canonical_copy(struct host *h, const void *bytes, uint64_t len)
{
    uint32_t at = canonical_alloc(h, 1, len);
    if (len > 0)
        memcpy(host_memory_or_trap(h, at, len), bytes, len);
    return at;
}

void canonical_store_pair(uint8_t *at, uint32_t address, uint64_t len)
{
    host_store32(at, address);
    host_store32(at + 4, (uint32_t)len);
}
