/* How the daemon grows: with keys, with open apps, with the size of values, with registered apps.
 */
#ifndef BOBBIN_BENCH_GROWTH_H
#define BOBBIN_BENCH_GROWTH_H

#include "options.h"

/* Measure all of it and print Markdown tables on stdout. */
int growth_main(const struct options *o, struct error *e);

#endif
