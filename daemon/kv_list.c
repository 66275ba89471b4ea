/* The methods that list a page at a time: keys, entries. */
#include "daemon/dispatch.h"
#include "daemon/kv_params.h"
#include "daemon/options_map.h"
#include "protocol/limits.h"

static int kv_read_list_options(struct request *r, struct error *e)
{
    uint64_t limit = 0;
    const struct option_field fields[] = {
        {"prefix", OPTION_BYTES, &r->op.prefix, 0, 0},
        {"cursor", OPTION_BYTES, &r->op.cursor, 0, 0},
        {"limit", OPTION_UINT, &limit, 0, 0},
        {"reverse", OPTION_BOOL, &r->op.reverse, 0, 0},
        {"commit", OPTION_BOOL, &r->op.want_commit, 0, 0},
        /* Last: keys has it not. */
        {"ttl", OPTION_BOOL, &r->op.want_ttl, 0, 0},
    };
    size_t count = sizeof fields / sizeof *fields - (r->op.kind == OP_ENTRIES ? 0 : 1);
    int rc = 0;
    if (r->param_count > 1)
        rc = options_map_read(&r->params, method_table[r->method].name, fields,
                              count, e);
    limit = limit ? limit : LIMIT_PAGE_DEFAULT;
    r->op.limit = (uint32_t)(limit > LIMIT_PAGE ? LIMIT_PAGE : limit);
    return rc;
}

static int kv_list(struct request *r, enum op_kind kind, struct error *e)
{
    int rc = kv_begin(r, kind, e);
    if (!rc)
        rc = kv_read_list_options(r, e);
    return rc ? rc : kv_submit(r);
}

int kv_keys(struct request *r, struct error *e)
{
    return kv_list(r, OP_KEYS, e);
}

int kv_entries(struct request *r, struct error *e)
{
    return kv_list(r, OP_ENTRIES, e);
}
