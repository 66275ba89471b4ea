/* The clocks of this process, and its chance, set by the test: nothing takes time but what says so,
 * and the same seed leads to the same bytes. */
#ifndef BOBBIN_TESTS_CRASH_SIM_H
#define BOBBIN_TESTS_CRASH_SIM_H

#include <stdint.h>

void sim_clock_advance(int64_t ms);
/* For getrandom and SQLite. */
void sim_seed(uint64_t seed);

#endif
