/* Listing the keys of a store, page by page. */
#include <stddef.h>
#include <stdlib.h>

#include "handle.h"

/* A page as its owner sees it, in front of the memory that it lives in. */
struct page {
    bobbin_key_page page;
    struct zone zone;
};

static bobbin_status page_wrong(struct failure *f, const char *what)
{
    return failure_set(f, BOBBIN_BAD_RESPONSE, "the daemon's answer is wrong: %s", what);
}

static bobbin_status read_keys(struct reader *r, struct page *p, struct failure *f)
{
    uint32_t count;
    if (reader_array(r, &count) != 0)
        return page_wrong(f, "the keys are not an array");
    bobbin_string *keys = zone_alloc(&p->zone, count, sizeof(*keys));
    if (keys == NULL)
        return failure_no_memory(f);
    for (uint32_t i = 0; i < count; i++) {
        struct slice s;
        if (reader_str(r, &s) != 0)
            return page_wrong(f, "a key is not a string");
        keys[i] = (bobbin_string){zone_copy(&p->zone, s), s.len};
        if (keys[i].data == NULL)
            return failure_no_memory(f);
    }
    p->page.keys = keys;
    p->page.count = count;
    return BOBBIN_OK;
}

static bobbin_status read_cursor(struct reader *r, struct page *p, struct failure *f)
{
    struct slice s;
    if (reader_nil(r) == 0)
        return BOBBIN_OK;
    if (reader_peek(r) != READER_BIN || reader_bytes(r, &s) != 0)
        return page_wrong(f, "the cursor is neither nil nor binary");
    p->page.cursor = (bobbin_string){zone_copy(&p->zone, s), s.len};
    p->page.more = true;
    return p->page.cursor.data != NULL ? BOBBIN_OK : failure_no_memory(f);
}

static bobbin_status take_page(struct reader *result, void *ret, struct failure *f)
{
    uint32_t count;
    if (reader_array(result, &count) != 0 || count != 2)
        return page_wrong(f, "the page is not an array of keys and cursor");
    struct page *p = calloc(1, sizeof(*p));
    if (p == NULL)
        return failure_no_memory(f);
    bobbin_status status = read_keys(result, p, f);
    if (status == BOBBIN_OK)
        status = read_cursor(result, p, f);
    if (status == BOBBIN_OK)
        *(bobbin_key_page **)ret = &p->page;
    else
        bobbin_key_page_free(&p->page);
    return status;
}

/* Only what was asked for is sent: no options, no map. */
static void request_options(struct request *r, const bobbin_keys_options *o, uint32_t count)
{
    if (count == 0)
        return;
    request_map(r, count);
    if (o->prefix != NULL) {
        request_cstr(r, "prefix");
        request_str(r, o->prefix, o->prefix_len);
    }
    if (o->cursor != NULL) {
        request_cstr(r, "cursor");
        request_bin(r, o->cursor, o->cursor_len);
    }
    if (o->limit > 0) {
        request_cstr(r, "limit");
        request_uint(r, o->limit);
    }
}

bobbin_status bobbin_keys(bobbin *b, const char *store, const bobbin_keys_options *options,
                          bobbin_key_page **ret_page)
{
    static const bobbin_keys_options none = {0};
    const bobbin_keys_options *o = options != NULL ? options : &none;
    struct request r;

    if (store == NULL)
        return handle_misuse(b, "the store is NULL");
    if (ret_page == NULL)
        return handle_misuse(b, "there is nowhere to put the page");
    if ((o->prefix == NULL && o->prefix_len > 0) || (o->cursor == NULL && o->cursor_len > 0))
        return handle_misuse(b, "the prefix or the cursor is NULL but has a length");

    uint32_t count = (o->prefix ? 1u : 0u) + (o->cursor ? 1u : 0u) + (o->limit ? 1u : 0u);
    bobbin_status status = handle_begin(b, &r, METHOD_KEYS, count > 0 ? 2 : 1);
    if (status != BOBBIN_OK)
        return status;
    request_cstr(&r, store);
    request_options(&r, o, count);
    return handle_call(b, &r, take_page, ret_page);
}

void bobbin_key_page_free(bobbin_key_page *page)
{
    if (page == NULL)
        return;
    struct page *p = (struct page *)(void *)((char *)page - offsetof(struct page, page));
    zone_fini(&p->zone);
    free(p);
}
