/* A growing array of bytes whose failures stick, so that a chain of writes is checked once. */
#ifndef BOBBIN_PROTOCOL_BUFFER_H
#define BOBBIN_PROTOCOL_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buffer {
    uint8_t *data; /* owned; NULL while capacity is 0 */
    size_t len;    /* bytes in use */
    size_t cap;    /* bytes allocated */
    bool failed;   /* an allocation failed: what is in here is incomplete */
};

void buffer_init(struct buffer *b);
/* Frees the bytes; the buffer is then as after buffer_init. */
void buffer_fini(struct buffer *b);
/* Make room for `more` bytes beyond len. 0, or ERR_OTHER with `failed` set. */
int buffer_reserve(struct buffer *b, size_t more);
/* 0, or ERR_OTHER with `failed` set and nothing appended. */
int buffer_append(struct buffer *b, const void *bytes, size_t n);
/* Drop the first n bytes (n <= len), moving the rest to the front. */
void buffer_consume(struct buffer *b, size_t n);
/* Forget the contents and the failure, keep the memory. */
void buffer_clear(struct buffer *b);

/* buffer_append in the shape that msgpack_packer_init wants; ctx is a struct buffer. */
int buffer_msgpack_write(void *ctx, const char *bytes, size_t n);

#endif
