/* keys: page after page, printed as they come, so that neither side holds the whole listing. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "client/cli/bytes.h"
#include "client/cli/command.h"
#include "client/cli/session.h"
#include "protocol/limits.h"

struct listing {
    const struct options *o;
    struct output *out;
    bobbin *b;
    uint64_t left;    /* keys that may still be printed */
    uint64_t printed; /* keys so far */
    bool begun;       /* the JSON document has been begun */
    char *cursor;     /* where the next page starts; NULL: at the beginning; owned */
    size_t cursor_len;
};

static void print_json_key(struct listing *l, const bobbin_string *key)
{
    json_t *value = bytes_json_key(key->data, key->len);
    char *text = value ? json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;

    if (text)
        output_print(l->out, "%s%s", l->printed > 0 ? "," : "", text);
    else
        output_json(l->out, NULL);
    free(text);
    json_decref(value);
}

static void print_page(struct listing *l, const bobbin_key_page *page)
{
    if (l->out->json && !l->begun)
        output_print(l->out, "{\"keys\":[");
    l->begun = true;
    for (size_t i = 0; i < page->count && l->left > 0; i++, l->printed++, l->left--) {
        const bobbin_string *key = &page->keys[i];

        if (l->out->json) {
            print_json_key(l, key);
            continue;
        }
        if (l->out->terminal)
            output_clean(l->out, key->data, key->len);
        else
            output_bytes(l->out, key->data, key->len);
        output_bytes(l->out, "\n", 1);
    }
    /* A page is on its way before the next one is asked for, and a reader that is gone is noticed.
     */
    output_flush(l->out);
}

static bobbin_status fetch(struct listing *l, bobbin_key_page **ret_page)
{
    const char *prefix = l->o->prefix;
    bobbin_keys_options options = {
        .prefix = prefix,
        .prefix_len = prefix ? strlen(prefix) : 0,
        .cursor = l->cursor,
        .cursor_len = l->cursor_len,
        .limit = l->left < LIMIT_PAGE_DEFAULT ? (uint32_t)l->left : LIMIT_PAGE_DEFAULT,
    };

    return bobbin_keys(l->b, l->o->store, &options, ret_page);
}

/* The page goes before its cursor is used: keep a copy. */
static bobbin_status keep_cursor(struct listing *l, const bobbin_key_page *page)
{
    free(l->cursor);
    l->cursor = NULL;
    if (!page->more)
        return BOBBIN_OK;
    l->cursor = malloc(page->cursor.len + 1);
    if (!l->cursor)
        return BOBBIN_NO_MEMORY;
    memcpy(l->cursor, page->cursor.data, page->cursor.len);
    l->cursor_len = page->cursor.len;
    return BOBBIN_OK;
}

static bobbin_status list_pages(struct listing *l)
{
    bobbin_key_page *page;
    bobbin_status status;

    do {
        status = fetch(l, &page);
        if (status != BOBBIN_OK)
            break;
        print_page(l, page);
        status = keep_cursor(l, page);
        bobbin_key_page_free(page);
    } while (status == BOBBIN_OK && l->cursor && l->left > 0 && !l->out->error);
    return status;
}

/* A document that has been begun is ended as one: the keys so far, and why there are no more. */
static int fail_begun(struct listing *l, bobbin_status status)
{
    json_t *document = bytes_error_document(bobbin_status_name(status), bobbin_error(l->b));
    char *text = document ? json_dumps(json_object_get(document, "error"), JSON_COMPACT) : NULL;

    output_print(l->out, "],\"error\":%s}\n", text ? text : "null");
    free(text);
    json_decref(document);
    output_note(l->out, "cannot list all keys: %s", bobbin_error(l->b));
    return EXIT_TROUBLE;
}

int keys_run(const struct options *o, struct output *out)
{
    struct listing l = {.o = o, .out = out, .left = o->limit ? o->limit : UINT64_MAX};
    bobbin_status status;
    int exit_status = session_open_attached(o, out, &l.b);

    if (exit_status != EXIT_DONE)
        return exit_status;
    status = list_pages(&l);
    if (status != BOBBIN_OK && out->json && l.begun)
        exit_status = fail_begun(&l, status);
    else if (status != BOBBIN_OK)
        exit_status = session_error(out, l.b, status, "cannot list the keys");
    else if (out->json)
        output_print(out, "]}\n");
    free(l.cursor);
    bobbin_close(l.b);
    return exit_status;
}
