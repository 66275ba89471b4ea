#include "client/runner/wasi.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

uint32_t wasi_errno(int host_errno)
{
    switch (host_errno) {
#define X(name, number)                                                                            \
    case name:                                                                                     \
        return number;
        WASI_ERRNO_LIST(X)
#undef X
    default:
        return WASI_EIO;
    }
}

/* The sizes of an argument or environment vector: how many strings, how many bytes with their NULs.
 */
static uint32_t vector_sizes(struct host *h, const char *const *vector, uint32_t ret_count,
                             uint32_t ret_size)
{
    uint8_t *count_at = host_memory(h, ret_count, 4);
    uint8_t *size_at = host_memory(h, ret_size, 4);
    if (!count_at || !size_at)
        return WASI_EFAULT;
    uint32_t count = 0, size = 0;
    for (; vector[count]; count++)
        size += (uint32_t)strlen(vector[count]) + 1;
    host_store32(count_at, count);
    host_store32(size_at, size);
    return WASI_OK;
}

static uint32_t vector_get(struct host *h, const char *const *vector, uint32_t pointers,
                           uint32_t bytes)
{
    for (uint32_t i = 0; vector[i]; i++) {
        size_t size = strlen(vector[i]) + 1;
        uint8_t *pointer = host_memory(h, pointers, 4);
        uint8_t *string = host_memory(h, bytes, size);
        if (!pointer || !string)
            return WASI_EFAULT;
        host_store32(pointer, bytes);
        memcpy(string, vector[i], size);
        pointers += 4;
        bytes += (uint32_t)size;
    }
    return WASI_OK;
}

uint32_t wasi_args_get(struct host *h, uint32_t pointers, uint32_t bytes)
{
    return vector_get(h, h->args, pointers, bytes);
}

uint32_t wasi_args_sizes_get(struct host *h, uint32_t ret_count, uint32_t ret_size)
{
    return vector_sizes(h, h->args, ret_count, ret_size);
}

uint32_t wasi_environ_get(struct host *h, uint32_t pointers, uint32_t bytes)
{
    return vector_get(h, h->env, pointers, bytes);
}

uint32_t wasi_environ_sizes_get(struct host *h, uint32_t ret_count, uint32_t ret_size)
{
    return vector_sizes(h, h->env, ret_count, ret_size);
}

int wasi_clock(uint32_t id)
{
    static const clockid_t clocks[] = {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_PROCESS_CPUTIME_ID,
                                       CLOCK_THREAD_CPUTIME_ID};
    return id < sizeof(clocks) / sizeof(clocks[0]) ? clocks[id] : -1;
}

static uint32_t store_time(struct host *h, uint32_t ret, int failed, const struct timespec *time)
{
    uint8_t *at = host_memory(h, ret, 8);
    if (failed)
        return wasi_errno(errno);
    if (!at)
        return WASI_EFAULT;
    host_store64(at, (uint64_t)time->tv_sec * 1000000000u + (uint64_t)time->tv_nsec);
    return WASI_OK;
}

uint32_t wasi_clock_res_get(struct host *h, uint32_t id, uint32_t ret)
{
    struct timespec time = {0};
    if (wasi_clock(id) < 0)
        return WASI_EINVAL;
    return store_time(h, ret, clock_getres(wasi_clock(id), &time), &time);
}

uint32_t wasi_clock_time_get(struct host *h, uint32_t id, uint64_t precision, uint32_t ret)
{
    (void)precision;
    struct timespec time = {0};
    if (wasi_clock(id) < 0)
        return WASI_EINVAL;
    return store_time(h, ret, clock_gettime(wasi_clock(id), &time), &time);
}

uint32_t wasi_random_get(struct host *h, uint32_t at, uint32_t len)
{
    uint8_t *bytes = host_memory(h, at, len);
    if (!bytes)
        return WASI_EFAULT;
    while (len > 0) {
        ssize_t n = getrandom(bytes, len, 0);
        if (n < 0 && errno != EINTR)
            return wasi_errno(errno);
        if (n > 0) {
            bytes += n;
            len -= (uint32_t)n;
        }
    }
    return WASI_OK;
}

uint32_t wasi_sched_yield(struct host *h)
{
    (void)h;
    sched_yield();
    return WASI_OK;
}

void wasi_proc_exit(struct host *h, uint32_t status)
{
    (void)h;
    /* What the host would cut down to "success" must not look like it. */
    exit(status <= 255 ? (int)status : 255);
}
