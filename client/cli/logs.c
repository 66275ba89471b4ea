/* logs: what the components of an app have written. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "client/cli/appref.h"
#include "client/cli/bytes.h"
#include "client/cli/command.h"
#include "client/cli/interrupt.h"
#include "client/cli/moment.h"
#include "client/cli/session.h"
#include "client/cli/words.h"

/* How often it is looked for more. */
#define FOLLOW_MS 250
/* So many at once when all of a span of time is wanted. */
#define LINES_PAGE 5000

struct reading {
    bobbin_logs_options options;
    bool all;              /* from a time on, page by page */
    int64_t from_ms;       /* of the last so many lines only those since then; 0: all of them */
    bobbin_log_page *page; /* owned */
};

static bobbin_status get_page(bobbin *b, const char *app, void *arg)
{
    struct reading *reading = arg;
    bobbin_log_page *page;
    bobbin_status status = bobbin_app_logs(b, app, &reading->options, &page);

    if (status != BOBBIN_OK)
        return status;
    bobbin_log_page_free(reading->page);
    reading->page = page;
    reading->options.cursor = page->cursor.data;
    reading->options.cursor_len = page->cursor.len;
    return BOBBIN_OK;
}

static void print_json(struct output *out, const bobbin_log_line *line)
{
    json_t *object = json_object();

    json_object_set_new(object, "time", line->time_ms ? json_integer(line->time_ms) : json_null());
    json_object_set_new(object, "component", json_string(line->component));
    json_object_set_new(object, "instance", json_integer((json_int_t)line->instance));
    json_object_set_new(object, "stream", json_string(line->stream));
    if (bytes_json_set(object, "text", line->text.data, line->text.len)) {
        json_decref(object);
        object = NULL;
    }
    output_json(out, object);
}

static void print_line(struct output *out, const bobbin_log_line *line)
{
    bool err = strcmp(line->stream, "stderr") == 0;
    time_t seconds = (time_t)(line->time_ms / 1000);
    char when[32] = "", name[200];
    struct tm tm;

    if (line->time_ms && localtime_r(&seconds, &tm))
        strftime(when, sizeof(when), "%b %d %H:%M:%S", &tm);
    if (line->instance > 1)
        snprintf(name, sizeof(name), "%s@%u", line->component, line->instance);
    else
        snprintf(name, sizeof(name), "%s", line->component);
    output_cell(out, when, strlen("Jan 01 00:00:00"), COLOUR_DIM);
    output_print(out, " ");
    output_cell(out, name, 0, err ? COLOUR_RED : COLOUR_CYAN);
    output_print(out, err ? "! " : "  ");
    output_clean(out, line->text.data, line->text.len);
    output_print(out, "\n");
}

static void print_page(struct output *out, const bobbin_log_page *page, int64_t from_ms)
{
    for (size_t i = 0; i < page->count; i++) {
        if (page->lines[i].time_ms < from_ms)
            continue;
        if (out->json)
            print_json(out, &page->lines[i]);
        else
            print_line(out, &page->lines[i]);
    }
    output_flush(out);
}

/* Whether there may be more at once. */
static bool goes_on(const struct options *o, const struct reading *reading)
{
    bool follow = o->given & OPTION_BIT(FOLLOW);

    if (reading->page->count > 0 && (follow || reading->all))
        return true;
    return follow && interrupt_wait(FOLLOW_MS) == 0;
}

/* From --since or --last; with --lines, so many of the last ones at most. */
static int read_span(const struct options *o, struct reading *reading, struct output *out)
{
    int64_t now_ms = words_now_ms(), from_ms = now_ms - o->last_ms;

    if (options_has(o, OPTION_SINCE) && moment_parse(o->since_text, now_ms, &from_ms))
        return output_error(out, "usage",
                            "--since wants a time such as 10m, 14:30, '2024-01-31 14:30' or "
                            "@1700000000, not '%s'",
                            o->since_text);
    if (!options_has(o, OPTION_SINCE) && !options_has(o, OPTION_LAST))
        return EXIT_DONE;
    from_ms = from_ms > 0 ? from_ms : 1;
    if (options_has(o, OPTION_LINES)) {
        reading->from_ms = from_ms;
        return EXIT_DONE;
    }
    reading->all = true;
    reading->options.since_ms = from_ms;
    reading->options.lines = LINES_PAGE;
    return EXIT_DONE;
}

int logs_run(const struct options *o, struct output *out)
{
    struct reading reading = {.options = {.component = o->component, .lines = (uint32_t)o->lines}};
    bool follow = o->given & OPTION_BIT(FOLLOW);
    bobbin *b;
    int exit_status;

    if (o->lines > 10000)
        return output_error(out, "usage", "--lines is at most 10000");
    reading.options.partial = !follow;
    exit_status = read_span(o, &reading, out);
    if (exit_status == EXIT_DONE)
        exit_status = session_open(o, out, &b);
    if (exit_status != EXIT_DONE)
        return exit_status;
    if (follow)
        interrupt_block();
    do {
        exit_status = appref_call(appref_of(o), b, out, get_page, &reading);
        if (exit_status == EXIT_DONE)
            print_page(out, reading.page, reading.from_ms);
        reading.options.since_ms = 0;
    } while (exit_status == EXIT_DONE && !out->error && goes_on(o, &reading));
    if (follow)
        interrupt_unblock();
    bobbin_log_page_free(reading.page);
    bobbin_close(b);
    return exit_status;
}
