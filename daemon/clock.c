#include "daemon/clock.h"

#include <stdatomic.h>
#include <time.h>

static int64_t read_ms(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t clock_now_ms(void)
{
    /* What the wall clock was ahead of the machine's start, as first seen; 0: not looked at. */
    static _Atomic int64_t ahead;
    int64_t offset = atomic_load(&ahead);
    int64_t up = read_ms(CLOCK_BOOTTIME);

    if (!offset) {
        int64_t expected = 0;
        offset = read_ms(CLOCK_REALTIME) - up;
        if (!atomic_compare_exchange_strong(&ahead, &expected, offset))
            offset = expected;
    }
    return up + offset;
}

uint64_t clock_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}
