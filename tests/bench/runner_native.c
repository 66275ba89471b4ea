/* For runner.py: so many gets by the client library itself, as tests/apps/gets makes them in wasm;
 * prints the nanoseconds of one. usage: runner_native APP_DIR COUNT */
#include <bobbin.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static int64_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int main(int argc, char **argv)
{
    bobbin *b = NULL;
    void *value;
    size_t len;
    if (argc != 3 || bobbin_connect(NULL, &b) || bobbin_attach(b, argv[1])) {
        fprintf(stderr, "runner_native: %s\n", bobbin_error(b));
        return 1;
    }
    long count = strtol(argv[2], NULL, 10);
    int64_t begin = now();
    for (long i = 0; i < count; i++) {
        if (bobbin_get(b, "default", "key", 3, &value, &len))
            return 1;
        bobbin_free(value);
    }
    printf("%lld\n", (long long)((now() - begin) / count));
    bobbin_close(b);
    return 0;
}
