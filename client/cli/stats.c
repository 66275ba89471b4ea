/* stats: the daemon's numbers, or an app's. */
#include <string.h>

#include "client/cli/answer.h"
#include "client/cli/appref.h"
#include "client/cli/command.h"
#include "client/cli/session.h"

static void print_json(struct output *out, const bobbin_stats *stats)
{
    json_t *object = json_object();

    for (size_t i = 0; i < stats->count; i++) {
        const bobbin_stat *s = &stats->items[i];

        if (s->is_text)
            answer_set_bytes(&object, s->name, s->text, strlen(s->text));
        else
            answer_set(&object, s->name, json_integer(s->number));
    }
    output_json(out, object);
}

static void print_table(struct output *out, const bobbin_stats *stats)
{
    size_t width = 0;

    for (size_t i = 0; i < stats->count; i++) {
        size_t len = strlen(stats->items[i].name);

        width = len > width ? len : width;
    }
    for (size_t i = 0; i < stats->count; i++) {
        const bobbin_stat *s = &stats->items[i];

        output_cell(out, s->name, width + 2, COLOUR_NONE);
        if (s->is_text)
            output_clean(out, s->text, strlen(s->text));
        else
            output_print(out, "%lld", (long long)s->number);
        output_print(out, "\n");
    }
}

static bobbin_status get_stats(bobbin *b, const char *app, void *arg)
{
    return bobbin_stats_get(b, app, arg);
}

int stats_run(const struct options *o, struct output *out)
{
    bobbin_stats *stats = NULL;
    bobbin *b;
    bobbin_status status;
    int exit_status = session_open(o, out, &b);

    if (exit_status != EXIT_DONE)
        return exit_status;
    if (appref_of(o)) {
        exit_status = appref_call(appref_of(o), b, out, get_stats, &stats);
    } else {
        status = bobbin_stats_get(b, NULL, &stats);
        if (status != BOBBIN_OK)
            exit_status = session_error(out, b, status, "cannot tell the daemon's numbers");
    }
    if (exit_status == EXIT_DONE && out->json)
        print_json(out, stats);
    else if (exit_status == EXIT_DONE)
        print_table(out, stats);
    bobbin_stats_free(stats);
    bobbin_close(b);
    return exit_status;
}
