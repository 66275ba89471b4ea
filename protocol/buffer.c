#include "protocol/buffer.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/errors.h"

/* The first allocation: room for most requests and answers. */
#define BUFFER_FIRST 256

void buffer_init(struct buffer *b)
{
    *b = (struct buffer){0};
}

void buffer_fini(struct buffer *b)
{
    free(b->data);
    buffer_init(b);
}

int buffer_reserve(struct buffer *b, size_t more)
{
    if (b->failed)
        return ERR_OTHER;
    if (more <= b->cap - b->len)
        return 0;
    if (more > SIZE_MAX / 2 - b->len)
        goto fail;

    size_t cap = b->cap > 0 ? b->cap * 2 : BUFFER_FIRST;
    if (cap < b->len + more)
        cap = b->len + more;
    uint8_t *data = realloc(b->data, cap);
    if (data == NULL)
        goto fail;
    b->data = data;
    b->cap = cap;
    return 0;

fail:
    b->failed = true;
    return ERR_OTHER;
}

int buffer_append(struct buffer *b, const void *bytes, size_t n)
{
    int rc = buffer_reserve(b, n);
    if (rc != 0)
        return rc;
    if (n > 0) {
        memcpy(b->data + b->len, bytes, n);
        b->len += n;
    }
    return 0;
}

void buffer_consume(struct buffer *b, size_t n)
{
    assert(n <= b->len);
    if (n == 0)
        return;
    b->len -= n;
    memmove(b->data, b->data + n, b->len);
}

void buffer_clear(struct buffer *b)
{
    b->len = 0;
    b->failed = false;
}

int buffer_msgpack_write(void *ctx, const char *bytes, size_t n)
{
    return buffer_append(ctx, bytes, n);
}
