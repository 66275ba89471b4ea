/* top: what the processes of all apps use, refreshed. */
#include <stdlib.h>
#include <string.h>

#include "client/cli/command.h"
#include "client/cli/interrupt.h"
#include "client/cli/session.h"
#include "client/cli/status.h"
#include "client/cli/words.h"

#define REFRESH_MS 2000
#define HOME_AND_CLEAR "\033[H\033[J"

struct row {
    const bobbin_app_status *app;
    const bobbin_component_status *component;
};

/* The largest first. */
static int by_memory(const void *a, const void *b)
{
    const struct row *x = a, *y = b;
    int64_t m = x->component->memory_bytes, n = y->component->memory_bytes;

    return m < n ? 1 : m > n ? -1 : strcmp(x->app->name, y->app->name);
}

static void print_row(struct output *out, const struct row *row)
{
    const bobbin_component_status *c = row->component;

    output_cell(out, row->app->name, 20, COLOUR_NONE);
    output_print(out, " ");
    output_cell(out, c->id, 14, COLOUR_NONE);
    output_print(out, "%3u %8lld %9.1f %9.2f %7llu  ", c->instance, (long long)c->pid,
                 (double)c->memory_bytes / (1 << 20), (double)c->cpu_ms / 1000,
                 (unsigned long long)row->app->requests_per_second);
    output_cell(out, c->state, 0, words_state_colour(c->state));
    output_print(out, "\n");
}

static int print_rows(struct output *out, const bobbin_app_list *list)
{
    struct row *rows;
    size_t count = 0, n = 0;

    for (size_t i = 0; i < list->count; i++)
        count += list->apps[i].component_count;
    rows = calloc(count + 1, sizeof(*rows));
    if (!rows)
        return output_error(out, "other", "out of memory");
    for (size_t i = 0; i < list->count; i++)
        for (size_t k = 0; k < list->apps[i].component_count; k++)
            if (list->apps[i].components[k].pid)
                rows[n++] = (struct row){&list->apps[i], &list->apps[i].components[k]};
    qsort(rows, n, sizeof(*rows), by_memory);
    output_print(out, "%zu apps, %zu processes\n", list->count, n);
    output_print(out, "%-20s %-14s%3s %8s %9s %9s %7s  %s\n", "APP", "COMPONENT", "N", "PID",
                 "MEM MiB", "CPU s", "APP/s", "STATE");
    for (size_t i = 0; i < n; i++)
        print_row(out, &rows[i]);
    free(rows);
    return EXIT_DONE;
}

static int show(struct output *out, bobbin *b)
{
    bobbin_app_list *list;
    bobbin_status status = bobbin_app_list_get(b, &list);
    int exit_status = EXIT_DONE;

    if (status != BOBBIN_OK)
        return session_error(out, b, status, "cannot list the apps");
    if (out->terminal && !out->json)
        output_print(out, HOME_AND_CLEAR);
    if (out->json)
        status_print_all(out, list);
    else
        exit_status = print_rows(out, list);
    output_flush(out);
    bobbin_app_list_free(list);
    return exit_status;
}

int top_run(const struct options *o, struct output *out)
{
    uint64_t left = o->count;
    bobbin *b;
    int exit_status = session_open(o, out, &b);

    if (exit_status != EXIT_DONE)
        return exit_status;
    interrupt_block();
    do
        exit_status = show(out, b);
    while (exit_status == EXIT_DONE && !out->error && (o->count == 0 || --left > 0) &&
           interrupt_wait(REFRESH_MS) == 0);
    interrupt_unblock();
    bobbin_close(b);
    return exit_status;
}
