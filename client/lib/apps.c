/* Administration: apps, their components, and what the daemon says about them. */
#include <limits.h>
#include <stddef.h>
#include <stdlib.h>

#include "apps.h"
#include "fields.h"
#include "handle.h"

/* Results as their owner sees them, in front of the memory that they live in. */
struct status {
    bobbin_app_status status;
    struct zone zone;
};

struct list {
    bobbin_app_list list;
    struct zone zone;
};

static void read_component_field(struct fields *fs, bobbin_component_status *c)
{
    int64_t n = 0;
    if (fields_is(fs, "id")) {
        fields_string(fs, &c->id);
    } else if (fields_is(fs, "state")) {
        fields_string(fs, &c->state);
    } else if (fields_is(fs, "reason")) {
        fields_string(fs, &c->reason);
    } else if (fields_is(fs, "since")) {
        fields_int(fs, INT64_MIN, INT64_MAX, &c->since_ms);
    } else if (fields_is(fs, "pid")) {
        fields_int_or_nil(fs, 0, INT_MAX, 0, &c->pid);
    } else if (fields_is(fs, "exit_code")) {
        fields_int_or_nil(fs, -1, INT_MAX, -1, &n);
        c->exit_code = (int)n;
    } else if (fields_is(fs, "exit_signal")) {
        fields_int_or_nil(fs, 0, INT_MAX, 0, &n);
        c->exit_signal = (int)n;
    } else if (fields_is(fs, "last_exit")) {
        const char *last = NULL;
        fields_string_or_nil(fs, &last);
        c->last_exit = last ? last : "";
    } else if (fields_is(fs, "restarts")) {
        fields_int(fs, 0, INT64_MAX, &n);
        c->restarts = (uint64_t)n;
    } else if (fields_is(fs, "instance")) {
        fields_int(fs, 1, INT_MAX, &n);
        c->instance = (unsigned)n;
    } else if (fields_is(fs, "dropped")) {
        fields_int(fs, 0, INT64_MAX, &n);
        c->dropped_bytes = (uint64_t)n;
    } else if (fields_is(fs, "memory")) {
        fields_int_or_nil(fs, 0, INT64_MAX, -1, &c->memory_bytes);
    } else if (fields_is(fs, "cpu_ms")) {
        fields_int_or_nil(fs, 0, INT64_MAX, -1, &c->cpu_ms);
    } else {
        fields_skip(fs);
    }
}

static bobbin_status read_component(struct reader *r, struct zone *zone,
                                    bobbin_component_status *ret, struct failure *f)
{
    bobbin_component_status c = {
        .reason = "", .exit_code = -1, .instance = 1, .memory_bytes = -1, .cpu_ms = -1,
        .last_exit = ""};
    struct fields fs = fields_begin(r, zone, "component status", f);
    while (fields_next(&fs))
        read_component_field(&fs, &c);
    fields_require(&fs, c.id, "id");
    fields_require(&fs, c.state, "state");
    *ret = c;
    return f->status;
}

/* An array of `count` statuses of `size` bytes. The shortest has more bytes on the wire than the
 * string below: a count that could not be true is refused before memory is allocated by it. */
static void *alloc_elements(const struct reader *r, struct zone *zone, uint32_t count, size_t size,
                            struct failure *f)
{
    if (count > (size_t)(r->end - r->pos) / sizeof("\x82\xa2id\xa5state")) {
        failure_set(f, BOBBIN_BAD_RESPONSE, "the daemon's answer is wrong: a status is not a map");
        return NULL;
    }
    void *p = zone_alloc(zone, count, size);
    if (p == NULL)
        failure_no_memory(f);
    return p;
}

static void read_components(struct fields *fs, bobbin_app_status *s)
{
    uint32_t count;
    if (!fields_array(fs, &count))
        return;
    bobbin_component_status *components =
        alloc_elements(fs->r, fs->zone, count, sizeof(*components), fs->f);
    if (components == NULL)
        return;
    for (uint32_t i = 0; i < count; i++)
        if (read_component(fs->r, fs->zone, &components[i], fs->f) != BOBBIN_OK)
            return;
    s->components = components;
    s->component_count = count;
}

static void read_unsigned(struct fields *fs, uint64_t *ret)
{
    int64_t n = 0;
    fields_int(fs, 0, INT64_MAX, &n);
    *ret = (uint64_t)n;
}

static bobbin_status read_app(struct reader *r, struct zone *zone, bobbin_app_status *ret,
                              struct failure *f)
{
    bobbin_app_status s = {0};
    struct fields fs = fields_begin(r, zone, "app status", f);
    while (fields_next(&fs)) {
        if (fields_is(&fs, "name"))
            fields_string(&fs, &s.name);
        else if (fields_is(&fs, "directory"))
            fields_string(&fs, &s.directory);
        else if (fields_is(&fs, "wanted"))
            fields_string(&fs, &s.wanted);
        else if (fields_is(&fs, "error"))
            fields_string_or_nil(&fs, &s.error);
        else if (fields_is(&fs, "components"))
            read_components(&fs, &s);
        else if (fields_is(&fs, "connections"))
            read_unsigned(&fs, &s.connections);
        else if (fields_is(&fs, "rate"))
            read_unsigned(&fs, &s.requests_per_second);
        else if (fields_is(&fs, "store_bytes"))
            read_unsigned(&fs, &s.store_bytes);
        else
            fields_skip(&fs);
    }
    fields_require(&fs, s.name, "name");
    fields_require(&fs, s.directory, "directory");
    fields_require(&fs, s.wanted, "wanted");
    fields_require(&fs, s.components, "components");
    *ret = s;
    return f->status;
}

bobbin_status apps_read_status(struct reader *r, bobbin_app_status **ret, struct failure *f)
{
    struct status *s = calloc(1, sizeof(*s));
    if (s == NULL)
        return failure_no_memory(f);
    bobbin_status status = read_app(r, &s->zone, &s->status, f);
    if (status == BOBBIN_OK)
        *ret = &s->status;
    else
        bobbin_app_status_free(&s->status);
    return status;
}

static bobbin_status read_list(struct reader *r, struct list *l, struct failure *f)
{
    uint32_t count;
    if (reader_array(r, &count) != 0)
        return failure_set(f, BOBBIN_BAD_RESPONSE,
                           "the daemon's answer is wrong: the apps are not an array");
    bobbin_app_status *apps = alloc_elements(r, &l->zone, count, sizeof(*apps), f);
    if (apps == NULL)
        return f->status;
    for (uint32_t i = 0; i < count; i++)
        if (read_app(r, &l->zone, &apps[i], f) != BOBBIN_OK)
            return f->status;
    l->list = (bobbin_app_list){count, apps};
    return BOBBIN_OK;
}

bobbin_status apps_read_list(struct reader *r, bobbin_app_list **ret, struct failure *f)
{
    struct list *l = calloc(1, sizeof(*l));
    if (l == NULL)
        return failure_no_memory(f);
    bobbin_status status = read_list(r, l, f);
    if (status == BOBBIN_OK)
        *ret = &l->list;
    else
        bobbin_app_list_free(&l->list);
    return status;
}

/* A request with an app, or a directory, and perhaps a component; ret_status may be NULL. */
static bobbin_status call(bobbin *b, bobbin_request_kind kind, const char *app,
                          const char *component, bobbin_app_status **ret_status)
{
    struct result res;
    bobbin_request q = {.kind = kind, .app = app, .component = component};
    bobbin_status status = handle_run(b, &q, &res);
    if (status != BOBBIN_OK)
        return status;
    if (ret_status != NULL)
        *ret_status = res.status_of_app;
    else
        result_fini(&res);
    return BOBBIN_OK;
}

bobbin_status bobbin_app_register(bobbin *b, const char *directory, bobbin_app_status **ret_status)
{
    return call(b, BOBBIN_REQUEST_APP_REGISTER, directory, NULL, ret_status);
}

bobbin_status bobbin_app_unregister(bobbin *b, const char *app)
{
    return call(b, BOBBIN_REQUEST_APP_UNREGISTER, app, NULL, NULL);
}

bobbin_status bobbin_app_list_get(bobbin *b, bobbin_app_list **ret_list)
{
    struct result res;
    bobbin_request q = {.kind = BOBBIN_REQUEST_APP_LIST};
    if (ret_list == NULL)
        return handle_misuse(b, "there is nowhere to put the list");
    bobbin_status status = handle_run(b, &q, &res);
    if (status == BOBBIN_OK)
        *ret_list = res.apps;
    return status;
}

bobbin_status bobbin_app_status_get(bobbin *b, const char *app, bobbin_app_status **ret_status)
{
    return call(b, BOBBIN_REQUEST_APP_STATUS, app, NULL, ret_status);
}

bobbin_status bobbin_app_start(bobbin *b, const char *app, const char *component,
                               bobbin_app_status **ret_status)
{
    return call(b, BOBBIN_REQUEST_APP_START, app, component, ret_status);
}

bobbin_status bobbin_app_restart(bobbin *b, const char *app, const char *component,
                                 bobbin_app_status **ret_status)
{
    return call(b, BOBBIN_REQUEST_APP_RESTART, app, component, ret_status);
}

bobbin_status bobbin_app_reset(bobbin *b, const char *app, const char *component,
                               bobbin_app_status **ret_status)
{
    return call(b, BOBBIN_REQUEST_APP_RESET, app, component, ret_status);
}

bobbin_status bobbin_app_reload(bobbin *b, const char *app, bobbin_app_status **ret_status)
{
    return call(b, BOBBIN_REQUEST_APP_RELOAD, app, NULL, ret_status);
}

bobbin_status bobbin_app_stop(bobbin *b, const char *app, const char *component,
                              bobbin_app_status **ret_status)
{
    return call(b, BOBBIN_REQUEST_APP_STOP, app, component, ret_status);
}

void bobbin_app_status_free(bobbin_app_status *status)
{
    if (status == NULL)
        return;
    struct status *s = (struct status *)(void *)((char *)status - offsetof(struct status, status));
    zone_fini(&s->zone);
    free(s);
}

void bobbin_app_list_free(bobbin_app_list *list)
{
    if (list == NULL)
        return;
    struct list *l = (struct list *)(void *)((char *)list - offsetof(struct list, list));
    zone_fini(&l->zone);
    free(l);
}
