#include "client/cli/bytes.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *bytes_base64(const void *bytes, size_t len)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const uint8_t *in = bytes;
    char *text, *out;

    text = out = malloc((len + 2) / 3 * 4 + 1);
    if (!text)
        return NULL;
    for (size_t i = 0; i < len; i += 3) {
        size_t left = len - i;
        uint32_t group = (uint32_t)in[i] << 16;

        if (left > 1)
            group |= (uint32_t)in[i + 1] << 8;
        if (left > 2)
            group |= in[i + 2];
        /* cppcheck-suppress uninitdata ; it is written, not read */
        *out++ = digits[group >> 18];
        *out++ = digits[group >> 12 & 63];
        *out++ = left > 1 ? digits[group >> 6 & 63] : '=';
        *out++ = left > 2 ? digits[group & 63] : '=';
    }
    *out = '\0';
    return text;
}

static json_t *json_base64(const void *bytes, size_t len)
{
    char *text = bytes_base64(bytes, len);
    json_t *string = text ? json_string(text) : NULL;

    free(text);
    return string;
}

int bytes_json_set(json_t *object, const char *name, const void *bytes, size_t len)
{
    /* jansson refuses what is not UTF-8. */
    json_t *string = json_stringn(bytes, len);
    char name_base64[64];

    if (string)
        return json_object_set_new(object, name, string);
    snprintf(name_base64, sizeof(name_base64), "%s_base64", name);
    return json_object_set_new(object, name_base64, json_base64(bytes, len));
}

json_t *bytes_json_key(const void *bytes, size_t len)
{
    json_t *string = json_stringn(bytes, len);

    return string ? string : json_pack("{s:o}", "key_base64", json_base64(bytes, len));
}

/* The six bits of a digit; -1: none. */
static int base64_digit(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

size_t bytes_from_base64(const char *text, size_t len, char *out)
{
    size_t padding = 0, n = 0;

    if (len % 4)
        return SIZE_MAX;
    while (padding < 2 && padding < len && text[len - 1 - padding] == '=')
        padding++;
    for (size_t i = 0; i < len; i += 4) {
        size_t digits = i + 4 == len ? 4 - padding : 4;
        uint32_t group = 0;

        for (size_t k = 0; k < 4; k++) {
            int digit = k < digits ? base64_digit(text[i + k]) : 0;
            if (digit < 0)
                return SIZE_MAX;
            group = group << 6 | (uint32_t)digit;
        }
        /* What the padding leaves over must be zero: each value is written in one way. */
        if (group & ((UINT32_C(1) << (8 * (4 - digits))) - 1))
            return SIZE_MAX;
        for (size_t k = 0; k + 1 < digits; k++)
            out[n++] = (char)(group >> (16 - 8 * k) & 0xff);
    }
    return n;
}

static const char *find_member(const json_t *object, const char *name, char *base64_name,
                               size_t size, json_t **ret, char *reason, size_t reason_size)
{
    json_t *plain = json_object_get(object, name), *coded;

    snprintf(base64_name, size, "%s_base64", name);
    coded = json_object_get(object, base64_name);
    *ret = plain ? plain : coded;
    if (plain && coded)
        snprintf(reason, reason_size, "both \"%s\" and \"%s\"", name, base64_name);
    else if (!*ret)
        snprintf(reason, reason_size, "no \"%s\" and no \"%s\"", name, base64_name);
    else if (!json_is_string(*ret) && !json_is_null(*ret))
        snprintf(reason, reason_size, "\"%s\" is not a string", plain ? name : base64_name);
    else
        return NULL;
    return reason;
}

bool bytes_json_has(const json_t *object, const char *name)
{
    char base64_name[64];

    snprintf(base64_name, sizeof(base64_name), "%s_base64", name);
    return json_object_get(object, name) || json_object_get(object, base64_name);
}

const char *bytes_json_get(const json_t *object, const char *name, struct arena *a,
                           bobbin_string *ret, char *reason, size_t size)
{
    char base64_name[64];
    json_t *member;
    char *copy;
    size_t len;

    if (find_member(object, name, base64_name, sizeof(base64_name), &member, reason, size))
        return reason;
    *ret = (bobbin_string){0};
    if (json_is_null(member))
        return NULL;
    len = json_string_length(member);
    copy = arena_copy(a, json_string_value(member), len);
    if (!copy) {
        snprintf(reason, size, "out of memory");
        return reason;
    }
    if (member != json_object_get(object, name)) {
        /* Each group is read before less than it is written. */
        len = bytes_from_base64(copy, len, copy);
        if (len == SIZE_MAX) {
            snprintf(reason, size, "\"%s\" is not base64", base64_name);
            return reason;
        }
        copy[len] = '\0';
    }
    *ret = (bobbin_string){copy, len};
    return NULL;
}

json_t *bytes_error_document(const char *code, const char *message)
{
    json_t *string = json_string(message);
    char *ascii;

    if (!string && (ascii = strdup(message))) {
        for (char *p = ascii; *p; p++) {
            if ((unsigned char)*p & 0x80)
                *p = '?';
        }
        string = json_string(ascii);
        free(ascii);
    }
    return json_pack("{s:{s:s, s:o}}", "error", "code", code, "message", string);
}

size_t bytes_columns(const char *text)
{
    size_t columns = 0;

    for (; *text; text++)
        columns += ((unsigned char)*text & 0xc0) != 0x80;
    return columns;
}
