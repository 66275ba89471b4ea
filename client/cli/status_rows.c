#include "client/cli/status_rows.h"

#include <stdio.h>
#include <string.h>

#include "client/cli/bytes.h"
#include "client/cli/words.h"

/* X(identifier, title, numbers stand on the right) */
#define COLUMN_LIST(X)                                                                             \
    X(APP, "APP", false)                                                                           \
    X(COMPONENT, "COMPONENT", false)                                                               \
    X(STATE, "STATE", false)                                                                       \
    X(SINCE, "SINCE", true)                                                                        \
    X(PID, "PID", true)                                                                            \
    X(RESTARTS, "RESTARTS", true)                                                                  \
    X(MEMORY, "MEMORY", true)                                                                      \
    X(CPU, "CPU", true)                                                                            \
    X(RATE, "OPS/S", true)                                                                         \
    X(STORE, "STORE", true)                                                                        \
    X(CONNECTIONS, "CONNS", true)                                                                  \
    X(LAST, "LAST EXIT", false)

enum column {
#define X(id, title, right) COLUMN_##id,
    COLUMN_LIST(X)
#undef X
        COLUMN_COUNT
};

static const struct {
    const char *title;
    bool right;
} columns[] = {
#define X(id, title, right) {title, right},
    COLUMN_LIST(X)
#undef X
};

/* Names are at most 128 bytes, ids are cut. */
#define CELL_MAX 160

struct row {
    char cells[COLUMN_COUNT][CELL_MAX];
    enum colour colour; /* of the state */
};

struct table {
    struct output *out;
    bool measuring; /* rows only widen the columns */
    int64_t now_ms;
    size_t widths[COLUMN_COUNT];
};

/* "1.4 MiB": three figures are enough. */
static void put_bytes(char *cell, uint64_t bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    double value = (double)bytes;
    size_t unit = 0;

    for (; value >= 1000 && unit + 1 < sizeof(units) / sizeof(units[0]); unit++)
        value /= 1024;
    snprintf(cell, CELL_MAX, unit > 0 && value < 10 ? "%.1f %s" : "%.0f %s", value, units[unit]);
}

static void put_cpu(char *cell, int64_t ms)
{
    if (ms < 600000)
        snprintf(cell, CELL_MAX, "%.2f s", (double)ms / 1000);
    else
        snprintf(cell, CELL_MAX, "%lld min", (long long)ms / 60000);
}

static void put_app(struct row *r, const bobbin_app_status *app)
{
    snprintf(r->cells[COLUMN_APP], CELL_MAX, "%s", app->name);
    snprintf(r->cells[COLUMN_RATE], CELL_MAX, "%llu", (unsigned long long)app->requests_per_second);
    snprintf(r->cells[COLUMN_CONNECTIONS], CELL_MAX, "%llu", (unsigned long long)app->connections);
    put_bytes(r->cells[COLUMN_STORE], app->store_bytes);
}

/* In the rows below its first one. */
static void put_nothing(struct row *r)
{
    static const enum column of_app[] = {COLUMN_APP, COLUMN_RATE, COLUMN_STORE, COLUMN_CONNECTIONS};

    for (size_t i = 0; i < sizeof(of_app) / sizeof(of_app[0]); i++)
        strcpy(r->cells[of_app[i]], " ");
}

static void put_component(struct row *r, const bobbin_component_status *c, int64_t now_ms)
{
    if (c->instance > 1)
        snprintf(r->cells[COLUMN_COMPONENT], CELL_MAX, "%.140s@%u", c->id, c->instance);
    else
        snprintf(r->cells[COLUMN_COMPONENT], CELL_MAX, "%.140s", c->id);
    snprintf(r->cells[COLUMN_STATE], CELL_MAX, "%s", c->state);
    r->colour = words_state_colour(c->state);
    if (c->since_ms > 0)
        words_ago(r->cells[COLUMN_SINCE], CELL_MAX, c->since_ms, now_ms);
    if (c->pid > 0)
        snprintf(r->cells[COLUMN_PID], CELL_MAX, "%lld", (long long)c->pid);
    snprintf(r->cells[COLUMN_RESTARTS], CELL_MAX, "%llu", (unsigned long long)c->restarts);
    if (c->memory_bytes >= 0)
        put_bytes(r->cells[COLUMN_MEMORY], (uint64_t)c->memory_bytes);
    if (c->cpu_ms >= 0)
        put_cpu(r->cells[COLUMN_CPU], c->cpu_ms);
    words_exit(r->cells[COLUMN_LAST], CELL_MAX, c);
}

static void print_row(struct table *t, const struct row *r)
{
    for (size_t i = 0; i < COLUMN_COUNT; i++) {
        const char *cell = r->cells[i][0] ? r->cells[i] : "-";
        size_t width = bytes_columns(cell), pad = 0;
        bool last = i == COLUMN_COUNT - 1;

        if (t->measuring) {
            t->widths[i] = width > t->widths[i] ? width : t->widths[i];
            continue;
        }
        pad = t->widths[i] - width;
        if (columns[i].right)
            output_print(t->out, "%*s", (int)pad, "");
        output_cell(t->out, cell, columns[i].right || last ? 0 : t->widths[i],
                    i == COLUMN_STATE ? r->colour : COLOUR_NONE);
        output_print(t->out, last ? "\n" : "  ");
    }
}

static void print_note(struct table *t, const char *text, enum colour colour)
{
    if (t->measuring || !text[0])
        return;
    output_print(t->out, "  ");
    output_cell(t->out, text, 0, colour);
    output_print(t->out, "\n");
}

static void print_titles(struct table *t)
{
    struct row r = {.colour = COLOUR_NONE};

    for (size_t i = 0; i < COLUMN_COUNT; i++)
        snprintf(r.cells[i], CELL_MAX, "%s", columns[i].title);
    print_row(t, &r);
}

/* Below its row: why it is in its state, where the last exit alone does not tell, and what it has
 * lost. */
static void print_reason(struct table *t, const bobbin_component_status *c, const char *last)
{
    char dropped[80];

    if (strcmp(c->reason, last) != 0)
        print_note(t, c->reason, strcmp(c->state, "failed") == 0 ? COLOUR_RED : COLOUR_DIM);
    snprintf(dropped, sizeof(dropped), "%llu bytes of output dropped",
             (unsigned long long)c->dropped_bytes);
    if (c->dropped_bytes > 0)
        print_note(t, dropped, COLOUR_YELLOW);
}

static void print_app(struct table *t, const bobbin_app_status *app)
{
    struct row r = {.colour = COLOUR_DIM};

    put_app(&r, app);
    if (app->component_count == 0) {
        snprintf(r.cells[COLUMN_STATE], CELL_MAX, "no components");
        print_row(t, &r);
    }
    for (size_t i = 0; i < app->component_count; i++) {
        put_component(&r, &app->components[i], t->now_ms);
        print_row(t, &r);
        print_reason(t, &app->components[i], r.cells[COLUMN_LAST]);
        memset(&r, 0, sizeof(r));
        put_nothing(&r);
    }
    if (app->error)
        print_note(t, app->error, COLOUR_RED);
}

static void print_heading(struct output *out, const bobbin_app_status *app)
{
    output_cell(out, app->name, 0, COLOUR_CYAN);
    output_print(out, ": wanted %s, ", app->wanted);
    output_clean(out, app->directory, strlen(app->directory));
    output_print(out, "\n");
}

void status_rows_print(struct output *out, const bobbin_app_status *apps, size_t count,
                       bool heading)
{
    struct table t = {.out = out, .measuring = true, .now_ms = words_now_ms()};

    for (size_t i = 0; heading && i < count; i++)
        print_heading(out, &apps[i]);
    for (int pass = 0; pass < 2; pass++, t.measuring = false) {
        print_titles(&t);
        for (size_t i = 0; i < count; i++)
            print_app(&t, &apps[i]);
    }
}
