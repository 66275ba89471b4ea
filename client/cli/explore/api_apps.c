/* Apps, their processes, logs and events. */
#include <stdlib.h>
#include <string.h>

#include "client/cli/bytes.h"
#include "client/cli/document.h"
#include "client/cli/explore/api.h"
#include "client/cli/status.h"

static json_t *stats_json(const bobbin_stats *stats)
{
    json_t *object = json_object();

    for (size_t i = 0; i < stats->count; i++) {
        const bobbin_stat *s = &stats->items[i];
        if (s->is_text)
            bytes_json_set(object, s->name, s->text, strlen(s->text));
        else
            json_object_set_new(object, s->name, json_integer(s->number));
    }
    return object;
}

/* The daemon's numbers and all apps. */
void api_overview(struct api_call *call)
{
    bobbin_stats *stats = NULL;
    bobbin_app_list *list = NULL;
    bobbin_status status = bobbin_stats_get(call->b, NULL, &stats);

    if (status == BOBBIN_OK)
        status = bobbin_app_list_get(call->b, &list);
    if (status == BOBBIN_OK) {
        json_t *apps = json_array();
        for (size_t i = 0; i < list->count; i++)
            json_array_append_new(apps, status_json(&list->apps[i]));
        api_answer(call, json_pack("{s:s, s:s, s:o, s:o}", "version", bobbin_server_version(call->b),
                                   "socket", bobbin_address(call->b), "stats", stats_json(stats),
                                   "apps", apps));
    } else {
        api_failed(call, status);
    }
    bobbin_stats_free(stats);
    bobbin_app_list_free(list);
}

/* One app and its numbers, also when its store cannot be opened. */
void api_app(struct api_call *call)
{
    const char *app = api_text(call, "app");
    bobbin_app_status *found = NULL;
    bobbin_stats *stats = NULL;
    bobbin_status status = bobbin_app_status_get(call->b, app, &found);
    json_t *trouble = NULL;

    if (status != BOBBIN_OK) {
        api_failed(call, status);
        return;
    }
    status = bobbin_stats_get(call->b, app, &stats);
    if (status != BOBBIN_OK)
        trouble = json_string(bobbin_error(call->b));
    api_answer(call, json_pack("{s:o, s:o, s:o}", "app", status_json(found), "stats",
                               stats ? stats_json(stats) : json_null(), "trouble",
                               trouble ? trouble : json_null()));
    bobbin_app_status_free(found);
    bobbin_stats_free(stats);
}

typedef bobbin_status action_fn(bobbin *b, const char *app, const char *component,
                                bobbin_app_status **ret);

static bobbin_status reload(bobbin *b, const char *app, const char *component,
                            bobbin_app_status **ret)
{
    (void)component;
    return bobbin_app_reload(b, app, ret);
}

static action_fn *find_action(const char *name)
{
    static const struct {
        const char *name;
        action_fn *run;
    } actions[] = {
        {"start", bobbin_app_start}, {"stop", bobbin_app_stop}, {"restart", bobbin_app_restart},
        {"reset", bobbin_app_reset}, {"reload", reload},
    };

    for (size_t i = 0; name && i < sizeof(actions) / sizeof(actions[0]); i++)
        if (strcmp(actions[i].name, name) == 0)
            return actions[i].run;
    return NULL;
}

/* Start, stop and the like, of an app or a component. */
void api_action(struct api_call *call)
{
    action_fn *action = find_action(api_text(call, "do"));
    bobbin_app_status *found = NULL;
    bobbin_status status;

    if (!action) {
        api_error(call, 422, "invalid-request", "do: start, stop, restart, reset or reload");
        return;
    }
    status = action(call->b, api_text(call, "app"), api_text(call, "component"), &found);
    if (status == BOBBIN_OK)
        api_answer(call, json_pack("{s:o}", "app", status_json(found)));
    else
        api_failed(call, status);
    bobbin_app_status_free(found);
}

/* What is not UTF-8 is shown as well as it can be. */
static json_t *text_json(const bobbin_string *text)
{
    json_t *string = json_stringn(text->data, text->len);
    char *copy;

    if (string)
        return string;
    copy = malloc(text->len + 1);
    if (!copy)
        return NULL;
    for (size_t i = 0; i < text->len; i++)
        copy[i] = (unsigned char)text->data[i] < 0x80 ? text->data[i] : '?';
    string = json_stringn(copy, text->len);
    free(copy);
    return string;
}

static json_t *line_json(const bobbin_log_line *line)
{
    return json_pack("{s:I, s:s, s:i, s:s, s:o}", "time", (json_int_t)line->time_ms, "component",
                     line->component, "instance", (int)line->instance, "stream", line->stream,
                     "text", text_json(&line->text));
}

void api_logs(struct api_call *call)
{
    const char *cursor = api_text(call, "cursor"), *component = api_text(call, "component");
    int64_t lines = api_number(call, "lines");
    bobbin_logs_options options = {.component = component,
                                   .lines = lines > 0 && lines <= 2000 ? (uint32_t)lines : 200};
    char *bytes = NULL, *next;
    bobbin_log_page *page = NULL;
    bobbin_status status;
    json_t *list;

    if (cursor && (bytes = malloc(strlen(cursor) + 1))) {
        options.cursor_len = bytes_from_base64(cursor, strlen(cursor), bytes);
        options.cursor = options.cursor_len == SIZE_MAX ? NULL : bytes;
    }
    status = bobbin_app_logs(call->b, api_text(call, "app"), &options, &page);
    free(bytes);
    if (status != BOBBIN_OK) {
        api_failed(call, status);
        return;
    }
    list = json_array();
    for (size_t i = 0; i < page->count; i++)
        json_array_append_new(list, line_json(&page->lines[i]));
    next = bytes_base64(page->cursor.data, page->cursor.len);
    api_answer(call, json_pack("{s:o, s:s?}", "lines", list, "cursor", next));
    free(next);
    bobbin_log_page_free(page);
}

void api_events(struct api_call *call)
{
    int64_t since = api_number(call, "since");
    bobbin_events_options options = {.app = api_text(call, "app"),
                                     .since = since > 0 ? (uint64_t)since : 0,
                                     .limit = 200};
    bobbin_event_list *list = NULL;
    bobbin_status status = bobbin_event_list_get(call->b, &options, &list);
    json_t *events;

    if (status != BOBBIN_OK) {
        api_failed(call, status);
        return;
    }
    events = json_array();
    for (size_t i = 0; i < list->count; i++)
        json_array_append_new(events, document_of_event(&list->events[i]));
    api_answer(call, json_pack("{s:o, s:I}", "events", events, "last", (json_int_t)list->last));
    bobbin_event_list_free(list);
}

/* Live operations, from a number on. */
void api_trace(struct api_call *call)
{
    int64_t since = api_number(call, "since");
    bobbin_trace_options options = {.since = since > 0 ? (uint64_t)since : 0, .limit = 500};
    bobbin_trace_list *list = NULL;
    bobbin_status status =
        bobbin_trace_list_get(call->b, api_text(call, "app"), &options, &list);
    json_t *operations;

    if (status != BOBBIN_OK) {
        api_failed(call, status);
        return;
    }
    operations = json_array();
    for (size_t i = 0; i < list->count; i++)
        json_array_append_new(operations, document_of_traced(&list->operations[i]));
    api_answer(call, json_pack("{s:o, s:I, s:I}", "operations", operations, "last",
                               (json_int_t)list->last, "dropped", (json_int_t)list->dropped));
    bobbin_trace_list_free(list);
}
