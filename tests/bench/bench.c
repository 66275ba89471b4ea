#include "bench.h"

#include <stdarg.h>
#include <stdio.h>

const char *const target_names[TARGETS] = {
    [TARGET_BOBBIN] = "bobbin",
    [TARGET_REDIS] = "redis",
    [TARGET_ECHO] = "echo",
    [TARGET_POSTGRES] = "postgres",
    [TARGET_SQLITE_SPIN] = "sqlite-spin",
    [TARGET_SQLITE_WAL] = "sqlite-wal",
};
const char *const op_names[OPS] = {"get", "set", "increment"};

volatile sig_atomic_t bench_interrupted;
bool bench_quiet;

static void on_signal(int number)
{
    bench_interrupted = number;
}

void bench_catch_signals(void)
{
    /* Without SA_RESTART: what waits is to wake. */
    struct sigaction action = {.sa_handler = on_signal};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
}

int bench_check(struct error *e)
{
    return bench_interrupted ? error_set(e, ERR_OTHER, "interrupted") : 0;
}

void bench_say(const char *format, ...)
{
    va_list args;
    if (bench_quiet)
        return;
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
}
