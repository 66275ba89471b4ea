/* ping: whether the daemon answers, and how fast. */
#include <stdint.h>
#include <time.h>

#include "client/cli/command.h"
#include "client/cli/session.h"

static int64_t now_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

int ping_run(const struct options *o, struct output *out)
{
    int64_t begin, us;
    bobbin *b;
    bobbin_status status;
    int exit_status = session_open(o, out, &b);

    if (exit_status != EXIT_DONE)
        return exit_status;
    begin = now_ns();
    status = bobbin_ping(b);
    us = (now_ns() - begin) / 1000;
    if (status != BOBBIN_OK)
        exit_status = session_error(out, b, status, "no answer from %s", bobbin_address(b));
    else if (out->json)
        output_json(out, json_pack("{s:s?, s:s?, s:I}", "server_version", bobbin_server_version(b),
                                   "address", bobbin_address(b), "latency_us", (json_int_t)us));
    else
        output_print(out, "bobbind %s at %s answered in %lld µs\n", bobbin_server_version(b),
                     bobbin_address(b), (long long)us);
    bobbin_close(b);
    return exit_status;
}
