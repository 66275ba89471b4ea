/* Results that hold many strings: pages of a listing, values of several keys. Each lives in memory
 * of its own and is freed by the function of bobbin.h. */
#ifndef BOBBIN_CLIENT_PAGE_H
#define BOBBIN_CLIENT_PAGE_H

#include "failure.h"

/* Read one out of an answer; *ret only on success. BOBBIN_BAD_RESPONSE or BOBBIN_NO_MEMORY. */
bobbin_status page_read_keys(struct reader *r, bobbin_key_page **ret, struct failure *f);
/* ttl: each has what it has left to live behind it. */
bobbin_status page_read_entries(struct reader *r, bool ttl, bobbin_entry_page **ret,
                                struct failure *f);
/* There must be `count` values, bin or nil. */
bobbin_status page_read_values(struct reader *r, size_t count, bobbin_values **ret,
                               struct failure *f);

#endif
