#include "daemon/run_soon.h"

#include <stdatomic.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#define RESET_ON_FORK 1u

/* How long a turn is, in nanoseconds (no less than 0.1 ms is given, 0: as usual), and how nice a thread is that was not made
 * nice by anybody. */
static const struct turn {
    uint64_t ns;
    int32_t nice;
} turns[] = {
    [RUN_USUAL] = {0, 0},
    [RUN_FIRST] = {100000, -10},
    [RUN_NEXT] = {400000, 0},
    [RUN_THEN] = {400000, 0},
};

static atomic_bool soon_wanted;
static _Thread_local enum run_soon soon_asked = RUN_USUAL;
static _Thread_local int32_t usual_nice; /* this thread's, before anything was asked for … */
static _Thread_local int32_t given_nice; /* … and after it */

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

    if (!atomic_load_explicit(&soon_wanted, memory_order_relaxed))
        soon = RUN_USUAL;
    if (soon == soon_asked)
        return;
    /* Who has another policy has it on purpose, and who was made nice stays so. */
    if (syscall(SYS_sched_getattr, 0, &now, sizeof(now), 0) != 0 || now.policy != 0)
        return;
    if (soon_asked == RUN_USUAL || now.nice != given_nice)
        usual_nice = now.nice;
    soon_asked = soon;
    now.size = sizeof(now);
    now.flags = RESET_ON_FORK;
    now.runtime = turns[soon].ns;
    now.nice = usual_nice == 0 ? turns[soon].nice : usual_nice;
    given_nice = now.nice;
    if (syscall(SYS_sched_setattr, 0, &now, 0) == 0 || now.nice == usual_nice)
        return;
    /* That takes rights, which shorter turns alone do not. */
    given_nice = now.nice = usual_nice;
    (void)syscall(SYS_sched_setattr, 0, &now, 0);
}
