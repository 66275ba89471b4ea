/* Shows what an app's components write: the lines of their log files, each with its component. */
#ifndef BOBBIN_CLI_FOLLOW_H
#define BOBBIN_CLI_FOLLOW_H

#include <stddef.h>

#include "client/cli/output.h"
#include "client/include/bobbin.h"

struct follow;

/* Follow the logs of all components of `app` from their present ends. 0, or -1 without memory.
 * `out` is borrowed. */
int follow_new(const bobbin_app_status *app, struct output *out, struct follow **ret);
/* Print what has come. Trouble with stdout is in out->error. */
void follow_read(struct follow *f);
/* Print the rest, also lines without an end. */
void follow_finish(struct follow *f);
void follow_free(struct follow *f);

#endif
