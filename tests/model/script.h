/* Random requests for the model-based test, such as are likely to matter in the model's state. */
#ifndef BOBBIN_TESTS_MODEL_SCRIPT_H
#define BOBBIN_TESTS_MODEL_SCRIPT_H

#include <bobbin.h>

#include "model.h"
#include "random.h"

enum { SCRIPT_MANY = 8, SCRIPT_LISTINGS = 6 };

/* A listing that goes on, page by page, while everything else happens. */
struct script_listing {
    bool open;    /* there is a next page */
    bool busy;    /* a page is being asked for */
    bool entries; /* with values */
    int label;
    int behind;   /* the last key of the page before; -1: this is the first */
    char *cursor; /* owned; NULL: from the start */
    size_t cursor_len;
    bobbin_keys_options options; /* but for the cursor */
};

struct script {
    struct random random;
    const struct pool *pool;
    const struct model *model;
    struct script_listing listings[SCRIPT_LISTINGS];
};

/* A request with all that it points to. */
struct script_request {
    bobbin_request request;
    struct script_listing *listing; /* whose next page it is; NULL: none */
    bobbin_keys_options options;
    bobbin_string keys[SCRIPT_MANY];
    bobbin_entry entries[SCRIPT_MANY];
    bobbin_check checks[SCRIPT_MANY];
    bobbin_op ops[SCRIPT_MANY];
    void *memory[4 * SCRIPT_MANY]; /* to be freed with it */
    unsigned memory_count;
};

void script_init(struct script *s, uint64_t seed, const struct model *model);
void script_fini(struct script *s);

/* The next request. It does not move: it points into itself. */
void script_next(struct script *s, struct script_request *ret);
/* A write of some entries that live for a few milliseconds only. */
void script_next_brief(struct script *s, struct script_request *ret);
void script_request_fini(struct script_request *r);

/* The page that was asked for has arrived: a copy of its cursor is made; data NULL: it was the
 * last. */
void script_page(struct script_listing *listing, int last, bobbin_string cursor);

#endif
