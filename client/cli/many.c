/* get-many, set-many, delete-many: several keys, all or nothing. */
#include <stdlib.h>
#include <string.h>

#include "client/cli/answer.h"
#include "client/cli/bytes.h"
#include "client/cli/command.h"
#include "client/cli/entry_line.h"
#include "client/cli/input.h"
#include "client/cli/session.h"

/* {"key": …, "value": … or null} */
static json_t *entry_json(const bobbin_string *key, const bobbin_string *value)
{
    json_t *object = json_object();

    answer_set_bytes(&object, "key", key->data, key->len);
    answer_set_bytes(&object, "value", value->data, value->len);
    return object;
}

static void print_values_json(const struct options *o, struct output *out, const bobbin *b,
                              const struct input_keys *keys, const bobbin_values *values)
{
    json_t *entries = json_array(), *object = json_object();

    for (size_t i = 0; i < values->count; i++) {
        if (json_array_append_new(entries, entry_json(&keys->keys[i], &values->values[i]))) {
            json_decref(entries);
            entries = NULL;
        }
    }
    answer_set(&object, "entries", entries);
    answer_print(o, out, b, object);
}

/* Those that are there. */
static void print_values(const struct options *o, struct output *out, const struct input_keys *keys,
                         const bobbin_values *values)
{
    for (size_t i = 0; i < values->count; i++) {
        if (values->values[i].data)
            output_entry(out, options_has(o, OPTION_NUL), &keys->keys[i], &values->values[i]);
    }
}

static size_t count_absent(const bobbin_values *values)
{
    size_t absent = 0;

    for (size_t i = 0; i < values->count; i++)
        absent += !values->values[i].data;
    return absent;
}

static int get_many(const struct options *o, struct output *out, const struct input_keys *keys)
{
    bobbin_values *values;
    size_t absent;
    bobbin *b;
    bobbin_status status;
    int exit_status = session_open_attached(o, out, &b);

    if (exit_status != EXIT_DONE)
        return exit_status;
    status = bobbin_get_many(b, o->store, keys->keys, keys->count, &values);
    if (status != BOBBIN_OK) {
        exit_status = session_error(out, b, status, "cannot get %zu keys", keys->count);
        goto out;
    }
    absent = count_absent(values);
    if (out->json)
        print_values_json(o, out, b, keys, values);
    else
        print_values(o, out, keys, values);
    if (!out->json)
        answer_commit(o, out, b, false);
    if (absent > 0)
        output_note(out, "%zu of %zu keys are not in store '%s' of app '%s'", absent, keys->count,
                    o->store, bobbin_app(b));
    exit_status = absent > 0 ? EXIT_NO : EXIT_DONE;
    bobbin_values_free(values);

out:
    session_close(o, b);
    return exit_status;
}

/* What set-many and delete-many print: nothing, or {"count": N, "ok": true}. */
static void print_ok(const struct options *o, struct output *out, const bobbin *b, size_t count)
{
    if (out->json)
        answer_print(o, out, b, json_pack("{s:I, s:b}", "count", (json_int_t)count, "ok", 1));
    else
        answer_commit(o, out, b, true);
}

static int delete_many(const struct options *o, struct output *out, const struct input_keys *keys)
{
    bobbin *b;
    bobbin_status status;
    int exit_status = session_open_attached(o, out, &b);

    if (exit_status != EXIT_DONE)
        return exit_status;
    status = bobbin_delete_many(b, o->store, keys->keys, keys->count);
    if (status != BOBBIN_OK)
        exit_status = session_error(out, b, status, "cannot delete %zu keys", keys->count);
    else
        print_ok(o, out, b, keys->count);
    session_close(o, b);
    return exit_status;
}

typedef int keys_fn(const struct options *o, struct output *out, const struct input_keys *keys);

static int with_keys(const struct options *o, struct output *out, keys_fn *fn)
{
    struct input_keys keys;
    int exit_status = input_keys(o, out, &keys);

    if (exit_status == EXIT_DONE)
        exit_status = fn(o, out, &keys);
    input_keys_fini(&keys);
    return exit_status;
}

int many_get(const struct options *o, struct output *out)
{
    return with_keys(o, out, get_many);
}

int many_delete(const struct options *o, struct output *out)
{
    return with_keys(o, out, delete_many);
}

struct entries {
    bobbin_entry *entries; /* owned */
    size_t count;
    struct arena arena; /* what those read from a file are in */
};

static int entries_of_arguments(const struct options *o, struct output *out, struct entries *e)
{
    e->entries = calloc(o->arg_count + 1, sizeof(*e->entries));
    if (!e->entries)
        return output_error(out, "no-memory", "cannot take the entries: out of memory");
    for (; e->count < o->arg_count; e->count++) {
        const char *arg = o->args[e->count], *equals = strchr(arg, '=');

        if (!equals)
            return output_error(out, "usage", "an entry is KEY=VALUE, not '%s'", arg);
        e->entries[e->count] =
            (bobbin_entry){{arg, (size_t)(equals - arg)}, {equals + 1, strlen(equals + 1)}};
    }
    return EXIT_DONE;
}

static int take_line(struct output *out, const char *path, const char *line, size_t len,
                     struct entries *e)
{
    struct entry_line entry;
    char reason[200];
    const char *wrong = entry_line_parse(line, len, &e->arena, &entry, reason, sizeof(reason));

    if (!wrong && (entry.store.data || entry.expires_ms))
        wrong = "an entry of set-many has no \"store\" or \"expires\"; see: bobbin help import";
    if (wrong)
        return output_error(out, "invalid-request", "%s:%zu: %s",
                            strcmp(path, "-") == 0 ? "standard input" : path, e->count + 1, wrong);
    e->entries[e->count++] = (bobbin_entry){entry.key, entry.value};
    return EXIT_DONE;
}

static int entries_of_lines(const struct options *o, struct output *out, const char *path,
                            struct entries *e)
{
    size_t len, count = 1;
    char *text = input_read(o, out, path, "the list of entries", LIMIT_MESSAGE, &len);
    int exit_status = text ? EXIT_DONE : EXIT_TROUBLE;

    if (!text)
        return exit_status;
    for (size_t i = 0; i < len; i++)
        count += text[i] == '\n';
    e->entries = calloc(count, sizeof(*e->entries));
    if (!e->entries)
        exit_status = output_error(out, "no-memory", "cannot read the entries: out of memory");
    for (size_t at = 0; exit_status == EXIT_DONE && at < len;) {
        const char *stop = memchr(text + at, '\n', len - at);
        size_t line = stop ? (size_t)(stop - text) - at : len - at;

        exit_status = take_line(out, path, text + at, line, e);
        at += line + 1;
    }
    free(text);
    return exit_status;
}

static int take_entries(const struct options *o, struct output *out, struct entries *e)
{
    if (o->arg_count == 1 && options_is_stdin(o, 0))
        return entries_of_lines(o, out, "-", e);
    if (o->arg_count > 0 && o->file)
        return output_error(out, "usage", "the entries are given twice: '%s' and --file '%s'",
                            o->args[0], o->file);
    if (o->arg_count > 0)
        return entries_of_arguments(o, out, e);
    if (o->file)
        return entries_of_lines(o, out, o->file, e);
    return output_error(out, "usage", "no entries; give KEY=VALUE, \"-\" or --file");
}

static int set_many(const struct options *o, struct output *out, const struct entries *e)
{
    bobbin *b;
    bobbin_status status;
    int exit_status = session_open_attached(o, out, &b);

    if (exit_status != EXIT_DONE)
        return exit_status;
    status = bobbin_set_many(b, o->store, e->entries, e->count, o->ttl_ms);
    if (status != BOBBIN_OK)
        exit_status = session_error(out, b, status, "cannot set %zu entries", e->count);
    else
        print_ok(o, out, b, e->count);
    session_close(o, b);
    return exit_status;
}

int many_set(const struct options *o, struct output *out)
{
    struct entries entries = {0};
    int exit_status = take_entries(o, out, &entries);

    if (exit_status == EXIT_DONE)
        exit_status = set_many(o, out, &entries);
    arena_fini(&entries.arena);
    free(entries.entries);
    return exit_status;
}
