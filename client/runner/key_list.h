/* All keys of a store, gathered page by page. */
#ifndef BOBBIN_RUNNER_KEY_LIST_H
#define BOBBIN_RUNNER_KEY_LIST_H

#include <stddef.h>
#include <stdint.h>

#include "client/include/bobbin.h"

struct key_list {
    bobbin_key_page **pages; /* in order */
    size_t page_count;
    size_t count;   /* keys on all pages */
    uint64_t bytes; /* what they take in a module's memory: the keys and 8 bytes for each */
};

/* BOBBIN_TOO_LARGE as soon as `bytes` is beyond `max`; the handle's error text is not set then.
 * Free the list in any case. */
bobbin_status key_list_read(bobbin *b, const char *store, uint64_t max, struct key_list *list);
void key_list_fini(struct key_list *list);

#endif
