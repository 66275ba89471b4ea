#include "client/cli/script.h"

#include <errno.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/cli/bytes.h"
#include "client/cli/duration.h"
#include "client/cli/kv.h"

__attribute__((format(printf, 2, 3))) static int fail(struct script *s, const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    vsnprintf(s->error, sizeof(s->error), format, ap);
    va_end(ap);
    return -1;
}

static int make_room(struct script *s, size_t checks, size_t ops)
{
    *s = (struct script){
        .checks = calloc(checks + 1, sizeof(*s->checks)),
        .ops = calloc(ops + 1, sizeof(*s->ops)),
    };
    return s->checks && s->ops ? 0 : fail(s, "out of memory");
}

static bobbin_string text(const char *word)
{
    return (bobbin_string){word, strlen(word)};
}

static int word_check(struct script *s, const char *const *w)
{
    s->checks[s->check_count++] =
        (bobbin_check){.kind = BOBBIN_CHECK_VALUE, .key = text(w[0]), .value = text(w[1])};
    return 0;
}

static int word_absent(struct script *s, const char *const *w)
{
    s->checks[s->check_count++] = (bobbin_check){.kind = BOBBIN_CHECK_ABSENT, .key = text(w[0])};
    return 0;
}

static int word_since(struct script *s, const char *const *w)
{
    char *end;
    uint64_t since;

    errno = 0;
    since = strtoull(w[1], &end, 10);
    if (w[1][0] < '0' || w[1][0] > '9' || *end || errno)
        return fail(s, "since wants a commit number, not '%.40s'", w[1]);
    s->checks[s->check_count++] =
        (bobbin_check){.kind = BOBBIN_CHECK_SINCE, .key = text(w[0]), .since = since};
    return 0;
}

static int word_set(struct script *s, const char *const *w)
{
    s->ops[s->op_count++] =
        (bobbin_op){.kind = BOBBIN_OP_SET, .key = text(w[0]), .value = text(w[1])};
    return 0;
}

static int word_expiring(struct script *s, const char *const *w)
{
    int64_t ttl_ms;

    if (duration_parse(w[0], &ttl_ms))
        return fail(s, "expiring wants a time such as 10s, not '%.40s'", w[0]);
    word_set(s, w + 1);
    s->ops[s->op_count - 1].ttl_ms = ttl_ms;
    return 0;
}

static int word_delete(struct script *s, const char *const *w)
{
    s->ops[s->op_count++] = (bobbin_op){.kind = BOBBIN_OP_DELETE, .key = text(w[0])};
    return 0;
}

static int word_increment(struct script *s, const char *const *w)
{
    int64_t delta;

    if (kv_parse_delta(w[1], &delta))
        return fail(s, "increment wants a whole number, not '%.40s'", w[1]);
    s->ops[s->op_count++] =
        (bobbin_op){.kind = BOBBIN_OP_INCREMENT, .key = text(w[0]), .delta = delta};
    return 0;
}

static const struct {
    const char *name;
    size_t args;
    const char *usage;
    int (*take)(struct script *s, const char *const *w);
} words_table[] = {
    {"check", 2, "KEY VALUE", word_check},
    {"absent", 1, "KEY", word_absent},
    {"since", 2, "KEY COMMIT", word_since},
    {"set", 2, "KEY VALUE", word_set},
    {"expiring", 3, "DURATION KEY VALUE", word_expiring},
    {"delete", 1, "KEY", word_delete},
    {"increment", 2, "KEY DELTA", word_increment},
};
#define WORD_COUNT (sizeof(words_table) / sizeof(words_table[0]))

int script_from_words(struct script *s, const char *const *words, size_t count)
{
    if (make_room(s, count, count))
        return -1;
    for (size_t at = 0; at < count;) {
        size_t i = 0;

        while (i < WORD_COUNT && strcmp(words_table[i].name, words[at]) != 0)
            i++;
        if (i == WORD_COUNT)
            return fail(s,
                        "'%.40s' is none of check, absent, since, set, expiring, delete, increment",
                        words[at]);
        if (count - at - 1 < words_table[i].args)
            return fail(s, "%s wants %s", words_table[i].name, words_table[i].usage);
        if (words_table[i].take(s, words + at + 1))
            return -1;
        at += 1 + words_table[i].args;
    }
    return 0;
}

/* Whether the object has no members but these, a list that ends with NULL. */
static int check_members(struct script *s, json_t *object, const char *where, size_t index,
                         const char *const *names)
{
    const char *name;
    json_t *value;

    json_object_foreach(object, name, value)
    {
        size_t i = 0;

        while (names[i] && strcmp(names[i], name) != 0)
            i++;
        if (!names[i])
            return fail(s, "%s %zu: unknown member \"%.40s\"", where, index, name);
    }
    return 0;
}

static int json_integer_member(const json_t *object, const char *name, int64_t *ret)
{
    const json_t *number = json_object_get(object, name);

    if (!json_is_integer(number))
        return -1;
    *ret = json_integer_value(number);
    return 0;
}

static int take_bytes(struct script *s, const json_t *object, const char *where, size_t index,
                      const char *name, bobbin_string *ret)
{
    char reason[100];

    if (bytes_json_get(object, name, &s->arena, ret, reason, sizeof(reason)))
        return fail(s, "%s %zu: %s", where, index, reason);
    return 0;
}

static int take_key(struct script *s, const json_t *object, const char *where, size_t index,
                    bobbin_string *ret)
{
    if (take_bytes(s, object, where, index, "key", ret))
        return -1;
    return ret->data ? 0 : fail(s, "%s %zu: the key is null", where, index);
}

static int json_check(struct script *s, json_t *object, size_t index)
{
    static const char *const names[] = {"key",          "key_base64", "value",
                                        "value_base64", "since",      NULL};
    bobbin_check c = {0};
    int64_t since;

    if (check_members(s, object, "check", index, names) ||
        take_key(s, object, "check", index, &c.key))
        return -1;
    if (json_object_get(object, "since")) {
        if (bytes_json_has(object, "value"))
            return fail(s, "check %zu: both \"value\" and \"since\"", index);
        if (json_integer_member(object, "since", &since) || since < 0)
            return fail(s, "check %zu: \"since\" is not a commit number", index);
        c.kind = BOBBIN_CHECK_SINCE;
        c.since = (uint64_t)since;
    } else {
        if (take_bytes(s, object, "check", index, "value", &c.value))
            return -1;
        c.kind = c.value.data ? BOBBIN_CHECK_VALUE : BOBBIN_CHECK_ABSENT;
    }
    s->checks[s->check_count++] = c;
    return 0;
}

static int json_set(struct script *s, json_t *object, size_t index, bobbin_op *op)
{
    op->kind = BOBBIN_OP_SET;
    if (take_bytes(s, object, "op", index, "value", &op->value))
        return -1;
    if (!op->value.data)
        return fail(s, "op %zu: the value is null", index);
    if (json_object_get(object, "ttl_ms") &&
        (json_integer_member(object, "ttl_ms", &op->ttl_ms) || op->ttl_ms <= 0))
        return fail(s, "op %zu: \"ttl_ms\" is not a number of milliseconds from 1 on", index);
    return 0;
}

static int json_op(struct script *s, json_t *object, size_t index)
{
    static const char *const set_names[] = {"op",           "key",    "key_base64", "value",
                                            "value_base64", "ttl_ms", NULL};
    static const char *const delete_names[] = {"op", "key", "key_base64", NULL};
    static const char *const increment_names[] = {"op", "key", "key_base64", "delta", NULL};
    const char *name = json_string_value(json_object_get(object, "op"));
    const char *const *names = !name                            ? NULL
                               : strcmp(name, "set") == 0       ? set_names
                               : strcmp(name, "delete") == 0    ? delete_names
                               : strcmp(name, "increment") == 0 ? increment_names
                                                                : NULL;
    bobbin_op op = {.kind = BOBBIN_OP_DELETE};

    if (!names)
        return fail(s, "op %zu: \"op\" is none of set, delete, increment", index);
    if (check_members(s, object, "op", index, names) || take_key(s, object, "op", index, &op.key))
        return -1;
    if (names == set_names && json_set(s, object, index, &op))
        return -1;
    if (names == increment_names) {
        op.kind = BOBBIN_OP_INCREMENT;
        if (json_integer_member(object, "delta", &op.delta))
            return fail(s, "op %zu: \"delta\" is not a whole number", index);
    }
    s->ops[s->op_count++] = op;
    return 0;
}

static int take_document(struct script *s, json_t *document)
{
    json_t *checks = json_object_get(document, "checks"), *ops = json_object_get(document, "ops");
    static const char *const names[] = {"checks", "ops", NULL};
    json_t *object;
    size_t i;

    if (!json_is_object(document))
        return fail(s, "not a JSON object");
    if ((checks && !json_is_array(checks)) || (ops && !json_is_array(ops)))
        return fail(s, "\"checks\" and \"ops\" are arrays");
    if (make_room(s, json_array_size(checks), json_array_size(ops)))
        return -1;
    if (check_members(s, document, "document", 0, names))
        return -1;
    json_array_foreach(checks, i, object)
    {
        if (json_check(s, object, i))
            return -1;
    }
    json_array_foreach(ops, i, object)
    {
        if (json_op(s, object, i))
            return -1;
    }
    return 0;
}

int script_from_json(struct script *s, const char *json, size_t len)
{
    json_error_t error;
    json_t *document = json_loadb(json, len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
    int rc;

    *s = (struct script){0};
    if (!document)
        return fail(s, "line %d: not JSON: %.120s", error.line, error.text);
    rc = take_document(s, document);
    json_decref(document);
    return rc;
}

void script_fini(struct script *s)
{
    free(s->checks);
    free(s->ops);
    arena_fini(&s->arena);
}
