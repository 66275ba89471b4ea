/* events: what has happened to apps and their components. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "client/cli/appref.h"
#include "client/cli/command.h"
#include "client/cli/document.h"
#include "client/cli/interrupt.h"
#include "client/cli/session.h"
#include "client/cli/words.h"

/* How long one question waits for an event: as long as Ctrl-C may take. */
#define WAIT_MS 500

static void print_event(struct output *out, const bobbin_event *e)
{
    time_t seconds = (time_t)(e->time_ms / 1000);
    char when[32] = "", name[400];
    struct tm tm;

    if (localtime_r(&seconds, &tm))
        strftime(when, sizeof(when), "%b %d %H:%M:%S", &tm);
    if (e->component && e->instance > 1)
        snprintf(name, sizeof(name), "%s %s@%u", e->app, e->component, e->instance);
    else
        snprintf(name, sizeof(name), "%s%s%s", e->app, e->component ? " " : "",
                 e->component ? e->component : "");
    output_cell(out, when, strlen("Jan 01 00:00:00"), COLOUR_DIM);
    output_print(out, "  ");
    output_cell(out, name, 24, COLOUR_CYAN);
    output_print(out, "  ");
    output_cell(out, e->event, strlen("backing-off"), words_state_colour(e->event));
    if (e->text[0]) {
        output_print(out, "  ");
        output_clean(out, e->text, strlen(e->text));
    }
    output_print(out, "\n");
}

static void print_all(struct output *out, const bobbin_event_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        if (out->json)
            output_json(out, document_of_event(&list->events[i]));
        else
            print_event(out, &list->events[i]);
    }
    output_flush(out);
}

static int run(const struct options *o, struct output *out, bobbin *b,
               bobbin_events_options *options)
{
    bool follow = o->given & OPTION_BIT(FOLLOW);

    do {
        bobbin_event_list *list;
        bobbin_status status = bobbin_event_list_get(b, options, &list);
        if (status != BOBBIN_OK)
            return session_error(out, b, status, "cannot get the events");
        print_all(out, list);
        options->since = list->last;
        options->limit = 1024;
        options->wait_ms = WAIT_MS;
        bobbin_event_list_free(list);
    } while (follow && !out->error && interrupt_wait(0) == 0);
    return EXIT_DONE;
}

int events_run(const struct options *o, struct output *out)
{
    bool follow = o->given & OPTION_BIT(FOLLOW);
    const char *text = appref_of(o);
    char *directory = NULL;
    bobbin_events_options options = {.app = text, .limit = (uint32_t)o->lines};
    bobbin *b;
    int exit_status;

    if (o->lines > 1024)
        return output_error(out, "usage", "--lines is at most 1024");
    if (text && appref_is_directory(text)) {
        options.app = directory = appref_directory(text, out);
        if (!directory)
            return EXIT_TROUBLE;
    }
    exit_status = session_open(o, out, &b);
    if (exit_status == EXIT_DONE) {
        if (follow)
            interrupt_block();
        exit_status = run(o, out, b, &options);
        if (follow)
            interrupt_unblock();
        bobbin_close(b);
    }
    free(directory);
    return exit_status;
}
