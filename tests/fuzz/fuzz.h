/* What the fuzz targets share: reading decisions off the input, a directory in memory, a check.
 *
 * A target is a file fuzz_NAME.c with LLVMFuzzerTestOneInput. It is linked with libFuzzer, with the main
 * function for AFL++, or with the one that replays files, which every ordinary test run does. */
#ifndef BOBBIN_TESTS_FUZZ_H
#define BOBBIN_TESTS_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* Called by name from outside. */
__attribute__((visibility("default"))) int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What must hold whatever the input. A failure is a finding. */
#define FUZZ_CHECK(condition)                                                                      \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition);         \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

/* A function from whose comparisons no fuzzer learns what to write. */
#ifdef __clang__
#define FUZZ_UNSEEN __attribute__((no_sanitize("coverage")))
#else
#define FUZZ_UNSEEN
#endif

/* The part of an input that is not used yet. Beyond its end there are zeros. */
struct fuzz {
    const uint8_t *at;
    size_t left;
};

uint8_t fuzz_u8(struct fuzz *f);
uint16_t fuzz_u16(struct fuzz *f);
uint32_t fuzz_u32(struct fuzz *f);
uint64_t fuzz_u64(struct fuzz *f);
/* Up to `len` bytes; *ret_len says how many there were. */
const uint8_t *fuzz_bytes(struct fuzz *f, size_t len, size_t *ret_len);
/* Of a size that two bytes say. */
const uint8_t *fuzz_block(struct fuzz *f, size_t *ret_len);

/* A directory of the process's own, in memory where the machine has such a place. Made at the first call,
 * removed when the process ends in order. */
const char *fuzz_dir(void);
/* A path in it; one of a few static buffers. */
const char *fuzz_path(const char *name);
void fuzz_write(const char *path, const void *bytes, size_t len);
/* The whole file, to be freed. */
uint8_t *fuzz_read(const char *path, size_t *ret_len);
/* A directory and all that is in it. */
void fuzz_remove(const char *path);

/* Bytes that end where the memory ends, so that a sanitizer sees what reads beyond. To be freed. */
uint8_t *fuzz_exact(const void *bytes, size_t len);

#endif
