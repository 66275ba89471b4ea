/* One operation on a store: what is asked, and once it has run, what came of it. Pure data. */
#ifndef BOBBIN_DAEMON_OP_H
#define BOBBIN_DAEMON_OP_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/list.h"
#include "protocol/buffer.h"
#include "protocol/errors.h"
#include "protocol/reader.h"

/* X(identifier, does it write?). What each results in stands in protocol/methods.h. */
#define OP_LIST(X)                                                                                 \
    X(LABELS, false)      /* the labels that the file holds: [str…] */                             \
    X(GET, false)                                                                                  \
    X(SET, true)          /* value, ttl_ms */                                                      \
    X(DELETE, true)                                                                                \
    X(EXISTS, false)                                                                               \
    X(TTL, false)                                                                                  \
    X(KEYS, false)        /* prefix, cursor, limit, reverse */                                     \
    X(ENTRIES, false)     /* the same */                                                           \
    X(COUNT, false)                                                                                \
    X(GET_MANY, false)    /* items: keys */                                                        \
    X(SET_MANY, true)     /* items: [key, value]; ttl_ms */                                        \
    X(DELETE_MANY, true)  /* items: keys */                                                        \
    X(INCREMENT, true)    /* delta */                                                              \
    X(SWAP, true)         /* expected (data NULL: absent), value, ttl_ms */                        \
    X(ATOMIC, true)       /* checks, items */                                                      \
    X(CHANGES, false)     /* since: the log after that commit, see below */                        \
    X(STATS, false)       /* {entries…}: a map of numbers about the file */

enum op_kind {
#define X(id, writes) OP_##id,
    OP_LIST(X)
#undef X
        OP_KIND_COUNT
};

/* What is known about the label before the file is asked. */
enum op_label_rule {
    LABEL_GRANTED,    /* go ahead */
    LABEL_IF_PRESENT, /* only if the file holds it already, else ERR_NO_SUCH_STORE */
    LABEL_REFUSED,    /* ERR_ACCESS_DENIED if the file holds it, else ERR_NO_SUCH_STORE */
};

/* OP_CHANGES with this `since` asks for nothing but the place in the order of commits. */
#define OP_SINCE_NOW UINT64_MAX

struct op {
    struct list link;              /* in the batcher's queue */
    enum op_kind kind;
    enum op_label_rule label_rule;
    struct slice label;            /* slices and readers belong to whoever made the op … */
    struct slice key;              /* … and stay until on_done */
    struct slice value;
    struct slice expected;         /* OP_SWAP; data NULL: no entry is expected */
    struct slice prefix;           /* listings; len 0: all */
    struct slice cursor;           /* listings: go on behind this one; data NULL: from the start */
    uint32_t limit;                /* listings: most keys, > 0 */
    bool reverse;                  /* listings: from the last key to the first */
    bool want_ttl;                 /* OP_ENTRIES: with what each has left to live */
    bool want_commit;              /* the answer shall carry `commit` */
    bool want_values;              /* OP_CHANGES: with the values of now, else nil for each */
    int64_t ttl_ms;                /* 0: none */
    int64_t delta;                 /* OP_INCREMENT */
    uint64_t since;                /* OP_CHANGES: the commit behind which to begin */
    struct reader items;           /* the elements of the params' array, validated by the maker */
    uint32_t item_count;
    struct reader checks;          /* OP_ATOMIC */
    uint32_t check_count;
    int status;                    /* once run: 0 or ERR_… */
    char *error;                   /* once run: the reason when status is not 0; may be NULL */
    struct buffer result;          /* once run: the result in MessagePack, ready to be sent; empty: nil,
                                      which a set or delete results in */
    bool lasting;                  /* once run, a read of entries: none of them has a time to live */
    uint64_t commit;               /* once run: the batch of a write that changed something, else
                                      the last one committed before */
    bool (*may_run)(struct op *op); /* on the loop, when its turn has come: false if its maker has taken
                                       it back, for now; NULL: always */
    void (*on_done)(struct op *op); /* on the loop's thread; the op is then its maker's again */
};

/* OP_CHANGES results in [[commit, key, kind, value or nil]…], oldest first, of op->label alone, the
 * values being those of now, and nil unless op->want_values; op->commit is the last commit that it covers: none of its own batch. Fails with
 * ERR_COMPACTED when the log does not reach back to `since`. */

void op_init(struct op *op, enum op_kind kind, void (*on_done)(struct op *op));
/* Frees result and error. */
void op_fini(struct op *op);
bool op_is_write(const struct op *op);
/* Whether it looks at one entry only, however many there are. */
bool op_is_single(const struct op *op);
/* Record a failure; the text is copied (lost, but not the status, when memory is short). */
void op_fail(struct op *op, int status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Back to how it was before it ran. */
void op_reset(struct op *op);

#endif
