#include "logs.h"

#include <limits.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "fields.h"
#include "handle.h"
#include "result.h"
#include "zone.h"

struct log_page {
    bobbin_log_page page;
    struct zone zone;
};

struct event_list {
    bobbin_event_list list;
    struct zone zone;
};

/* Fewer bytes of the answer no line, and no event, takes. */
#define LINE_WIRE 6
#define EVENT_WIRE 32

static bobbin_status logs_wrong(struct failure *f, const char *what)
{
    return failure_set(f, BOBBIN_BAD_RESPONSE, "the daemon's answer is wrong: %s", what);
}

/* [[element…], …]: memory for the elements, no more than the answer can hold. */
static void *read_header(struct reader *r, struct zone *zone, size_t wire, size_t size,
                         uint32_t *ret_count, struct failure *f)
{
    uint32_t count;
    if (reader_array(r, &count) != 0 || count != 2 || reader_array(r, &count) != 0 ||
        count > (size_t)(r->end - r->pos) / wire) {
        logs_wrong(f, "it is not a list");
        return NULL;
    }
    void *elements = zone_alloc(zone, count, size);
    if (elements == NULL)
        failure_no_memory(f);
    *ret_count = count;
    return elements;
}

static bobbin_status keep_bytes(struct zone *zone, struct slice s, bobbin_string *ret,
                                struct failure *f)
{
    *ret = (bobbin_string){zone_copy(zone, s), s.len};
    return ret->data != NULL ? BOBBIN_OK : failure_no_memory(f);
}

static bobbin_status read_line(struct reader *r, struct zone *zone, bobbin_log_line *ret,
                               struct failure *f)
{
    struct slice component, stream, text;
    uint64_t instance;
    uint32_t count;
    if (reader_array(r, &count) != 0 || count != 5 || reader_int(r, &ret->time_ms) != 0 ||
        reader_str(r, &component) != 0 || reader_uint(r, &instance) != 0 || instance > UINT_MAX ||
        reader_str(r, &stream) != 0 || reader_bytes(r, &text) != 0)
        return logs_wrong(f, "a line is not one");
    ret->instance = (unsigned)instance;
    ret->component = zone_copy(zone, component);
    ret->stream = zone_copy(zone, stream);
    if (ret->component == NULL || ret->stream == NULL)
        return failure_no_memory(f);
    return keep_bytes(zone, text, &ret->text, f);
}

static bobbin_status read_page(struct reader *r, struct log_page *p, struct failure *f)
{
    struct slice cursor;
    uint32_t count;
    bobbin_log_line *lines = read_header(r, &p->zone, LINE_WIRE, sizeof(*lines), &count, f);
    if (lines == NULL)
        return f->status;
    for (uint32_t i = 0; i < count; i++)
        if (read_line(r, &p->zone, &lines[i], f) != BOBBIN_OK)
            return f->status;
    p->page.count = count;
    p->page.lines = lines;
    if (reader_bytes(r, &cursor) != 0)
        return logs_wrong(f, "it has no cursor");
    return keep_bytes(&p->zone, cursor, &p->page.cursor, f);
}

bobbin_status logs_read(struct reader *r, bobbin_log_page **ret, struct failure *f)
{
    struct log_page *p = calloc(1, sizeof(*p));
    if (p == NULL)
        return failure_no_memory(f);
    bobbin_status status = read_page(r, p, f);
    if (status == BOBBIN_OK)
        *ret = &p->page;
    else
        bobbin_log_page_free(&p->page);
    return status;
}

static void read_event_field(struct fields *fs, bobbin_event *ret)
{
    int64_t n = 0;
    if (fields_is(fs, "number")) {
        fields_int(fs, 0, INT64_MAX, &n);
        ret->number = (uint64_t)n;
    } else if (fields_is(fs, "time")) {
        fields_int(fs, INT64_MIN, INT64_MAX, &ret->time_ms);
    } else if (fields_is(fs, "app")) {
        fields_string(fs, &ret->app);
    } else if (fields_is(fs, "directory")) {
        fields_string(fs, &ret->directory);
    } else if (fields_is(fs, "component")) {
        fields_string_or_nil(fs, &ret->component);
    } else if (fields_is(fs, "instance")) {
        fields_int(fs, 0, UINT_MAX, &n);
        ret->instance = (unsigned)n;
    } else if (fields_is(fs, "event")) {
        fields_string(fs, &ret->event);
    } else if (fields_is(fs, "text")) {
        fields_string(fs, &ret->text);
    } else {
        fields_skip(fs);
    }
}

static bobbin_status read_event(struct reader *r, struct zone *zone, bobbin_event *ret,
                                struct failure *f)
{
    struct fields fs = fields_begin(r, zone, "event", f);
    ret->text = "";
    while (fields_next(&fs))
        read_event_field(&fs, ret);
    fields_require(&fs, ret->app, "app");
    fields_require(&fs, ret->directory, "directory");
    fields_require(&fs, ret->event, "event");
    return f->status;
}

static bobbin_status read_list(struct reader *r, struct event_list *l, struct failure *f)
{
    uint32_t count;
    bobbin_event *events = read_header(r, &l->zone, EVENT_WIRE, sizeof(*events), &count, f);
    if (events == NULL)
        return f->status;
    for (uint32_t i = 0; i < count; i++)
        if (read_event(r, &l->zone, &events[i], f) != BOBBIN_OK)
            return f->status;
    l->list.count = count;
    l->list.events = events;
    if (reader_uint(r, &l->list.last) != 0)
        return logs_wrong(f, "it has no last number");
    return BOBBIN_OK;
}

bobbin_status logs_read_events(struct reader *r, bobbin_event_list **ret, struct failure *f)
{
    struct event_list *l = calloc(1, sizeof(*l));
    if (l == NULL)
        return failure_no_memory(f);
    bobbin_status status = read_list(r, l, f);
    if (status == BOBBIN_OK)
        *ret = &l->list;
    else
        bobbin_event_list_free(&l->list);
    return status;
}

bobbin_status bobbin_app_logs(bobbin *b, const char *app, const bobbin_logs_options *options,
                              bobbin_log_page **ret_page)
{
    struct result res;
    bobbin_request q = {.kind = BOBBIN_REQUEST_APP_LOGS, .app = app, .logs = options};
    if (ret_page == NULL)
        return handle_misuse(b, "there is nowhere to put the lines");
    bobbin_status status = handle_run(b, &q, &res);
    if (status == BOBBIN_OK)
        *ret_page = res.log_page;
    return status;
}

bobbin_status bobbin_event_list_get(bobbin *b, const bobbin_events_options *options,
                                    bobbin_event_list **ret_list)
{
    struct result res;
    bobbin_request q = {.kind = BOBBIN_REQUEST_EVENTS, .happened = options};
    if (ret_list == NULL)
        return handle_misuse(b, "there is nowhere to put the events");
    bobbin_status status = handle_run(b, &q, &res);
    if (status == BOBBIN_OK)
        *ret_list = res.happened;
    return status;
}

void bobbin_log_page_free(bobbin_log_page *page)
{
    if (page == NULL)
        return;
    struct log_page *p = (struct log_page *)(void *)((char *)page - offsetof(struct log_page, page));
    zone_fini(&p->zone);
    free(p);
}

void bobbin_event_list_free(bobbin_event_list *list)
{
    if (list == NULL)
        return;
    struct event_list *l =
        (struct event_list *)(void *)((char *)list - offsetof(struct event_list, list));
    zone_fini(&l->zone);
    free(l);
}
