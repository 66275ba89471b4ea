/* Small wasm modules for tests, put together byte by byte. */
#ifndef BOBBIN_TESTS_WASM_TEXT_H
#define BOBBIN_TESTS_WASM_TEXT_H

#include <stddef.h>
#include <stdint.h>

struct wasm_text {
    uint8_t bytes[1024];
    size_t len;
};

/* The header of a core module and nothing else. */
void wasm_text_init(struct wasm_text *t);
/* A section; every byte of `body` is one of it, its length is put in front. */
void wasm_text_section(struct wasm_text *t, uint8_t id, const void *body, size_t len);

/* A section from a string literal. */
#define WASM_SECTION(t, id, text) wasm_text_section(t, id, text, sizeof(text) - 1)

/* A command as LLVM 14 links it: functions 0 (imported wasi fd_close), 1 constructors, 2
 * destructors, 3 realloc, 4 the wrapper of realloc, exported as cabi_realloc; 5 exported as _start;
 * a memory, exported as memory. */
void wasm_text_command(struct wasm_text *t);

#endif
