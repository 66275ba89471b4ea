#include "client/cli/place.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/cli/answer.h"
#include "client/cli/bytes.h"
#include "protocol/utf8.h"

void place_init(struct place *p)
{
    p->set = false;
    buffer_init(&p->store);
    buffer_init(&p->key);
}

void place_fini(struct place *p)
{
    buffer_fini(&p->store);
    buffer_fini(&p->key);
}

int place_set(struct place *p, const bobbin_string *store, const bobbin_string *key)
{
    buffer_clear(&p->store);
    buffer_clear(&p->key);
    buffer_append(&p->store, store->data, store->len);
    buffer_append(&p->key, key->data, key->len);
    p->set = !p->store.failed && !p->key.failed;
    return p->set ? 0 : -1;
}

int place_from_options(struct place *p, const struct options *o, struct output *out)
{
    const char *label = o->after_store ? o->after_store : o->store;
    bobbin_string store = {label, strlen(label)}, key = {o->after, 0};
    char *decoded = NULL;
    int exit_status = EXIT_DONE;

    if (o->after && o->cursor)
        return output_error(out, "usage", "--after and --cursor are two ways to say one thing");
    if (!o->after && !o->cursor)
        return o->after_store ? output_error(out, "usage", "--after-store wants --after")
                              : EXIT_DONE;
    if (o->after) {
        key.len = strlen(o->after);
    } else {
        key.data = decoded = malloc(strlen(o->cursor) + 1);
        key.len = decoded ? bytes_from_base64(o->cursor, strlen(o->cursor), decoded) : 0;
    }
    if (key.len == SIZE_MAX)
        exit_status =
            output_error(out, "usage", "--cursor wants what was told, not '%s'", o->cursor);
    else if (!key.data || place_set(p, &store, &key))
        exit_status = output_error(out, "no-memory", "cannot go on: out of memory");
    free(decoded);
    return exit_status;
}

static bool equals(const struct buffer *b, const bobbin_string *s)
{
    return b->len == s->len && (s->len == 0 || memcmp(b->data, s->data, s->len) == 0);
}

bool place_is(const struct place *p, const bobbin_string *store, const bobbin_string *key)
{
    return p->set && equals(&p->key, key) && equals(&p->store, store);
}

/* Whether the bytes can stand in a line for people, between ''. */
static bool is_plain(const struct buffer *b)
{
    if (!utf8_valid((const char *)b->data, b->len))
        return false;
    for (size_t i = 0; i < b->len; i++) {
        if (b->data[i] < 0x20 || b->data[i] == 0x7f || b->data[i] == '\'')
            return false;
    }
    return true;
}

/* What makes the next one go on: " --after 'KEY'", or " --cursor BASE64" for an odd key. */
static void note_place(const struct place *p, const struct output *out, const char *done,
                       uint64_t entries)
{
    bool plain = is_plain(&p->key),
         other = p->store.len != 7 || memcmp(p->store.data, "default", 7) != 0;
    char *text = plain ? strndup((const char *)p->key.data, p->key.len)
                       : bytes_base64(p->key.data, p->key.len);

    output_note(out, "%s %llu entries; go on with %s %s%s%s%s%.*s%s", done,
                (unsigned long long)entries, plain ? "--after" : "--cursor", plain ? "'" : "",
                text ? text : "?", plain ? "'" : "", other ? " --after-store '" : "",
                other ? (int)p->store.len : 0, (const char *)p->store.data, other ? "'" : "");
    free(text);
}

int place_error(const struct place *p, struct output *out, const char *code, const char *message,
                const char *done, uint64_t entries)
{
    struct output plain = *out;
    json_t *document;

    /* The line alone: the document has more to tell. */
    plain.json = false;
    output_error(&plain, code, "%s", message);
    if (p->set)
        note_place(p, out, done, entries);
    else
        output_note(out, "%s %llu entries", done, (unsigned long long)entries);
    if (!out->json)
        return EXIT_TROUBLE;
    document = bytes_error_document(code, message);
    answer_set(&document, "entries", json_integer((json_int_t)entries));
    if (p->set) {
        answer_set_bytes(&document, "after", p->key.data ? (const char *)p->key.data : "",
                         p->key.len);
        answer_set_bytes(&document, "after_store", p->store.data, p->store.len);
    }
    output_json(out, document);
    return EXIT_TROUBLE;
}
