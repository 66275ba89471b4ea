/* The commands: main.c has the table, the files of each group the functions. */
#ifndef BOBBIN_CLI_COMMAND_H
#define BOBBIN_CLI_COMMAND_H

#include <stddef.h>

#include "client/cli/options.h"
#include "client/cli/output.h"

/* Runs with arguments and options that have been checked against the table. Returns an exit status;
 * failures have been reported through `out`. */
typedef int command_fn(const struct options *o, struct output *out);

struct command {
    const char *name;
    const char *args; /* as in the help */
    size_t min_args;  /* fewest and most arguments */
    size_t max_args;
    unsigned options; /* OPTION_BITs that it takes beside the common ones */
    command_fn *run;
    const char *summary;  /* one line */
    const char *text;     /* what else there is to know; lines, each ended */
    const char *examples; /* lines, each ended */
};

command_fn up_run;
command_fn apps_register, apps_unregister, apps_list, apps_status, apps_start, apps_stop;
command_fn kv_get, kv_set, kv_delete, kv_exists;
command_fn keys_run;
command_fn ping_run;

#endif
