/* A connection to the daemon as the options ask for it, and the reporting of what it says. */
#ifndef BOBBIN_CLI_SESSION_H
#define BOBBIN_CLI_SESSION_H

#include "client/cli/options.h"
#include "client/cli/output.h"
#include "client/include/bobbin.h"

/* Connect. EXIT_DONE, or the exit status of a failure that has been reported. Free *ret with
 * bobbin_close. */
int session_open(const struct options *o, struct output *out, bobbin **ret);
/* The same, and bind the connection to the app of --app or the current directory; inside an app
 * process it is bound already. Within a shell it is the
 * shell's own. Give *ret back with session_close. */
int session_open_attached(const struct options *o, struct output *out, bobbin **ret);
/* Close what session_open_attached opened; the connection of a shell stays. */
void session_close(const struct options *o, bobbin *b);

/* Report a failed call: "WHAT: the reason". Returns the exit status. */
int session_error(struct output *out, const bobbin *b, bobbin_status status, const char *format,
                  ...) __attribute__((format(printf, 4, 5)));

#endif
