#include "protocol/utf8.h"

#include <stdint.h>
#include <string.h>

static bool is_continuation(uint8_t byte)
{
    return (byte & 0xc0) == 0x80;
}

size_t utf8_character(const char *bytes, size_t len)
{
    const uint8_t *p = (const uint8_t *)bytes;
    if (len == 0)
        return 0;
    if (p[0] < 0x80)
        return 1;
    if (p[0] < 0xc2 || p[0] > 0xf4 || len < 2 || !is_continuation(p[1]))
        return 0;
    if (p[0] < 0xe0)
        return 2;
    if (len < 3 || !is_continuation(p[2]))
        return 0;
    if (p[0] < 0xf0) {
        bool overlong = p[0] == 0xe0 && p[1] < 0xa0;
        bool surrogate = p[0] == 0xed && p[1] >= 0xa0;
        return overlong || surrogate ? 0 : 3;
    }
    if (len < 4 || !is_continuation(p[3]))
        return 0;
    bool overlong = p[0] == 0xf0 && p[1] < 0x90;
    bool beyond = p[0] == 0xf4 && p[1] >= 0x90;
    return overlong || beyond ? 0 : 4;
}

/* Most keys are ASCII: pass over it eight bytes at a time. */
static size_t ascii_prefix(const char *bytes, size_t len)
{
    size_t n = 0;
    uint64_t word;
    while (len - n >= sizeof(word)) {
        memcpy(&word, bytes + n, sizeof(word));
        if ((word & UINT64_C(0x8080808080808080)) != 0)
            break;
        n += sizeof(word);
    }
    return n;
}

bool utf8_valid(const char *bytes, size_t len)
{
    for (size_t pos = 0; pos < len;) {
        pos += ascii_prefix(bytes + pos, len - pos);
        if (pos == len)
            break;
        size_t n = utf8_character(bytes + pos, len - pos);
        if (n == 0)
            return false;
        pos += n;
    }
    return true;
}
