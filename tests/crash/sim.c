#include "sim.h"

#include <sqlite3.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "model/random.h"

#define EXPORT __attribute__((visibility("default")))
/* What the wall clock is ahead. */
#define WALL_S 1700000000

static _Atomic int64_t now_ms = 1000;
static struct random chance;

void sim_clock_advance(int64_t ms)
{
    atomic_fetch_add(&now_ms, ms);
}

void sim_seed(uint64_t seed)
{
    chance.state = seed;
    sqlite3_test_control(SQLITE_TESTCTRL_PRNG_SEED, (int)(seed % 1000000 + 1), NULL);
}

EXPORT int clock_gettime(clockid_t id, struct timespec *ret)
{
    int64_t now = atomic_load(&now_ms);

    *ret = (struct timespec){.tv_sec = now / 1000, .tv_nsec = now % 1000 * 1000000};
    if (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)
        ret->tv_sec += WALL_S;
    return 0;
}

EXPORT ssize_t getrandom(void *bytes, size_t len, unsigned flags)
{
    (void)flags;
    for (size_t i = 0; i < len; i += 8) {
        uint64_t word = random_next(&chance);
        memcpy((char *)bytes + i, &word, len - i < 8 ? len - i : 8);
    }
    return (ssize_t)len;
}
