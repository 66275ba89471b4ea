/* Every system call and every allocation of a store fails, one after the other: what is refused was
 * not done, what was acknowledged stays, nothing leaks, and it goes on.
 *
 *     test_store_faults [--stride N] [--scripts N] [--seed N] [--at CALL]
 *
 * A script runs once for each call that it makes, and that one fails; or it and some behind it, or
 * many. At the end everything is there, and after a power cut at a moment of chance as well. */
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "daemon/store.h"
#include "memory.h"
#include "sim.h"
#include "trial.h"

/* Which kind of fault; errnum 0: of memory. */
struct fault {
    const char *word;
    int errnum;
    size_t times;
};

static const struct fault faults[] = {
    {"input/output error", EIO, 1},     {"input/output errors", EIO, 4}, {"disk full", ENOSPC, 2},
    {"disk full for long", ENOSPC, 60}, {"no descriptors", EMFILE, 1},   {"no memory", 0, 1},
    {"no memory for a moment", 0, 20},
};

static unsigned long long injected, runs;

static void arm(const struct fault *f, size_t n)
{
    if (f->errnum)
        disk_fail(n, f->times, f->errnum);
    else
        memory_fail(n, f->times);
}

static size_t disarm(void)
{
    size_t failed = disk_failed() + memory_failed();

    disk_fail(0, 0, 0);
    memory_fail(0, 0);
    return failed;
}

static void cut(struct disk *disk, const struct script *s, const char *base, size_t position,
                enum disk_loss loss, uint64_t seed)
{
    char left[100];

    snprintf(left, sizeof(left), "%s/left", base);
    disk_cut(disk, position, loss, seed, left);
    trial_check_left(left, s, position, disk_time_ms(disk, position));
}

/* Whether anything has failed: else there is no n-th call. *ret_leaked: blocks of memory. */
static bool run_once(const char *base, uint64_t seed, const struct fault *f, size_t n,
                     long *ret_leaked)
{
    struct random random = {seed ^ n << 20};
    struct state empty = {0};
    struct script s;
    char path[100];

    sim_seed(seed);
    snprintf(path, sizeof(path), "%s/app", base);
    disk_remove(path);
    if (mkdir(path, 0700) != 0)
        err(2, "%s", path);
    struct disk *disk = disk_record(path);
    trial_say(disk, 0, "seed %llu, %s at call %zu", (unsigned long long)seed, f->word, n);
    script_init(&s, &empty, 0);
    long blocks = memory_blocks();
    arm(f, n);
    script_run(&s, disk, path, SCRIPT_FAULTY, seed);
    size_t failed = disarm();
    disk_stop(disk);
    *ret_leaked = memory_blocks() - blocks;
    size_t end = disk_position(disk);
    trial_say(disk, end, "seed %llu, %s at call %zu, %llu failures, at the end",
              (unsigned long long)seed, f->word, n, (unsigned long long)s.failures);
    cut(disk, &s, base, end, DISK_LOSE_NOTHING, 0);
    size_t position = random_below(&random, (uint32_t)end + 1);
    enum disk_loss loss = (enum disk_loss)random_below(&random, DISK_LOSS_COUNT);
    trial_say(disk, position, "seed %llu, %s at call %zu, cut at event %zu of %zu, kind %d",
              (unsigned long long)seed, f->word, n, position, end, loss);
    cut(disk, &s, base, position, loss, random_next(&random));
    trial_say(NULL, 0, "nothing is tried");
    injected += failed;
    runs++;
    script_fini(&s);
    disk_free(disk);
    return failed != 0;
}

/* What libraries keep they take once. */
static bool run(const char *base, uint64_t seed, const struct fault *f, size_t n)
{
    long leaked = 0, again = 0;
    bool any = run_once(base, seed, f, n, &leaked);

    if (leaked)
        run_once(base, seed, f, n, &again);
    if (again)
        trial_fail("LEAKED: %ld blocks of memory, with %s at call %zu of seed %llu", again, f->word,
                   n, (unsigned long long)seed);
    return any;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"stride", 1, NULL, 't'}, {"scripts", 1, NULL, 'c'}, {"seed", 1, NULL, 's'}, {"at", 1, NULL, 'a'}, {0}};
    uint64_t stride = 1, scripts = 1, seed = random_seed(), at = 0;
    char base[64];
    int c;

    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (c == '?')
            return 2;
        *(c == 't' ? &stride : c == 'c' ? &scripts : c == 'a' ? &at : &seed) = trial_number(optarg, c != 's');
    }
    printf("BOBBIN_SEED=%llu\n", (unsigned long long)seed);
    fflush(stdout);
    store_library_init();
    trial_make_base(base);
    for (uint64_t script = seed; script < seed + scripts; script++) {
        for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
            if (!faults[i].errnum && !memory_can_fail())
                continue;
            size_t n = at ? at : 1 + script % stride;
            while (run(base, script, &faults[i], n) && !at)
                n += stride;
        }
    }
    disk_remove(base);
    printf("%llu injected faults in %llu runs: nothing lost, nothing leaked\n", injected, runs);
    return 0;
}
