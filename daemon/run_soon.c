#include "daemon/run_soon.h"

#include <stdatomic.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#define RESET_ON_FORK 1u

/* Nanoseconds; no less than 0.1 ms is given. */
static const uint64_t slices[] = {[RUN_FIRST] = 100000, [RUN_NEXT] = 400000};

static atomic_bool soon_wanted;
static _Thread_local bool soon_asked;

/* struct sched_attr of sched_setattr(2), for which not every C library has a name. */
struct attributes {
    uint32_t size;
    uint32_t policy; /* 0: SCHED_OTHER, for which … */
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime; /* … this is the length of a turn, in nanoseconds; 0: the usual one */
    uint64_t deadline;
    uint64_t period;
};

void run_soon_want(bool wanted)
{
    atomic_store(&soon_wanted, wanted);
}

void run_soon(enum run_soon soon)
{
    struct attributes now = {.size = sizeof(now)};
    bool wanted = atomic_load_explicit(&soon_wanted, memory_order_relaxed);

    if (wanted == soon_asked)
        return;
    soon_asked = wanted;
    /* Who was made nice stays so, and who has another policy has it on purpose. */
    if (syscall(SYS_sched_getattr, 0, &now, sizeof(now), 0) != 0 || now.policy != 0)
        return;
    now.size = sizeof(now);
    now.flags = RESET_ON_FORK;
    now.runtime = wanted ? slices[soon] : 0;
    (void)syscall(SYS_sched_setattr, 0, &now, 0);
}
