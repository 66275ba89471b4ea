/* Listing a store, page by page, and counting it. */
#include "handle.h"

bobbin_status bobbin_keys(bobbin *b, const char *store, const bobbin_keys_options *options,
                          bobbin_key_page **ret_page)
{
    struct result res;
    bobbin_request q = {.kind = BOBBIN_REQUEST_KEYS, .store = store, .listing = options};
    if (ret_page == NULL)
        return handle_misuse(b, "there is nowhere to put the page");
    bobbin_status status = handle_run(b, &q, &res);
    if (status == BOBBIN_OK)
        *ret_page = res.keys;
    return status;
}

bobbin_status bobbin_entries(bobbin *b, const char *store, const bobbin_keys_options *options,
                             bobbin_entry_page **ret_page)
{
    struct result res;
    bobbin_request q = {.kind = BOBBIN_REQUEST_ENTRIES, .store = store, .listing = options};
    if (ret_page == NULL)
        return handle_misuse(b, "there is nowhere to put the page");
    bobbin_status status = handle_run(b, &q, &res);
    if (status == BOBBIN_OK)
        *ret_page = res.entries;
    return status;
}

bobbin_status bobbin_count(bobbin *b, const char *store, uint64_t *ret_entries, uint64_t *ret_bytes)
{
    struct result res;
    bobbin_request q = {.kind = BOBBIN_REQUEST_COUNT, .store = store};
    bobbin_status status = handle_run(b, &q, &res);
    if (status != BOBBIN_OK)
        return status;
    if (ret_entries != NULL)
        *ret_entries = res.shown.entry_count;
    if (ret_bytes != NULL)
        *ret_bytes = res.shown.byte_count;
    return BOBBIN_OK;
}
