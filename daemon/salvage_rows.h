/* The rows in the pages of a damaged SQLite file: along the B-trees as far as they hold together, then in whatever
 * pages nothing leads to any more. Reads around what is damaged, and counts it. */
#ifndef BOBBIN_DAEMON_SALVAGE_ROWS_H
#define BOBBIN_DAEMON_SALVAGE_ROWS_H

#include "daemon/salvage_pages.h"
#include "protocol/reader.h"

enum { SALVAGE_COLUMNS = 6 };

enum salvage_type { SALVAGE_NULL, SALVAGE_INTEGER, SALVAGE_REAL, SALVAGE_BLOB, SALVAGE_TEXT };

struct salvage_value {
    enum salvage_type type;
    int64_t number;     /* of an integer */
    struct slice bytes; /* of text and blob */
};

struct salvage_row {
    uint64_t rowid;   /* of a table's row; 0: of an index or a table without */
    unsigned columns; /* more than SALVAGE_COLUMNS are counted, not kept */
    struct salvage_value values[SALVAGE_COLUMNS];
    bool orphan;      /* nothing led to its page */
};

struct salvage_rows {
    const struct salvage_pages *pages;
    uint8_t *seen;         /* by page: a tree, the free list or a long value has it */
    uint8_t *overflow;     /* one page of a long value */
    struct buffer payload; /* of the row under way */
    uint32_t damaged;      /* pages that a tree should have and that cannot be read, or are something else */
    uint64_t broken;       /* rows of which a part is missing */
    int (*on_row)(void *arg, const struct salvage_row *row, struct error *e);
    void *arg;
};

int salvage_rows_init(struct salvage_rows *r, const struct salvage_pages *pages, struct error *e);
void salvage_rows_fini(struct salvage_rows *r);

/* Call on_row with every row below this root, in no order that could be relied on; what it points to is valid during
 * the call. Stops at its first error. */
int salvage_tree(struct salvage_rows *r, uint32_t root, struct error *e);
/* Note which pages are free, so that nobody takes what was deleted for lost. */
void salvage_free_list(struct salvage_rows *r);
/* The same for all pages that were not seen yet. */
int salvage_orphans(struct salvage_rows *r, struct error *e);

#endif
