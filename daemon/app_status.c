/* What is told and recorded of an app: its status on the wire, its wanted components in the registry. */
#include <stdlib.h>
#include <string.h>

#include "daemon/app.h"
#include "daemon/registry.h"
#include "daemon/usage.h"
#include "protocol/message.h"

static void pack_int_or_nil(msgpack_packer *pk, int64_t value, int64_t none)
{
    if (value == none)
        msgpack_pack_nil(pk);
    else
        msgpack_pack_int64(pk, value);
}

static void app_pack_component(const struct component *component, msgpack_packer *pk)
{
    struct component_status s = component_status(component);
    struct usage usage;
    bool known = s.pid && usage_read(s.pid, &usage);
    msgpack_pack_map(pk, 13);
    pack_cstr(pk, "id");
    pack_cstr(pk, component_spec(component)->id);
    pack_cstr(pk, "instance");
    msgpack_pack_unsigned_int(pk, component_instance(component));
    pack_cstr(pk, "state");
    pack_cstr(pk, component_state_word(s.state));
    pack_cstr(pk, "reason");
    pack_cstr(pk, !*s.reason && known && usage_is_compiling(&usage) ? usage.name : s.reason);
    pack_cstr(pk, "since");
    msgpack_pack_int64(pk, s.since_ms);
    pack_cstr(pk, "pid");
    pack_int_or_nil(pk, s.pid, 0);
    pack_cstr(pk, "exit_code");
    pack_int_or_nil(pk, s.exit_code, -1);
    pack_cstr(pk, "exit_signal");
    pack_int_or_nil(pk, s.exit_signal, 0);
    pack_cstr(pk, "last_exit");
    if (*s.last_exit)
        pack_cstr(pk, s.last_exit);
    else
        msgpack_pack_nil(pk);
    pack_cstr(pk, "restarts");
    msgpack_pack_uint64(pk, s.restarts);
    pack_cstr(pk, "dropped");
    msgpack_pack_uint64(pk, s.dropped);
    pack_cstr(pk, "memory");
    pack_int_or_nil(pk, known ? usage.memory : -1, -1);
    pack_cstr(pk, "cpu_ms");
    pack_int_or_nil(pk, known ? usage.cpu_ms : -1, -1);
}

static size_t app_count_wanted(const struct app *app)
{
    size_t wanted = 0;
    for (size_t i = 0; i < app->slot_count; i++)
        wanted += app->slots[i].wanted;
    return wanted;
}

bool app_is_wanted(const struct app *app)
{
    return app->wanted_before ? *app->wanted_before : app_count_wanted(app) > 0;
}

const char *app_durability(const struct app *app)
{
    return app->manifest->relaxed ? "relaxed" : "full";
}

/* What is wrong with it as a whole; NULL: nothing. */
static const char *app_error(const struct app *app)
{
    if (app->manifest_error)
        return app->manifest_error;
    for (size_t i = 0; i < APP_TROUBLE_COUNT; i++)
        if (app->trouble[i])
            return app->trouble[i];
    return NULL;
}

void app_pack_status(const struct app *app, msgpack_packer *pk)
{
    const char *error = app_error(app);
    msgpack_pack_map(pk, error ? 9 : 8);
    pack_cstr(pk, "name");
    pack_cstr(pk, app_name(app));
    pack_cstr(pk, "directory");
    pack_cstr(pk, app->directory.path);
    pack_cstr(pk, "wanted");
    pack_cstr(pk, app_is_wanted(app) ? "running" : "stopped");
    pack_cstr(pk, "durability");
    pack_cstr(pk, app_durability(app));
    if (error) {
        pack_cstr(pk, "error");
        pack_cstr(pk, error);
    }
    pack_cstr(pk, "connections");
    msgpack_pack_unsigned_int(pk, app->conn_count);
    pack_cstr(pk, "rate");
    msgpack_pack_uint32(pk, app->rate);
    pack_cstr(pk, "store_bytes");
    msgpack_pack_uint64(pk, app->store_bytes);
    pack_cstr(pk, "components");
    msgpack_pack_array(pk, app->slot_count);
    for (size_t i = 0; i < app->slot_count; i++)
        app_pack_component(app->slots[i].component, pk);
}

char *app_wanted_text(const struct app *app)
{
    struct buffer text;
    if (app->wanted_before)
        return strdup(app->wanted_before);
    buffer_init(&text);
    if (app->slot_count && app_count_wanted(app) == app->slot_count) {
        buffer_append(&text, REGISTRY_WANT_ALL, strlen(REGISTRY_WANT_ALL));
    } else {
        for (size_t i = 0; i < app->slot_count; i++) {
            const char *id = component_spec(app->slots[i].component)->id;
            if (!app->slots[i].wanted)
                continue;
            if (text.len)
                buffer_append(&text, "\n", 1);
            buffer_append(&text, id, strlen(id));
        }
    }
    buffer_append(&text, "", 1);
    if (text.failed) {
        buffer_fini(&text);
        return NULL;
    }
    return (char *)text.data;
}

static bool wanted_has(const char *text, const char *id)
{
    size_t len = strlen(id);
    for (const char *line = text; *line;) {
        size_t line_len = strcspn(line, "\n");
        if (line_len == len && !memcmp(line, id, len))
            return true;
        line += line_len + (line[line_len] == '\n');
    }
    return false;
}

void app_set_wanted(struct app *app, const char *text)
{
    bool all = !strcmp(text, REGISTRY_WANT_ALL);
    for (size_t i = 0; i < app->slot_count; i++)
        app->slots[i].wanted = all || wanted_has(text, component_spec(app->slots[i].component)->id);
}
