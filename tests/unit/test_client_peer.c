#include "tests/unit/test_client_peer.h"

#include <check.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "protocol/scanner.h"

static const char *encode_value(struct buffer *b, const char *p);

static const char *skip_space(const char *p)
{
    while (isspace((unsigned char)*p) || *p == ',' || *p == ':')
        p++;
    return p;
}

/* The elements up to `close`, whose number is known only behind them. */
static const char *encode_container(struct buffer *b, const char *p, char close)
{
    struct buffer inner;
    msgpack_packer pk;
    unsigned count = 0;
    buffer_init(&inner);
    for (p = skip_space(p); *p != close; p = skip_space(p), count++)
        p = encode_value(&inner, p);
    pack_init(&pk, b);
    if (close == ']')
        msgpack_pack_array(&pk, count);
    else
        msgpack_pack_map(&pk, count / 2);
    ck_assert_int_eq(buffer_append(b, inner.data, inner.len), 0);
    buffer_fini(&inner);
    return p + 1;
}

static const char *encode_word(msgpack_packer *pk, const char *p)
{
    static const char *const words[] = {"nil", "true", "false"};
    for (int i = 0; i < 3; i++) {
        if (strncmp(p, words[i], strlen(words[i])) != 0)
            continue;
        if (i == 0)
            msgpack_pack_nil(pk);
        else if (i == 1)
            msgpack_pack_true(pk);
        else
            msgpack_pack_false(pk);
        return p + strlen(words[i]);
    }
    ck_abort_msg("not a value: %s", p);
    return NULL;
}

static const char *encode_value(struct buffer *b, const char *p)
{
    msgpack_packer pk;
    char *end;
    pack_init(&pk, b);
    if (*p == '[' || *p == '{')
        return encode_container(b, p + 1, *p == '[' ? ']' : '}');
    if (*p == '"' || (p[0] == 'b' && p[1] == '"')) {
        const char *from = strchr(p, '"') + 1;
        const char *to = strchr(from, '"');
        struct slice s = {from, (size_t)(to - from)};
        if (*p == 'b')
            pack_slice_bin(&pk, s);
        else
            pack_slice_str(&pk, s);
        return to + 1;
    }
    long long n = strtoll(p, &end, 10);
    if (end == p)
        return encode_word(&pk, p);
    msgpack_pack_int64(&pk, n);
    return end;
}

void peer_encode(struct buffer *b, const char *text)
{
    const char *end = skip_space(encode_value(b, skip_space(text)));
    ck_assert_msg(*end == '\0', "left over: %s", end);
}

static void decode_value(struct reader *r, FILE *out);

static void decode_container(struct reader *r, bool is_map, FILE *out)
{
    uint32_t count;
    ck_assert_int_eq(is_map ? reader_map(r, &count) : reader_array(r, &count), 0);
    fputc(is_map ? '{' : '[', out);
    for (uint32_t i = 0; i < count; i++) {
        fputs(i > 0 ? ", " : "", out);
        decode_value(r, out);
        if (is_map) {
            fputs(": ", out);
            decode_value(r, out);
        }
    }
    fputc(is_map ? '}' : ']', out);
}

static void decode_value(struct reader *r, FILE *out)
{
    enum reader_type type = reader_peek(r);
    struct slice s;
    int64_t n;
    bool flag;
    if (type == READER_ARRAY || type == READER_MAP) {
        decode_container(r, type == READER_MAP, out);
    } else if (type == READER_STR || type == READER_BIN) {
        ck_assert_int_eq(reader_bytes(r, &s), 0);
        fprintf(out, "%s\"%.*s\"", type == READER_BIN ? "b" : "", (int)s.len, s.data);
    } else if (reader_int(r, &n) == 0) {
        fprintf(out, "%lld", (long long)n);
    } else if (reader_bool(r, &flag) == 0) {
        fputs(flag ? "true" : "false", out);
    } else {
        ck_assert_int_eq(reader_nil(r), 0);
        fputs("nil", out);
    }
}

char *peer_decode(struct reader *r)
{
    char *text;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    ck_assert_ptr_nonnull(out);
    decode_value(r, out);
    fclose(out);
    return text;
}

int peer_pair(struct peer *p)
{
    int fds[2];
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    *p = (struct peer){.fd = fds[0], .id = 1};
    return fds[1];
}

void peer_setup(struct peer *p)
{
    int fd = peer_pair(p);
    peer_send(p, "[1, 1, nil, " PEER_SESSION "]");
    bobbin_status status = bobbin_connect_fd(fd, &p->b);
    ck_assert_msg(status == BOBBIN_OK, "%s", bobbin_error(p->b));
    peer_expect(p,
                "[\"hello\", [{\"client\": \"libbobbin/" BOBBIN_VERSION "\", \"protocol\": 1}]]");
}

void peer_teardown(struct peer *p)
{
    bobbin_close(p->b);
    if (p->fd >= 0)
        close(p->fd);
}

void peer_write(struct peer *p, const void *bytes, size_t len)
{
    ck_assert_int_eq(send(p->fd, bytes, len, MSG_NOSIGNAL), (ssize_t)len);
}

void peer_send(struct peer *p, const char *message)
{
    struct buffer b;
    buffer_init(&b);
    peer_encode(&b, message);
    peer_write(p, b.data, b.len);
    buffer_fini(&b);
}

void peer_result(struct peer *p, const char *result)
{
    struct buffer b;
    buffer_init(&b);
    message_write_result(&b, ++p->id);
    peer_encode(&b, result);
    peer_write(p, b.data, b.len);
    buffer_fini(&b);
}

void peer_error(struct peer *p, const char *code, const char *text)
{
    struct buffer b;
    msgpack_packer pk;
    buffer_init(&b);
    pack_init(&pk, &b);
    msgpack_pack_array(&pk, 4);
    msgpack_pack_int(&pk, 1);
    msgpack_pack_uint32(&pk, ++p->id);
    msgpack_pack_array(&pk, 2);
    pack_cstr(&pk, code);
    pack_cstr(&pk, text);
    msgpack_pack_nil(&pk);
    peer_write(p, b.data, b.len);
    buffer_fini(&b);
}

char *peer_request(struct peer *p)
{
    struct scanner scanner;
    uint8_t bytes[8192];
    size_t len = 0;
    scanner_init(&scanner, sizeof(bytes));
    while (scanner_scan(&scanner, bytes, len) == SCANNER_MORE) {
        ck_assert_int_eq(recv(p->fd, bytes + len, 1, 0), 1);
        len++;
    }
    ck_assert_int_eq(scanner.result, SCANNER_FRAME);
    struct reader r = reader_of(bytes, len);
    return peer_decode(&r);
}

void peer_expect(struct peer *p, const char *call)
{
    char *request = peer_request(p);
    int method = 0;
    ck_assert_int_eq(sscanf(request, "[0, %*u, %n", &method), 0);
    ck_assert_int_gt(method, 0);
    ck_assert_str_eq(request + method, call + 1);
    free(request);
}

/* Write everything, in steps if told so; a client that has gone is fine. */
static void server_write(struct server *s, struct buffer *out)
{
    for (size_t pos = 0; pos < out->len;) {
        size_t n = out->len - pos;
        if (s->step > 0 && s->step < n)
            n = s->step;
        ssize_t sent = send(s->fd, out->data + pos, n, MSG_NOSIGNAL);
        if (sent <= 0)
            break;
        pos += (size_t)sent;
    }
    buffer_clear(out);
}

static void server_message(struct server *s, const uint8_t *bytes, size_t len, struct buffer *out)
{
    struct message m;
    struct error e;
    uint32_t id;
    bool has_id;
    ck_assert_int_eq(message_read(bytes, len, &m, &id, &has_id, &e), 0);
    if (slice_equals(m.method, "hello")) {
        message_write_result(out, m.id);
        peer_encode(out, PEER_SESSION);
    } else {
        s->handle(&m, out);
    }
    server_write(s, out);
}

static void *server_main(void *arg)
{
    struct server *s = arg;
    struct scanner scanner;
    struct buffer in, out;
    buffer_init(&in);
    buffer_init(&out);
    scanner_init(&scanner, LIMIT_MESSAGE);
    for (;;) {
        ck_assert_int_eq(buffer_reserve(&in, 65536), 0);
        ssize_t n = recv(s->fd, in.data + in.len, in.cap - in.len, 0);
        if (n <= 0)
            break;
        in.len += (size_t)n;
        while (scanner_scan(&scanner, in.data, in.len) == SCANNER_FRAME) {
            server_message(s, in.data, scanner.pos, &out);
            buffer_consume(&in, scanner.pos);
            scanner_next(&scanner);
        }
    }
    buffer_fini(&in);
    buffer_fini(&out);
    close(s->fd);
    return NULL;
}

int server_start(struct server *s)
{
    int fds[2];
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    s->fd = fds[0];
    ck_assert_int_eq(pthread_create(&s->thread, NULL, server_main, s), 0);
    return fds[1];
}

void server_join(struct server *s)
{
    ck_assert_int_eq(pthread_join(s->thread, NULL), 0);
}
