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
