#include "protocol/call.h"

#include <string.h>

#include "protocol/element.h"
#include "protocol/message.h"

/* The header of an array of four, the kind, an id of one byte, and a method's name of three. */
enum { CALL_LEAST = 1 + 1 + 1 + 1 + 3 };

/* At the id; moves on. */
static bool take_id(const uint8_t **at, const uint8_t *end, uint32_t *ret)
{
    const uint8_t *p = *at;
    size_t left = (size_t)(end - p);
    if (p[0] < 0x80) {
        *ret = p[0];
        *at = p + 1;
    } else if (p[0] == 0xcc && left > 1) {
        *ret = p[1];
        *at = p + 2;
    } else if (p[0] == 0xcd && left > 2) {
        *ret = (uint32_t)element_be16(p + 1);
        *at = p + 3;
    } else if (p[0] == 0xce && left > 4) {
        *ret = (uint32_t)element_be32(p + 1);
        *at = p + 5;
    } else {
        return false;
    }
    return true;
}

/* At the method's name, of which and of the params' header all bytes must be there; moves on. */
static bool take_method(const uint8_t **at, const uint8_t *end, struct call *call)
{
    const uint8_t *p = *at;
    size_t left = (size_t)(end - p);
    if (left >= 5 && !memcmp(p, "\xa3get", 4)) {
        call->method = METHOD_GET;
        p += 4;
    } else if (left >= 5 && !memcmp(p, "\xa3set", 4)) {
        call->method = METHOD_SET;
        p += 4;
    } else if (left >= 8 && !memcmp(p, "\xa6" "exists", 7)) {
        call->method = METHOD_EXISTS;
        p += 7;
    } else if (left >= 8 && !memcmp(p, "\xa6" "delete", 7)) {
        call->method = METHOD_DELETE;
        p += 7;
    } else {
        return false;
    }
    call->param_count = call->method == METHOD_SET ? 3 : 2;
    *at = p + 1;
    return *p == (0x90 | call->param_count);
}

static bool take_bytes(const uint8_t **at, const uint8_t *end, size_t head, size_t len,
                       struct slice *ret)
{
    size_t left = (size_t)(end - *at);
    if (left < head || left - head < len)
        return false;
    *ret = (struct slice){(const char *)*at + head, len};
    *at += head + len;
    return true;
}

static bool take_str(const uint8_t **at, const uint8_t *end, struct slice *ret)
{
    const uint8_t *p = *at;
    size_t left = (size_t)(end - p);
    if (left && (p[0] & 0xe0) == 0xa0)
        return take_bytes(at, end, 1, p[0] & 0x1f, ret);
    if (left > 1 && p[0] == 0xd9)
        return take_bytes(at, end, 2, p[1], ret);
    if (left > 2 && p[0] == 0xda)
        return take_bytes(at, end, 3, element_be16(p + 1), ret);
    return false;
}

static bool take_bin(const uint8_t **at, const uint8_t *end, struct slice *ret)
{
    const uint8_t *p = *at;
    size_t left = (size_t)(end - p);
    if (left > 1 && p[0] == 0xc4)
        return take_bytes(at, end, 2, p[1], ret);
    if (left > 2 && p[0] == 0xc5)
        return take_bytes(at, end, 3, element_be16(p + 1), ret);
    if (left > 4 && p[0] == 0xc6)
        return take_bytes(at, end, 5, element_be32(p + 1), ret);
    return false;
}

bool call_read(const uint8_t *bytes, size_t len, struct call *ret)
{
    const uint8_t *at = bytes + 2;
    const uint8_t *end = bytes + len;
    if (len < CALL_LEAST || bytes[0] != 0x94 || bytes[1] != MESSAGE_REQUEST)
        return false;
    if (!take_id(&at, end, &ret->id) || !take_method(&at, end, ret))
        return false;
    ret->params = at;
    if (!take_str(&at, end, &ret->label) || !take_str(&at, end, &ret->key))
        return false;
    if (ret->method == METHOD_SET && !take_bin(&at, end, &ret->value))
        return false;
    ret->size = (size_t)(at - bytes);
    return true;
}
