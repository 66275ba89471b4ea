/* Paths for the daemon, which stands elsewhere. */
#ifndef BOBBIN_CLI_PATH_H
#define BOBBIN_CLI_PATH_H

#include "client/cli/output.h"

/* The path as it is seen from the root, to be freed; what it names need not be there. NULL after
 * reporting why not. */
char *path_absolute(const char *path, struct output *out);

#endif
