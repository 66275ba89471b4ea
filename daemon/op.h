/* One operation on a store: what is asked, and once it has run, what came of it. Pure data. */
#ifndef BOBBIN_DAEMON_OP_H
#define BOBBIN_DAEMON_OP_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/list.h"
#include "protocol/buffer.h"
#include "protocol/errors.h"
#include "protocol/reader.h"

enum op_kind {
    OP_LABELS, /* the labels that the file holds: [str…] */
    OP_GET,    /* bin or nil */
    OP_SET,    /* nil */
    OP_DELETE, /* nil */
    OP_EXISTS, /* bool */
    OP_KEYS,   /* [[str…], bin or nil] */
};

/* What is known about the label before the file is asked. */
enum op_label_rule {
    LABEL_GRANTED,    /* go ahead */
    LABEL_IF_PRESENT, /* only if the file holds it already, else ERR_NO_SUCH_STORE */
    LABEL_REFUSED,    /* ERR_ACCESS_DENIED if the file holds it, else ERR_NO_SUCH_STORE */
};

struct op {
    struct list link; /* in the batcher's queue */
    enum op_kind kind;
    enum op_label_rule label_rule;
    struct slice label;   /* the slices belong to whoever made the op … */
    struct slice key;     /* … and stay until on_done */
    struct slice value;   /* OP_SET */
    struct slice prefix;  /* OP_KEYS */
    struct slice cursor;  /* OP_KEYS: list keys behind this one; data NULL: from the start */
    uint32_t limit;       /* OP_KEYS: most keys, > 0 */
    int status;           /* once run: 0 or ERR_… */
    char *error;          /* once run: the reason when status is not 0; may be NULL */
    struct buffer result; /* once run: the result in MessagePack, ready to be sent */
    void (*on_done)(struct op *op); /* on the loop's thread; the op is then its maker's again */
};

void op_init(struct op *op, enum op_kind kind, void (*on_done)(struct op *op));
/* Frees result and error. */
void op_fini(struct op *op);
bool op_is_write(const struct op *op);
/* Record a failure; the text is copied (lost, but not the status, when memory is short). */
void op_fail(struct op *op, int status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Back to how it was before it ran. */
void op_reset(struct op *op);

#endif
