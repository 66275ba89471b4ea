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
 * but PATH, and stdin from /dev/null; what it says goes into `directory`/output.txt. If it fails,
 * the error tells its name and the first lines of that. */
int command_run(const char *directory, const char *const *argv, struct error *e);

#endif
