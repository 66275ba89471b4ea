#include "client/runner/key_list.h"

#include <stdlib.h>

static bobbin_status add_page(struct key_list *list, bobbin_key_page *page)
{
    bobbin_key_page **pages = realloc(list->pages, (list->page_count + 1) * sizeof(*pages));
    if (!pages) {
        bobbin_key_page_free(page);
        return BOBBIN_NO_MEMORY;
    }
    list->pages = pages;
    list->pages[list->page_count++] = page;
    list->count += page->count;
    for (size_t i = 0; i < page->count; i++)
        list->bytes += page->keys[i].len + 8;
    return BOBBIN_OK;
}

bobbin_status key_list_read(bobbin *b, const char *store, uint64_t max, struct key_list *list)
{
    *list = (struct key_list){0};
    bobbin_keys_options options = {0};
    for (;;) {
        bobbin_key_page *page;
        bobbin_status status = bobbin_keys(b, store, &options, &page);
        if (!status)
            status = add_page(list, page);
        if (status)
            return status;
        if (list->bytes > max)
            return BOBBIN_TOO_LARGE;
        if (!page->more)
            return BOBBIN_OK;
        options.cursor = page->cursor.data;
        options.cursor_len = page->cursor.len;
    }
}

void key_list_fini(struct key_list *list)
{
    for (size_t i = 0; i < list->page_count; i++)
        bobbin_key_page_free(list->pages[i]);
    free(list->pages);
}
