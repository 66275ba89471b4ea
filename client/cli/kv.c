/* get, set, delete, exists, ttl, increment, swap: one key. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/cli/answer.h"
#include "client/cli/command.h"
#include "client/cli/input.h"
#include "client/cli/kv.h"
#include "client/cli/session.h"

/* A read found nothing: told on stderr, and with --json as a member that is null. */
static int no_such_key(const struct options *o, struct output *out, const bobbin *b,
                       const char *member)
{
    json_t *object;

    if (out->json) {
        object = answer_about_key(o->args[0]);
        answer_set(&object, member, json_null());
        answer_print(o, out, b, object);
    } else {
        answer_commit(o, out, b, true);
    }
    return answer_no_key(o, out, b, o->args[0]);
}

static void print_value(const struct options *o, struct output *out, const bobbin *b,
                        const void *value, size_t len)
{
    json_t *object;

    if (out->json) {
        object = answer_about_key(o->args[0]);
        answer_set_bytes(&object, "value", value, len);
        answer_print(o, out, b, object);
        return;
    }
    output_bytes(out, value, len);
    /* In a shell, the next command's output follows. */
    if (out->terminal || o->in_shell)
        output_bytes(out, "\n", 1);
    answer_commit(o, out, b, false);
}

int kv_get(const struct options *o, struct output *out)
{
    const char *key = o->args[0];
    void *value = NULL;
    size_t len = 0;
    bobbin *b;
    bobbin_status status;
    int exit_status = session_open_attached(o, out, &b);

    if (exit_status != EXIT_DONE)
        return exit_status;
    status = bobbin_get(b, o->store, key, strlen(key), &value, &len);
    if (status != BOBBIN_OK)
        exit_status = session_error(out, b, status, "cannot get '%s'", key);
    else if (!value)
        exit_status = no_such_key(o, out, b, "value");
    else
        print_value(o, out, b, value, len);
    bobbin_free(value);
    session_close(o, b);
    return exit_status;
}

/* What set and delete print: nothing, or {"key": …, "ok": true}. */
static void print_ok(const struct options *o, struct output *out, const bobbin *b)
{
    json_t *object;

    if (out->json) {
        object = answer_about_key(o->args[0]);
        answer_set(&object, "ok", json_true());
        answer_print(o, out, b, object);
    } else {
        answer_commit(o, out, b, true);
    }
}

static bobbin_status set_value(bobbin *b, const struct options *o, const struct input_value *value)
{
    const char *key = o->args[0];

    if (o->ttl_ms)
        return bobbin_set_ttl(b, o->store, key, strlen(key), value->data, value->len, o->ttl_ms);
    return bobbin_set(b, o->store, key, strlen(key), value->data, value->len);
}

int kv_set(const struct options *o, struct output *out)
{
    struct input_value value;
    bobbin *b;
    bobbin_status status;
    int exit_status = input_value(o, out, 1, &value);

    if (exit_status != EXIT_DONE)
        return exit_status;
    exit_status = session_open_attached(o, out, &b);
    if (exit_status == EXIT_DONE) {
        status = set_value(b, o, &value);
        if (status != BOBBIN_OK)
            exit_status = session_error(out, b, status, "cannot set '%s'", o->args[0]);
        else
            print_ok(o, out, b);
        session_close(o, b);
    }
    input_value_fini(&value);
    return exit_status;
}

int kv_delete(const struct options *o, struct output *out)
{
    const char *key = o->args[0];
    bobbin *b;
    bobbin_status status;
    int exit_status = session_open_attached(o, out, &b);

    if (exit_status != EXIT_DONE)
        return exit_status;
    status = bobbin_delete(b, o->store, key, strlen(key));
    if (status != BOBBIN_OK)
        exit_status = session_error(out, b, status, "cannot delete '%s'", key);
    else
        print_ok(o, out, b);
    session_close(o, b);
    return exit_status;
}

/* A word on stdout and the commit number, or {"key": …, MEMBER: value}. */
static void print_word(const struct options *o, struct output *out, const bobbin *b,
                       const char *member, json_t *value, const char *word)
{
    json_t *object;

    if (out->json) {
        object = answer_about_key(o->args[0]);
        answer_set(&object, member, value);
        answer_print(o, out, b, object);
        return;
    }
    json_decref(value);
    output_print(out, "%s\n", word);
    answer_commit(o, out, b, false);
}

int kv_exists(const struct options *o, struct output *out)
{
    const char *key = o->args[0];
    bool exists = false;
    bobbin *b;
    bobbin_status status;
    int exit_status = session_open_attached(o, out, &b);

    if (exit_status != EXIT_DONE)
        return exit_status;
    status = bobbin_exists(b, o->store, key, strlen(key), &exists);
    if (status != BOBBIN_OK) {
        exit_status = session_error(out, b, status, "cannot look for '%s'", key);
    } else {
        print_word(o, out, b, "exists", json_boolean(exists), exists ? "true" : "false");
        exit_status = exists ? EXIT_DONE : EXIT_NO;
    }
    session_close(o, b);
    return exit_status;
}

static int print_ttl(const struct options *o, struct output *out, const bobbin *b, int64_t ms)
{
    char word[40];

    if (ms == BOBBIN_TTL_ABSENT)
        return no_such_key(o, out, b, "ttl_ms");
    if (ms == BOBBIN_TTL_NONE) {
        print_word(o, out, b, "ttl_ms", json_integer(-1), "none");
    } else {
        snprintf(word, sizeof(word), "%lldms", (long long)ms);
        print_word(o, out, b, "ttl_ms", json_integer(ms), word);
    }
    return EXIT_DONE;
}

int kv_ttl(const struct options *o, struct output *out)
{
    const char *key = o->args[0];
    int64_t ms = 0;
    bobbin *b;
    bobbin_status status;
    int exit_status = session_open_attached(o, out, &b);

    if (exit_status != EXIT_DONE)
        return exit_status;
    status = bobbin_ttl(b, o->store, key, strlen(key), &ms);
    if (status != BOBBIN_OK)
        exit_status = session_error(out, b, status, "cannot tell the time of '%s'", key);
    else
        exit_status = print_ttl(o, out, b, ms);
    session_close(o, b);
    return exit_status;
}

int kv_parse_delta(const char *text, int64_t *ret)
{
    char *end;

    errno = 0;
    *ret = strtoll(text, &end, 10);
    /* strtoll passes over blanks. */
    return text[0] <= ' ' || *end || errno ? -1 : 0;
}

int kv_increment(const struct options *o, struct output *out)
{
    const char *key = o->args[0];
    int64_t delta = 1, sum;
    char word[40];
    bobbin *b;
    bobbin_status status;
    int exit_status;

    if (o->arg_count > 1 && kv_parse_delta(o->args[1], &delta))
        return output_error(out, "usage", "the delta is a whole number of 64 bits, not '%s'",
                            o->args[1]);
    exit_status = session_open_attached(o, out, &b);
    if (exit_status != EXIT_DONE)
        return exit_status;
    status = bobbin_increment(b, o->store, key, strlen(key), delta, &sum);
    if (status != BOBBIN_OK) {
        exit_status = session_error(out, b, status, "cannot increment '%s'", key);
    } else {
        snprintf(word, sizeof(word), "%lld", (long long)sum);
        print_word(o, out, b, "number", json_integer(sum), word);
    }
    session_close(o, b);
    return exit_status;
}

/* true or false; with --json what is there instead, too. */
static int print_swapped(const struct options *o, struct output *out, const bobbin *b, bool swapped,
                         const void *current, size_t current_len)
{
    json_t *object;

    if (!out->json) {
        print_word(o, out, b, "", NULL, swapped ? "true" : "false");
        return swapped ? EXIT_DONE : EXIT_NO;
    }
    object = answer_about_key(o->args[0]);
    answer_set(&object, "swapped", json_boolean(swapped));
    if (!swapped)
        answer_set_bytes(&object, "current", current, current_len);
    answer_print(o, out, b, object);
    return swapped ? EXIT_DONE : EXIT_NO;
}

static int swap(const struct options *o, struct output *out, const struct input_value *value)
{
    const char *key = o->args[0];
    bool swapped = false;
    void *current = NULL;
    size_t current_len = 0;
    bobbin *b;
    bobbin_status status;
    int exit_status = session_open_attached(o, out, &b);

    if (exit_status != EXIT_DONE)
        return exit_status;
    status =
        bobbin_swap(b, o->store, key, strlen(key), o->expect, o->expect ? strlen(o->expect) : 0,
                    value->data, value->len, &swapped, &current, &current_len);
    if (status != BOBBIN_OK)
        exit_status = session_error(out, b, status, "cannot swap '%s'", key);
    else
        exit_status = print_swapped(o, out, b, swapped, current, current_len);
    bobbin_free(current);
    session_close(o, b);
    return exit_status;
}

int kv_swap(const struct options *o, struct output *out)
{
    struct input_value value;
    int exit_status;

    if (!o->expect == !options_has(o, OPTION_ABSENT))
        return output_error(out, "usage", "swap wants one of --expect VALUE and --absent");
    exit_status = input_value(o, out, 1, &value);
    if (exit_status == EXIT_DONE)
        exit_status = swap(o, out, &value);
    input_value_fini(&value);
    return exit_status;
}
