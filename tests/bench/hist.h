/* A histogram of latencies, log-linear as HdrHistogram's: fixed memory, an error of at most 1/128.
 */
#ifndef BOBBIN_BENCH_HIST_H
#define BOBBIN_BENCH_HIST_H

#include <stdint.h>

/* Every power of two is cut into 128 slots; below 256 each value has its own. */
#define HIST_HALF_BITS 7
#define HIST_OCTAVES 34 /* values from 2^41 (about 37 minutes in ns) share the last slot */
#define HIST_SLOTS ((HIST_OCTAVES + 1) << HIST_HALF_BITS)

struct hist {
    uint64_t counts[HIST_SLOTS];
    uint64_t total; /* values recorded */
    uint64_t sum;   /* of the values, exact */
    uint64_t min;   /* UINT64_MAX while there is none */
    uint64_t max;   /* exact, 0 while there is none */
};

void hist_clear(struct hist *h);
/* Add all of `from` to `to`. */
void hist_add(struct hist *to, const struct hist *from);
/* The smallest slot's upper bound below or at which `percent` of the values lie, never above max;
 * 0 for an empty histogram. */
uint64_t hist_percentile(const struct hist *h, double percent);

static inline unsigned hist_slot(uint64_t value)
{
    unsigned octave, slot;
    if (value < 1u << (HIST_HALF_BITS + 1))
        return (unsigned)value;
    octave = 63u - (unsigned)__builtin_clzll(value) - HIST_HALF_BITS;
    slot = (octave << HIST_HALF_BITS) + (unsigned)(value >> octave);
    return slot < HIST_SLOTS ? slot : HIST_SLOTS - 1;
}

static inline void hist_record(struct hist *h, uint64_t value)
{
    h->counts[hist_slot(value)]++;
    h->total++;
    h->sum += value;
    if (value < h->min)
        h->min = value;
    if (value > h->max)
        h->max = value;
}

#endif
