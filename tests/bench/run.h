/* One measurement of one target, from starting it to stopping it. */
#ifndef BOBBIN_BENCH_RUN_H
#define BOBBIN_BENCH_RUN_H

#include "bed.h"

/* Measure what `o` says, print it on stdout: for people, or as one JSON object. */
int run(const struct options *o, struct error *e);

/* Print it. */
void run_print(const struct options *o, const struct bed *b, const struct bed_result *r);
int run_print_json(const struct options *o, const struct bed *b, const struct bed_result *r,
                   struct error *e);

#endif
