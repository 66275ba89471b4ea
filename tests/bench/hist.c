#include "hist.h"

#include <math.h>
#include <string.h>

void hist_clear(struct hist *h)
{
    memset(h, 0, sizeof *h);
    h->min = UINT64_MAX;
}

void hist_add(struct hist *to, const struct hist *from)
{
    for (unsigned i = 0; i < HIST_SLOTS; i++)
        to->counts[i] += from->counts[i];
    to->total += from->total;
    to->sum += from->sum;
    if (from->min < to->min)
        to->min = from->min;
    if (from->max > to->max)
        to->max = from->max;
}

/* The largest value that goes into a slot. */
static uint64_t slot_top(unsigned slot)
{
    unsigned octave;
    if (slot < 1u << (HIST_HALF_BITS + 1))
        return slot;
    octave = (slot >> HIST_HALF_BITS) - 1;
    return (((uint64_t)slot - ((uint64_t)octave << HIST_HALF_BITS) + 1) << octave) - 1;
}

uint64_t hist_percentile(const struct hist *h, double percent)
{
    uint64_t rank, seen = 0;
    if (!h->total)
        return 0;
    rank = (uint64_t)ceil(percent / 100 * (double)h->total);
    if (rank < 1)
        rank = 1;
    for (unsigned i = 0; i < HIST_SLOTS - 1; i++) {
        seen += h->counts[i];
        if (seen >= rank)
            return slot_top(i) < h->max ? slot_top(i) : h->max;
    }
    return h->max;
}
