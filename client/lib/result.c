#include "result.h"

#include <stdlib.h>
#include <string.h>

#include "apps.h"
#include "logs.h"
#include "operation.h"
#include "page.h"
#include "stats.h"
#include "trace.h"

bool result_init(struct result *res, const bobbin_request *q)
{
    *res = (struct result){.shown = {.kind = q->kind, .error = ""}};
    if (q->kind == BOBBIN_REQUEST_GET_MANY)
        res->expected = q->key_count;
    else if (q->kind == BOBBIN_REQUEST_ATOMIC)
        res->expected = q->check_count;
    else if (q->kind == BOBBIN_REQUEST_ENTRIES)
        res->expected = q->listing != NULL && q->listing->ttl;
    if (q->kind == BOBBIN_REQUEST_ATTACH)
        res->app = strdup(q->app);
    return q->kind != BOBBIN_REQUEST_ATTACH || res->app != NULL;
}

void result_fini(struct result *res)
{
    free(res->value);
    bobbin_values_free(res->values);
    bobbin_key_page_free(res->keys);
    bobbin_entry_page_free(res->entries);
    bobbin_app_status_free(res->status_of_app);
    bobbin_app_list_free(res->apps);
    bobbin_stats_free(res->stats);
    bobbin_log_page_free(res->log_page);
    bobbin_event_list_free(res->happened);
    bobbin_trace_list_free(res->traced);
    session_fini(&res->session);
    free(res->app);
    res->value = NULL;
    res->values = NULL;
    res->keys = NULL;
    res->entries = NULL;
    res->status_of_app = NULL;
    res->apps = NULL;
    res->stats = NULL;
    res->log_page = NULL;
    res->happened = NULL;
    res->app = NULL;
}

static bobbin_status wrong(struct failure *f, const char *what)
{
    return failure_set(f, BOBBIN_BAD_RESPONSE, "the daemon's answer is wrong: %s", what);
}

static bobbin_status read_nil(struct reader *r, struct failure *f)
{
    return reader_nil(r) == 0 ? BOBBIN_OK : wrong(f, "it is not nil");
}

static bobbin_status read_bool(struct reader *r, bool *ret, struct failure *f)
{
    return reader_bool(r, ret) == 0 ? BOBBIN_OK : wrong(f, "it is not a boolean");
}

static bobbin_status read_uint(struct reader *r, uint64_t *ret, struct failure *f)
{
    return reader_uint(r, ret) == 0 ? BOBBIN_OK : wrong(f, "it is not a number");
}

static bobbin_status read_pair(struct reader *r, struct failure *f)
{
    uint32_t count;
    return reader_array(r, &count) == 0 && count == 2 ? BOBBIN_OK : wrong(f, "it is not a pair");
}

static bobbin_status read_pong(struct reader *r, struct failure *f)
{
    struct slice s;
    bool well = reader_str(r, &s) == 0 && slice_equals(s, "pong");
    return well ? BOBBIN_OK : wrong(f, "it is not \"pong\"");
}

/* A value or nil. */
static bobbin_status read_value(struct reader *r, struct result *res, struct failure *f)
{
    struct slice s;
    if (reader_nil(r) == 0)
        return BOBBIN_OK;
    if (reader_peek(r) != READER_BIN || reader_bytes(r, &s) != 0)
        return wrong(f, "the value is not binary");
    res->value = malloc(s.len + 1);
    if (res->value == NULL)
        return failure_no_memory(f);
    if (s.len > 0)
        memcpy(res->value, s.data, s.len);
    res->value[s.len] = '\0';
    res->shown.value = (bobbin_string){res->value, s.len};
    return BOBBIN_OK;
}

static bobbin_status read_ttl(struct reader *r, int64_t *ret, struct failure *f)
{
    if (reader_nil(r) == 0) {
        *ret = BOBBIN_TTL_ABSENT;
        return BOBBIN_OK;
    }
    if (reader_int(r, ret) != 0 || (*ret <= 0 && *ret != BOBBIN_TTL_NONE))
        return wrong(f, "it is no time to live");
    return BOBBIN_OK;
}

static bobbin_status read_swap(struct reader *r, struct result *res, struct failure *f)
{
    bobbin_status status = read_pair(r, f);
    if (status == BOBBIN_OK)
        status = read_bool(r, &res->shown.flag, f);
    if (status == BOBBIN_OK)
        status = res->shown.flag ? read_nil(r, f) : read_value(r, res, f);
    return status;
}

static bobbin_status read_atomic(struct reader *r, struct result *res, struct failure *f)
{
    uint64_t index = 0;
    bobbin_status status = read_pair(r, f);
    if (status == BOBBIN_OK)
        status = read_bool(r, &res->shown.flag, f);
    if (status == BOBBIN_OK)
        status = res->shown.flag ? read_nil(r, f) : read_uint(r, &index, f);
    if (status == BOBBIN_OK && !res->shown.flag && index >= res->expected)
        status = wrong(f, "there is no such check");
    res->shown.failed_check = (size_t)index;
    return status;
}

static bobbin_status read_count(struct reader *r, struct result *res, struct failure *f)
{
    bobbin_status status = read_pair(r, f);
    if (status == BOBBIN_OK)
        status = read_uint(r, &res->shown.entry_count, f);
    return status != BOBBIN_OK ? status : read_uint(r, &res->shown.byte_count, f);
}

static bobbin_status read_number(struct reader *r, int64_t *ret, struct failure *f)
{
    return reader_int(r, ret) == 0 ? BOBBIN_OK : wrong(f, "it is not an integer");
}

static bobbin_status read_many(struct reader *r, struct result *res, struct failure *f)
{
    bobbin_status status;
    if (res->shown.kind == BOBBIN_REQUEST_KEYS)
        status = page_read_keys(r, &res->keys, f);
    else if (res->shown.kind == BOBBIN_REQUEST_ENTRIES)
        status = page_read_entries(r, res->expected > 0, &res->entries, f);
    else
        status = page_read_values(r, res->expected, &res->values, f);
    res->shown.keys = res->keys;
    res->shown.entries = res->entries;
    res->shown.values = res->values;
    return status;
}

static bobbin_status read_admin(struct reader *r, struct result *res, struct failure *f)
{
    bobbin_status status;
    switch (res->shown.kind) {
    case BOBBIN_REQUEST_ATTACH:
        return session_read(r, &res->session, f);
    case BOBBIN_REQUEST_BACKUP:
    case BOBBIN_REQUEST_RESTORE:
        return backup_read(r, &res->shown.backup, f);
    case BOBBIN_REQUEST_STATS:
    case BOBBIN_REQUEST_DAEMON_UPGRADE:
    case BOBBIN_REQUEST_CONFIG:
        status = stats_read(r, &res->stats, f);
        res->shown.stats = res->stats;
        return status;
    case BOBBIN_REQUEST_APP_LOGS:
        status = logs_read(r, &res->log_page, f);
        res->shown.log_page = res->log_page;
        return status;
    case BOBBIN_REQUEST_EVENTS:
        status = logs_read_events(r, &res->happened, f);
        res->shown.happened = res->happened;
        return status;
    case BOBBIN_REQUEST_TRACE:
        status = trace_read(r, &res->traced, f);
        res->shown.traced = res->traced;
        return status;
    case BOBBIN_REQUEST_APP_LIST:
        status = apps_read_list(r, &res->apps, f);
        res->shown.apps = res->apps;
        return status;
    default:
        status = apps_read_status(r, &res->status_of_app, f);
        res->shown.status_of_app = res->status_of_app;
        return status;
    }
}

static bobbin_status read_own(struct reader *r, struct result *res, struct failure *f)
{
    switch (res->shown.kind) {
    case BOBBIN_REQUEST_PING:
        return read_pong(r, f);
    case BOBBIN_REQUEST_GET:
        return read_value(r, res, f);
    case BOBBIN_REQUEST_EXISTS:
    case BOBBIN_REQUEST_UNWATCH:
        return read_bool(r, &res->shown.flag, f);
    case BOBBIN_REQUEST_TTL:
        return read_ttl(r, &res->shown.number, f);
    case BOBBIN_REQUEST_KEYS:
    case BOBBIN_REQUEST_ENTRIES:
    case BOBBIN_REQUEST_GET_MANY:
        return read_many(r, res, f);
    case BOBBIN_REQUEST_COUNT:
        return read_count(r, res, f);
    case BOBBIN_REQUEST_INCREMENT:
        return read_number(r, &res->shown.number, f);
    case BOBBIN_REQUEST_SWAP:
        return read_swap(r, res, f);
    case BOBBIN_REQUEST_ATOMIC:
        return read_atomic(r, res, f);
    case BOBBIN_REQUEST_WATCH:
        return read_uint(r, &res->shown.watch, f);
    case BOBBIN_REQUEST_ATTACH:
    case BOBBIN_REQUEST_BACKUP:
    case BOBBIN_REQUEST_RESTORE:
    case BOBBIN_REQUEST_STATS:
    case BOBBIN_REQUEST_APP_REGISTER:
    case BOBBIN_REQUEST_APP_LIST:
    case BOBBIN_REQUEST_APP_STATUS:
    case BOBBIN_REQUEST_APP_START:
    case BOBBIN_REQUEST_APP_STOP:
    case BOBBIN_REQUEST_APP_RESTART:
    case BOBBIN_REQUEST_APP_RESET:
    case BOBBIN_REQUEST_APP_RELOAD:
    case BOBBIN_REQUEST_APP_LOGS:
    case BOBBIN_REQUEST_EVENTS:
    case BOBBIN_REQUEST_TRACE:
    case BOBBIN_REQUEST_DAEMON_UPGRADE:
    case BOBBIN_REQUEST_CONFIG:
        return read_admin(r, res, f);
    default: /* set, delete, set_many, delete_many, app_unregister */
        return read_nil(r, f);
    }
}

bobbin_status result_read(struct reader *r, struct result *res, struct failure *f)
{
    bool has_commit = operation_has_commit(res->shown.kind);
    bobbin_status status = has_commit ? read_pair(r, f) : BOBBIN_OK;
    if (status == BOBBIN_OK)
        status = read_own(r, res, f);
    if (status == BOBBIN_OK && has_commit && reader_uint(r, &res->shown.commit) != 0)
        status = wrong(f, "it has no commit number");
    if (status == BOBBIN_OK)
        return BOBBIN_OK;
    result_fini(res);
    res->shown = (bobbin_result){.id = res->shown.id, .kind = res->shown.kind, .error = ""};
    return status;
}
