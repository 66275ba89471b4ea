#include "client/runner/wasm_reader.h"

#include <string.h>

void wasm_reader_init(struct wasm_reader *r, const uint8_t *bytes, size_t len)
{
    r->at = bytes;
    r->end = bytes + len;
    r->failed = false;
}

size_t wasm_reader_left(const struct wasm_reader *r)
{
    return (size_t)(r->end - r->at);
}

static void fail(struct wasm_reader *r)
{
    r->failed = true;
    r->at = r->end;
}

uint8_t wasm_reader_u8(struct wasm_reader *r)
{
    if (r->at == r->end) {
        fail(r);
        return 0;
    }
    return *r->at++;
}

uint32_t wasm_reader_u32(struct wasm_reader *r)
{
    uint32_t value = 0;
    for (unsigned shift = 0; shift < 35; shift += 7) {
        uint8_t byte = wasm_reader_u8(r);
        if (shift == 28 && byte > 0x0f)
            break;
        value |= (uint32_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80))
            return r->failed ? 0 : value;
    }
    fail(r);
    return 0;
}

void wasm_reader_skip_leb(struct wasm_reader *r)
{
    for (int i = 0; i < 10; i++)
        if (!(wasm_reader_u8(r) & 0x80))
            return;
    fail(r);
}

const uint8_t *wasm_reader_bytes(struct wasm_reader *r, size_t len)
{
    if (len > wasm_reader_left(r)) {
        fail(r);
        return NULL;
    }
    const uint8_t *bytes = r->at;
    r->at += len;
    return bytes;
}

struct wasm_name wasm_reader_name(struct wasm_reader *r)
{
    uint32_t len = wasm_reader_u32(r);
    const uint8_t *bytes = wasm_reader_bytes(r, len);
    return bytes ? (struct wasm_name){(const char *)bytes, len} : (struct wasm_name){"", 0};
}

uint32_t wasm_reader_count(struct wasm_reader *r)
{
    uint32_t count = wasm_reader_u32(r);
    if (count > wasm_reader_left(r)) {
        fail(r);
        return 0;
    }
    return count;
}

struct wasm_reader wasm_reader_part(struct wasm_reader *r)
{
    uint32_t len = wasm_reader_u32(r);
    const uint8_t *bytes = wasm_reader_bytes(r, len);
    struct wasm_reader part = {bytes, bytes ? bytes + len : NULL, bytes == NULL};
    return part;
}

bool wasm_name_is(struct wasm_name name, const char *text)
{
    return strlen(text) == name.len && memcmp(name.data, text, name.len) == 0;
}
