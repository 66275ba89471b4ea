/* upgrade: another program takes the daemon's place, and the apps go on. */
#include <string.h>

#include "client/cli/command.h"
#include "client/cli/session.h"

static const bobbin_stat *find(const bobbin_stats *stats, const char *name)
{
    for (size_t i = 0; i < stats->count; i++)
        if (strcmp(stats->items[i].name, name) == 0)
            return &stats->items[i];
    return NULL;
}

static const char *text_of(const bobbin_stats *stats, const char *name)
{
    const bobbin_stat *s = find(stats, name);

    return s && s->is_text ? s->text : "?";
}

static long long number_of(const bobbin_stats *stats, const char *name)
{
    const bobbin_stat *s = find(stats, name);

    return s && !s->is_text ? s->number : -1;
}

static void print_result(struct output *out, const bobbin_stats *stats)
{
    const char *version = text_of(stats, "version"), *previous = text_of(stats, "previous");
    long long processes = number_of(stats, "processes"), pause_ms = number_of(stats, "pause_ms");

    if (out->json)
        output_json(out, json_pack("{s:s, s:s, s:I, s:o}", "version", version, "previous", previous,
                                   "processes", (json_int_t)processes, "pause_ms",
                                   pause_ms < 0 ? json_null() : json_integer(pause_ms)));
    else if (pause_ms < 0)
        output_print(out, "bobbind %s cannot take over from %s: it starts the apps anew\n", version,
                     previous);
    else
        output_print(
            out,
            "bobbind %s took over from %s: %lld app process%s went on, requests waited %lld ms\n",
            version, previous, processes, processes == 1 ? "" : "es", pause_ms);
}

int upgrade_run(const struct options *o, struct output *out)
{
    bobbin_stats *stats = NULL;
    bobbin *b;
    bobbin_status status;
    int exit_status = session_open(o, out, &b);

    if (exit_status != EXIT_DONE)
        return exit_status;
    status = bobbin_daemon_upgrade(b, &stats);
    if (status != BOBBIN_OK)
        exit_status = session_error(out, b, status, "the daemon was not upgraded");
    else
        print_result(out, stats);
    bobbin_stats_free(stats);
    session_close(o, b);
    return exit_status;
}
