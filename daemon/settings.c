#include "daemon/settings.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/config.h"

const struct setting setting_table[SETTING_COUNT] = {
#define X(name, field, kind, number, low, high, when)                                              \
    {.key = #name,                                                                                 \
     .type = SETTING_##kind,                                                                       \
     .change = SETTING_##when,                                                                     \
     .offset = offsetof(struct config, field),                                                     \
     .standard = number,                                                                           \
     .least = low,                                                                                 \
     .most = high},
    SETTING_LIST(X)
#undef X
#define X(name, number, low, high)                                                                 \
    {.key = "max_" #name,                                                                          \
     .type = SETTING_UINT32,                                                                       \
     .change = SETTING_AT_ONCE,                                                                    \
     .offset = offsetof(struct config, limits.name),                                               \
     .standard = number,                                                                           \
     .least = low,                                                                                 \
     .most = high},
        LIMIT_SETTABLE_LIST(X)
#undef X
};

/* Choices are read and written as numbers. */
static_assert(sizeof(enum log_level) == sizeof(uint32_t), "an enum is a number of 32 bits");
static_assert(sizeof(enum log_format) == sizeof(uint32_t), "an enum is a number of 32 bits");

const char *const *setting_words(const struct setting *setting)
{
    static const char *const levels[] = {"error", "warning", "info", "debug", NULL};
    static const char *const formats[] = {"text", "json", NULL};
    return setting == &setting_table[SETTING_ID_log_level] ? levels : formats;
}

void *setting_field(const struct setting *setting, struct config *c)
{
    return (char *)c + setting->offset;
}

const void *setting_look(const struct setting *setting, const struct config *c)
{
    return (const char *)c + setting->offset;
}

static size_t setting_size(enum setting_type type)
{
    switch (type) {
    case SETTING_PATH:
    case SETTING_WORD:
        return sizeof(char *);
    case SETTING_CHOICE:
    case SETTING_TIME:
    case SETTING_UINT32:
        return sizeof(uint32_t);
    case SETTING_ADDRESSES:
        return sizeof(struct config_addresses);
    case SETTING_UINT64:
        break;
    }
    return sizeof(uint64_t);
}

static const char *text_of(const struct setting *setting, const struct config *c)
{
    const char *text;
    memcpy(&text, setting_look(setting, c), sizeof text);
    return text;
}

static uint64_t number_of(const struct setting *setting, const struct config *c)
{
    uint32_t number;
    uint64_t large;
    if (setting->type == SETTING_UINT64) {
        memcpy(&large, setting_look(setting, c), sizeof large);
        return large;
    }
    memcpy(&number, setting_look(setting, c), sizeof number);
    return number;
}

void setting_reset(const struct setting *setting, struct config *c)
{
    void *field = setting_field(setting, c);
    uint32_t number = (uint32_t)setting->standard;
    switch (setting->type) {
    case SETTING_PATH:
    case SETTING_WORD:
        *(char **)field = NULL;
        break;
    case SETTING_CHOICE:
    case SETTING_TIME:
    case SETTING_UINT32:
        memcpy(field, &number, sizeof number);
        break;
    case SETTING_UINT64:
        memcpy(field, &setting->standard, sizeof setting->standard);
        break;
    case SETTING_ADDRESSES:
        memset(field, 0, sizeof(struct config_addresses));
        break;
    }
}

/* A basic string of TOML. */
static char *quote(const char *text)
{
    char *quoted = malloc(6 * strlen(text) + 3);
    char *end = quoted;
    if (!quoted)
        return NULL;
    *end++ = '"';
    for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
        if (*p == '"' || *p == '\\')
            *end++ = '\\';
        if (*p < 0x20 || *p == 0x7f)
            end += sprintf(end, "\\u%04x", *p);
        else
            *end++ = (char)*p;
    }
    *end++ = '"';
    *end = '\0';
    return quoted;
}

/* An array of TOML; "" for none. */
static char *quote_all(const struct config_addresses *addresses)
{
    char *text = strdup(""), *longer;
    for (unsigned i = 0; i < addresses->count && text; i++) {
        char *quoted = quote(addresses->items[i]);
        if (!quoted || asprintf(&longer, "%s%s%s%s", text, i ? ", " : "[", quoted,
                                i + 1 == addresses->count ? "]" : "") < 0)
            longer = NULL;
        free(quoted);
        free(text);
        text = longer;
    }
    return text;
}

char *setting_text(const struct setting *setting, const struct config *c)
{
    char text[32];
    const char *word;
    uint64_t number;
    switch (setting->type) {
    case SETTING_PATH:
    case SETTING_WORD:
        word = text_of(setting, c);
        return word ? quote(word) : strdup("");
    case SETTING_CHOICE:
        return quote(setting_words(setting)[number_of(setting, c)]);
    case SETTING_ADDRESSES:
        return quote_all(setting_look(setting, c));
    case SETTING_TIME:
        number = number_of(setting, c);
        snprintf(text, sizeof text, "\"%" PRIu64 "%s\"", number % 1000 ? number : number / 1000,
                 number % 1000 ? "ms" : "s");
        break;
    case SETTING_UINT32:
    case SETTING_UINT64:
        snprintf(text, sizeof text, "%" PRIu64, number_of(setting, c));
        break;
    }
    return strdup(text);
}

static bool same_addresses(const struct config_addresses *a, const struct config_addresses *b)
{
    for (unsigned i = 0; i < a->count && i < b->count; i++)
        if (strcmp(a->items[i], b->items[i]) != 0)
            return false;
    return a->count == b->count;
}

bool setting_same(const struct setting *setting, const struct config *a, const struct config *b)
{
    const char *one, *other;
    if (setting->type == SETTING_ADDRESSES)
        return same_addresses(setting_look(setting, a), setting_look(setting, b));
    if (setting->type != SETTING_PATH && setting->type != SETTING_WORD)
        return !memcmp(setting_look(setting, a), setting_look(setting, b),
                       setting_size(setting->type));
    one = text_of(setting, a);
    other = text_of(setting, b);
    return one && other ? !strcmp(one, other) : one == other;
}

void setting_swap(const struct setting *setting, struct config *a, struct config *b)
{
    size_t id = (size_t)(setting - setting_table);
    size_t size = setting_size(setting->type);
    enum config_origin origin = a->origin[id];
    char held[sizeof(struct config_addresses)]; /* the largest of them */
    memcpy(held, setting_look(setting, a), size);
    memcpy(setting_field(setting, a), setting_look(setting, b), size);
    memcpy(setting_field(setting, b), held, size);
    a->origin[id] = b->origin[id];
    b->origin[id] = origin;
}
