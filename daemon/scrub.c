#include "daemon/scrub.h"

#include <stdio.h>

#include "daemon/app.h"
#include "daemon/clock.h"
#include "daemon/log.h"
#include "daemon/server.h"

enum { SCRUB_STEP = 1 << 20 };
/* From the end of a pass to the begin of the next one. */
enum { SCRUB_REST_MS = 3600 * 1000 };
/* When to try again after a step that could not look. */
enum { SCRUB_RETRY_MS = 60 * 1000 };

static bool scrub_step(struct task *task, struct store *store)
{
    struct scrub *scrub = container_of(task, struct scrub, task);
    store_scrub_step(store, &scrub->pass, SCRUB_STEP, &scrub->whole, &scrub->error);
    return false;
}

static void scrub_cancel(struct task *task, const struct error *e)
{
    container_of(task, struct scrub, task)->error = *e;
}

/* A pass is over. */
static void scrub_tell(struct scrub *scrub)
{
    char text[700], first[500];
    scrub->ended_ms = clock_now_ms();
    if (!scrub->wrong) {
        app_set_trouble(scrub->app, APP_TROUBLE_VALUES, NULL);
        log_debug("app '%s': %llu values have their checksums", app_name(scrub->app),
                  (unsigned long long)scrub->checked);
        return;
    }
    store_scrub_first(scrub->pass, first, sizeof first);
    snprintf(text, sizeof text, "%llu of %llu values do not have their checksums; the first is %s",
             (unsigned long long)scrub->wrong, (unsigned long long)scrub->checked, first);
    app_set_trouble(scrub->app, APP_TROUBLE_VALUES, text);
}

static void scrub_done(struct task *task)
{
    struct scrub *scrub = container_of(task, struct scrub, task);
    struct app *app = scrub->app;
    uint64_t now = uv_now(&app->server->loop);
    scrub->running = false;
    if (scrub->error.code) {
        scrub->next_ms = now + SCRUB_RETRY_MS;
    } else {
        store_scrub_counts(scrub->pass, &scrub->checked, &scrub->wrong);
        if (scrub->whole) {
            scrub_tell(scrub);
            store_scrub_free(scrub->pass);
            scrub->pass = NULL;
            scrub->next_ms = now + SCRUB_REST_MS;
        }
    }
    app_unpin(app);
}

void scrub_init(struct scrub *scrub, struct app *app)
{
    *scrub = (struct scrub){.app = app};
    list_init(&scrub->task.link);
}

void scrub_fini(struct scrub *scrub)
{
    store_scrub_free(scrub->pass);
}

static bool scrub_may_go(const struct scrub *scrub, uint64_t now)
{
    const struct app *app = scrub->app;
    return app->state == APP_ACTIVE && app->manifest->checksums && !scrub->running &&
           !app->restoring && now >= scrub->next_ms && batcher_is_open(app->batcher);
}

static void scrub_start(struct scrub *scrub)
{
    scrub->task = (struct task){.step = scrub_step, .cancel = scrub_cancel, .done = scrub_done};
    list_init(&scrub->task.link);
    scrub->running = true;
    scrub->error.code = 0;
    app_pin(scrub->app);
    batcher_start_task(scrub->app->batcher, &scrub->task);
}

/* Behind the one that had its turn last. */
void scrub_tick(struct server *s)
{
    struct list *it, *tmp;
    struct app *first = NULL;
    uint64_t now = uv_now(&s->loop);
    if (s->state != SERVER_RUNNING)
        return;
    list_each(it, tmp, &s->apps.all) {
        struct app *app = container_of(it, struct app, link);
        if (scrub_may_go(&app->scrub, now) &&
            (!first || app->scrub_turn < first->scrub_turn))
            first = app;
    }
    if (!first)
        return;
    first->scrub_turn = ++s->scrub_turns;
    scrub_start(&first->scrub);
}
