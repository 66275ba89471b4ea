#include "daemon/op.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void op_init(struct op *op, enum op_kind kind, void (*on_done)(struct op *op))
{
    *op = (struct op){.kind = kind, .on_done = on_done};
    list_init(&op->link);
    buffer_init(&op->result);
}

void op_fini(struct op *op)
{
    op_reset(op);
}

bool op_is_write(const struct op *op)
{
    static const bool writes[OP_KIND_COUNT] = {
#define X(id, write) [OP_##id] = write,
        OP_LIST(X)
#undef X
    };

    return writes[op->kind];
}

bool op_is_single(const struct op *op)
{
    switch (op->kind) {
    case OP_GET:
    case OP_SET:
    case OP_DELETE:
    case OP_EXISTS:
    case OP_TTL:
    case OP_INCREMENT:
    case OP_SWAP:
        return true;
    default:
        return false;
    }
}

void op_fail(struct op *op, int status, const char *format, ...)
{
    va_list args;

    op_reset(op);
    op->status = status;
    va_start(args, format);
    if (vasprintf(&op->error, format, args) < 0)
        op->error = NULL;
    va_end(args);
}

void op_reset(struct op *op)
{
    free(op->error);
    op->error = NULL;
    op->status = 0;
    op->lasting = false;
    buffer_fini(&op->result);
}
