#include <dirent.h>
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/store.h"
#include "script.h"
#include "sim.h"
#include "trial.h"

#define FILE_NAME ".spin/sqlite_key_value.db"

static const char *const loss_words[DISK_LOSS_COUNT] = {
    [DISK_LOSE_ALL] = "all that was not synced lost", [DISK_LOSE_NOTHING] = "nothing lost",
    [DISK_LOSE_SOME] = "some sectors lost",           [DISK_LOSE_FILES] = "some files lost",
    [DISK_LOSE_LITTLE] = "few sectors lost",
};

/* Open what is there as the daemon would, and close it. Its commit number. */
static uint64_t open_and_close(const char *path)
{
    struct directory directory = {0};
    struct store *store = NULL;
    struct error e = {0};

    if (directory_init(&directory, path, &e) != 0)
        errx(2, "%s", e.text);
    if (store_open(&directory, &store, &e) != 0)
        trial_fail("it cannot be opened: %s", e.text);
    uint64_t commit = store_commit_number(store);
    if (store_close(store, &e) != 0)
        trial_fail("it cannot be closed: %s", e.text);
    directory_fini(&directory);
    return commit;
}

/* Of those that failed only what goes on from the last one that counts, until another one does. */
static bool may_be_found(const struct moment *m, size_t index, size_t first, size_t last,
                         size_t position)
{
    if (m->failed)
        return m->begun < position && position < m->gone && index > first;
    return index >= first && index <= last;
}

static size_t find_moment(const struct script *s, uint64_t commit, uint64_t digest, size_t position,
                          int64_t time_ms)
{
    size_t first, last;

    script_allowed(s, position, time_ms, &first, &last);
    for (size_t i = 0; i < s->count; i++)
        if (s->moments[i].commit == commit && s->moments[i].digest == digest &&
            may_be_found(&s->moments[i], i, first, last, position))
            return i;
    if (commit < s->moments[first].commit || commit > s->moments[last].commit)
        trial_fail("LOST: found is commit %llu, but %llu was acknowledged and %llu begun",
                   (unsigned long long)commit, (unsigned long long)s->moments[first].commit,
                   (unsigned long long)s->moments[last].commit);
    trial_fail("LOST: the store does not hold what commit %llu made of it",
               (unsigned long long)commit);
}

/* A store that was closed is one plain file. */
static void check_plain(const char *path)
{
    static const char *const beside[] = {FILE_NAME "-wal", FILE_NAME "-journal", FILE_NAME "-shm",
                                         ".spin/bobbin_commit_0.log", ".spin/bobbin_commit_1.log"};
    char name[300];

    for (size_t i = 0; i < sizeof(beside) / sizeof(beside[0]); i++) {
        snprintf(name, sizeof(name), "%s/%s", path, beside[i]);
        if (access(name, F_OK) == 0)
            trial_fail("%s is left after the close", beside[i]);
    }
}

static uint64_t digest_of(const char *path, const char *name)
{
    char file[300];
    uint64_t found = 0;

    snprintf(file, sizeof(file), "%s/%s", path, name);
    const char *wrong = state_digest_file(file, &found);
    if (wrong)
        trial_fail("DAMAGED: %s", wrong);
    return found;
}

size_t trial_check_left(const char *path, const struct script *s, size_t position, int64_t time_ms)
{
    uint64_t commit = open_and_close(path);
    uint64_t digest = digest_of(path, FILE_NAME);
    size_t found = find_moment(s, commit, digest, position, time_ms);

    check_plain(path);
    if (open_and_close(path) != commit || digest_of(path, FILE_NAME) != digest)
        trial_fail("a second opening finds something else");
    return found;
}

static void check_backups(const char *path, const struct script *s, size_t position)
{
    for (unsigned i = 0; i < s->backup_count; i++)
        if (s->backups[i].acknowledged <= position &&
            digest_of(path, s->backups[i].name) != s->backups[i].digest)
            trial_fail("LOST: %s does not hold what it was made of", s->backups[i].name);
}

/* What the cut left is opened, a little is written, and then the power fails once more. */
static void cut_again(const char *path, const char *second, const struct moment *from,
                      struct random *random, struct trial_counts *counts)
{
    struct disk *disk = disk_record(path);
    struct script s;
    size_t position;
    enum disk_loss loss = (enum disk_loss)random_below(random, DISK_LOSS_COUNT);

    script_init(&s, &from->state, from->commit);
    script_run(&s, disk, path, SCRIPT_SHORT, random_next(random));
    disk_stop(disk);
    position = random_below(
        random, (uint32_t)(random_percent(random, 50) ? s.opened : disk_position(disk)) + 1);
    disk_cut(disk, position, loss, random_next(random), second);
    trial_say(disk, position, ", then a second cut at event %zu of %zu, %s", position,
              disk_position(disk), loss_words[loss]);
    trial_check_left(second, &s, position, disk_time_ms(disk, position));
    counts->cuts++;
    counts->recovery_cuts += position < s.opened;
    counts->acknowledged += s.batches;
    script_fini(&s);
    trial_say(NULL, 0, "nothing is tried");
    disk_free(disk);
}

static void cut_once(const struct trial *t, struct disk *disk, const struct script *s,
                     size_t position, struct random *random, struct trial_counts *counts)
{
    enum disk_loss loss = (enum disk_loss)random_below(random, DISK_LOSS_COUNT);
    uint64_t seed = random_next(random);
    char left[220], second[220];

    snprintf(left, sizeof(left), "%s/left", t->directory);
    snprintf(second, sizeof(second), "%s/second", t->directory);
    trial_say(disk, position, "store, seed %llu: cut at event %zu of %zu, %s",
              (unsigned long long)t->seed, position, disk_position(disk), loss_words[loss]);
    disk_cut(disk, position, loss, seed, left);
    size_t found = trial_check_left(left, s, position, disk_time_ms(disk, position));
    check_backups(left, s, position);
    counts->cuts++;
    disk_cut(disk, position, loss, seed, left);
    cut_again(left, second, &s->moments[found], random, counts);
}

void trial_store(const struct trial *t, struct trial_counts *counts)
{
    struct random random = {t->seed};
    struct state empty = {0};
    struct script s;
    struct disk *disk;
    char path[220];

    sim_seed(t->seed);
    snprintf(path, sizeof(path), "%s/app", t->directory);
    disk_remove(path);
    if (mkdir(path, 0700) != 0)
        err(2, "%s", path);
    trial_say(NULL, 0, "store, seed %llu: before any cut", (unsigned long long)t->seed);
    disk = disk_record(path);
    script_init(&s, &empty, 0);
    script_run(&s, disk, path, t->brief ? SCRIPT_SHORT : SCRIPT_FULL, random_next(&random));
    disk_stop(disk);
    if (disk_has_hasty_journal(disk) && !t->lies)
        trial_fail("a journal counts before it is on the disk");
    size_t events = disk_position(disk);
    size_t cuts = t->cuts && t->cuts <= events ? t->cuts : events + 1;
    for (size_t i = 0; i < cuts; i++) {
        size_t position = cuts == events + 1 ? i : random_below(&random, (uint32_t)events + 1);
        cut_once(t, disk, &s, position, &random, counts);
    }
    counts->scripts++;
    counts->acknowledged += s.batches;
    script_fini(&s);
    trial_say(NULL, 0, "nothing is tried");
    disk_free(disk);
}
