/* stats: flat maps of numbers, for people and for whatever draws curves of them. */
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "daemon/access.h"
#include "daemon/app.h"
#include "daemon/batcher.h"
#include "daemon/cache.h"
#include "daemon/conn.h"
#include "daemon/dispatch.h"
#include "daemon/server.h"

/* What the peer may see of the daemon. */
struct stats_sum {
    uint64_t apps;
    uint64_t apps_running; /* with a process of any component */
    uint64_t connections;
    uint64_t watches;
    uint64_t requests;
    uint64_t batches;
    uint64_t reads;
    uint64_t writes;
    uint64_t errors;
    uint64_t cache_hits;
    uint64_t cache_misses;
};

static bool stats_is_running(const struct app *app)
{
    for (size_t i = 0; i < app->slot_count; i++)
        if (component_status(app->slots[i].component).pid)
            return true;
    return false;
}

static void stats_add(struct stats_sum *sum, const struct app *app)
{
    const struct batcher_counts *counts = batcher_counts(app->batcher);
    struct cache_counts cache = cache_space_counts(app->cache);
    sum->apps++;
    sum->apps_running += stats_is_running(app);
    sum->connections += app->conn_count;
    sum->watches += app->watch_count;
    sum->requests += app->requests;
    sum->batches += counts->batches;
    sum->reads += counts->reads + cache.hits;
    sum->writes += counts->writes;
    sum->errors += counts->errors;
    sum->cache_hits += cache.hits;
    sum->cache_misses += cache.misses;
}

static uint64_t stats_rss(void)
{
    uint64_t pages = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (!file)
        return 0;
    if (fscanf(file, "%*u %" SCNu64, &pages) != 1)
        pages = 0;
    fclose(file);
    return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void pack_number(msgpack_packer *pk, const char *name, uint64_t number)
{
    pack_cstr(pk, name);
    msgpack_pack_uint64(pk, number);
}

static void stats_pack_daemon(const struct server *s, const struct stats_sum *sum,
                              msgpack_packer *pk)
{
    msgpack_pack_map(pk, 16);
    pack_cstr(pk, "version");
    pack_cstr(pk, BOBBIN_VERSION);
    pack_number(pk, "uptime_ms", (uv_hrtime() - s->started_ns) / 1000000);
    pack_number(pk, "rss_bytes", stats_rss());
    pack_number(pk, "connections", sum->connections);
    pack_number(pk, "apps", sum->apps);
    pack_number(pk, "apps_running", sum->apps_running);
    pack_number(pk, "watches", sum->watches);
    pack_number(pk, "requests", sum->requests);
    pack_number(pk, "batches", sum->batches);
    pack_number(pk, "reads", sum->reads);
    pack_number(pk, "writes", sum->writes);
    pack_number(pk, "errors", sum->errors);
    pack_number(pk, "cache_bytes", cache_bytes(s->cache));
    pack_number(pk, "cache_limit", cache_limit(s->cache));
    pack_number(pk, "cache_hits", sum->cache_hits);
    pack_number(pk, "cache_misses", sum->cache_misses);
}

static void stats_reply_daemon(struct request *r)
{
    struct server *s = r->conn->server;
    struct stats_sum sum = {0};
    struct buffer result;
    struct list *it, *tmp;
    msgpack_packer pk;
    list_each(it, tmp, &s->apps.all)
    {
        const struct app *app = container_of(it, struct app, link);
        if (apps_visible(app, &r->conn->peer))
            stats_add(&sum, app);
    }
    /* Those that are bound to no app are told to those who see everything. */
    if (r->conn->peer.admin) {
        sum.connections = s->conn_count;
        sum.requests = s->requests;
    }
    buffer_init(&result);
    pack_init(&pk, &result);
    stats_pack_daemon(s, &sum, &pk);
    request_reply_packed(r, &result);
    buffer_fini(&result);
}

/* Our own numbers, and behind them those of the file, whose map becomes part of ours. */
static void stats_pack_app(const struct app *app, const struct buffer *of_file, struct buffer *ret)
{
    const struct batcher_counts *counts = batcher_counts(app->batcher);
    struct reader file = reader_of(of_file->data, of_file->len);
    struct cache_counts cache = cache_space_counts(app->cache);
    bool checksums = app->manifest->checksums;
    uint32_t file_count = 0;
    msgpack_packer pk;
    pack_init(&pk, ret);
    if (reader_map(&file, &file_count))
        file = reader_of(NULL, 0);
    msgpack_pack_map(&pk, (checksums ? 16u : 13u) + file_count);
    pack_cstr(&pk, "app");
    pack_cstr(&pk, app_name(app));
    pack_cstr(&pk, "directory");
    pack_cstr(&pk, app->directory.path);
    pack_number(&pk, "connections", app->conn_count);
    pack_number(&pk, "watches", app->watch_count);
    pack_number(&pk, "requests", app->requests);
    pack_number(&pk, "batches", counts->batches);
    pack_number(&pk, "reads", counts->reads + cache.hits);
    pack_number(&pk, "writes", counts->writes);
    pack_number(&pk, "errors", counts->errors);
    pack_number(&pk, "expired", counts->expired);
    pack_number(&pk, "cache_bytes", cache.bytes);
    pack_number(&pk, "cache_hits", cache.hits);
    pack_number(&pk, "cache_misses", cache.misses);
    if (checksums) {
        pack_number(&pk, "scrub_checked", app->scrub.checked);
        pack_number(&pk, "scrub_wrong", app->scrub.wrong);
        pack_number(&pk, "scrub_ended", (uint64_t)app->scrub.ended_ms);
    }
    buffer_append(ret, file.pos, (size_t)(file.end - file.pos));
}

static void stats_on_done(struct op *op)
{
    struct request *r = container_of(op, struct request, op);
    struct app *app = r->detail;
    struct buffer result;
    if (op->status) {
        request_fail(r, op->status, op->error);
    } else {
        buffer_init(&result);
        stats_pack_app(app, &op->result, &result);
        request_reply_packed(r, &result);
        buffer_fini(&result);
    }
    app_unpin(app);
}

int stats_get(struct request *r, struct error *e)
{
    struct slice name;
    struct app *app;
    int rc;
    if (!r->param_count || reader_peek(&r->params) == READER_NIL) {
        stats_reply_daemon(r);
        return 0;
    }
    if (reader_str(&r->params, &name))
        return error_set(e, ERR_INVALID_REQUEST, "stats: app must be a string");
    rc = apps_find(&r->conn->server->apps, &r->conn->peer, name, &app, e);
    if (rc)
        return rc;
    app_pin(app);
    r->detail = app;
    op_init(&r->op, OP_STATS, stats_on_done);
    app_submit(app, &r->op);
    return 0;
}
