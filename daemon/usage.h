/* What a process uses, as the kernel says. */
#ifndef BOBBIN_DAEMON_USAGE_H
#define BOBBIN_DAEMON_USAGE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct usage {
    int64_t memory; /* resident, in bytes */
    int64_t cpu_ms; /* of all its threads so far */
    char name[16];  /* what it calls itself, whatever that is: not to be trusted */
};

/* What the runner calls itself while it compiles a module: this, or "compiling 3/9", parts of all.
 */
#define USAGE_COMPILING "compiling"
/* Whether the name is one of these. */
bool usage_is_compiling(const struct usage *usage);

/* When the process was started, in ticks since the boot; 0: there is none. With its number it is unique. */
uint64_t usage_born(pid_t pid);

/* False when there is no such process any more. Reads /proc: no disk. */
bool usage_read(pid_t pid, struct usage *ret);

#endif
