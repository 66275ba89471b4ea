#include "daemon/dispatch.h"

#include "daemon/app.h"
#include "daemon/conn.h"
#include "daemon/faillog.h"
#include "daemon/server.h"
#include "protocol/methods.h"

static const method_handler handlers[METHOD_COUNT] = {
    [METHOD_HELLO] = session_hello,
    [METHOD_PING] = session_ping,
    [METHOD_ATTACH] = session_attach,
    [METHOD_GET] = kv_get,
    [METHOD_SET] = kv_set,
    [METHOD_DELETE] = kv_delete,
    [METHOD_EXISTS] = kv_exists,
    [METHOD_TTL] = kv_ttl,
    [METHOD_KEYS] = kv_keys,
    [METHOD_ENTRIES] = kv_entries,
    [METHOD_COUNT_ENTRIES] = kv_count,
    [METHOD_GET_MANY] = kv_get_many,
    [METHOD_SET_MANY] = kv_set_many,
    [METHOD_DELETE_MANY] = kv_delete_many,
    [METHOD_INCREMENT] = kv_increment,
    [METHOD_SWAP] = kv_swap,
    [METHOD_ATOMIC] = kv_atomic,
    [METHOD_WATCH] = watch_start,
    [METHOD_UNWATCH] = watch_stop,
    [METHOD_STORE_BACKUP] = backup_start,
    [METHOD_STORE_RESTORE] = restore_start,
    [METHOD_STATS] = stats_get,
    [METHOD_APP_REGISTER] = admin_register,
    [METHOD_APP_UNREGISTER] = admin_unregister,
    [METHOD_APP_LIST] = admin_list,
    [METHOD_APP_STATUS] = admin_status,
    [METHOD_APP_START] = admin_start,
    [METHOD_APP_STOP] = admin_stop,
    [METHOD_APP_RESTART] = admin_restart,
    [METHOD_APP_RESET] = admin_reset,
    [METHOD_APP_RELOAD] = admin_reload,
    [METHOD_APP_LOGS] = logs_get,
    [METHOD_EVENTS] = events_get,
    [METHOD_TRACE] = trace_get,
    [METHOD_DAEMON_UPGRADE] = upgrade_start,
    [METHOD_CONFIG] = config_get,
};

static int dispatch_check(const struct conn *c, const struct message *m, enum method_id method,
                          struct error *e)
{
    const struct method_info *info;
    if (method == METHOD_COUNT)
        return error_set(e, ERR_UNKNOWN_METHOD, "unknown method '%.*s'", (int)m->method.len,
                         m->method.data);
    info = &method_table[method];
    if (c->state == CONN_REFUSING)
        return error_set(e, c->refuse_code, "%s", c->refuse_reason);
    if (method_is_for_peers(info->access) && c->component)
        return error_set(e, ERR_ACCESS_DENIED, "an app process may not call '%s'", info->name);
    if (method_needs_app(info->access) && !c->app)
        return error_set(e, ERR_INVALID_REQUEST, "%s: not attached to an app", info->name);
    if (m->param_count < info->min_params || m->param_count > info->max_params)
        return error_set(e, ERR_INVALID_REQUEST, "%s takes %s, not %u params", info->name,
                         info->params, m->param_count);
    return 0;
}

void dispatch(struct conn *c, const struct message *m)
{
    enum method_id method = method_find(m->method.data, m->method.len);
    struct request *r;
    struct error e;
    int rc = dispatch_check(c, m, method, &e);
    c->server->requests++;
    if (c->app)
        c->app->requests++;
    if (rc) {
        conn_count_error(c, rc);
        if (c->app && c->app->trace && method != METHOD_COUNT)
            trace_note(c, m->id, method, (struct slice){0}, (struct slice){0},
                       &(struct trace_op){.status = rc});
        faillog_note(c, m->id, method == METHOD_COUNT ? "" : method_table[method].name, rc, e.text);
        message_write_error(&c->out, m->id, rc, e.text);
        return;
    }
    r = request_new(c, m, method);
    if (!r) {
        message_write_error(&c->out, m->id, ERR_OTHER, "out of memory");
        return;
    }
    rc = handlers[method](r, &e);
    if (rc)
        request_fail(r, rc, e.text);
}
