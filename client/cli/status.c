#include "client/cli/status.h"

#include <string.h>

#include "client/cli/bytes.h"
#include "client/cli/status_rows.h"
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
        !set_text(object, "last_exit", c->last_exit) &&
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

void status_print(struct output *out, const bobbin_app_status *app)
{
    if (out->json)
        output_json(out, status_json(app));
    else
        status_rows_print(out, app, 1, true);
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
    if (list->count == 0)
        print_none(out);
    else
        status_rows_print(out, list->apps, list->count, false);
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
