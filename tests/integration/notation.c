#include "notation.h"

#include <check.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/message.h"

static void pack_next(msgpack_packer *pk, const char **at);

static void pass_blanks(const char **at)
{
    *at += strspn(*at, " ");
}

static bool take(const char **at, const char *word)
{
    size_t len = strlen(word);
    if (strncmp(*at, word, len) != 0)
        return false;
    *at += len;
    return true;
}

static char take_byte(const char **at)
{
    char hex[3] = "";
    if (!take(at, "\\x"))
        return *(*at)++;
    memcpy(hex, *at, 2);
    *at += 2;
    return (char)strtoul(hex, NULL, 16);
}

static void pack_quoted(msgpack_packer *pk, const char **at, bool is_bin)
{
    struct buffer bytes;
    buffer_init(&bytes);
    ck_assert_msg(strchr(*at, '\'') != NULL, "a quote is missing");
    while (**at != '\'') {
        char byte = take_byte(at);
        buffer_append(&bytes, &byte, 1);
    }
    ++*at;
    struct slice s = {(char *)bytes.data, bytes.len};
    if (is_bin)
        pack_slice_bin(pk, s);
    else
        pack_slice_str(pk, s);
    buffer_fini(&bytes);
}

/* Elements up to the closing bracket: packed aside, because their number goes first. */
static void pack_container(msgpack_packer *pk, const char **at, char closing)
{
    struct buffer inside;
    msgpack_packer inner;
    size_t count = 0;
    buffer_init(&inside);
    pack_init(&inner, &inside);
    for (pass_blanks(at); **at != closing; pass_blanks(at)) {
        ck_assert_msg(**at != '\0', "'%c' is missing", closing);
        pack_next(&inner, at);
        count++;
        pass_blanks(at);
        *at += **at == ',' || **at == ':';
    }
    ++*at;
    if (closing == ']')
        msgpack_pack_array(pk, count);
    else
        msgpack_pack_map(pk, count / 2);
    buffer_append(pk->data, inside.data, inside.len);
    buffer_fini(&inside);
}

static void pack_number(msgpack_packer *pk, const char **at)
{
    char *end;
    errno = 0;
    if (**at == '-')
        msgpack_pack_int64(pk, strtoll(*at, &end, 10));
    else
        msgpack_pack_uint64(pk, strtoull(*at, &end, 10));
    ck_assert_msg(end != *at && errno == 0, "no value: %s", *at);
    *at = end;
}

static void pack_next(msgpack_packer *pk, const char **at)
{
    pass_blanks(at);
    if (take(at, "nil"))
        msgpack_pack_nil(pk);
    else if (take(at, "true"))
        msgpack_pack_true(pk);
    else if (take(at, "false"))
        msgpack_pack_false(pk);
    else if (take(at, "b'"))
        pack_quoted(pk, at, true);
    else if (take(at, "'"))
        pack_quoted(pk, at, false);
    else if (take(at, "["))
        pack_container(pk, at, ']');
    else if (take(at, "{"))
        pack_container(pk, at, '}');
    else
        pack_number(pk, at);
}

void notation_pack(msgpack_packer *pk, const char *text)
{
    const char *at = text;
    pack_next(pk, &at);
    pass_blanks(&at);
    ck_assert_msg(*at == '\0', "behind the value: %s", at);
}

static void put(struct buffer *b, const char *text)
{
    buffer_append(b, text, strlen(text));
}

static void show_quoted(struct slice s, bool is_bin, struct buffer *ret)
{
    put(ret, is_bin ? "b'" : "'");
    for (size_t i = 0; i < s.len; i++) {
        char escaped[8];
        unsigned char byte = (unsigned char)s.data[i];
        snprintf(escaped, sizeof escaped, byte >= 32 && byte < 127 ? "%c" : "\\x%02x", byte);
        put(ret, escaped);
    }
    put(ret, "'");
}

static void show_container(struct reader *r, bool is_map, struct buffer *ret)
{
    uint32_t count = 0;
    ck_assert_int_eq(is_map ? reader_map(r, &count) : reader_array(r, &count), 0);
    put(ret, is_map ? "{" : "[");
    for (uint32_t i = 0; i < count; i++) {
        put(ret, i ? ", " : "");
        notation_show(r, ret);
        if (is_map) {
            put(ret, ": ");
            notation_show(r, ret);
        }
    }
    put(ret, is_map ? "}" : "]");
}

void notation_show(struct reader *r, struct buffer *ret)
{
    enum reader_type type = reader_peek(r);
    struct slice s;
    int64_t number;
    char text[32];
    bool flag;
    if (!reader_nil(r)) {
        put(ret, "nil");
    } else if (!reader_bool(r, &flag)) {
        put(ret, flag ? "true" : "false");
    } else if (!reader_int(r, &number)) {
        snprintf(text, sizeof text, "%lld", (long long)number);
        put(ret, text);
    } else if (!reader_bytes(r, &s)) {
        show_quoted(s, type == READER_BIN, ret);
    } else {
        ck_assert(type == READER_ARRAY || type == READER_MAP);
        show_container(r, type == READER_MAP, ret);
    }
}
