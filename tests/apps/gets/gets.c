/* For tests/bench/runner.py: what the runner costs. With "first NANOSECONDS" it prints how many
 * microseconds after that moment its first store call was answered, and ends; with "idle" it stays;
 * with a number it makes so many gets and prints the nanoseconds of one. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "spin_key_value.h"

static int64_t now(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int measure_gets(kv_store store, long count)
{
    kv_value value;
    int64_t begin = now(CLOCK_MONOTONIC);
    for (long i = 0; i < count; i++) {
        if (kv_get(store, "key", &value))
            return 1;
        free(value.data);
    }
    printf("%lld\n", (long long)((now(CLOCK_MONOTONIC) - begin) / count));
    return 0;
}

int main(int argc, char **argv)
{
    kv_store store;
    kv_value value;
    if (argc < 2 || kv_open("default", &store) || kv_get(store, "key", &value)) {
        fprintf(stderr, "gets: %s\n", kv_error());
        return 1;
    }
    if (strcmp(argv[1], "first") == 0 && argc > 2)
        printf("%lld\n", (long long)((now(CLOCK_REALTIME) - strtoll(argv[2], NULL, 10)) / 1000));
    else if (strcmp(argv[1], "idle") != 0)
        return measure_gets(store, strtol(argv[1], NULL, 10));
    fflush(stdout);
    while (strcmp(argv[1], "idle") == 0)
        sleep(3600);
    return 0;
}
