/* One MessagePack element's header: the only place that knows what each leading byte announces.
 *
 * Shared by scanner and reader, which must agree on it, and inline, because both sit on the path of
 * every byte. Private to protocol/. */
#ifndef BOBBIN_PROTOCOL_ELEMENT_H
#define BOBBIN_PROTOCOL_ELEMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum element_result {
    ELEMENT_OK,
    ELEMENT_MORE,     /* fewer bytes are there than `head` */
    ELEMENT_RESERVED, /* 0xc1, which MessagePack never uses */
};

struct element {
    size_t head;       /* bytes of the header: leading byte and length, known also if MORE */
    uint64_t payload;  /* bytes behind the header that are the element's own */
    uint64_t children; /* elements behind the header that are inside this one */
    bool is_container; /* array or map, also an empty one */
};

static inline uint64_t element_be16(const uint8_t *p)
{
    return (uint64_t)p[0] << 8 | p[1];
}

static inline uint64_t element_be32(const uint8_t *p)
{
    return element_be16(p) << 16 | element_be16(p + 2);
}

static inline uint64_t element_be64(const uint8_t *p)
{
    return element_be32(p) << 32 | element_be32(p + 4);
}

/* The length of 1, 2 or 4 bytes behind the leading byte; false if it is not there yet. */
static inline bool element_length(const uint8_t *p, size_t avail, size_t width, struct element *ret,
                                  uint64_t *ret_length)
{
    ret->head = 1 + width;
    if (avail <= width)
        return false;
    *ret_length = width == 1 ? p[1] : width == 2 ? element_be16(p + 1) : element_be32(p + 1);
    return true;
}

/* Read the header at p, of which `avail` bytes are there, at least 1. */
static inline enum element_result element_read(const uint8_t *p, size_t avail, struct element *ret)
{
    uint64_t n = 0;
    *ret = (struct element){.head = 1};
    switch (p[0]) {
    case 0x00 ... 0x7f: /* positive fixint */
    case 0xe0 ... 0xff: /* negative fixint */
    case 0xc0:          /* nil */
    case 0xc2:          /* false */
    case 0xc3:          /* true */
        return ELEMENT_OK;
    case 0x80 ... 0x8f: /* fixmap */
        ret->is_container = true;
        ret->children = 2 * (p[0] & 0x0fu);
        return ELEMENT_OK;
    case 0x90 ... 0x9f: /* fixarray */
        ret->is_container = true;
        ret->children = p[0] & 0x0fu;
        return ELEMENT_OK;
    case 0xa0 ... 0xbf: /* fixstr */
        ret->payload = p[0] & 0x1fu;
        return ELEMENT_OK;
    case 0xc1:
        return ELEMENT_RESERVED;
    case 0xc4: /* bin 8, 16, 32 */
    case 0xc5:
    case 0xc6:
        if (!element_length(p, avail, (size_t)1 << (p[0] - 0xc4), ret, &n))
            return ELEMENT_MORE;
        ret->payload = n;
        return ELEMENT_OK;
    case 0xc7: /* ext 8, 16, 32: the length does not count the type's byte */
    case 0xc8:
    case 0xc9:
        if (!element_length(p, avail, (size_t)1 << (p[0] - 0xc7), ret, &n))
            return ELEMENT_MORE;
        ret->payload = n + 1;
        return ELEMENT_OK;
    case 0xca: /* float 32 */
        ret->payload = 4;
        return ELEMENT_OK;
    case 0xcb: /* float 64 */
        ret->payload = 8;
        return ELEMENT_OK;
    case 0xcc ... 0xcf: /* uint 8, 16, 32, 64 */
        ret->payload = 1u << (p[0] - 0xcc);
        return ELEMENT_OK;
    case 0xd0 ... 0xd3: /* int 8, 16, 32, 64 */
        ret->payload = 1u << (p[0] - 0xd0);
        return ELEMENT_OK;
    case 0xd4 ... 0xd8: /* fixext 1, 2, 4, 8, 16, and the type's byte */
        ret->payload = 1 + (1u << (p[0] - 0xd4));
        return ELEMENT_OK;
    case 0xd9: /* str 8, 16, 32 */
    case 0xda:
    case 0xdb:
        if (!element_length(p, avail, (size_t)1 << (p[0] - 0xd9), ret, &n))
            return ELEMENT_MORE;
        ret->payload = n;
        return ELEMENT_OK;
    case 0xdc: /* array 16, 32 */
    case 0xdd:
        ret->is_container = true;
        if (!element_length(p, avail, p[0] == 0xdc ? 2 : 4, ret, &n))
            return ELEMENT_MORE;
        ret->children = n;
        return ELEMENT_OK;
    default: /* 0xde, 0xdf: map 16, 32 */
        ret->is_container = true;
        if (!element_length(p, avail, p[0] == 0xde ? 2 : 4, ret, &n))
            return ELEMENT_MORE;
        ret->children = 2 * n;
        return ELEMENT_OK;
    }
}

#endif
