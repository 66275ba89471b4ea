/* The registry of apps: what was acknowledged of registrations and of what is wanted. */
#include <err.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "daemon/registry.h"
#include "disk.h"
#include "model/random.h"
#include "sim.h"
#include "trial.h"

enum { APPS = 12, STEPS = 60 };

/* What is recorded of one app; 0: nothing, else which of the wanted words and which directory. */
struct recorded {
    unsigned of[APPS];
};

struct change {
    struct recorded after;
    size_t begun, acknowledged; /* positions of the disk */
};

struct history {
    struct change list[STEPS + 1]; /* the first is how it began */
    size_t count;
    size_t opened;
};

static void wanted_text(unsigned n, char ret[64])
{
    snprintf(ret, 64, "component-%u\nother-%u", n % 7, n);
}

static void app_path(unsigned app, char ret[32])
{
    snprintf(ret, 32, "/srv/app-%u", app);
}

/* Hardly ever to what it was, so that one state stands for one moment. */
static void change_one(struct registry *r, struct history *h, const struct disk *disk,
                       struct random *random)
{
    unsigned app = random_below(random, APPS);
    unsigned n = 1 + (unsigned)random_next(random) % 1000000000;
    struct change c = {h->list[h->count - 1].after, disk_position(disk), 0};
    char path[32], wanted[64];
    struct directory d = {.path = path, .dev = 7, .ino = app};
    struct error e = {0};
    int code;

    app_path(app, path);
    wanted_text(n, wanted);
    if (c.after.of[app] && random_percent(random, 30))
        n = 0;
    if (!n)
        code = registry_remove(r, path, &e);
    else if (c.after.of[app])
        code = registry_set_wanted(r, path, wanted, &e);
    else
        code = registry_put(r, &d, wanted, &e);
    if (code)
        errx(1, "the registry fails: %s", e.text);
    c.after.of[app] = n;
    c.acknowledged = disk_position(disk);
    h->list[h->count++] = c;
}

static int note_cb(void *arg, const struct directory *directory, const char *wanted)
{
    struct recorded *found = arg;
    unsigned app, n;
    char expected[64];

    if (sscanf(directory->path, "/srv/app-%u", &app) != 1 || app >= APPS || directory->ino != app ||
        !strstr(wanted, "\nother-") || sscanf(strstr(wanted, "\nother-"), "\nother-%u", &n) != 1)
        trial_fail("LOST: the registry holds '%s' with '%s'", directory->path, wanted);
    wanted_text(n, expected);
    if (strcmp(expected, wanted) != 0)
        trial_fail("LOST: the registry holds '%s' with '%s'", directory->path, wanted);
    found->of[app] = n;
    return 0;
}

static void read_all(const char *path, struct recorded *ret)
{
    struct registry *r = NULL;
    struct error e = {0};

    *ret = (struct recorded){0};
    if (registry_open(path, &r, &e) != 0)
        trial_fail("the registry cannot be opened: %s", e.text);
    if (registry_each(r, note_cb, ret, &e) != 0)
        trial_fail("the registry cannot be read: %s", e.text);
    registry_close(r);
}

static void check_whole(const char *path)
{
    char file[300];
    sqlite3 *db = NULL;
    sqlite3_stmt *stmt = NULL;

    snprintf(file, sizeof(file), "%s/registry.db", path);
    if (sqlite3_open(file, &db) != SQLITE_OK ||
        sqlite3_prepare_v2(db, "PRAGMA integrity_check", -1, &stmt, NULL) != SQLITE_OK ||
        sqlite3_step(stmt) != SQLITE_ROW ||
        strcmp((const char *)sqlite3_column_text(stmt, 0), "ok") != 0)
        trial_fail("DAMAGED: the registry: %s", sqlite3_errmsg(db));
    sqlite3_finalize(stmt);
    sqlite3_close(db);
}

/* What is left is one of the states that may be, and stays it. */
static void check_left(const char *path, const struct history *h, size_t position,
                       struct recorded *ret)
{
    struct recorded again;
    size_t first = 0, last = 0, found;

    for (size_t i = 1; i < h->count; i++) {
        if (h->list[i].begun < position)
            last = i;
        if (h->list[i].acknowledged <= position)
            first = i;
    }
    read_all(path, ret);
    for (found = first; found <= last; found++)
        if (memcmp(&h->list[found].after, ret, sizeof(*ret)) == 0)
            break;
    if (found > last)
        trial_fail("LOST: the registry does not hold what was acknowledged");
    check_whole(path);
    read_all(path, &again);
    if (memcmp(&again, ret, sizeof(again)) != 0)
        trial_fail("the registry holds something else when it is opened again");
}

static struct disk *run(const char *path, struct history *h, const struct recorded *from,
                        unsigned steps, struct random *random)
{
    struct disk *disk = disk_record(path);
    struct registry *r = NULL;
    struct error e = {0};

    memset(h, 0, sizeof(*h));
    h->list[h->count++].after = *from;
    if (registry_open(path, &r, &e) != 0)
        trial_fail("the registry cannot be opened: %s", e.text);
    h->opened = disk_position(disk);
    for (unsigned i = 0; i < steps; i++) {
        change_one(r, h, disk, random);
        if (random_percent(random, 5)) {
            registry_close(r);
            if (registry_open(path, &r, &e) != 0)
                trial_fail("the registry cannot be opened: %s", e.text);
        }
    }
    registry_close(r);
    disk_stop(disk);
    return disk;
}

static void cut_again(const char *path, const char *second, const struct recorded *from,
                      struct random *random, struct trial_counts *counts)
{
    struct history *h = malloc(sizeof(*h));
    struct disk *disk;
    struct recorded ignored;

    if (!h)
        err(2, "history");
    disk = run(path, h, from, random_below(random, 4), random);
    size_t most = random_percent(random, 50) ? h->opened : disk_position(disk);
    size_t position = random_below(random, (uint32_t)most + 1);
    enum disk_loss loss = (enum disk_loss)random_below(random, DISK_LOSS_COUNT);
    trial_say(disk, position, ", then a second cut at event %zu of %zu, kind %d", position,
              disk_position(disk), loss);
    disk_cut(disk, position, loss, random_next(random), second);
    check_left(second, h, position, &ignored);
    counts->cuts++;
    counts->recovery_cuts += position < h->opened;
    counts->acknowledged += h->count - 1;
    trial_say(NULL, 0, "nothing is tried");
    disk_free(disk);
    free(h);
}

static void cut_once(const struct trial *t, struct disk *disk, const struct history *h,
                     size_t position, struct random *random, struct trial_counts *counts)
{
    enum disk_loss loss = (enum disk_loss)random_below(random, DISK_LOSS_COUNT);
    uint64_t seed = random_next(random);
    char left[220], second[220];
    struct recorded found;

    snprintf(left, sizeof(left), "%s/left", t->directory);
    snprintf(second, sizeof(second), "%s/second", t->directory);
    trial_say(disk, position, "registry, seed %llu: cut at event %zu of %zu, kind %d",
              (unsigned long long)t->seed, position, disk_position(disk), loss);
    disk_cut(disk, position, loss, seed, left);
    check_left(left, h, position, &found);
    counts->cuts++;
    disk_cut(disk, position, loss, seed, left);
    cut_again(left, second, &found, random, counts);
}

void trial_registry(const struct trial *t, struct trial_counts *counts)
{
    struct random random = {t->seed};
    struct recorded nothing = {0};
    struct history *h = malloc(sizeof(*h));
    struct disk *disk;
    char path[220];

    if (!h)
        err(2, "history");
    sim_seed(t->seed);
    snprintf(path, sizeof(path), "%s/app", t->directory);
    disk_remove(path);
    if (mkdir(path, 0700) != 0)
        err(2, "%s", path);
    disk = run(path, h, &nothing, STEPS, &random);
    size_t events = disk_position(disk);
    size_t cuts = t->cuts && t->cuts <= events ? t->cuts : events + 1;
    for (size_t i = 0; i < cuts; i++) {
        size_t position = cuts == events + 1 ? i : random_below(&random, (uint32_t)events + 1);
        cut_once(t, disk, h, position, &random, counts);
    }
    counts->scripts++;
    counts->acknowledged += h->count - 1;
    trial_say(NULL, 0, "nothing is tried");
    disk_free(disk);
    free(h);
}
