/* The machine that figures are from, so that they can be compared with others'. */
#ifndef BOBBIN_BENCH_MACHINE_H
#define BOBBIN_BENCH_MACHINE_H

#include "bench.h"

struct machine {
    char processor[128];
    char kernel[128];
    char filesystem[32];
    unsigned processors;
    unsigned memory_mib;
    double sync_us;   /* median of fdatasync after overwriting 4 KiB */
    double extend_us; /* the same where the 4 KiB extend the file */
};

/* Look at the machine, and at the disk under `dir` with a file that is removed again. */
int machine_read(struct machine *m, const char *dir, struct error *e);
/* "2 × …, Linux …, ext4, fdatasync …" */
void machine_text(const struct machine *m, char *ret, size_t size);

#endif
