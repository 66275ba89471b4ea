/* Histograms of a fixed shape: counts by upper bound, and the sum. Pure data; adding costs a few
 * comparisons. */
#ifndef BOBBIN_DAEMON_HIST_H
#define BOBBIN_DAEMON_HIST_H

#include <stdint.h>

/* X(upper bound in nanoseconds, the same in seconds as it is printed) */
#define HIST_TIME_LIST(X)                                                                          \
    X(50000, "0.00005")                                                                            \
    X(100000, "0.0001")                                                                            \
    X(250000, "0.00025")                                                                           \
    X(500000, "0.0005")                                                                            \
    X(1000000, "0.001")                                                                            \
    X(2500000, "0.0025")                                                                           \
    X(5000000, "0.005")                                                                            \
    X(10000000, "0.01")                                                                            \
    X(25000000, "0.025")                                                                           \
    X(50000000, "0.05")                                                                            \
    X(100000000, "0.1")                                                                            \
    X(250000000, "0.25")                                                                           \
    X(1000000000, "1.0")                                                                           \
    X(5000000000, "5.0")

/* X(upper bound, as it is printed): operations of a batch. */
#define HIST_SIZE_LIST(X)                                                                          \
    X(1, "1.0")                                                                                    \
    X(2, "2.0")                                                                                    \
    X(4, "4.0")                                                                                    \
    X(8, "8.0")                                                                                    \
    X(16, "16.0")                                                                                  \
    X(32, "32.0")                                                                                  \
    X(64, "64.0")                                                                                  \
    X(128, "128.0")                                                                                \
    X(256, "256.0")                                                                                \
    X(512, "512.0")                                                                                \
    X(1024, "1024.0")                                                                              \
    X(2048, "2048.0")                                                                              \
    X(4096, "4096.0")                                                                              \
    X(8192, "8192.0")

/* Both lists have as many. */
enum { HIST_BOUNDS = 14 };

struct hist {
    uint64_t counts[HIST_BOUNDS + 1]; /* between the bounds; the last one is beyond all of them */
    uint64_t sum;
};

struct hist_bounds {
    uint64_t most[HIST_BOUNDS];
    const char *words[HIST_BOUNDS];
};

extern const struct hist_bounds hist_time;
extern const struct hist_bounds hist_size;

static inline void hist_add(struct hist *h, const struct hist_bounds *bounds, uint64_t value)
{
    unsigned i = 0;
    while (i < HIST_BOUNDS && value > bounds->most[i])
        i++;
    h->counts[i]++;
    h->sum += value;
}

#endif
