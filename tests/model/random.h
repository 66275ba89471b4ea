/* Random numbers whose seed is printed, so that a failure can be repeated with $BOBBIN_SEED. */
#ifndef BOBBIN_TESTS_MODEL_RANDOM_H
#define BOBBIN_TESTS_MODEL_RANDOM_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

struct random {
    uint64_t state;
};

static inline uint64_t random_next(struct random *r)
{
    /* splitmix64 */
    uint64_t z = r->state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

/* 0 … bound - 1 */
static inline uint32_t random_below(struct random *r, uint32_t bound)
{
    return (uint32_t)(random_next(r) % bound);
}

/* True in so many of 100 cases. */
static inline bool random_percent(struct random *r, uint32_t percent)
{
    return random_below(r, 100) < percent;
}

/* The seed is of the environment or of the moment. */
static inline uint64_t random_seed(void)
{
    const char *asked = getenv("BOBBIN_SEED");
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return asked ? strtoull(asked, NULL, 0)
                 : ((uint64_t)now.tv_nsec ^ (uint64_t)getpid() << 20) % 1000000000u;
}

/* A positive number of the environment, else the default. */
static inline unsigned long random_setting(const char *name, unsigned long otherwise)
{
    const char *asked = getenv(name);
    unsigned long number = asked ? strtoul(asked, NULL, 10) : 0;
    return number ? number : otherwise;
}

#endif
