/* PostgreSQL's wire, version 3: prepared statements, each request synced and so committed alone. */
#include "dialect.h"
#include "talk.h"

static const char *const statements[OPS] = {
    [OP_GET] = "SELECT value FROM entries WHERE key = $1",
    [OP_SET] = ("INSERT INTO entries VALUES ($1, $2)"
                " ON CONFLICT (key) DO UPDATE SET value = excluded.value"),
    [OP_INCREMENT] = ("INSERT INTO numbers VALUES ($1, 1)"
                      " ON CONFLICT (key) DO UPDATE SET number = numbers.number + 1"
                      " RETURNING number"),
};
static const char tables[] = "CREATE TABLE IF NOT EXISTS entries (key text PRIMARY KEY, value bytea"
                             " NOT NULL); CREATE TABLE IF NOT EXISTS numbers (key text PRIMARY KEY,"
                             " number bigint NOT NULL)";

static void put(struct buffer *b, uint64_t number, unsigned width)
{
    while (width--) {
        uint8_t byte = (uint8_t)(number >> 8 * width);
        buffer_append(b, &byte, 1);
    }
}

static void put_string(struct buffer *b, const char *text)
{
    buffer_append(b, text, strlen(text) + 1);
}

/* Begin a message whose length is known only at its end. */
static size_t begin(struct buffer *b, char type)
{
    put(b, (uint8_t)type, 1);
    put(b, 0, 4);
    return b->len - 4;
}

static void end(struct buffer *b, size_t at)
{
    size_t len = b->len - at;
    for (unsigned i = 0; !b->failed && i < 4; i++)
        b->data[at + i] = (uint8_t)(len >> 8 * (3 - i));
}

/* Bind the operation's statement to the key and the value, execute, sync. All formats are binary.
 */
static void build(struct template *t, enum op op, const struct shape *shape)
{
    struct buffer *b = &t->bytes;
    size_t at = begin(b, 'B');
    put(b, 0, 1);
    put(b, (uint64_t)('0' + (int)op), 1);
    put(b, 0, 1);
    put(b, 1, 2);
    put(b, 1, 2);
    put(b, op == OP_SET ? 2 : 1, 2);
    put(b, KEY_LEN, 4);
    template_key(t);
    if (op == OP_SET) {
        put(b, shape->value_len, 4);
        template_value(t, shape->value_len);
    }
    put(b, 1, 2);
    put(b, 1, 2);
    end(b, at);
    at = begin(b, 'E');
    put(b, 0, 1 + 4);
    end(b, at);
    end(b, begin(b, 'S'));
}

static uint64_t get(const uint8_t *p, unsigned width)
{
    uint64_t n = 0;
    while (width--)
        n = n << 8 | *p++;
    return n;
}

/* The only column of a row. */
static bool read_row(enum op op, const uint8_t *p, size_t len, struct reply *ret)
{
    uint64_t n;
    if (len < 6 || get(p, 2) != 1)
        return false;
    n = get(p + 2, 4);
    if (n != len - 6)
        return false;
    ret->kind = op == OP_INCREMENT ? REPLY_NUMBER : REPLY_VALUE;
    ret->data = p + 6;
    ret->len = n;
    if (op == OP_INCREMENT && n == 8)
        ret->number = (int64_t)get(p + 6, 8);
    return op != OP_INCREMENT || n == 8;
}

/* The text among the fields of an error: a letter, a string, and so on. */
static void read_error(const uint8_t *p, size_t len, struct reply *ret)
{
    const uint8_t *stop = p + len;
    ret->kind = REPLY_ERROR;
    while (p < stop && *p) {
        const uint8_t *text = p + 1;
        const uint8_t *nul = memchr(text, 0, (size_t)(stop - text));
        if (!nul)
            return;
        if (*p == 'M') {
            ret->data = text;
            ret->len = (size_t)(nul - text);
        }
        p = nul + 1;
    }
}

/* One answer is all messages up to "ready for query". */
static ssize_t decode(enum op op, const struct shape *shape, const uint8_t *p, size_t n,
                      struct reply *ret)
{
    size_t pos = 0;
    (void)shape;
    ret->kind = op == OP_GET ? REPLY_NONE : REPLY_DONE;
    while (n - pos >= 5) {
        uint8_t type = p[pos];
        size_t len = get(p + pos + 1, 4);
        if (len < 4)
            return DECODE_BROKEN;
        if (n - pos - 1 < len)
            return DECODE_MORE;
        if (type == 'Z')
            return (ssize_t)(pos + 1 + len);
        if (type == 'E')
            read_error(p + pos + 5, len - 4, ret);
        else if (type == 'D' && !read_row(op, p + pos + 5, len - 4, ret))
            return DECODE_BROKEN;
        pos += 1 + len;
    }
    return DECODE_MORE;
}

/* Send what is in `b`, and wait until the server is ready again. */
static int converse(int fd, struct buffer *b, struct error *e)
{
    struct shape none = {0};
    struct reply reply = {0};
    ssize_t n = DECODE_MORE;
    int rc =
        b->failed ? error_set(e, ERR_OTHER, "out of memory") : talk_send(fd, b->data, b->len, e);
    buffer_clear(b);
    while (!rc && n == DECODE_MORE) {
        rc = talk_receive(fd, b, e);
        if (!rc)
            n = decode(OP_SET, &none, b->data, b->len, &reply);
    }
    if (!rc && (n == DECODE_BROKEN || reply.kind == REPLY_ERROR))
        rc = error_set(e, ERR_OTHER, "postgres: %.*s", (int)reply.len,
                       reply.data ? (const char *)reply.data : "");
    buffer_clear(b);
    return rc;
}

static void put_startup(struct buffer *b)
{
    static const char *const words[] = {"user", "bench", "database", "postgres"};
    put(b, 0, 4);
    put(b, 3 << 16, 4);
    for (unsigned i = 0; i < 4; i++)
        put_string(b, words[i]);
    put(b, 0, 1);
    end(b, 0);
}

static void put_prepare(struct buffer *b)
{
    for (int op = 0; op < OPS; op++) {
        size_t at = begin(b, 'P');
        put(b, (uint64_t)('0' + op), 1);
        put(b, 0, 1);
        put_string(b, statements[op]);
        put(b, 0, 2);
        end(b, at);
    }
    end(b, begin(b, 'S'));
}

/* The tables are made by whoever connects first, which is before any load. */
static int greet(int fd, const char *app, struct error *e)
{
    struct buffer b;
    size_t at;
    int rc;
    (void)app;
    buffer_init(&b);
    put_startup(&b);
    rc = converse(fd, &b, e);
    if (!rc) {
        at = begin(&b, 'Q');
        put_string(&b, tables);
        end(&b, at);
        rc = converse(fd, &b, e);
    }
    if (!rc) {
        put_prepare(&b);
        rc = converse(fd, &b, e);
    }
    buffer_fini(&b);
    return rc;
}

const struct dialect dialect_postgres = {
    .name = "postgres",
    .set_reply = REPLY_DONE,
    .build = build,
    .decode = decode,
    .greet = greet,
};
