/* Power cuts by the thousand: see disk.h for what one is, trial_*.c for what is looked at.
 *
 *     test_power_cut [--cuts N] [--each N] [--jobs N] [--seed N] [--lie WHAT] [--only
 * store|registry]
 *
 * --cuts: at least so many; --each: at so many positions of a script, 0: at every one; --lie
 * sqlite, log, directory or all: syncs of those do nothing, and the run has to fail. */
#include <err.h>
#include <getopt.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/store.h"
#include "disk.h"
#include "model/random.h"
#include "trial.h"

/* Every so manyth script is one of the registry. */
#define REGISTRY_EVERY 4
/* … and of the others every so manyth is little more than opening and closing. */
#define BRIEF_EVERY 2

struct settings {
    uint64_t cuts, seed;
    unsigned each, jobs, lies;
    const char *only;
};

enum { JOBS_MOST = 64 };

/* What the workers share. */
struct shared {
    _Atomic uint64_t next; /* script */
    _Atomic bool failed;
    struct trial_counts of[JOBS_MOST]; /* each its own */
};

static struct shared *shared;

static void parse_lie(struct settings *s, const char *word)
{
    static const char *const words[] = {"sqlite", "log", "directory"};

    for (unsigned i = 0; i < 3; i++)
        if (strcmp(word, words[i]) == 0 || strcmp(word, "all") == 0)
            s->lies |= 1u << i;
    if (!s->lies)
        errx(2, "--lie: no such thing as '%s'", word);
}

static struct settings parse(int argc, char **argv)
{
    static const struct option options[] = {
        {"cuts", 1, NULL, 'c'},
        {"each", 1, NULL, 'e'},
        {"jobs", 1, NULL, 'j'},
        {"seed", 1, NULL, 's'},
        {"lie", 1, NULL, 'l'},
        {"only", 1, NULL, 'o'},
        {0},
    };
    struct settings s = {.cuts = 1000, .seed = random_seed(), .each = 20, .jobs = 1};
    int c;

    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (c == 'c')
            s.cuts = trial_number(optarg, 1);
        else if (c == 'e')
            s.each = (unsigned)trial_number(optarg, 0); /* 0: all */
        else if (c == 'j')
            s.jobs = (unsigned)trial_number(optarg, 1);
        else if (c == 's')
            s.seed = trial_number(optarg, 0);
        else if (c == 'l')
            parse_lie(&s, optarg);
        else if (c == 'o')
            s.only = optarg;
        else
            exit(2);
    }
    if (s.jobs > JOBS_MOST)
        s.jobs = JOBS_MOST;
    return s;
}

static bool is_registry(const struct settings *s, uint64_t script)
{
    if (s->only)
        return strcmp(s->only, "registry") == 0;
    return script % REGISTRY_EVERY == REGISTRY_EVERY - 1;
}

static struct trial_counts sum(void)
{
    struct trial_counts all = {0};

    for (unsigned i = 0; i < JOBS_MOST; i++) {
        all.scripts += shared->of[i].scripts;
        all.cuts += shared->of[i].cuts;
        all.recovery_cuts += shared->of[i].recovery_cuts;
        all.acknowledged += shared->of[i].acknowledged;
    }
    return all;
}

static void work(const struct settings *s, const char *directory, struct trial_counts *counts)
{
    disk_lie(s->lies);
    while (!shared->failed && sum().cuts < s->cuts) {
        struct trial t = {.cuts = s->each, .lies = s->lies != 0};
        uint64_t script = atomic_fetch_add(&shared->next, 1);
        t.seed = s->seed + script;
        t.brief = s->only ? strcmp(s->only, "brief") == 0 : script % BRIEF_EVERY == 0;
        snprintf(t.directory, sizeof(t.directory), "%s", directory);
        if (is_registry(s, script))
            trial_registry(&t, counts);
        else
            trial_store(&t, counts);
    }
}

static void start_worker(const struct settings *s, const char *base, unsigned i)
{
    char directory[180];

    snprintf(directory, sizeof(directory), "%s/%u", base, i);
    if (mkdir(directory, 0700) != 0)
        err(2, "%s", directory);
    fflush(NULL);
    pid_t pid = fork();
    if (pid < 0)
        err(2, "fork");
    if (pid)
        return;
    work(s, directory, &shared->of[i]);
    exit(0);
}

static void wait_for_workers(unsigned count)
{
    int status;

    for (unsigned i = 0; i < count; i++) {
        if (wait(&status) < 0)
            err(2, "wait");
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
            shared->failed = true;
    }
}

int main(int argc, char **argv)
{
    struct settings s = parse(argc, argv);
    struct trial_counts all;
    char base[64];

    printf("BOBBIN_SEED=%llu\n", (unsigned long long)s.seed);
    store_library_init();
    trial_make_base(base);
    shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED)
        err(2, "mmap");
    for (unsigned i = 0; i < s.jobs; i++)
        start_worker(&s, base, i);
    wait_for_workers(s.jobs);
    if (!shared->failed || !getenv("BOBBIN_KEEP"))
        disk_remove(base);
    all = sum();
    printf("%llu power cuts, %llu of them during a recovery, in %llu scripts with %llu"
           " acknowledged writes: %s\n",
           (unsigned long long)all.cuts, (unsigned long long)all.recovery_cuts,
           (unsigned long long)all.scripts, (unsigned long long)all.acknowledged,
           shared->failed ? "FAILED" : "none lost");
    return shared->failed ? 1 : 0;
}
