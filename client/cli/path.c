#include "client/cli/path.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

char *path_absolute(const char *path, struct output *out)
{
    char *here = NULL, *absolute = NULL;

    if (path[0] != '/')
        here = getcwd(NULL, 0);
    if (path[0] != '/' && !here)
        output_error(out, "other", "cannot tell the current directory: %s", strerror(errno));
    else if (asprintf(&absolute, "%s%s%s", here ? here : "", here ? "/" : "", path) < 0)
        output_error(out, "no-memory", "cannot use '%s': out of memory", path);
    free(here);
    return absolute;
}
