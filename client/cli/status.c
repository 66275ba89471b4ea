#include "client/cli/status.h"

#include <string.h>

#include "client/cli/bytes.h"
#include "client/cli/words.h"

static int set_text(json_t *object, const char *name, const char *text)
{
    if (!text || !text[0])
        return json_object_set_new(object, name, json_null());
    return bytes_json_set(object, name, text, strlen(text));
}

static int set_number(json_t *object, const char *name, int64_t number, bool none)
{
    return json_object_set_new(object, name, none ? json_null() : json_integer(number));
}

static json_t *component_json(const bobbin_component_status *c)
{
    json_t *object = json_object();

    if (object && !set_text(object, "id", c->id) && !set_text(object, "state", c->state) &&
        !set_text(object, "reason", c->reason) &&
        !set_number(object, "since", c->since_ms, c->since_ms == 0) &&
        !set_number(object, "pid", c->pid, c->pid == 0) &&
        !set_number(object, "exit_code", c->exit_code, c->exit_code < 0) &&
        !set_number(object, "exit_signal", c->exit_signal, c->exit_signal == 0) &&
        !set_number(object, "restarts", (int64_t)c->restarts, false) &&
        !set_number(object, "instance", c->instance, false) &&
        !set_number(object, "dropped", (int64_t)c->dropped_bytes, false) &&
        !set_number(object, "memory", c->memory_bytes, c->memory_bytes < 0) &&
        !set_number(object, "cpu_ms", c->cpu_ms, c->cpu_ms < 0))
        return object;
    json_decref(object);
    return NULL;
}

json_t *status_json(const bobbin_app_status *app)
{
    json_t *object = json_object(), *components = json_array();

    for (size_t i = 0; i < app->component_count; i++) {
        if (json_array_append_new(components, component_json(&app->components[i])))
            goto fail;
    }
    if (object && !set_text(object, "name", app->name) &&
        !set_text(object, "directory", app->directory) &&
        !set_text(object, "wanted", app->wanted) &&
        (!app->error || !set_text(object, "error", app->error)) &&
        !set_number(object, "connections", (int64_t)app->connections, false) &&
        !set_number(object, "rate", (int64_t)app->requests_per_second, false) &&
        !set_number(object, "store_bytes", (int64_t)app->store_bytes, false) &&
        !json_object_set(object, "components", components)) {
        json_decref(components);
        return object;
    }

fail:
    json_decref(components);
    json_decref(object);
    return NULL;
}

static json_t *list_json(const bobbin_app_list *list)
{
    json_t *apps = json_array();

    for (size_t i = 0; i < list->count; i++) {
        if (json_array_append_new(apps, status_json(&list->apps[i]))) {
            json_decref(apps);
            return NULL;
        }
    }
    return json_pack("{s:o}", "apps", apps);
}

/* "web", the second instance "web@2". */
static void print_id(struct output *out, const bobbin_component_status *c, size_t width)
{
    char name[200];

    if (c->instance <= 1) {
        output_cell(out, c->id, width, COLOUR_NONE);
        return;
    }
    snprintf(name, sizeof(name), "%s@%u", c->id, c->instance);
    output_cell(out, name, width, COLOUR_NONE);
}

static void print_component(struct output *out, const bobbin_component_status *c, size_t id_width,
                            int64_t now_ms)
{
    char ago[40], last[80];

    output_print(out, "  ");
    print_id(out, c, id_width);
    output_print(out, "  ");
    output_cell(out, c->state, strlen("backing-off"), words_state_colour(c->state));
    if (c->since_ms > 0) {
        words_ago(ago, sizeof(ago), c->since_ms, now_ms);
        output_print(out, "  since %s", ago);
    }
    if (c->pid > 0)
        output_print(out, ", pid %lld", (long long)c->pid);
    if (c->memory_bytes >= 0)
        output_print(out, ", %.1f MiB, %.2f s cpu", (double)c->memory_bytes / (1 << 20),
                     (double)c->cpu_ms / 1000);
    if (c->dropped_bytes > 0)
        output_print(out, ", %llu bytes of output dropped", (unsigned long long)c->dropped_bytes);
    if (c->restarts > 0)
        output_print(out, ", %llu restart%s", (unsigned long long)c->restarts,
                     c->restarts == 1 ? "" : "s");
    words_exit(last, sizeof(last), c);
    /* The reason may tell it already. */
    if (last[0] && !strstr(c->reason, last))
        output_print(out, ", last exit: %s", last);
    if (c->reason[0]) {
        output_print(out, ", ");
        output_clean(out, c->reason, strlen(c->reason));
    }
    output_print(out, "\n");
}

static void print_block(struct output *out, const bobbin_app_status *app)
{
    int64_t now_ms = words_now_ms();
    size_t width = 0;

    for (size_t i = 0; i < app->component_count; i++) {
        size_t columns = bytes_columns(app->components[i].id);

        width = columns > width ? columns : width;
    }
    output_cell(out, app->name, 0, COLOUR_CYAN);
    output_print(out, ": wanted %s, ", app->wanted);
    output_clean(out, app->directory, strlen(app->directory));
    output_print(out, "\n");
    if (app->error) {
        output_print(out, "  ");
        output_cell(out, app->error, 0, COLOUR_RED);
        output_print(out, "\n");
    }
    if (app->connections || app->store_bytes)
        output_print(out, "  %llu connections, %llu requests/s, store %.1f KiB\n",
                     (unsigned long long)app->connections,
                     (unsigned long long)app->requests_per_second,
                     (double)app->store_bytes / 1024);
    for (size_t i = 0; i < app->component_count; i++)
        print_component(out, &app->components[i], width, now_ms);
    if (app->component_count == 0)
        output_print(out, "  no components\n");
}

void status_print(struct output *out, const bobbin_app_status *app)
{
    if (out->json)
        output_json(out, status_json(app));
    else
        print_block(out, app);
}

static void print_none(struct output *out)
{
    output_print(out, "no apps are registered; register one with: bobbin register DIR\n");
}

void status_print_all(struct output *out, const bobbin_app_list *list)
{
    if (out->json) {
        output_json(out, list_json(list));
        return;
    }
    for (size_t i = 0; i < list->count; i++)
        print_block(out, &list->apps[i]);
    if (list->count == 0)
        print_none(out);
}

struct widths {
    size_t name;
    size_t wanted;
    size_t state;
};

static void widen(size_t *width, const char *text)
{
    size_t columns = bytes_columns(text);

    *width = columns > *width ? columns : *width;
}

static void print_row(struct output *out, const struct widths *w, const char *name,
                      const char *wanted, const char *state, const char *directory)
{
    output_cell(out, name, w->name + 2, COLOUR_NONE);
    output_cell(out, wanted, w->wanted + 2, COLOUR_NONE);
    output_cell(out, state, w->state + 2, strstr(state, "failed") ? COLOUR_RED : COLOUR_NONE);
    output_cell(out, directory, 0, COLOUR_NONE);
    output_print(out, "\n");
}

void status_print_table(struct output *out, const bobbin_app_list *list)
{
    struct widths w = {strlen("NAME"), strlen("WANTED"), strlen("STATE")};
    char summary[200];

    if (out->json || list->count == 0) {
        status_print_all(out, list);
        return;
    }
    for (size_t i = 0; i < list->count; i++) {
        words_summary(summary, sizeof(summary), &list->apps[i]);
        widen(&w.name, list->apps[i].name);
        widen(&w.wanted, list->apps[i].wanted);
        widen(&w.state, summary);
    }
    print_row(out, &w, "NAME", "WANTED", "STATE", "DIRECTORY");
    for (size_t i = 0; i < list->count; i++) {
        const bobbin_app_status *app = &list->apps[i];

        words_summary(summary, sizeof(summary), app);
        print_row(out, &w, app->name, app->wanted, summary, app->directory);
    }
}
