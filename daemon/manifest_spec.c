/* What readers of a manifest do with its components: hold them, find them, tell what has changed. */
#include <stdlib.h>
#include <string.h>

#include "daemon/manifest.h"

struct component_spec *component_spec_ref(struct component_spec *spec)
{
    spec->refs++;
    return spec;
}

static void strings_free(char **v)
{
    for (size_t i = 0; v && v[i]; i++)
        free(v[i]);
    free(v);
}

void component_spec_unref(struct component_spec *spec)
{
    if (!spec || --spec->refs > 0)
        return;
    free(spec->id);
    free(spec->source);
    strings_free(spec->command);
    strings_free(spec->args);
    strings_free(spec->environment);
    strings_free(spec->files);
    strings_free(spec->stores);
    free(spec);
}

void manifest_free(struct manifest *m)
{
    if (!m)
        return;
    for (size_t i = 0; i < m->component_count; i++)
        component_spec_unref(m->components[i]);
    free(m->components);
    free(m->allow_users);
    free(m->allow_groups);
    free(m->name);
    free(m);
}

struct component_spec *manifest_find(const struct manifest *m, const char *id)
{
    for (size_t i = 0; i < m->component_count; i++)
        if (strcmp(m->components[i]->id, id) == 0)
            return m->components[i];
    return NULL;
}

static bool same_string(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool same_strings(char *const *a, char *const *b)
{
    if (!a || !b)
        return a == b;
    while (*a && *b && strcmp(*a, *b) == 0) {
        a++;
        b++;
    }
    return !*a && !*b;
}

bool source_mark_equal(const struct source_mark *a, const struct source_mark *b)
{
    return a->dev == b->dev && a->ino == b->ino && a->size == b->size && a->mtime_ns == b->mtime_ns;
}

static bool same_source(const struct component_spec *a, const struct component_spec *b)
{
    return same_string(a->source, b->source) &&
           source_mark_equal(&a->source_mark, &b->source_mark);
}

/* What the process was given when it was started. */
static bool same_process(const struct component_spec *a, const struct component_spec *b)
{
    return same_string(a->id, b->id) && same_source(a, b) && same_strings(a->command, b->command) &&
           same_strings(a->args, b->args) && same_strings(a->environment, b->environment) &&
           same_strings(a->files, b->files) && a->schedule == b->schedule &&
           a->ready == b->ready && a->memory_max == b->memory_max && a->cpu_max == b->cpu_max &&
           a->files_max == b->files_max && a->watchdog_ms == b->watchdog_ms;
}

static bool same_policy(const struct component_spec *a, const struct component_spec *b)
{
    return same_strings(a->stores, b->stores) && a->restart == b->restart &&
           a->restart_delay_ms == b->restart_delay_ms &&
           a->restart_max_delay_ms == b->restart_max_delay_ms &&
           a->start_limit_burst == b->start_limit_burst &&
           a->start_limit_interval_ms == b->start_limit_interval_ms &&
           a->stop_timeout_ms == b->stop_timeout_ms && a->schedule_ms == b->schedule_ms &&
           a->start_timeout_ms == b->start_timeout_ms &&
           a->log_size == b->log_size && a->log_keep == b->log_keep &&
           a->log_policy == b->log_policy;
}

enum spec_change component_spec_compare(const struct component_spec *a,
                                        const struct component_spec *b)
{
    if (!same_process(a, b))
        return SPEC_PROCESS;
    return same_policy(a, b) ? SPEC_SAME : SPEC_POLICY;
}
