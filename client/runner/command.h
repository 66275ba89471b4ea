/* Programs that the runner needs: finding them, running them. */
#ifndef BOBBIN_RUNNER_COMMAND_H
#define BOBBIN_RUNNER_COMMAND_H

#include <stddef.h>

#include "protocol/errors.h"

/* Where programs are looked for if PATH is not set, as in an app process. */
#define COMMAND_DEFAULT_PATH "/usr/local/bin:/usr/bin:/bin"

/* The absolute path of a program, to be freed. ERR_OTHER names it and the Debian package that
 * brings it. */
int command_find(const char *program, const char *package, char **ret_path, struct error *e);

/* Run a program in `directory` and wait for it. argv[0] is its absolute path. It inherits nothing
 * but PATH, and stdin from /dev/null; what it says goes into a file in `directory`. If it fails,
 * the error tells its name and the first lines of that. */
int command_run(const char *directory, const char *const *argv, struct error *e);

/* The same, and the first line of what it said. */
int command_output(const char *directory, const char *const *argv, char *ret_line, size_t size,
                   struct error *e);

/* The same for several, so many at a time; the first that fails ends it, when those that run have
 * ended. `progress` is called after each: how many are done, of how many. */
struct command_progress {
    void (*tell)(void *arg, size_t done, size_t count);
    void *arg;
};
int command_run_all(const char *directory, const char *const *const *argvs, size_t count,
                    size_t parallel, const struct command_progress *progress, struct error *e);

#endif
