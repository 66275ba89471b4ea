#include "protocol/message.h"

#include <string.h>

#include "protocol/element.h"
#include "protocol/limits.h"

/* The longest error text that is sent, in bytes; longer ones are cut. */
#define ERROR_TEXT_MAX 1024

/* An id: an unsigned integer of 32 bits, however it is encoded. */
static bool read_id(struct reader *r, uint32_t *ret_id)
{
    uint64_t id;
    if (reader_uint(r, &id) != 0 || id > UINT32_MAX)
        return false;
    *ret_id = (uint32_t)id;
    return true;
}

bool message_peek_id(const void *bytes, size_t len, uint32_t *ret_id)
{
    struct reader r = reader_of(bytes, len);
    struct element el;
    uint64_t kind;
    /* Not reader_array: most of what the header announces need not be there. */
    if (reader_peek(&r) != READER_ARRAY || element_read(r.pos, len, &el) != ELEMENT_OK ||
        el.children < 2)
        return false;
    r.pos += el.head;
    if (reader_uint(&r, &kind) != 0 || kind != MESSAGE_REQUEST)
        return false;
    return read_id(&r, ret_id);
}

/* The method's name and the array of params, up to the end of the message. */
static int read_call(struct reader *r, const char *what, struct message *m, struct error *e)
{
    if (reader_str(r, &m->method) != 0)
        return error_set(e, ERR_INVALID_REQUEST, "%s: method is not a string", what);
    if (m->method.len == 0 || m->method.len > LIMIT_METHOD)
        return error_set(e, ERR_INVALID_REQUEST, "%s: method's name is %zu bytes long, not 1 to %d",
                         what, m->method.len, LIMIT_METHOD);
    if (reader_array(r, &m->param_count) != 0)
        return error_set(e, ERR_INVALID_REQUEST, "%s: params is not an array", what);
    m->params = *r;
    for (uint32_t i = 0; i < m->param_count; i++) {
        if (reader_skip(r) != 0)
            return error_set(e, ERR_INVALID_REQUEST, "%s: params end too early", what);
    }
    return 0;
}

static int read_request(struct reader *r, struct message *m, struct error *e)
{
    if (!read_id(r, &m->id))
        return error_set(e, ERR_INVALID_REQUEST, "request: id is not an integer from 0 to 2^32-1");
    return read_call(r, "request", m, e);
}

static int read_notification(struct reader *r, struct message *m, struct error *e)
{
    return read_call(r, "notification", m, e);
}

static int read_response(struct reader *r, struct message *m, struct error *e)
{
    if (!read_id(r, &m->id))
        return error_set(e, ERR_INVALID_REQUEST, "response: id is not an integer from 0 to 2^32-1");
    if (reader_nil(r) != 0) {
        uint32_t count;
        m->is_error = true;
        if (reader_array(r, &count) != 0 || count != 2 || reader_str(r, &m->code) != 0 ||
            reader_str(r, &m->text) != 0)
            return error_set(e, ERR_INVALID_REQUEST,
                             "response: error is neither nil nor an array of two strings");
    }
    m->result = *r;
    if (reader_skip(r) != 0)
        return error_set(e, ERR_INVALID_REQUEST, "response: result is missing or cut off");
    return 0;
}

/* The kind of the message whose array of `count` elements begins at the reader. */
static int read_kind(struct reader *r, uint32_t count, struct message *m, struct error *e)
{
    static const struct {
        const char *name;
        uint32_t count;
    } kinds[] = {
        [MESSAGE_REQUEST] = {"request", 4},
        [MESSAGE_RESPONSE] = {"response", 4},
        [MESSAGE_NOTIFICATION] = {"notification", 3},
    };
    uint64_t kind;
    if (reader_uint(r, &kind) != 0 || kind > MESSAGE_NOTIFICATION)
        return error_set(e, ERR_INVALID_REQUEST, "message: kind is not 0, 1 or 2");
    if (count != kinds[kind].count)
        return error_set(e, ERR_INVALID_REQUEST, "%s: array of %u elements, not %u",
                         kinds[kind].name, count, kinds[kind].count);
    m->kind = (enum message_kind)kind;
    return 0;
}

int message_read(const void *bytes, size_t len, struct message *ret, uint32_t *ret_id,
                 bool *ret_has_id, struct error *e)
{
    struct reader r = reader_of(bytes, len);
    struct message m = {0};
    uint32_t count;

    *ret_has_id = message_peek_id(bytes, len, ret_id);
    if (reader_array(&r, &count) != 0)
        return error_set(e, ERR_INVALID_REQUEST, "message: not an array, or cut off");
    int rc = read_kind(&r, count, &m, e);
    if (rc != 0)
        return rc;
    if (m.kind == MESSAGE_REQUEST)
        rc = read_request(&r, &m, e);
    else if (m.kind == MESSAGE_RESPONSE)
        rc = read_response(&r, &m, e);
    else
        rc = read_notification(&r, &m, e);
    if (rc != 0)
        return rc;
    if (r.pos != r.end)
        return error_set(e, ERR_INVALID_REQUEST, "message: %zu bytes behind its end",
                         (size_t)(r.end - r.pos));
    *ret = m;
    return 0;
}

void pack_init(msgpack_packer *pk, struct buffer *b)
{
    msgpack_packer_init(pk, b, buffer_msgpack_write);
}

void pack_cstr(msgpack_packer *pk, const char *text)
{
    pack_slice_str(pk, (struct slice){text, strlen(text)});
}

/* MessagePack counts bytes in 32 bits; msgpack-c would drop the rest of the length silently. */
static bool fits(msgpack_packer *pk, struct slice s)
{
    if (s.len <= UINT32_MAX)
        return true;
    ((struct buffer *)pk->data)->failed = true;
    return false;
}

void pack_slice_str(msgpack_packer *pk, struct slice s)
{
    if (!fits(pk, s))
        return;
    msgpack_pack_str(pk, s.len);
    msgpack_pack_str_body(pk, s.data, s.len);
}

void pack_slice_bin(msgpack_packer *pk, struct slice s)
{
    if (!fits(pk, s))
        return;
    msgpack_pack_bin(pk, s.len);
    msgpack_pack_bin_body(pk, s.data, s.len);
}

/* The text, cut to what fits, with a question mark for each byte that is not UTF-8. */
static void pack_error_text(msgpack_packer *pk, const char *text)
{
    char clean[ERROR_TEXT_MAX];
    size_t len = strlen(text);
    size_t out = 0;
    for (size_t in = 0; in < len;) {
        size_t n = utf8_character(text + in, len - in);
        if (out + (n > 0 ? n : 1) > sizeof(clean))
            break;
        if (n == 0) {
            clean[out++] = '?';
            in++;
        } else {
            memcpy(clean + out, text + in, n);
            out += n;
            in += n;
        }
    }
    pack_slice_str(pk, (struct slice){clean, out});
}

void message_write_request(struct buffer *b, uint32_t id, const char *method)
{
    msgpack_packer pk;
    pack_init(&pk, b);
    msgpack_pack_array(&pk, 4);
    msgpack_pack_uint32(&pk, MESSAGE_REQUEST);
    msgpack_pack_uint32(&pk, id);
    pack_cstr(&pk, method);
}

/* The longest header of a response, and of a bin behind it. */
enum { RESULT_HEAD = 8, BIN_HEAD = 5 };

/* The most significant byte first. */
static uint8_t *put_be32(uint8_t *at, uint32_t n)
{
    at[0] = (uint8_t)(n >> 24);
    at[1] = (uint8_t)(n >> 16);
    at[2] = (uint8_t)(n >> 8);
    at[3] = (uint8_t)n;
    return at + 4;
}

/* [1, id, nil, …: written by hand, because every answer passes here. */
static uint8_t *put_result_head(uint8_t *at, uint32_t id)
{
    *at++ = 0x94;
    *at++ = MESSAGE_RESPONSE;
    if (id > UINT16_MAX) {
        *at++ = 0xce;
        at = put_be32(at, id);
    } else if (id > UINT8_MAX) {
        *at++ = 0xcd;
        *at++ = (uint8_t)(id >> 8);
        *at++ = (uint8_t)id;
    } else {
        if (id > 0x7f)
            *at++ = 0xcc;
        *at++ = (uint8_t)id;
    }
    *at++ = 0xc0;
    return at;
}

static uint8_t *put_bin_head(uint8_t *at, uint32_t len)
{
    if (len > UINT16_MAX) {
        *at++ = 0xc6;
        return put_be32(at, len);
    }
    if (len > UINT8_MAX) {
        *at++ = 0xc5;
        *at++ = (uint8_t)(len >> 8);
    } else {
        *at++ = 0xc4;
    }
    *at++ = (uint8_t)len;
    return at;
}

void message_write_result(struct buffer *b, uint32_t id)
{
    if (buffer_reserve(b, RESULT_HEAD) == 0)
        b->len = (size_t)(put_result_head(b->data + b->len, id) - b->data);
}

/* A response whose result is one byte. */
static void write_byte(struct buffer *b, uint32_t id, uint8_t result)
{
    uint8_t *at;
    if (buffer_reserve(b, RESULT_HEAD + 1) != 0)
        return;
    at = put_result_head(b->data + b->len, id);
    *at++ = result;
    b->len = (size_t)(at - b->data);
}

void message_write_nil(struct buffer *b, uint32_t id)
{
    write_byte(b, id, 0xc0);
}

void message_write_bool(struct buffer *b, uint32_t id, bool result)
{
    write_byte(b, id, result ? 0xc3 : 0xc2);
}

void message_write_bin(struct buffer *b, uint32_t id, struct slice result)
{
    uint8_t *at;
    if (result.len > UINT32_MAX)
        b->failed = true;
    if (buffer_reserve(b, RESULT_HEAD + BIN_HEAD + result.len) != 0)
        return;
    at = put_bin_head(put_result_head(b->data + b->len, id), (uint32_t)result.len);
    if (result.len > 0)
        memcpy(at, result.data, result.len);
    b->len = (size_t)(at - b->data) + result.len;
}

void message_write_error(struct buffer *b, uint32_t id, int code, const char *text)
{
    msgpack_packer pk;
    pack_init(&pk, b);
    msgpack_pack_array(&pk, 4);
    msgpack_pack_uint32(&pk, MESSAGE_RESPONSE);
    msgpack_pack_uint32(&pk, id);
    msgpack_pack_array(&pk, 2);
    pack_cstr(&pk, error_name(code));
    pack_error_text(&pk, text != NULL && text[0] != '\0' ? text : error_text(code));
    msgpack_pack_nil(&pk);
}

void message_write_notification(struct buffer *b, const char *method)
{
    msgpack_packer pk;
    pack_init(&pk, b);
    msgpack_pack_array(&pk, 3);
    msgpack_pack_uint32(&pk, MESSAGE_NOTIFICATION);
    pack_cstr(&pk, method);
}
