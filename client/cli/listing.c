/* keys, entries: page after page, printed as they come, so that neither side holds the whole
 * listing. count: how much there is. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "client/cli/answer.h"
#include "client/cli/bytes.h"
#include "client/cli/command.h"
#include "client/cli/interrupt.h"
#include "client/cli/session.h"
#include "protocol/limits.h"

struct listing {
    const struct options *o;
    struct output *out;
    bobbin *b;
    bool entries;     /* with values */
    uint64_t left;    /* that may still be printed */
    uint64_t printed; /* so far */
    uint64_t commit;  /* that the first page saw */
    bool begun;       /* the first page is there, and the JSON document begun */
    char *cursor;     /* where the next page starts; NULL: at the beginning; owned */
    size_t cursor_len;
};

/* A page of either kind, and what both have. */
struct page {
    bobbin_key_page *keys;      /* owned, if !entries */
    bobbin_entry_page *entries; /* owned, if entries */
    size_t count;
    bobbin_string cursor; /* data NULL: there is no next page */
};

static json_t *entry_json(const bobbin_entry *entry)
{
    json_t *object = json_object();

    answer_set_bytes(&object, "key", entry->key.data, entry->key.len);
    answer_set_bytes(&object, "value", entry->value.data, entry->value.len);
    return object;
}

static void print_json(struct listing *l, json_t *value)
{
    char *text = value ? json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;

    if (text)
        output_print(l->out, "%s%s", l->printed > 0 ? "," : "", text);
    else
        output_json(l->out, NULL);
    free(text);
    json_decref(value);
}

static void print_key(struct listing *l, const bobbin_string *key)
{
    bool nul = options_has(l->o, OPTION_NUL);

    if (l->out->json) {
        print_json(l, bytes_json_key(key->data, key->len));
        return;
    }
    if (l->out->terminal && !nul)
        output_clean(l->out, key->data, key->len);
    else
        output_bytes(l->out, key->data, key->len);
    output_bytes(l->out, nul ? "" : "\n", 1);
}

static void print_page(struct listing *l, const struct page *page)
{
    if (!l->begun)
        l->commit = bobbin_last_commit(l->b);
    if (l->out->json && !l->begun)
        output_print(l->out, l->entries ? "{\"entries\":[" : "{\"keys\":[");
    l->begun = true;
    for (size_t i = 0; i < page->count && l->left > 0; i++, l->printed++, l->left--) {
        if (!l->entries)
            print_key(l, &page->keys->keys[i]);
        else if (l->out->json)
            print_json(l, entry_json(&page->entries->entries[i]));
        else
            output_entry(l->out, options_has(l->o, OPTION_NUL), &page->entries->entries[i].key,
                         &page->entries->entries[i].value);
    }
    /* A page is on its way before the next one is asked for, and a reader that is gone is noticed.
     */
    output_flush(l->out);
}

static bobbin_status fetch(struct listing *l, struct page *ret)
{
    const char *prefix = l->o->prefix;
    bobbin_keys_options options = {
        .prefix = prefix,
        .prefix_len = prefix ? strlen(prefix) : 0,
        .cursor = l->cursor,
        .cursor_len = l->cursor_len,
        .limit = l->left < LIMIT_PAGE_DEFAULT ? (uint32_t)l->left : LIMIT_PAGE_DEFAULT,
        .reverse = options_has(l->o, OPTION_REVERSE),
    };
    bobbin_status status;

    *ret = (struct page){0};
    if (l->entries) {
        status = bobbin_entries(l->b, l->o->store, &options, &ret->entries);
        if (status == BOBBIN_OK) {
            ret->count = ret->entries->count;
            ret->cursor = ret->entries->cursor;
        }
    } else {
        status = bobbin_keys(l->b, l->o->store, &options, &ret->keys);
        if (status == BOBBIN_OK) {
            ret->count = ret->keys->count;
            ret->cursor = ret->keys->cursor;
        }
    }
    return status;
}

static void page_fini(struct page *page)
{
    bobbin_key_page_free(page->keys);
    bobbin_entry_page_free(page->entries);
}

/* The page goes before its cursor is used: keep a copy. */
static bobbin_status keep_cursor(struct listing *l, const struct page *page)
{
    free(l->cursor);
    l->cursor = NULL;
    if (!page->cursor.data)
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
    struct page page;
    bobbin_status status;

    do {
        status = fetch(l, &page);
        if (status != BOBBIN_OK)
            break;
        print_page(l, &page);
        status = keep_cursor(l, &page);
        page_fini(&page);
    } while (status == BOBBIN_OK && l->cursor && l->left > 0 && !l->out->error &&
             !interrupt_caught());
    return status;
}

/* A document that has been begun is ended as one: what came so far, and why there is no more. */
static int fail_begun(struct listing *l, bobbin_status status)
{
    json_t *document = bytes_error_document(bobbin_status_name(status), bobbin_error(l->b));
    char *text = document ? json_dumps(json_object_get(document, "error"), JSON_COMPACT) : NULL;

    output_print(l->out, "],\"error\":%s}\n", text ? text : "null");
    free(text);
    json_decref(document);
    output_note(l->out, "cannot list all: %s", bobbin_error(l->b));
    return EXIT_TROUBLE;
}

/* What is left of the document, or of what a person wants to know. */
static void print_end(struct listing *l)
{
    char *cursor = l->cursor ? bytes_base64(l->cursor, l->cursor_len) : NULL;
    bool commit = options_has(l->o, OPTION_COMMIT);

    if (l->out->json) {
        output_print(l->out, "]");
        if (cursor)
            output_print(l->out, ",\"cursor\":\"%s\"", cursor);
        if (commit)
            output_print(l->out, ",\"commit\":%llu", (unsigned long long)l->commit);
        output_print(l->out, "}\n");
    } else {
        if (cursor && l->out->terminal)
            output_note(l->out, "there are more; go on with --cursor %s", cursor);
        if (commit)
            output_note(l->out, "commit %llu", (unsigned long long)l->commit);
    }
    free(cursor);
}

/* The cursor as it was told, in base64. */
static int take_cursor(struct listing *l)
{
    const char *text = l->o->cursor;

    if (!text)
        return EXIT_DONE;
    l->cursor = malloc(strlen(text) + 1);
    if (!l->cursor)
        return output_error(l->out, "no-memory", "cannot list: out of memory");
    l->cursor_len = bytes_from_base64(text, strlen(text), l->cursor);
    if (l->cursor_len == SIZE_MAX)
        return output_error(l->out, "usage", "--cursor wants what a listing told, not '%s'", text);
    return EXIT_DONE;
}

static int list(const struct options *o, struct output *out, bool entries)
{
    struct listing l = {
        .o = o, .out = out, .entries = entries, .left = o->limit ? o->limit : UINT64_MAX};
    bobbin_status status;
    int exit_status = take_cursor(&l);

    if (exit_status == EXIT_DONE)
        exit_status = session_open_attached(o, out, &l.b);
    if (exit_status != EXIT_DONE)
        goto out;
    status = list_pages(&l);
    if (status != BOBBIN_OK && out->json && l.begun)
        exit_status = fail_begun(&l, status);
    else if (status != BOBBIN_OK)
        exit_status =
            session_error(out, l.b, status, "cannot list the %s", entries ? "entries" : "keys");
    else
        print_end(&l);
    session_close(o, l.b);

out:
    free(l.cursor);
    return exit_status;
}

int listing_keys(const struct options *o, struct output *out)
{
    return list(o, out, false);
}

int listing_entries(const struct options *o, struct output *out)
{
    return list(o, out, true);
}

int listing_count(const struct options *o, struct output *out)
{
    uint64_t entries = 0, bytes = 0;
    bobbin *b;
    bobbin_status status;
    int exit_status = session_open_attached(o, out, &b);

    if (exit_status != EXIT_DONE)
        return exit_status;
    status = bobbin_count(b, o->store, &entries, &bytes);
    if (status != BOBBIN_OK) {
        exit_status = session_error(out, b, status, "cannot count the entries");
    } else if (out->json) {
        answer_print(
            o, out, b,
            json_pack("{s:I, s:I}", "entries", (json_int_t)entries, "bytes", (json_int_t)bytes));
    } else {
        output_print(out, "%llu entries, %llu bytes\n", (unsigned long long)entries,
                     (unsigned long long)bytes);
        answer_commit(o, out, b, false);
    }
    session_close(o, b);
    return exit_status;
}
