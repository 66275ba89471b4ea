/* bobbin-bench: measures Bobbin and what it is compared with. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "growth.h"
#include "matrix.h"
#include "run.h"

enum { EXIT_USAGE = 2 };

/* A thousand apps are a thousand connections. */
static void raise_limits(void)
{
    struct rlimit files;
    if (!getrlimit(RLIMIT_NOFILE, &files) && files.rlim_cur < files.rlim_max) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
}

int main(int argc, char **argv)
{
    struct options options;
    struct error e;
    int rc = options_read(argc, argv, &options, &e);
    if (rc) {
        fprintf(stderr, "bobbin-bench: %s\n", e.text);
        return EXIT_USAGE;
    }
    if (options.command == COMMAND_SHOWN)
        return EXIT_SUCCESS;
    raise_limits();
    bench_catch_signals();
    rc = options.command == COMMAND_MATRIX   ? matrix_main(&options, &e)
         : options.command == COMMAND_GROWTH ? growth_main(&options, &e)
                                             : run(&options, &e);
    if (rc)
        fprintf(stderr, "bobbin-bench: %s\n", bench_interrupted ? "interrupted" : e.text);
    if (bench_interrupted)
        return 128 + bench_interrupted;
    return rc || fflush(stdout) ? EXIT_FAILURE : EXIT_SUCCESS;
}
