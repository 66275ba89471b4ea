/* What `bobbin help` says, from the tables. */
#ifndef BOBBIN_CLI_HELP_H
#define BOBBIN_CLI_HELP_H

#include "client/cli/command.h"
#include "client/cli/output.h"

/* The help of a command, or the overview when it is NULL; with --json as {"help": text}. Returns an
 * exit status. */
int help_print(struct output *out, const struct command *c);
/* The same in a shell, with commands of its own beside those of the table. */
int help_print_shell(struct output *out, const struct command *c, const struct command *extra,
                     size_t extra_count);

#endif
