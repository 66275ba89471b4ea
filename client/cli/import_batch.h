/* Entries that are set together, and what becomes of them when keys are there already. */
#ifndef BOBBIN_CLI_IMPORT_BATCH_H
#define BOBBIN_CLI_IMPORT_BATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "client/cli/arena.h"
#include "client/cli/entry_line.h"
#include "client/include/bobbin.h"

/* With a key that is there already. */
enum conflict { CONFLICT_OVERWRITE, CONFLICT_SKIP, CONFLICT_FAIL };

/* Most entries and bytes of a batch (one entry may be more). */
#define BATCH_ENTRIES 4000u
#define BATCH_BYTES (1u << 20)

enum batch_state {
    BATCH_FILLING, /* entries come in */
    BATCH_SENT,    /* waiting for the answer */
    BATCH_DONE,    /* answered: `status` tells how */
};

struct batch {
    enum batch_state state;
    char *store;              /* in the arena; NULL: the batch is empty */
    struct entry_line *lines; /* BATCH_ENTRIES of them; owned */
    uint64_t *numbers;        /* of their lines in the file; owned */
    size_t count;
    struct arena arena; /* the strings of the lines */
    bool ascending;     /* the keys are in order, none twice */
    bool expiring;      /* one of them expires */
    enum conflict conflict;
    uint64_t skipped;       /* left out because their keys were there */
    uint64_t expired;       /* left out because their time was over */
    uint64_t last_number;   /* of the last line in it, left out or not … */
    bobbin_string last_key; /* … and its key */
    bobbin_status status;
    char error[300]; /* why it failed, for people */
};

/* 0, or -1 without memory; batch_fini in either case. */
int batch_init(struct batch *batch, enum conflict conflict);
void batch_fini(struct batch *batch);
/* Empty it for the next lines. */
void batch_clear(struct batch *batch);

/* Whether a line for that store still has room in it. */
bool batch_takes(const struct batch *batch, const struct entry_line *line);
/* Add a line whose strings are in the batch's arena. 0, or -1 without memory. */
int batch_add(struct batch *batch, const struct entry_line *line, uint64_t number);

/* Send it: all of it is set, or nothing. It is done when the library has called back. A failure to
 * send is one as well. */
void batch_send(struct batch *batch, bobbin *b);
/* The same, waiting for the answer, for conflicts that are not overwritten. */
void batch_run(struct batch *batch, bobbin *b);

#endif
