#include "protocol/reader.h"

#include <string.h>

#include "protocol/element.h"
#include "protocol/errors.h"

struct reader reader_of(const void *bytes, size_t len)
{
    const uint8_t *p = bytes;
    return (struct reader){.pos = p, .end = len > 0 ? p + len : p};
}

static inline size_t bytes_left(const struct reader *r)
{
    return (size_t)(r->end - r->pos);
}

enum reader_type reader_peek(const struct reader *r)
{
    if (r->pos == r->end)
        return READER_END;
    switch (*r->pos) {
    case 0x00 ... 0x7f:
    case 0xcc ... 0xd3:
    case 0xe0 ... 0xff:
        return READER_INT;
    case 0x80 ... 0x8f:
    case 0xde ... 0xdf:
        return READER_MAP;
    case 0x90 ... 0x9f:
    case 0xdc ... 0xdd:
        return READER_ARRAY;
    case 0xa0 ... 0xbf:
    case 0xd9 ... 0xdb:
        return READER_STR;
    case 0xc0:
        return READER_NIL;
    case 0xc2 ... 0xc3:
        return READER_BOOL;
    case 0xc4 ... 0xc6:
        return READER_BIN;
    case 0xc7 ... 0xc9:
    case 0xd4 ... 0xd8:
        return READER_EXT;
    case 0xca ... 0xcb:
        return READER_FLOAT;
    default:
        return READER_END;
    }
}

/* The header of the next element, if it is there with its payload, and if what is inside could be.
 */
static inline bool next_element(const struct reader *r, struct element *ret)
{
    size_t left = bytes_left(r);
    if (left == 0 || element_read(r->pos, left, ret) != ELEMENT_OK)
        return false;
    left -= ret->head;
    return ret->payload <= left && ret->children <= left;
}

int reader_nil(struct reader *r)
{
    if (reader_peek(r) != READER_NIL)
        return ERR_INVALID_REQUEST;
    r->pos++;
    return 0;
}

int reader_bool(struct reader *r, bool *ret)
{
    if (reader_peek(r) != READER_BOOL)
        return ERR_INVALID_REQUEST;
    *ret = *r->pos == 0xc3;
    r->pos++;
    return 0;
}

/* An integer of 1, 2, 4 or 8 bytes behind the leading byte, sign not extended. */
static inline uint64_t load_be(const uint8_t *p, uint64_t width)
{
    switch (width) {
    case 1:
        return p[0];
    case 2:
        return element_be16(p);
    case 4:
        return element_be32(p);
    default:
        return element_be64(p);
    }
}

/* The next integer in two's complement, and whether it is below zero; moves on. */
static bool take_integer(struct reader *r, uint64_t *ret, bool *ret_negative)
{
    struct element el;
    if (reader_peek(r) != READER_INT || !next_element(r, &el))
        return false;

    uint8_t lead = *r->pos;
    if (el.payload == 0) {
        *ret_negative = lead >= 0xe0;
        *ret = (uint64_t)(int64_t)(int8_t)lead;
    } else {
        uint64_t value = load_be(r->pos + 1, el.payload);
        unsigned sign_bit = (unsigned)el.payload * 8 - 1;
        *ret_negative = lead >= 0xd0 && (value >> sign_bit) != 0;
        *ret = *ret_negative ? value | ~UINT64_C(0) << sign_bit : value;
    }
    r->pos += el.head + el.payload;
    return true;
}

int reader_int(struct reader *r, int64_t *ret)
{
    struct reader at = *r;
    uint64_t value;
    bool negative;
    if (!take_integer(&at, &value, &negative) || (!negative && value > INT64_MAX))
        return ERR_INVALID_REQUEST;
    *r = at;
    *ret = (int64_t)value;
    return 0;
}

int reader_uint(struct reader *r, uint64_t *ret)
{
    struct reader at = *r;
    uint64_t value;
    bool negative;
    if (!take_integer(&at, &value, &negative) || negative)
        return ERR_INVALID_REQUEST;
    *r = at;
    *ret = value;
    return 0;
}

static inline int take_payload(struct reader *r, struct slice *ret)
{
    struct element el;
    if (!next_element(r, &el))
        return ERR_INVALID_REQUEST;
    ret->data = (const char *)r->pos + el.head;
    ret->len = (size_t)el.payload;
    r->pos += el.head + el.payload;
    return 0;
}

int reader_str(struct reader *r, struct slice *ret)
{
    if (reader_peek(r) != READER_STR)
        return ERR_INVALID_REQUEST;
    return take_payload(r, ret);
}

int reader_bytes(struct reader *r, struct slice *ret)
{
    enum reader_type type = reader_peek(r);
    if (type != READER_BIN && type != READER_STR)
        return ERR_INVALID_REQUEST;
    return take_payload(r, ret);
}

int reader_array(struct reader *r, uint32_t *ret_count)
{
    struct element el;
    if (reader_peek(r) != READER_ARRAY || !next_element(r, &el))
        return ERR_INVALID_REQUEST;
    r->pos += el.head;
    *ret_count = (uint32_t)el.children;
    return 0;
}

int reader_map(struct reader *r, uint32_t *ret_count)
{
    struct element el;
    if (reader_peek(r) != READER_MAP || !next_element(r, &el))
        return ERR_INVALID_REQUEST;
    r->pos += el.head;
    *ret_count = (uint32_t)(el.children / 2);
    return 0;
}

int reader_skip(struct reader *r)
{
    struct reader at = *r;
    struct element el;
    /* Elements still to pass over. Each takes a byte, so more than there are bytes is an error. */
    uint64_t pending = 1;
    while (pending > 0) {
        if (pending > bytes_left(&at) || !next_element(&at, &el))
            return ERR_INVALID_REQUEST;
        at.pos += el.head + el.payload;
        pending += el.children - 1;
    }
    *r = at;
    return 0;
}

bool slice_same(struct slice a, struct slice b)
{
    return a.len == b.len && (!a.len || a.data == b.data || memcmp(a.data, b.data, a.len) == 0);
}

bool slice_begins_with(struct slice text, struct slice prefix)
{
    return text.len >= prefix.len &&
           (prefix.len == 0 || memcmp(text.data, prefix.data, prefix.len) == 0);
}

int slice_order(struct slice a, struct slice b)
{
    size_t common = a.len < b.len ? a.len : b.len;
    int order = common ? memcmp(a.data, b.data, common) : 0;

    return order ? order : a.len < b.len ? -1 : a.len > b.len;
}

bool slice_equals(struct slice s, const char *text)
{
    return slice_same(s, (struct slice){text, strlen(text)});
}
