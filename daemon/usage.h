/* What a process uses, as the kernel says. */
#ifndef BOBBIN_DAEMON_USAGE_H
#define BOBBIN_DAEMON_USAGE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct usage {
    int64_t memory; /* resident, in bytes */
    int64_t cpu_ms; /* of all its threads so far */
};

/* False when there is no such process any more. Reads /proc: no disk. */
bool usage_read(pid_t pid, struct usage *ret);

#endif
