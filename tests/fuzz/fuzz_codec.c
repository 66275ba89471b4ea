/* The codec: reading a message, writing what was read, reading that. The short cut for common requests
 * agrees with the long way. Texts are UTF-8 exactly when a second opinion says so.
 *
 * Input: the bytes of a message. */
#include <string.h>

#include "protocol/call.h"
#include "protocol/limits.h"
#include "protocol/message.h"
#include "protocol/scanner.h"
#include "protocol/utf8.h"
#include "tests/fuzz/fuzz.h"

/* RFC 3629, from its table. */
static bool is_utf8(const uint8_t *p, size_t len)
{
    while (len > 0) {
        uint32_t c = *p;
        size_t more = c < 0x80 ? 0 : c >= 0xc2 && c < 0xe0 ? 1 : c >= 0xe0 && c < 0xf0 ? 2 : 3;
        if ((c >= 0x80 && c < 0xc2) || c > 0xf4 || more >= len)
            return false;
        c = more == 0 ? c : c & (0x3fu >> more);
        for (size_t i = 1; i <= more; i++) {
            if ((p[i] & 0xc0) != 0x80)
                return false;
            c = c << 6 | (p[i] & 0x3f);
        }
        if ((more == 2 && c < 0x800) || (more == 3 && (c < 0x10000 || c > 0x10ffff)) ||
            (c >= 0xd800 && c < 0xe000))
            return false;
        p += more + 1;
        len -= more + 1;
    }
    return true;
}

/* Every value by the function for its type; the others must refuse it and stay. */
static void read_value(struct reader *r)
{
    enum reader_type type = reader_peek(r);
    struct reader before = *r;
    uint64_t u;
    int64_t i;
    uint32_t count;
    struct slice s;
    bool flag;
    FUZZ_CHECK(type != READER_END);
    FUZZ_CHECK((reader_nil(r) == 0) == (type == READER_NIL));
    *r = before;
    FUZZ_CHECK((reader_bool(r, &flag) == 0) == (type == READER_BOOL));
    *r = before;
    FUZZ_CHECK(reader_int(r, &i) != 0 || type == READER_INT);
    *r = before;
    FUZZ_CHECK(reader_uint(r, &u) != 0 || type == READER_INT);
    *r = before;
    FUZZ_CHECK((reader_str(r, &s) == 0) == (type == READER_STR));
    *r = before;
    FUZZ_CHECK((reader_bytes(r, &s) == 0) == (type == READER_STR || type == READER_BIN));
    if (type == READER_STR || type == READER_BIN)
        FUZZ_CHECK(s.len == 0 || ((const uint8_t *)s.data >= before.pos &&
                                  (const uint8_t *)s.data + s.len == r->pos));
    *r = before;
    FUZZ_CHECK((reader_array(r, &count) == 0) == (type == READER_ARRAY));
    *r = before;
    FUZZ_CHECK((reader_map(r, &count) == 0) == (type == READER_MAP));
    *r = before;
    FUZZ_CHECK(reader_skip(r) == 0 && r->pos > before.pos && r->pos <= r->end);
}

static void copy_values(struct buffer *b, const struct reader *from, uint32_t count)
{
    msgpack_packer pk;
    pack_init(&pk, b);
    msgpack_pack_array(&pk, count);
    buffer_append(b, from->pos, (size_t)(from->end - from->pos));
}

static bool same(struct slice a, struct slice b)
{
    return a.len == b.len && (!a.len || memcmp(a.data, b.data, a.len) == 0);
}

static void check_written(const struct message *m, const struct buffer *b)
{
    struct message again;
    struct error e;
    uint32_t id;
    bool has_id;
    FUZZ_CHECK(!b->failed);
    FUZZ_CHECK(message_read(b->data, b->len, &again, &id, &has_id, &e) == 0);
    FUZZ_CHECK(again.kind == m->kind);
    if (m->kind != MESSAGE_NOTIFICATION)
        FUZZ_CHECK(again.id == m->id);
    if (m->kind != MESSAGE_RESPONSE)
        FUZZ_CHECK(same(again.method, m->method) && again.param_count == m->param_count);
}

static void write_again(const struct message *m)
{
    char method[LIMIT_METHOD + 1];
    struct buffer b;
    buffer_init(&b);
    if (m->kind == MESSAGE_RESPONSE && m->is_error) {
        int code = error_from_name(m->code.data, m->code.len);
        char *text = strndup(m->text.len ? m->text.data : "", m->text.len);
        message_write_error(&b, m->id, code, text);
        free(text);
    } else if (m->kind == MESSAGE_RESPONSE) {
        message_write_result(&b, m->id);
        buffer_append(&b, m->result.pos, (size_t)(m->result.end - m->result.pos));
    } else {
        if (m->method.len > LIMIT_METHOD || memchr(m->method.data, 0, m->method.len))
            return;
        memcpy(method, m->method.data, m->method.len);
        method[m->method.len] = '\0';
        if (m->kind == MESSAGE_REQUEST)
            message_write_request(&b, m->id, method);
        else
            message_write_notification(&b, method);
        copy_values(&b, &m->params, m->param_count);
    }
    check_written(m, &b);
    buffer_fini(&b);
}

static void read_message(const uint8_t *bytes, size_t len)
{
    struct message m;
    struct error e;
    uint32_t id, peeked;
    bool has_id = false;
    int rc = message_read(bytes, len, &m, &id, &has_id, &e);
    if (has_id)
        FUZZ_CHECK(message_peek_id(bytes, len, &peeked) && peeked == id);
    if (rc) {
        FUZZ_CHECK(rc == ERR_INVALID_REQUEST && e.text[0]);
        return;
    }
    if (m.kind != MESSAGE_RESPONSE) {
        struct reader r = m.params;
        for (uint32_t i = 0; i < m.param_count; i++)
            read_value(&r);
        FUZZ_CHECK(r.pos == r.end);
    }
    write_again(&m);
}

static void read_call(const uint8_t *bytes, size_t len, bool is_frame, size_t size)
{
    struct call call;
    struct message m;
    struct error e;
    struct slice s;
    uint32_t id;
    bool has_id;
    if (!call_read(bytes, len, &call))
        return;
    FUZZ_CHECK(is_frame && call.size == size);
    FUZZ_CHECK(message_read(bytes, size, &m, &id, &has_id, &e) == 0);
    FUZZ_CHECK(m.kind == MESSAGE_REQUEST && m.id == call.id && m.param_count == call.param_count);
    FUZZ_CHECK(method_find(m.method.data, m.method.len) == call.method);
    FUZZ_CHECK(call.params == m.params.pos);
    FUZZ_CHECK(reader_str(&m.params, &s) == 0 && same(s, call.label));
    FUZZ_CHECK(reader_str(&m.params, &s) == 0 && same(s, call.key));
    if (call.method == METHOD_SET)
        FUZZ_CHECK(reader_bytes(&m.params, &s) == 0 && same(s, call.value));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct scanner s;
    uint32_t id;
    bool is_frame;
    FUZZ_CHECK(utf8_valid((const char *)data, size) == is_utf8(data, size));
    message_peek_id(data, size, &id);
    scanner_init(&s, LIMIT_MESSAGE);
    is_frame = scanner_scan(&s, data, size) == SCANNER_FRAME;
    read_call(data, size, is_frame, s.pos);
    if (is_frame) {
        uint8_t *frame = fuzz_exact(data, s.pos);
        read_message(frame, s.pos);
        free(frame);
    }
    return 0;
}
