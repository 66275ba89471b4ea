/* trace: an app's live operations. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "client/cli/appref.h"
#include "client/cli/command.h"
#include "client/cli/document.h"
#include "client/cli/interrupt.h"
#include "client/cli/session.h"

/* How long one question waits for an operation: as long as Ctrl-C may take. */
#define WAIT_MS 500

struct tracing {
    struct output *out;
    bobbin *b;
    const char *app;
    uint64_t left;  /* operations to be shown; 0: no end */
    uint64_t since;
    bool began; /* it was asked before */
};

static void print_latency(struct output *out, uint64_t ns)
{
    if (ns < 1000000)
        output_print(out, "%7.1f us", (double)ns / 1e3);
    else
        output_print(out, "%7.1f ms", (double)ns / 1e6);
}

static void print_line(struct output *out, const bobbin_traced *t)
{
    time_t seconds = (time_t)(t->time_ms / 1000);
    char when[32] = "", who[32];
    struct tm tm;

    if (localtime_r(&seconds, &tm))
        strftime(when, sizeof(when), "%H:%M:%S", &tm);
    output_print(out, "%s.%03d ", when, (int)(t->time_ms % 1000));
    snprintf(who, sizeof(who), "%lld", (long long)t->pid);
    output_cell(out, t->component ? t->component : who, 12, COLOUR_DIM);
    print_latency(out, t->ns);
    output_print(out, " %7llu %7llu  ", (unsigned long long)t->in, (unsigned long long)t->out);
    output_cell(out, t->method, 12, COLOUR_CYAN);
    output_print(out, " ");
    output_clean(out, t->store, strlen(t->store));
    output_print(out, t->key[0] ? " " : "");
    output_clean(out, t->key, strlen(t->key));
    if (t->error) {
        output_print(out, "  ");
        output_cell(out, t->error, 0, COLOUR_RED);
    }
    output_print(out, "\n");
}

static void print_all(struct tracing *t, const bobbin_trace_list *list)
{
    if (list->dropped)
        output_note(t->out, "%llu operations were not shown", (unsigned long long)list->dropped);
    for (size_t i = 0; i < list->count; i++) {
        if (t->out->json)
            output_json(t->out, document_of_traced(&list->operations[i]));
        else
            print_line(t->out, &list->operations[i]);
        if (t->left && --t->left == 0)
            return;
    }
}

/* The first question begins the trace; what follows is what happens from then on. */
static bobbin_status ask(struct tracing *t)
{
    bobbin_trace_options options = {.since = t->since, .wait_ms = t->began ? WAIT_MS : 0};
    bobbin_trace_list *list;
    bobbin_status status = bobbin_trace_list_get(t->b, t->app, &options, &list);

    if (status != BOBBIN_OK)
        return status;
    print_all(t, list);
    t->since = list->last;
    t->began = true;
    bobbin_trace_list_free(list);
    return BOBBIN_OK;
}

static bobbin_status find(bobbin *b, const char *app, void *arg)
{
    struct tracing *t = arg;
    bobbin_app_status *found;
    bobbin_status status = bobbin_app_status_get(b, app, &found);

    if (status != BOBBIN_OK)
        return status;
    t->app = strdup(found->directory);
    bobbin_app_status_free(found);
    return t->app ? BOBBIN_OK : BOBBIN_NO_MEMORY;
}

static int follow(struct tracing *t)
{
    bool counted = t->left > 0;
    bobbin_status status;

    if (!t->out->json && t->out->terminal)
        output_print(t->out, "%-12s %-12s%10s %7s %7s  %-12s %s\n", "TIME", "WHO", "TOOK", "IN",
                     "OUT", "METHOD", "STORE KEY");
    do {
        status = ask(t);
        output_flush(t->out);
        if (status != BOBBIN_OK)
            return session_error(t->out, t->b, status, "cannot trace '%s'", t->app);
    } while (!(counted && t->left == 0) && !t->out->error && interrupt_wait(0) == 0);
    return EXIT_DONE;
}

int trace_run(const struct options *o, struct output *out)
{
    struct tracing t = {.out = out, .left = o->count};
    int exit_status = session_open(o, out, &t.b);

    if (exit_status != EXIT_DONE)
        return exit_status;
    exit_status = appref_call(appref_of(o), t.b, out, find, &t);
    if (exit_status == EXIT_DONE) {
        interrupt_block();
        exit_status = follow(&t);
        interrupt_unblock();
    }
    free((void *)t.app);
    bobbin_close(t.b);
    return exit_status;
}
