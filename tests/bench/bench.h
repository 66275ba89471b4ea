/* What all parts of the bench share: words for targets and operations, the clock, ^C. */
#ifndef BOBBIN_BENCH_BENCH_H
#define BOBBIN_BENCH_BENCH_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "protocol/errors.h"

#define BENCH_NS 1000000000ull

enum target {
    TARGET_BOBBIN,
    TARGET_REDIS,
    TARGET_ECHO,
    TARGET_POSTGRES,
    TARGET_SQLITE_SPIN,
    TARGET_SQLITE_WAL,
    TARGETS,
};

/* What one request does; a mixed load is gets and sets. */
enum op { OP_GET, OP_SET, OP_INCREMENT, OPS };

/* The option's words, NULL-free, by enum. */
extern const char *const target_names[TARGETS];
extern const char *const op_names[OPS];

/* Set by SIGINT and SIGTERM: every loop ends, and the way out is the usual one. */
extern volatile sig_atomic_t bench_interrupted;
void bench_catch_signals(void);
/* ERR_OTHER "interrupted" if so, else 0. */
int bench_check(struct error *e);

/* A line on stderr, unless --quiet. */
void bench_say(const char *format, ...) __attribute__((format(printf, 1, 2)));
extern bool bench_quiet;

static inline uint64_t bench_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * BENCH_NS + (uint64_t)t.tv_nsec;
}

/* xorshift64*: the state must not be 0. */
static inline uint64_t bench_random(uint64_t *state)
{
    uint64_t x = *state;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    *state = x;
    return x * 0x2545f4914f6cdd1dull;
}

/* 0 … n - 1, evenly enough: n is far below 2^32. */
static inline uint64_t bench_below(uint64_t *state, uint64_t n)
{
    return (bench_random(state) >> 32) * n >> 32;
}

#endif
