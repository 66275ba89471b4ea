#include "client/cli/appref.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

const char *appref_of(const struct options *o)
{
    return o->arg_count > 0 ? o->args[0] : o->app;
}

bool appref_is_directory(const char *text)
{
    return strchr(text, '/') || strcmp(text, ".") == 0 || strcmp(text, "..") == 0;
}

/* errno says why it is NULL. */
static char *real_directory(const char *text)
{
    char *path = realpath(text, NULL);
    struct stat st;

    if (path && stat(path, &st) == 0 && S_ISDIR(st.st_mode))
        return path;
    if (path)
        errno = ENOTDIR;
    free(path);
    return NULL;
}

char *appref_directory(const char *text, struct output *out)
{
    char *path = real_directory(text ? text : ".");

    if (!path)
        output_error(out, "no-such-app", "cannot use the directory '%s': %s", text ? text : ".",
                     strerror(errno));
    return path;
}

static int report(struct output *out, bobbin *b, bobbin_status status, const char *directory)
{
    const char *reason = bobbin_error(b);

    if (!reason[0])
        reason = bobbin_status_name(status);
    if (status == BOBBIN_NO_SUCH_APP && directory)
        return output_error(out, bobbin_status_name(status),
                            "%s; register it with: bobbin register %s", reason, directory);
    return output_error(out, bobbin_status_name(status), "%s", reason);
}

int appref_call(const char *text, bobbin *b, struct output *out, appref_fn *fn, void *arg)
{
    char *directory = NULL;
    bobbin_status status;

    if (!text || appref_is_directory(text)) {
        directory = appref_directory(text, out);
        if (!directory)
            return EXIT_TROUBLE;
        status = fn(b, directory, arg);
    } else {
        status = fn(b, text, arg);
        if (status == BOBBIN_NO_SUCH_APP && (directory = real_directory(text)))
            status = fn(b, directory, arg);
    }
    if (status != BOBBIN_OK)
        report(out, b, status, directory);
    free(directory);
    return status == BOBBIN_OK ? EXIT_DONE : EXIT_TROUBLE;
}
