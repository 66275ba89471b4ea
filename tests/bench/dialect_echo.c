/* The echo's wire: Bobbin's requests, and answers of the size of Bobbin's, all of one byte. */
#include "dialect.h"
#include "echo.h"

static void build(struct template *t, enum op op, const struct shape *shape)
{
    dialect_bobbin.build(t, op, shape);
}

static ssize_t decode(enum op op, const struct shape *shape, const uint8_t *p, size_t n,
                      struct reply *ret)
{
    size_t len = echo_reply_len(op, shape);
    if (n < len)
        return DECODE_MORE;
    if (p[0] != ECHO_BYTE || p[len - 1] != ECHO_BYTE)
        return DECODE_BROKEN;
    ret->kind = REPLY_DONE;
    return (ssize_t)len;
}

static int greet(int fd, const char *app, struct error *e)
{
    (void)fd, (void)app, (void)e;
    return 0;
}

const struct dialect dialect_echo = {
    .name = "echo",
    .set_reply = REPLY_DONE,
    .build = build,
    .decode = decode,
    .greet = greet,
};
