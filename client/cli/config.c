/* config: what is in force in the daemon, and where it comes from. */
#include <string.h>

#include "client/cli/answer.h"
#include "client/cli/command.h"
#include "client/cli/session.h"

/* "settings.KEY.PART". */
struct figure {
    const char *key;
    size_t key_len;
    const char *part;
};

static bool split(const char *name, struct figure *ret)
{
    static const char outer[] = "settings.";
    const char *dot = strrchr(name, '.');

    if (strncmp(name, outer, sizeof(outer) - 1) != 0 || dot < name + sizeof(outer))
        return false;
    ret->key = name + sizeof(outer) - 1;
    ret->key_len = (size_t)(dot - ret->key);
    ret->part = dot + 1;
    return true;
}

static bool same_key(const struct figure *a, const struct figure *b)
{
    return a->key && a->key_len == b->key_len && !memcmp(a->key, b->key, a->key_len);
}

static json_t *text_of(const bobbin_stat *item)
{
    return item->is_text ? json_string(item->text) : json_integer(item->number);
}

static void print_json(struct output *out, const bobbin_stats *config)
{
    json_t *object = json_object(), *settings = json_object(), *setting;
    struct figure figure;
    char key[64];

    answer_set(&object, "file", json_null());
    for (size_t i = 0; i < config->count; i++) {
        const bobbin_stat *item = &config->items[i];

        if (!split(item->name, &figure)) {
            answer_set(&object, item->name, text_of(item));
            continue;
        }
        snprintf(key, sizeof(key), "%.*s", (int)figure.key_len, figure.key);
        setting = json_object_get(settings, key);
        if (!setting) {
            json_object_set_new(settings, key, json_object());
            setting = json_object_get(settings, key);
        }
        json_object_set_new(setting, figure.part, text_of(item));
    }
    answer_set(&object, "settings", settings);
    output_json(out, object);
}

/* The parts of one key, which stand together. */
struct shown {
    struct figure figure;
    const char *value, *origin, *waiting;
};

static void print_shown(struct output *out, const struct shown *shown)
{
    const char *value = shown->value ? shown->value : "(not set)";

    if (!shown->figure.key)
        return;
    output_print(out, "%-20.*s", (int)shown->figure.key_len, shown->figure.key);
    output_cell(out, value, 28, COLOUR_NONE);
    output_print(out, " ");
    output_clean(out, shown->origin ? shown->origin : "", shown->origin ? strlen(shown->origin) : 0);
    if (shown->waiting) {
        output_print(out, "; waits for a restart: ");
        output_clean(out, shown->waiting, strlen(shown->waiting));
    }
    output_print(out, "\n");
}

static void print_table(struct output *out, const bobbin_stats *config)
{
    struct shown shown = {{NULL, 0, NULL}, NULL, NULL, NULL};
    struct figure figure;

    for (size_t i = 0; i < config->count; i++) {
        const bobbin_stat *item = &config->items[i];

        if (!strcmp(item->name, "file") && item->is_text) {
            output_print(out, "# ");
            output_clean(out, item->text, strlen(item->text));
            output_print(out, "\n");
        }
        if (!split(item->name, &figure) || !item->is_text)
            continue;
        if (!same_key(&shown.figure, &figure)) {
            print_shown(out, &shown);
            shown = (struct shown){figure, NULL, NULL, NULL};
        }
        if (!strcmp(figure.part, "value"))
            shown.value = item->text;
        else if (!strcmp(figure.part, "origin"))
            shown.origin = item->text;
        else if (!strcmp(figure.part, "waiting"))
            shown.waiting = item->text;
    }
    print_shown(out, &shown);
}

int config_run(const struct options *o, struct output *out)
{
    bobbin_stats *config = NULL;
    bobbin *b;
    bobbin_status status;
    int exit_status = session_open(o, out, &b);

    if (exit_status != EXIT_DONE)
        return exit_status;
    status = bobbin_config_get(b, &config);
    if (status != BOBBIN_OK)
        exit_status = session_error(out, b, status, "cannot tell the daemon's configuration");
    else if (out->json)
        print_json(out, config);
    else
        print_table(out, config);
    bobbin_stats_free(config);
    bobbin_close(b);
    return exit_status;
}
