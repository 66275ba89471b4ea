/* get, set, delete, exists. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/cli/bytes.h"
#include "client/cli/command.h"
#include "client/cli/session.h"
#include "protocol/limits.h"

/* {"key": …}, to which the caller adds; NULL without memory. */
static json_t *key_document(const char *key)
{
    json_t *document = json_object();

    if (document && bytes_json_set(document, "key", key, strlen(key))) {
        json_decref(document);
        return NULL;
    }
    return document;
}

static void print_document(struct output *out, json_t *document, const char *name, json_t *value)
{
    if (json_object_set_new(document, name, value)) {
        json_decref(document);
        document = NULL;
    }
    output_json(out, document);
}

static void print_value(struct output *out, const char *key, const void *value, size_t len)
{
    json_t *document;

    if (out->json) {
        document = key_document(key);
        if (document && bytes_json_set(document, "value", value, len)) {
            json_decref(document);
            document = NULL;
        }
        output_json(out, document);
        return;
    }
    output_bytes(out, value, len);
    if (out->terminal)
        output_bytes(out, "\n", 1);
}

static int no_such_key(const struct options *o, struct output *out, const bobbin *b)
{
    const char *app = bobbin_app(b);

    output_note(out, "no key '%s' in store '%s' of app '%s'", o->args[0], o->store,
                app ? app : "?");
    if (out->json)
        print_document(out, key_document(o->args[0]), "value", json_null());
    return EXIT_NO;
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
        exit_status = no_such_key(o, out, b);
    else
        print_value(out, key, value, len);
    bobbin_free(value);
    bobbin_close(b);
    return exit_status;
}

/* Standard input to its end, or to one byte more than a value can have; to be freed. NULL after
 * reporting. */
static char *read_stdin(struct output *out, size_t *ret_len)
{
    size_t len = 0, cap = 64 << 10;
    char *bytes = NULL, *more;
    ssize_t n;

    do {
        if (!bytes || len == cap) {
            cap = bytes ? cap * 2 : cap;
            more = realloc(bytes, cap);
            if (!more) {
                output_error(out, "no-memory", "cannot read standard input: out of memory");
                goto fail;
            }
            bytes = more;
        }
        n = read(STDIN_FILENO, bytes + len, cap - len);
        if (n > 0)
            len += (size_t)n;
    } while ((n > 0 && len <= LIMIT_VALUE) || (n < 0 && errno == EINTR));
    if (n < 0) {
        output_error(out, "other", "cannot read standard input: %s", strerror(errno));
        goto fail;
    }
    if (len > LIMIT_VALUE) {
        output_error(out, "too-large", "the value on standard input has more than %u bytes",
                     LIMIT_VALUE);
        goto fail;
    }
    *ret_len = len;
    return bytes;

fail:
    free(bytes);
    return NULL;
}

/* What set and delete print: nothing, or {"key": …, "ok": true}. */
static void print_ok(struct output *out, const char *key)
{
    if (out->json)
        print_document(out, key_document(key), "ok", json_true());
}

int kv_set(const struct options *o, struct output *out)
{
    const char *key = o->args[0], *value = o->args[1];
    size_t len = strlen(value);
    char *input = NULL;
    bobbin *b;
    bobbin_status status;
    int exit_status;

    if (strcmp(value, "-") == 0 && o->literal_from > 1) {
        value = input = read_stdin(out, &len);
        if (!input)
            return EXIT_TROUBLE;
    }
    exit_status = session_open_attached(o, out, &b);
    if (exit_status == EXIT_DONE) {
        status = bobbin_set(b, o->store, key, strlen(key), value, len);
        if (status != BOBBIN_OK)
            exit_status = session_error(out, b, status, "cannot set '%s'", key);
        else
            print_ok(out, key);
        bobbin_close(b);
    }
    free(input);
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
        print_ok(out, key);
    bobbin_close(b);
    return exit_status;
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
        if (out->json)
            print_document(out, key_document(key), "exists", json_boolean(exists));
        else
            output_print(out, "%s\n", exists ? "true" : "false");
        exit_status = exists ? EXIT_DONE : EXIT_NO;
    }
    bobbin_close(b);
    return exit_status;
}
