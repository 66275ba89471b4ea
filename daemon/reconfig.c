#include "daemon/reconfig.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/app.h"
#include "daemon/batcher.h"
#include "daemon/log.h"
#include "daemon/options.h"
#include "daemon/server.h"

void reconfig_set_options(struct server_options *options, const struct config *c)
{
    options->store_idle_ms = c->store_idle_ms;
    options->stall_ms = c->stall_ms;
    options->limits = c->limits;
    options->quota_bytes = c->quota_bytes;
    options->quota_entries = c->quota_entries;
    options->store.log_first = store_defaults.log_first;
    options->store.log_most = c->commit_log_size;
    if (options->store.log_first > options->store.log_most)
        options->store.log_first = options->store.log_most;
    options->store.fold_changes = c->fold_changes;
    options->store.hold_from = c->hold_from;
    options->store.wal_pages = c->wal_pages;
}

void reconfig_init(struct reconfig *reconfig, struct config *in_force, int argc, char **argv)
{
    memset(reconfig, 0, sizeof *reconfig);
    reconfig->state = RECONFIG_IDLE;
    reconfig->in_force = in_force;
    reconfig->argc = argc;
    reconfig->argv = argv;
    config_init(&reconfig->read);
}

void reconfig_fini(struct reconfig *reconfig)
{
    config_fini(&reconfig->read);
}

/* The worker's only. */
static void reconfig_work(struct job *job)
{
    struct reconfig *reconfig = container_of(job, struct reconfig, job);
    enum options_action action;
    const char *directory;
    struct config read;
    struct error *e = &reconfig->error;
    reconfig->status = options_read(reconfig->argc, reconfig->argv, &read, &action, &directory, e);
    if (reconfig->status)
        return;
    memset(&reconfig->admins, 0, sizeof reconfig->admins);
    if (read.admin_group)
        reconfig->status = access_admins_find(&reconfig->admins, read.admin_group, e);
    if (reconfig->status) {
        config_fini(&read);
        return;
    }
    config_fini(&reconfig->read);
    reconfig->read = read;
}

/* What waits for a restart stays where it was read. */
static void reconfig_take(struct reconfig *reconfig, const struct setting *setting)
{
    size_t id = (size_t)(setting - setting_table);
    struct config *now = reconfig->in_force;
    char *was = setting_text(setting, now), *is = setting_text(setting, &reconfig->read);
    bool same = setting_same(setting, now, &reconfig->read);
    bool given = now->origin[id] == CONFIG_SYSTEMD; /* by whoever started us: no file changes it */
    const char *old = was && *was ? was : "unset", *new = is && *is ? is : "unset";
    reconfig->waits[id] = !same && !given && setting->change == SETTING_RESTARTS;
    if (reconfig->waits[id])
        log_warning("%s: %s waits for a restart, %s stays in force", setting->key, new, old);
    else if (!same && !given)
        log_info("%s: %s instead of %s%s", setting->key, new, old,
                 setting->change == SETTING_AT_OPEN ? ", for stores as they are opened" : "");
    if (!reconfig->waits[id] && !given)
        setting_swap(setting, now, &reconfig->read);
    free(was);
    free(is);
}

static void reconfig_apply(struct server *s)
{
    struct reconfig *reconfig = &s->reconfig;
    struct config *now = reconfig->in_force;
    struct list *it, *tmp;
    char *file = now->file;
    now->file = reconfig->read.file;
    reconfig->read.file = file;
    for (size_t i = 0; i < SETTING_COUNT; i++)
        reconfig_take(reconfig, &setting_table[i]);
    log_set_level(now->log_level);
    log_set_json(now->log_format == LOG_FORMAT_JSON);
    s->options.admins = reconfig->admins;
    reconfig_set_options(&s->options, now);
    list_each(it, tmp, &s->apps.all) {
        struct app *app = container_of(it, struct app, link);
        app_set_durability(app, app->manifest);
        batcher_set_idle(app->batcher, now->store_idle_ms);
        batcher_set_quota(app->batcher, now->quota_bytes, now->quota_entries);
    }
}

static void reconfig_nothing(struct job *job)
{
    (void)job;
}

/* Behind the manifests: the worker takes its jobs in order. */
static void reconfig_end(struct job *job)
{
    struct server *s = container_of(container_of(job, struct reconfig, job), struct server, reconfig);
    bool again = s->reconfig.state == RECONFIG_AGAIN;
    s->reconfig.state = RECONFIG_IDLE;
    log_info("read again");
    notify_say("READY=1");
    if (again)
        reconfig_start(s);
}

static void reconfig_on_read(struct job *job)
{
    struct reconfig *reconfig = container_of(job, struct reconfig, job);
    struct server *s = container_of(reconfig, struct server, reconfig);
    if (reconfig->status)
        log_error("the configuration stays as it was: %s", reconfig->error.text);
    else
        reconfig_apply(s);
    apps_reload(&s->apps);
    reconfig->job.work = reconfig_nothing;
    reconfig->job.done = reconfig_end;
    worker_submit(&s->worker, &reconfig->job);
}

void reconfig_start(struct server *s)
{
    struct reconfig *reconfig = &s->reconfig;
    if (s->state != SERVER_RUNNING)
        return;
    if (reconfig->state != RECONFIG_IDLE) {
        reconfig->state = RECONFIG_AGAIN;
        return;
    }
    reconfig->state = RECONFIG_RUNS;
    log_info("reading configuration and manifests again");
    notify_reloading();
    reconfig->job.work = reconfig_work;
    reconfig->job.done = reconfig_on_read;
    worker_submit(&s->worker, &reconfig->job);
}
