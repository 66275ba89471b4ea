/* bobbin: the command line. */
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "client/cli/command.h"

/* A socket that got number 1 because standard output was closed would receive what is printed.
 * The stand-ins fail on use, as closed ones do. */
static void fill_standard_descriptors(void)
{
    for (int fd = 0; fd <= STDERR_FILENO; fd++) {
        if (fcntl(fd, F_GETFD) < 0)
            open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
    }
}

int main(int argc, char **argv)
{
    struct options options;
    struct output out;
    int status;

    fill_standard_descriptors();
    signal(SIGPIPE, SIG_IGN);
    options_parse(argc, argv, &options);
    output_init(&out, options_has(&options, OPTION_JSON));
    status = output_finish(&out, command_dispatch(&options, &out));
    options_fini(&options);
    return status;
}
