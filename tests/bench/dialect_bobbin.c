/* Bobbin's wire: MessagePack-RPC, answers in any order. */
#include <errno.h>
#include <unistd.h>

#include "dialect.h"
#include "protocol/message.h"
#include "protocol/scanner.h"
#include "talk.h"

static const char *const methods[OPS] = {"get", "set", "increment"};

static void put(struct template *t, uint8_t byte)
{
    buffer_append(&t->bytes, &byte, 1);
}

static void put_fixstr(struct template *t, const char *text)
{
    put(t, (uint8_t)(0xa0 | strlen(text)));
    template_text(t, "%s", text);
}

static void put_bin_head(struct template *t, size_t len)
{
    unsigned width = len <= UINT8_MAX ? 1 : len <= UINT16_MAX ? 2 : 4;
    put(t, width == 1 ? 0xc4 : width == 2 ? 0xc5 : 0xc6);
    while (width--)
        put(t, (uint8_t)(len >> 8 * width));
}

static void build(struct template *t, enum op op, const struct shape *shape)
{
    put(t, 0x94);
    put(t, 0x00);
    t->id_width = shape->depth <= 128 ? 1 : 2;
    if (t->id_width == 2)
        put(t, 0xcd);
    t->id_at = t->bytes.len;
    for (size_t i = 0; i < t->id_width; i++)
        put(t, 0);
    put_fixstr(t, methods[op]);
    put(t, op == OP_GET ? 0x92 : 0x93);
    put_fixstr(t, "default");
    put(t, 0xa0 | KEY_LEN);
    template_key(t);
    if (op == OP_SET) {
        put_bin_head(t, shape->value_len);
        template_value(t, shape->value_len);
    } else if (op == OP_INCREMENT) {
        put(t, 1);
    }
}

_Static_assert(KEY_LEN < 32, "a key is a fixstr but for 0xa0 | KEY_LEN");

/* A cursor that remembers whether it ran out of bytes or into wrong ones. */
struct cursor {
    const uint8_t *p, *end;
    enum { FINE, SHORT, WRONG } state;
};

static uint8_t next(struct cursor *c)
{
    if (c->state != FINE)
        return 0xc1;
    if (c->p == c->end) {
        c->state = SHORT;
        return 0xc1;
    }
    return *c->p++;
}

static void wrong(struct cursor *c)
{
    if (c->state == FINE)
        c->state = WRONG;
}

static uint64_t big_endian(struct cursor *c, unsigned width)
{
    uint64_t n = 0;
    while (width--)
        n = n << 8 | next(c);
    return n;
}

static const uint8_t *take(struct cursor *c, uint64_t len)
{
    const uint8_t *at = c->p;
    if (c->state == FINE && (uint64_t)(c->end - c->p) < len)
        c->state = SHORT;
    if (c->state != FINE)
        return NULL;
    c->p += len;
    return at;
}

static uint64_t read_id(struct cursor *c)
{
    uint8_t lead = next(c);
    if (lead < 0x80)
        return lead;
    if (lead >= 0xcc && lead <= 0xce)
        return big_endian(c, 1u << (lead - 0xcc));
    wrong(c);
    return 0;
}

static void read_str(struct cursor *c, const uint8_t **ret, size_t *ret_len)
{
    uint8_t lead = next(c);
    if ((lead & 0xe0) == 0xa0)
        *ret_len = lead & 0x1f;
    else if (lead >= 0xd9 && lead <= 0xdb)
        *ret_len = big_endian(c, 1u << (lead - 0xd9));
    else
        wrong(c);
    *ret = take(c, c->state == FINE ? *ret_len : 0);
}

static void read_error(struct cursor *c, struct reply *ret)
{
    const uint8_t *code = NULL;
    size_t code_len = 0;
    ret->kind = REPLY_ERROR;
    read_str(c, &code, &code_len);
    read_str(c, &ret->data, &ret->len);
    if (next(c) != 0xc0)
        wrong(c);
}

static void read_result(struct cursor *c, struct reply *ret)
{
    uint8_t lead = next(c);
    if (lead == 0xc0) {
        ret->kind = REPLY_NONE;
    } else if (lead >= 0xc4 && lead <= 0xc6) {
        ret->kind = REPLY_VALUE;
        ret->len = big_endian(c, 1u << (lead - 0xc4));
        ret->data = take(c, ret->len);
    } else if (lead < 0x80) {
        ret->kind = REPLY_NUMBER;
        ret->number = lead;
    } else if (lead >= 0xcc && lead <= 0xcf) {
        ret->kind = REPLY_NUMBER;
        ret->number = (int64_t)big_endian(c, 1u << (lead - 0xcc));
    } else {
        wrong(c);
    }
}

static ssize_t decode(enum op op, const struct shape *shape, const uint8_t *p, size_t n,
                      struct reply *ret)
{
    struct cursor c = {.p = p, .end = p + n};
    (void)op, (void)shape;
    if (next(&c) != 0x94 || next(&c) != 0x01)
        wrong(&c);
    ret->id = (uint32_t)read_id(&c);
    switch (next(&c)) {
    case 0xc0:
        read_result(&c, ret);
        break;
    case 0x92:
        read_error(&c, ret);
        break;
    default:
        wrong(&c);
    }
    return c.state == FINE ? c.p - p : c.state == SHORT ? DECODE_MORE : DECODE_BROKEN;
}

/* The result is not looked at. */
int bobbin_call(int fd, const char *method, const char *const params[], unsigned n, struct error *e)
{
    struct buffer b;
    struct scanner scanner;
    struct message m;
    uint32_t id;
    bool has_id;
    msgpack_packer pk;
    int rc;
    buffer_init(&b);
    message_write_request(&b, 0, method);
    pack_init(&pk, &b);
    msgpack_pack_array(&pk, n);
    for (unsigned i = 0; i < n; i++)
        pack_cstr(&pk, params[i]);
    rc = talk_send(fd, b.data, b.len, e);
    buffer_clear(&b);
    scanner_init(&scanner, LIMIT_RESPONSE);
    while (!rc && scanner_scan(&scanner, b.data, b.len) == SCANNER_MORE)
        rc = talk_receive(fd, &b, e);
    if (!rc && scanner.result != SCANNER_FRAME)
        rc = error_set(e, ERR_OTHER, "%s: malformed answer", method);
    if (!rc)
        rc = message_read(b.data, scanner.pos, &m, &id, &has_id, e);
    if (!rc && m.is_error)
        rc = error_set(e, ERR_OTHER, "%s '%s': %.*s", method, params[0], (int)m.text.len,
                       m.text.data);
    buffer_fini(&b);
    return rc;
}

static int greet(int fd, const char *app, struct error *e)
{
    return bobbin_call(fd, "attach", &app, 1, e);
}

const struct dialect dialect_bobbin = {
    .name = "bobbin",
    .by_id = true,
    .set_reply = REPLY_NONE,
    .build = build,
    .decode = decode,
    .greet = greet,
};
