/* A cursor over the bytes of a wasm module. It never reads beyond its end: after the first failure
 * everything reads as zero, and `failed` says so. */
#ifndef BOBBIN_RUNNER_WASM_READER_H
#define BOBBIN_RUNNER_WASM_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wasm_reader {
    const uint8_t *at;
    const uint8_t *end;
    bool failed;
};

/* A name inside of the module's bytes, not NUL-terminated. */
struct wasm_name {
    const char *data;
    size_t len;
};

void wasm_reader_init(struct wasm_reader *r, const uint8_t *bytes, size_t len);
size_t wasm_reader_left(const struct wasm_reader *r);
uint8_t wasm_reader_u8(struct wasm_reader *r);
/* LEB128, at most 5 bytes. */
uint32_t wasm_reader_u32(struct wasm_reader *r);
/* Pass over a LEB128 number of any width, signed or not. */
void wasm_reader_skip_leb(struct wasm_reader *r);
/* The next `len` bytes; NULL if there are fewer. */
const uint8_t *wasm_reader_bytes(struct wasm_reader *r, size_t len);
/* A length and so many bytes. */
struct wasm_name wasm_reader_name(struct wasm_reader *r);
/* A number of elements that follow. Fails for more than the bytes left could hold, so that it is
 * safe to allocate by. */
uint32_t wasm_reader_count(struct wasm_reader *r);
/* A length and a part of so many bytes, to be read on its own. */
struct wasm_reader wasm_reader_part(struct wasm_reader *r);

bool wasm_name_is(struct wasm_name name, const char *text);

#endif
