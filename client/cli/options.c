#include "client/cli/options.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/cli/duration.h"

const struct option_info option_table[OPTION_COUNT_ALL] = {
#define X(id, name, value, kind, field, text)                                                      \
    {name, value, kind, offsetof(struct options, field), text},
    OPTION_LIST(X)
#undef X
};

/* Only the first error counts: the others may follow from it. */
__attribute__((format(printf, 2, 3))) static void fail(struct options *o, const char *format, ...)
{
    va_list ap;

    if (o->error[0])
        return;
    va_start(ap, format);
    vsnprintf(o->error, sizeof(o->error), format, ap);
    va_end(ap);
}

static enum option_id short_option(char letter)
{
    static const struct {
        char letter;
        enum option_id id;
    } letters[] = {{'h', OPTION_HELP}, {'f', OPTION_FOLLOW}, {'n', OPTION_LINES}};

    for (size_t i = 0; i < sizeof(letters) / sizeof(letters[0]); i++) {
        if (letters[i].letter == letter)
            return letters[i].id;
    }
    return OPTION_COUNT_ALL;
}

enum option_id option_find(const char *arg, size_t len)
{
    for (int i = 0; i < OPTION_COUNT_ALL; i++) {
        if (strlen(option_table[i].name) == len && !memcmp(option_table[i].name, arg, len))
            return (enum option_id)i;
    }
    return len == 2 && arg[0] == '-' ? short_option(arg[1]) : OPTION_COUNT_ALL;
}

static void take_number(struct options *o, const struct option_info *info, uint64_t *ret,
                        const char *value)
{
    uint64_t least = info->kind == KIND_NUMBER ? 1 : 0;
    char *end;

    errno = 0;
    *ret = strtoull(value, &end, 10);
    if (value[0] < '0' || value[0] > '9' || *end || errno || *ret < least)
        fail(o, "%s wants a number from %d on, not '%s'", info->name, (int)least, value);
}

static void take_duration(struct options *o, const struct option_info *info, int64_t *ret,
                          const char *value)
{
    if (duration_parse(value, ret))
        fail(o, "%s wants a time such as 500ms, 10s, 5m, 2h or 7d, not '%s'", info->name, value);
}

static void take_since(struct options *o, const char *value)
{
    char *end;

    errno = 0;
    o->since_text = value;
    o->since = strtoull(value, &end, 10);
    o->since_is_commit = value[0] >= '0' && value[0] <= '9' && !*end && !errno;
}

static void take_entry(struct options *o, const char *value)
{
    const char *equals = strchr(value, '=');

    if (!equals || equals == value)
        fail(o, "--key-value wants KEY=VALUE, not '%s'", value);
    else
        o->entries[o->entry_count++] = value;
}

static void take_value(struct options *o, enum option_id id, const char *value)
{
    const struct option_info *info = &option_table[id];
    void *field = (char *)o + info->offset;

    switch (info->kind) {
    case KIND_TEXT:
        if (!value[0])
            fail(o, "%s wants a %s, not nothing", info->name, info->value);
        *(const char **)field = value;
        break;
    case KIND_ANY:
        *(const char **)field = value;
        break;
    case KIND_NUMBER:
    case KIND_NATURAL:
        take_number(o, info, field, value);
        break;
    case KIND_DURATION:
        take_duration(o, info, field, value);
        break;
    case KIND_SINCE:
        take_since(o, value);
        break;
    case KIND_ENTRY:
        take_entry(o, value);
        break;
    case KIND_FLAG:
        break;
    }
}

static void take_positional(struct options *o, const char *arg)
{
    if (!o->command)
        o->command = arg;
    else
        o->args[o->arg_count++] = arg;
}

/* A lone "-" is standard input; "-5" and "-.5" are numbers, which no option looks like. */
static bool is_option(const char *arg)
{
    if (arg[0] != '-' || !arg[1])
        return false;
    if (arg[1] == '.')
        arg++;
    return arg[1] < '0' || arg[1] > '9';
}

static void unknown_option(struct options *o, const char *arg)
{
    if (o->command && arg[1] != '-')
        fail(o,
             "unknown option '%s'; an argument that begins with '-' goes behind '--': bobbin %s … "
             "-- '%s'",
             arg, o->command, arg);
    else
        fail(o, "unknown option '%s' (an argument that begins with '-' goes behind '--')", arg);
}

/* The option at argv[i]; returns the index of the last argument that belongs to it. */
static int take_option(struct options *o, char **argv, int argc, int i)
{
    const char *arg = argv[i];
    const char *equals = arg[1] == '-' ? strchr(arg, '=') : NULL;
    /* "-n20" is "-n 20". */
    bool joined = arg[1] == 'n' && arg[2];
    size_t len = joined ? 2 : equals ? (size_t)(equals - arg) : strlen(arg);
    enum option_id id = option_find(arg, len);

    if (id == OPTION_COUNT_ALL) {
        unknown_option(o, arg);
        return i;
    }
    o->given |= UINT64_C(1) << id;
    if (!option_table[id].value) {
        if (equals)
            fail(o, "%s takes no value", option_table[id].name);
    } else if (equals || joined) {
        take_value(o, id, joined ? arg + 2 : equals + 1);
    } else if (i + 1 == argc) {
        fail(o, "%s wants a value: %s", arg, option_table[id].value);
    } else {
        take_value(o, id, argv[++i]);
    }
    return i;
}

int options_parse(int argc, char **argv, struct options *ret)
{
    bool literal = false;

    *ret = (struct options){.store = "default", .literal_from = SIZE_MAX};
    ret->args = calloc((size_t)argc + 1, sizeof(*ret->args));
    ret->entries = calloc((size_t)argc + 1, sizeof(*ret->entries));
    if (!ret->args || !ret->entries) {
        fail(ret, "out of memory");
        return -1;
    }
    for (int i = 1; i < argc; i++) {
        if (literal || !is_option(argv[i])) {
            take_positional(ret, argv[i]);
        } else if (strcmp(argv[i], "--") == 0) {
            literal = true;
            ret->literal_from = ret->arg_count;
        } else {
            i = take_option(ret, argv, argc, i);
        }
    }
    return ret->error[0] ? -1 : 0;
}

void options_fini(struct options *o)
{
    free(o->args);
    free(o->entries);
}

bool options_is_stdin(const struct options *o, size_t index)
{
    return index < o->arg_count && strcmp(o->args[index], "-") == 0 && index < o->literal_from;
}
