#include "client/cli/entry_line.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/cli/bytes.h"
#include "protocol/utf8.h"

static const char *check_names(json_t *object, char *reason, size_t size)
{
    static const char *const names[] = {"store", "key",          "key_base64",
                                        "value", "value_base64", "expires"};
    const char *name;
    json_t *value;

    json_object_foreach(object, name, value)
    {
        size_t i = 0;

        while (i < sizeof(names) / sizeof(names[0]) && strcmp(names[i], name) != 0)
            i++;
        if (i == sizeof(names) / sizeof(names[0])) {
            snprintf(reason, size, "unknown member \"%.40s\"", name);
            return reason;
        }
    }
    return NULL;
}

static const char *read_store(const json_t *object, struct arena *a, bobbin_string *ret,
                              char *reason, size_t size)
{
    const json_t *store = json_object_get(object, "store");
    size_t len = json_string_length(store);

    if (!store)
        return NULL;
    if (!json_is_string(store) || len == 0 || len != strlen(json_string_value(store))) {
        snprintf(reason, size, "\"store\" is not the name of a store");
        return reason;
    }
    *ret = (bobbin_string){arena_copy(a, json_string_value(store), len), len};
    if (ret->data)
        return NULL;
    snprintf(reason, size, "out of memory");
    return reason;
}

static const char *read_expires(const json_t *object, int64_t *ret, char *reason, size_t size)
{
    const json_t *expires = json_object_get(object, "expires");

    if (!expires)
        return NULL;
    if (!json_is_integer(expires) || json_integer_value(expires) <= 0) {
        snprintf(reason, size, "\"expires\" is not a time in milliseconds since 1970");
        return reason;
    }
    *ret = json_integer_value(expires);
    return NULL;
}

static const char *check_limits(const struct entry_line *line, char *reason, size_t size)
{
    if (!line->key.data || !line->value.data)
        snprintf(reason, size, "the %s is null", line->key.data ? "value" : "key");
    else if (line->store.len > LIMIT_LABEL)
        snprintf(reason, size, "store of %zu bytes exceeds limit of %u bytes", line->store.len,
                 LIMIT_LABEL);
    else if (line->key.len > LIMIT_KEY)
        snprintf(reason, size, "key of %zu bytes exceeds limit of %u bytes", line->key.len,
                 LIMIT_KEY);
    else if (line->value.len > LIMIT_VALUE)
        snprintf(reason, size, "value of %zu bytes exceeds limit of %u bytes", line->value.len,
                 LIMIT_VALUE);
    else if (!utf8_valid(line->key.data, line->key.len))
        snprintf(reason, size, "the key is not UTF-8");
    else
        return NULL;
    return reason;
}

const char *entry_line_parse(const char *line, size_t len, struct arena *a, struct entry_line *ret,
                             char *reason, size_t size)
{
    json_error_t error;
    json_t *object = json_loadb(line, len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
    const char *wrong;

    *ret = (struct entry_line){0};
    if (!object) {
        snprintf(reason, size, "not JSON: %s", error.text);
        return reason;
    }
    if (!json_is_object(object)) {
        snprintf(reason, size, "not a JSON object");
        wrong = reason;
    } else {
        wrong = check_names(object, reason, size);
    }
    if (!wrong)
        wrong = read_store(object, a, &ret->store, reason, size);
    if (!wrong)
        wrong = bytes_json_get(object, "key", a, &ret->key, reason, size);
    if (!wrong)
        wrong = bytes_json_get(object, "value", a, &ret->value, reason, size);
    if (!wrong)
        wrong = read_expires(object, &ret->expires_ms, reason, size);
    json_decref(object);
    return wrong ? wrong : check_limits(ret, reason, size);
}

static void write_text(struct buffer *b, const char *text)
{
    buffer_append(b, text, strlen(text));
}

/* What JSON has no other way to say. */
static void write_escaped(struct buffer *b, unsigned char c)
{
    char text[8];

    if (c == '"' || c == '\\')
        snprintf(text, sizeof(text), "\\%c", c);
    else if (c == '\n')
        snprintf(text, sizeof(text), "\\n");
    else
        snprintf(text, sizeof(text), "\\u%04x", c);
    write_text(b, text);
}

static bool is_escaped(char c)
{
    return (unsigned char)c < 0x20 || c == '"' || c == '\\' || c == 0x7f;
}

static void write_string(struct buffer *b, const bobbin_string *s)
{
    size_t from = 0;

    buffer_append(b, "\"", 1);
    for (size_t i = 0; i < s->len; i++) {
        if (!is_escaped(s->data[i]))
            continue;
        buffer_append(b, s->data + from, i - from);
        write_escaped(b, (unsigned char)s->data[i]);
        from = i + 1;
    }
    buffer_append(b, s->data + from, s->len - from);
    buffer_append(b, "\"", 1);
}

/* What is not UTF-8 cannot be a string; what is mostly control characters would take longer as one.
 */
static bool is_text(const bobbin_string *s)
{
    size_t escaped = 0;

    for (size_t i = 0; i < s->len; i++)
        escaped += is_escaped(s->data[i]);
    return escaped * 5 <= s->len / 3 + 64 && utf8_valid(s->data, s->len);
}

static void write_bytes(struct buffer *b, const char *name, const bobbin_string *s)
{
    char *text;

    buffer_append(b, ",\"", 2);
    write_text(b, name);
    if (is_text(s)) {
        write_text(b, "\":");
        write_string(b, s);
        return;
    }
    write_text(b, "_base64\":\"");
    text = bytes_base64(s->data, s->len);
    if (text)
        write_text(b, text);
    else
        b->failed = true;
    write_text(b, "\"");
    free(text);
}

void entry_line_write(struct buffer *b, const struct entry_line *line)
{
    char number[48];

    write_text(b, "{\"store\":");
    write_string(b, &line->store);
    write_bytes(b, "key", &line->key);
    write_bytes(b, "value", &line->value);
    if (line->expires_ms > 0) {
        snprintf(number, sizeof(number), ",\"expires\":%lld", (long long)line->expires_ms);
        write_text(b, number);
    }
    write_text(b, "}\n");
}
