#include "wall_clock.h"

#include <check.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static int64_t clock_ms(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

static int64_t max(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

void wall_clock_init(struct wall_clock *c, const char *dir)
{
    int fd;
    memset(c, 0, sizeof *c);
    snprintf(c->path, sizeof c->path, "%s/clock", dir);
    fd = open(c->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(ftruncate(fd, sizeof *c->offset_ms), 0);
    c->offset_ms = mmap(NULL, sizeof *c->offset_ms, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    ck_assert_ptr_ne((void *)c->offset_ms, MAP_FAILED);
    close(fd);
    c->environment[0] = "LD_PRELOAD";
    c->environment[1] = TEST_CLOCK_PRELOAD;
    c->environment[2] = "BOBBIN_TEST_CLOCK";
    c->environment[3] = c->path;
#ifdef __SANITIZE_ADDRESS__
    /* It need not be the first library: what is in front of it defines clocks only. */
    c->environment[4] = "ASAN_OPTIONS";
    c->environment[5] = "verify_asan_link_order=0";
#endif
}

void wall_clock_fini(struct wall_clock *c)
{
    munmap((void *)c->offset_ms, sizeof *c->offset_ms);
}

void wall_clock_step(struct wall_clock *c, int64_t ms)
{
    atomic_fetch_add(c->offset_ms, ms);
}

static int64_t base_now(const struct wall_clock *c)
{
    return clock_ms(CLOCK_REALTIME) - clock_ms(CLOCK_BOOTTIME) + atomic_load(c->offset_ms);
}

void wall_clock_set(struct wall_clock *c, int64_t ms)
{
    wall_clock_step(c, ms - base_now(c) - clock_ms(CLOCK_BOOTTIME));
}

void wall_clock_starting(struct wall_clock *c)
{
    c->base_ms = base_now(c);
    c->ready_ms.low = clock_ms(CLOCK_BOOTTIME);
    c->ready_ms.high = INT64_MAX;
}

void wall_clock_started(struct wall_clock *c)
{
    c->ready_ms.high = clock_ms(CLOCK_BOOTTIME);
}

void wall_clock_written(struct wall_clock *c, struct span when)
{
    c->seen.low = max(c->seen.low, when.low);
    c->seen.high = max(c->seen.high, when.high);
}

void wall_clock_ended(struct wall_clock *c)
{
    c->seen.high = max(c->seen.high, wall_clock_now(c).high);
    c->floor = c->seen;
}

/* Milliseconds come from two clocks, each cut off. */
enum { ROUNDING_MS = 5 };

struct span wall_clock_now(const struct wall_clock *c)
{
    int64_t boot = clock_ms(CLOCK_BOOTTIME);
    int64_t low = c->floor.low + boot - c->ready_ms.high;
    int64_t high = c->floor.high + boot - c->ready_ms.low;
    return (struct span){
        max(low, c->base_ms + boot) - ROUNDING_MS,
        max(high, c->base_ms + boot) + ROUNDING_MS,
    };
}

struct span wall_clock_if_started(const struct wall_clock *c)
{
    int64_t now = base_now(c) + clock_ms(CLOCK_BOOTTIME);
    return (struct span){
        max(c->floor.low, now) - ROUNDING_MS,
        max(c->floor.high, now) + ROUNDING_MS,
    };
}
