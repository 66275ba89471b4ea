/* Redis's wire: RESP, answers in the order of the requests. */
#include "dialect.h"

static void build(struct template *t, enum op op, const struct shape *shape)
{
    static const char *const heads[OPS] = {
        "*2\r\n$3\r\nGET\r\n",
        "*3\r\n$3\r\nSET\r\n",
        "*3\r\n$6\r\nINCRBY\r\n",
    };
    template_text(t, "%s$%u\r\n", heads[op], KEY_LEN);
    template_key(t);
    template_text(t, "\r\n");
    if (op == OP_SET) {
        template_text(t, "$%zu\r\n", shape->value_len);
        template_value(t, shape->value_len);
        template_text(t, "\r\n");
    } else if (op == OP_INCREMENT) {
        template_text(t, "$1\r\n1\r\n");
    }
}

/* The number of at most 19 digits between p and the line's end; false if it is none. */
static bool read_number(const uint8_t *p, const uint8_t *end, int64_t *ret)
{
    bool negative = p < end && *p == '-';
    int64_t n = 0;
    p += negative;
    if (p == end || end - p > 18)
        return false;
    for (; p < end; p++) {
        if (*p < '0' || *p > '9')
            return false;
        n = n * 10 + (*p - '0');
    }
    *ret = negative ? -n : n;
    return true;
}

/* A bulk string whose first line ends at `eol` and says `len`. */
static ssize_t decode_bulk(const uint8_t *p, const uint8_t *eol, const uint8_t *end, int64_t len,
                           struct reply *ret)
{
    if (len == -1) {
        ret->kind = REPLY_NONE;
        return eol + 2 - p;
    }
    if (len < 0)
        return DECODE_BROKEN;
    if (end - (eol + 2) < len + 2)
        return DECODE_MORE;
    ret->kind = REPLY_VALUE;
    ret->data = eol + 2;
    ret->len = (size_t)len;
    return eol + 2 + len + 2 - p;
}

static ssize_t decode(enum op op, const struct shape *shape, const uint8_t *p, size_t n,
                      struct reply *ret)
{
    const uint8_t *end = p + n;
    const uint8_t *eol = n > 1 ? memchr(p, '\r', n - 1) : NULL;
    (void)op;
    (void)shape;
    if (!eol)
        return DECODE_MORE;
    if (eol[1] != '\n')
        return DECODE_BROKEN;
    switch (*p) {
    case '+':
        ret->kind = REPLY_DONE;
        return eol + 2 - p;
    case '-':
        ret->kind = REPLY_ERROR;
        ret->data = p + 1;
        ret->len = (size_t)(eol - p - 1);
        return eol + 2 - p;
    case ':':
        ret->kind = REPLY_NUMBER;
        return read_number(p + 1, eol, &ret->number) ? eol + 2 - p : DECODE_BROKEN;
    case '$':
        return read_number(p + 1, eol, &ret->number) ? decode_bulk(p, eol, end, ret->number, ret)
                                                     : DECODE_BROKEN;
    default:
        return DECODE_BROKEN;
    }
}

static int greet(int fd, const char *app, struct error *e)
{
    (void)fd, (void)app, (void)e;
    return 0;
}

const struct dialect dialect_redis = {
    .name = "redis",
    .set_reply = REPLY_DONE,
    .build = build,
    .decode = decode,
    .greet = greet,
};
