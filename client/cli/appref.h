/* How a person names an app: by its name, by its directory, or by standing in it. */
#ifndef BOBBIN_CLI_APPREF_H
#define BOBBIN_CLI_APPREF_H

#include <stdbool.h>

#include "client/cli/options.h"
#include "client/cli/output.h"
#include "client/include/bobbin.h"

/* The app that a command is about: its argument, else --app, else NULL for the current directory.
 */
const char *appref_of(const struct options *o);

/* Whether the text can only be a directory: ".", ".." or something with a '/'. */
bool appref_is_directory(const char *text);

/* The absolute path of a directory (NULL: the current one), to be freed; NULL after reporting that
 * there is none. */
char *appref_directory(const char *text, struct output *out);

typedef bobbin_status appref_fn(bobbin *b, const char *app, void *arg);

/* Do something with the app: with its directory if the text is one or NULL; else by name, and when
 * there is no such app by the directory of that name if there is one. EXIT_DONE, or the exit status
 * of a failure that has been reported. */
int appref_call(const char *text, bobbin *b, struct output *out, appref_fn *fn, void *arg);

#endif
