#include "tests/unit/test_runner_wasm_text.h"

#include <string.h>

void wasm_text_init(struct wasm_text *t)
{
    memcpy(t->bytes, "\0asm\1\0\0\0", 8);
    t->len = 8;
}

void wasm_text_section(struct wasm_text *t, uint8_t id, const void *body, size_t len)
{
    t->bytes[t->len++] = id;
    t->bytes[t->len++] = (uint8_t)(len & 0x7f) | 0x80;
    t->bytes[t->len++] = (uint8_t)(len >> 7);
    memcpy(t->bytes + t->len, body, len);
    t->len += len;
}

void wasm_text_command(struct wasm_text *t)
{
    wasm_text_init(t);
    /* types: 0 (), 1 (i32) -> i32, 2 (i32 i32 i32 i32) -> i32 */
    WASM_SECTION(t, 1,
                 "\3"
                 "\x60\0\0"
                 "\x60\1\x7f\1\x7f"
                 "\x60\4\x7f\x7f\x7f\x7f\1\x7f");
    WASM_SECTION(t, 2,
                 "\1"
                 "\x16wasi_snapshot_preview1"
                 "\10fd_close"
                 "\0\1");
    WASM_SECTION(t, 3,
                 "\5"
                 "\0\0\2\2\0");
    WASM_SECTION(t, 5,
                 "\1"
                 "\0\1");
    WASM_SECTION(t, 7,
                 "\3"
                 "\6memory\2\0"
                 "\14cabi_realloc\0\4"
                 "\6_start\0\5");
    WASM_SECTION(t, 10,
                 "\5"
                 "\2\0\x0b"
                 "\2\0\x0b"
                 "\4\0\x20\0\x0b"
                 "\x10\0\x10\1\x20\0\x20\1\x20\2\x20\3\x10\3\x10\2\x0b"
                 "\2\0\x0b");
}
