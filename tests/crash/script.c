#include "script.h"

#include <err.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/clock.h"
#include "daemon/store.h"
#include "daemon/syncer.h"
#include "memory.h"
#include "script_batch.h"
#include "sim.h"
#include "trial.h"

/* How far the clock goes before the batcher's timer would ask for a sync of relaxed commits. */
#define TICK_MS 100
/* How long a relaxed commit may be lost after it was acknowledged. */
#define RELAXED_MS 1000

/* A script that runs. */
struct run {
    struct script *script;
    const struct disk *disk;
    struct directory directory;
    struct store *store; /* NULL: closed */
    struct store_options options;
    struct random random;
    struct state state;
    bool faulty;
    struct store_checkpoint *checkpoint; /* NULL: none is under way */
    pthread_t thread;                    /* … which runs it, if … */
    bool threaded;
};

/* How often a store that cannot be opened is tried again. */
#define OPEN_MOST 2000

static int spare_again(int code)
{
    memory_spare();
    return code;
}

/* What the test needs itself is never short of memory. */
#define CALL(call) (memory_spare_end(), spare_again(call))

/* Whether it failed, where it may. */
static bool failed(struct run *r, int code, const char *what, const struct error *e)
{
    if (code && !r->faulty)
        trial_fail("cannot %s: %s", what, e->text);
    r->script->failures += code != 0;
    return code != 0;
}

static struct moment *add_moment(struct script *s)
{
    if (s->count == s->cap) {
        s->cap = s->cap ? s->cap * 2 : 64;
        s->moments = reallocarray(s->moments, s->cap, sizeof(*s->moments));
        if (!s->moments)
            err(2, "script");
    }
    s->moments[s->count] = (struct moment){0};
    return &s->moments[s->count++];
}

void script_init(struct script *s, const struct state *state, uint64_t commit)
{
    *s = (struct script){0};
    *add_moment(s) = (struct moment){
        .state = *state,
        .commit = commit,
        .digest = state_digest(state),
    };
}

void script_fini(struct script *s)
{
    free(s->moments);
}

void script_allowed(const struct script *s, size_t position, int64_t time_ms, size_t *ret_first,
                    size_t *ret_last)
{
    *ret_first = *ret_last = 0;
    for (size_t i = 1; i < s->count; i++) {
        const struct moment *m = &s->moments[i];
        if (m->failed)
            continue;
        if (m->begun < position)
            *ret_last = i;
        if (m->durable <= position ||
            (m->acknowledged <= position && time_ms - m->time_ms >= RELAXED_MS))
            *ret_first = i;
    }
}

/* The last one that was not refused. */
static struct moment *last_moment(const struct run *r)
{
    size_t i = r->script->count - 1;

    while (r->script->moments[i].failed)
        i--;
    return &r->script->moments[i];
}

/* All that was acknowledged so far is on the disk. */
static void note_durable(struct run *r)
{
    size_t position = disk_position(r->disk);

    for (size_t i = r->script->count; i-- && r->script->moments[i].durable == SIZE_MAX;)
        r->script->moments[i].durable = position;
}

static void note_refused(struct run *r, size_t begun, const struct state *state, uint64_t commit)
{
    *add_moment(r->script) = (struct moment){
        .state = *state,
        .commit = commit,
        .digest = state_digest(state),
        .begun = begun,
        .acknowledged = disk_position(r->disk),
        .durable = SIZE_MAX,
        .failed = true,
        .gone = SIZE_MAX,
    };
}

static void note_moment(struct run *r, size_t begun, uint64_t commit)
{
    *add_moment(r->script) = (struct moment){
        .state = r->state,
        .commit = commit,
        .digest = state_digest(&r->state),
        .begun = begun,
        .acknowledged = disk_position(r->disk),
        .time_ms = clock_now_ms(),
        .durable = SIZE_MAX,
    };
    if (!r->options.relaxed)
        note_durable(r);
}

static void try_to_open(struct run *r)
{
    struct error e = {0};
    int code = -1;

    for (unsigned i = 0; code && i < OPEN_MOST; i++) {
        code = CALL(store_open_with(&r->directory, &r->options, &r->store, &e));
        failed(r, code, "open", &e);
    }
    if (code)
        trial_fail("the store cannot be opened any more: %s", e.text);
}

/* A batch that failed is there after all, of those since the last one that did not: it counts from here on. */
static void adopt_failed(struct run *r, size_t opening)
{
    struct script *s = r->script;
    uint64_t found = 0;
    char file[300];
    struct error e = {0};
    size_t i = s->count;

    snprintf(file, sizeof(file), "%s/.spin/sqlite_key_value.db", r->directory.path);
    failed(r, CALL(store_close(r->store, &e)), "close", &e);
    r->store = NULL;
    const char *wrong = state_digest_file(file, &found);
    while (!wrong && i-- && s->moments[i].failed)
        if (s->moments[i].digest == found)
            break;
    if (wrong || !s->moments[i].failed)
        trial_fail("the store opens with a commit that nobody asked for %s", wrong ? wrong : "");
    const struct moment m = s->moments[i];
    r->state = m.state;
    note_moment(r, opening, m.commit);
    try_to_open(r);
}

static void open_store(struct run *r)
{
    size_t opening = disk_position(r->disk);

    r->options = store_defaults;
    r->options.log_first = 8192u << random_below(&r->random, 2);
    r->options.log_most = 32768u << random_below(&r->random, 2);
    r->options.fold_changes = 5 + random_below(&r->random, 60);
    r->options.wal_pages = 4 + random_below(&r->random, 12);
    r->options.relaxed = random_percent(&r->random, 20) && !r->faulty;
    r->options.early = random_percent(&r->random, 50) ? STORE_EARLY_ALWAYS : STORE_EARLY_AS_PAYS;
    r->options.hold_from = random_percent(&r->random, 50) ? 0 : store_defaults.hold_from;
    r->options.hold_most = 500 + random_below(&r->random, 8000);
    syncer_set_threads(r->faulty ? 0 : random_below(&r->random, 2));
    try_to_open(r);
    uint64_t commit = last_moment(r)->commit;
    if (r->faulty && store_commit_number(r->store) == commit + 1 &&
        r->script->moments[r->script->count - 1].failed) {
        adopt_failed(r, opening);
        commit++;
    }
    if (store_commit_number(r->store) != commit)
        trial_fail("the store opens with commit %llu, not %llu",
                   (unsigned long long)store_commit_number(r->store), (unsigned long long)commit);
}

static void *checkpoint_main(void *arg)
{
    store_checkpoint_run(arg);
    return NULL;
}

static void end_checkpoint(struct run *r)
{
    if (!r->checkpoint)
        return;
    if (r->threaded)
        pthread_join(r->thread, NULL);
    memory_spare_end();
    if (!r->threaded)
        store_checkpoint_run(r->checkpoint);
    store_checkpoint_end(r->store, r->checkpoint);
    memory_spare();
    r->checkpoint = NULL;
}

/* It runs beside the batches that follow, or right before its end. */
static void begin_checkpoint(struct run *r)
{
    if (r->checkpoint || !store_wants_checkpoint(r->store))
        return;
    memory_spare_end();
    r->checkpoint = store_checkpoint_begin(r->store);
    memory_spare();
    r->threaded = r->checkpoint && !r->faulty && random_percent(&r->random, 50);
    if (r->threaded && pthread_create(&r->thread, NULL, checkpoint_main, r->checkpoint) != 0)
        err(2, "thread");
}

static void run_batch(struct run *r)
{
    const struct moment last = *last_moment(r);
    size_t begun = disk_position(r->disk);
    struct state early = r->state;
    bool done = r->options.early == STORE_EARLY_ALWAYS && random_percent(&r->random, 60)
                    ? script_batch_early(r->store, &r->random, r->faulty, &r->state, &early)
                    : script_batch(r->store, &r->random, r->faulty, &r->state);
    uint64_t commit = store_commit_number(r->store);

    /* A cut before that record was taken back may show it. */
    if (state_digest(&early) != last.digest && state_digest(&early) != state_digest(&r->state)) {
        note_refused(r, begun, &early, last.commit + 1);
        if (!r->faulty)
            r->script->moments[r->script->count - 1].gone = disk_position(r->disk);
    }
    if (!done) {
        r->script->failures++;
        note_refused(r, begun, &r->state, last.commit + 1);
        r->state = last.state;
    } else {
        r->script->batches++;
    }
    if (commit == last.commit && state_digest(&r->state) == last.digest)
        return;
    if (!done || commit != last.commit + 1)
        trial_fail("a batch got number %llu after %llu", (unsigned long long)commit,
                   (unsigned long long)last.commit);
    note_moment(r, begun, commit);
}

static void pass_time(struct run *r)
{
    struct error e = {0};
    int64_t ms = random_percent(&r->random, 20) ? 2500 : random_below(&r->random, 700);

    for (; ms > 0; ms -= TICK_MS) {
        sim_clock_advance(ms < TICK_MS ? ms : TICK_MS);
        failed(r, CALL(store_sync(r->store, false, &e)), "sync", &e);
    }
}

static void sync_or_switch(struct run *r)
{
    struct error e = {0};

    if (!failed(r, CALL(store_sync(r->store, true, &e)), "sync", &e))
        note_durable(r);
    r->options.relaxed = random_percent(&r->random, 30) && !r->faulty;
    store_set_relaxed(r->store, r->options.relaxed);
}

static void run_fold(struct run *r)
{
    struct error e = {0};
    bool more;

    if (random_percent(&r->random, 30))
        failed(r, CALL(store_drain(r->store, &more, &e)), "drain", &e);
    failed(r, CALL(store_fold(r->store, &e)), "fold", &e);
    store_rest(r->store);
}

static void close_store(struct run *r)
{
    struct error e = {0};

    end_checkpoint(r);
    failed(r, CALL(store_close(r->store, &e)), "close", &e);
    r->store = NULL;
    note_durable(r);
}

static void run_backup(struct run *r)
{
    struct backup_file *file = &r->script->backups[r->script->backup_count];
    struct store_backup *backup = NULL;
    uint64_t bytes, pages;
    char path[300];
    struct error e = {0};
    bool done = false;
    int code;

    if (r->script->backup_count == SCRIPT_BACKUPS)
        return;
    snprintf(file->name, sizeof(file->name), "backup-%u.db", r->script->backup_count);
    snprintf(path, sizeof(path), "%s/%s", r->directory.path, file->name);
    code = CALL(store_backup_begin(r->store, path, geteuid(), getegid(), &backup, &e));
    while (!code && !done) {
        if (random_percent(&r->random, 30))
            run_batch(r);
        code = CALL(store_backup_step(backup, 1 + random_below(&r->random, 20), &done, &e));
        if (code)
            store_backup_abandon(backup);
        if (code || !done)
            continue;
        file->state = r->state;
        file->digest = state_digest(&r->state);
        code = CALL(store_backup_finish(backup, &bytes, &pages, &e));
    }
    if (failed(r, code, "back up", &e))
        return;
    file->acknowledged = disk_position(r->disk);
    r->script->backup_count++;
}

static void run_restore(struct run *r)
{
    const struct backup_file *file;
    struct store_restore *restore = NULL;
    struct store_restored restored;
    size_t begun = disk_position(r->disk);
    char path[300];
    struct error e = {0};

    if (!r->script->backup_count)
        return;
    end_checkpoint(r);
    file = &r->script->backups[random_below(&r->random, r->script->backup_count)];
    snprintf(path, sizeof(path), "%s/%s", r->directory.path, file->name);
    int code = CALL(store_restore_prepare(&r->directory, path, geteuid(), getegid(), &restore, &e));
    if (failed(r, code, "prepare to restore", &e))
        return;
    if (random_percent(&r->random, 50))
        run_batch(r);
    bool keep = random_percent(&r->random, 50);
    code = CALL(store_restore_swap(restore, &r->store, keep, &restored, &e));
    store_restore_abandon(restore);
    if (failed(r, code, "restore", &e)) {
        note_refused(r, begun, &file->state, last_moment(r)->commit + 1);
    } else {
        r->state = file->state;
        note_moment(r, begun, restored.commit);
        note_durable(r);
    }
    if (!r->store)
        open_store(r);
}

/* As the daemon does before each batch. */
static void renew(struct run *r)
{
    struct error e = {0};

    if (!store_must_reopen(r->store))
        return;
    if (!r->faulty)
        trial_fail("a sync is said to have failed");
    failed(r, CALL(store_close(r->store, &e)), "close", &e);
    r->store = NULL;
    open_store(r);
}

static void step(struct run *r, enum script_kind script)
{
    uint32_t kind = random_below(&r->random, script != SCRIPT_SHORT ? 100 : 95);

    if (r->checkpoint && random_percent(&r->random, 40))
        end_checkpoint(r);
    renew(r);
    if (kind < 72) {
        run_batch(r);
        begin_checkpoint(r);
    } else if (kind < 78) {
        run_fold(r);
    } else if (kind < 88) {
        pass_time(r);
    } else if (kind < 92) {
        sync_or_switch(r);
    } else if (kind < 95) {
        close_store(r);
        open_store(r);
    } else if (kind < 98) {
        run_backup(r);
    } else {
        run_restore(r);
    }
}

void script_run(struct script *s, const struct disk *disk, const char *path, enum script_kind kind,
                uint64_t seed)
{
    struct run r = {
        .script = s,
        .disk = disk,
        .random = {seed},
        .state = s->moments[0].state,
        .faulty = kind == SCRIPT_FAULTY,
    };
    struct error e = {0};
    unsigned steps;

    memory_spare();
    if (directory_init(&r.directory, path, &e) != 0)
        errx(2, "%s", e.text);
    steps = kind == SCRIPT_FULL    ? 60 + random_below(&r.random, 60)
            : kind == SCRIPT_SHORT ? random_below(&r.random, 8)
                                   : 20;
    open_store(&r);
    s->opened = disk_position(disk);
    for (unsigned i = 0; i < steps; i++)
        step(&r, kind);
    close_store(&r);
    directory_fini(&r.directory);
    memory_spare_end();
}
