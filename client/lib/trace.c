#include "trace.h"

#include <stddef.h>
#include <stdlib.h>

#include "handle.h"
#include "result.h"
#include "zone.h"

struct trace_list {
    bobbin_trace_list list;
    struct zone zone;
};

/* Elements of an operation: fewer bytes of the answer it does not take. */
#define TRACED_FIELDS 13

static bobbin_status trace_wrong(struct failure *f, const char *what)
{
    return failure_set(f, BOBBIN_BAD_RESPONSE, "the daemon's answer is wrong: %s", what);
}

static bool read_text(struct reader *r, struct zone *zone, const char **ret)
{
    struct slice s;
    if (reader_str(r, &s) != 0)
        return false;
    *ret = zone_copy(zone, s);
    return true;
}

static bool read_text_or_nil(struct reader *r, struct zone *zone, const char **ret)
{
    return reader_peek(r) == READER_NIL ? reader_nil(r) == 0 : read_text(r, zone, ret);
}

static bobbin_status read_traced(struct reader *r, struct zone *zone, bobbin_traced *ret,
                                 struct failure *f)
{
    uint64_t request = 0;
    uint32_t count;
    bool right = reader_array(r, &count) == 0 && count == TRACED_FIELDS &&
                 reader_uint(r, &ret->number) == 0 && reader_int(r, &ret->time_ms) == 0 &&
                 reader_uint(r, &ret->connection) == 0 && reader_uint(r, &request) == 0 &&
                 request <= UINT32_MAX && read_text_or_nil(r, zone, &ret->component) &&
                 reader_int(r, &ret->pid) == 0 && read_text(r, zone, &ret->method) &&
                 read_text(r, zone, &ret->store) && read_text(r, zone, &ret->key) &&
                 reader_uint(r, &ret->in) == 0 && reader_uint(r, &ret->out) == 0 &&
                 reader_uint(r, &ret->ns) == 0 && read_text_or_nil(r, zone, &ret->error);
    if (!right)
        return trace_wrong(f, "an operation is not one");
    ret->request = (uint32_t)request;
    if (ret->method == NULL || ret->store == NULL || ret->key == NULL)
        return failure_no_memory(f);
    return BOBBIN_OK;
}

static bobbin_status read_list(struct reader *r, struct trace_list *l, struct failure *f)
{
    uint32_t count;
    if (reader_array(r, &count) != 0 || count != 3 || reader_array(r, &count) != 0 ||
        count > (size_t)(r->end - r->pos) / TRACED_FIELDS)
        return trace_wrong(f, "it is not a list");
    bobbin_traced *operations = zone_alloc(&l->zone, count, sizeof(*operations));
    if (operations == NULL)
        return failure_no_memory(f);
    for (uint32_t i = 0; i < count; i++)
        if (read_traced(r, &l->zone, &operations[i], f) != BOBBIN_OK)
            return f->status;
    l->list.count = count;
    l->list.operations = operations;
    if (reader_uint(r, &l->list.last) != 0 || reader_uint(r, &l->list.dropped) != 0)
        return trace_wrong(f, "it has no last number");
    return BOBBIN_OK;
}

bobbin_status trace_read(struct reader *r, bobbin_trace_list **ret, struct failure *f)
{
    struct trace_list *l = calloc(1, sizeof(*l));
    if (l == NULL)
        return failure_no_memory(f);
    bobbin_status status = read_list(r, l, f);
    if (status == BOBBIN_OK)
        *ret = &l->list;
    else
        bobbin_trace_list_free(&l->list);
    return status;
}

bobbin_status bobbin_trace_list_get(bobbin *b, const char *app, const bobbin_trace_options *options,
                                    bobbin_trace_list **ret_list)
{
    struct result res;
    bobbin_request q = {.kind = BOBBIN_REQUEST_TRACE, .app = app, .tracing = options};
    if (ret_list == NULL)
        return handle_misuse(b, "there is nowhere to put the operations");
    bobbin_status status = handle_run(b, &q, &res);
    if (status == BOBBIN_OK)
        *ret_list = res.traced;
    return status;
}

void bobbin_trace_list_free(bobbin_trace_list *list)
{
    if (list == NULL)
        return;
    struct trace_list *l =
        (struct trace_list *)(void *)((char *)list - offsetof(struct trace_list, list));
    zone_fini(&l->zone);
    free(l);
}
