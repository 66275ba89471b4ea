/* config: what is in force, and where each value comes from. */
#include <stdlib.h>

#include "daemon/conn.h"
#include "daemon/dispatch.h"
#include "daemon/server.h"

static void config_pack_text(msgpack_packer *pk, const struct setting *setting,
                             const struct config *c)
{
    char *text = setting_text(setting, c);
    if (text && *text)
        pack_cstr(pk, text);
    else
        msgpack_pack_nil(pk);
    free(text);
}

static void config_pack_setting(const struct reconfig *reconfig, size_t id, msgpack_packer *pk)
{
    static const char *const changes[] = {
        [SETTING_AT_ONCE] = "reload", [SETTING_AT_OPEN] = "open", [SETTING_RESTARTS] = "restart"};
    const struct setting *setting = &setting_table[id];
    pack_cstr(pk, setting->key);
    msgpack_pack_map(pk, 4);
    pack_cstr(pk, "value");
    config_pack_text(pk, setting, reconfig->in_force);
    pack_cstr(pk, "origin");
    pack_cstr(pk, config_origin_name(reconfig->in_force->origin[id]));
    pack_cstr(pk, "applies");
    pack_cstr(pk, changes[setting->change]);
    pack_cstr(pk, "waiting");
    if (reconfig->waits[id])
        config_pack_text(pk, setting, &reconfig->read);
    else
        msgpack_pack_nil(pk);
}

int config_get(struct request *r, struct error *e)
{
    const struct reconfig *reconfig = &r->conn->server->reconfig;
    struct buffer result;
    msgpack_packer pk;
    if (!r->conn->peer.admin)
        return error_set(e, ERR_ACCESS_DENIED, "config is for administrators");
    buffer_init(&result);
    pack_init(&pk, &result);
    msgpack_pack_map(&pk, 2);
    pack_cstr(&pk, "file");
    if (reconfig->in_force->file)
        pack_cstr(&pk, reconfig->in_force->file);
    else
        msgpack_pack_nil(&pk);
    pack_cstr(&pk, "settings");
    msgpack_pack_map(&pk, SETTING_COUNT);
    for (size_t i = 0; i < SETTING_COUNT; i++)
        config_pack_setting(reconfig, i, &pk);
    request_reply_packed(r, &result);
    buffer_fini(&result);
    return 0;
}
