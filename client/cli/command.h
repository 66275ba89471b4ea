/* The commands: commands.c has the table, the files of each group the functions. */
#ifndef BOBBIN_CLI_COMMAND_H
#define BOBBIN_CLI_COMMAND_H

#include <stddef.h>
#include <stdint.h>

#include "client/cli/options.h"
#include "client/cli/output.h"

#define ARGS_ANY SIZE_MAX

/* Runs with arguments and options that have been checked against the table. Returns an exit status;
 * failures have been reported through `out`. */
typedef int command_fn(const struct options *o, struct output *out);

struct command {
    const char *name;
    const char *args; /* as in the help; also says how a shell completes them: see complete.c */
    size_t min_args;  /* fewest and most arguments */
    size_t max_args;
    uint64_t options; /* OPTION_BITs that it takes beside the common ones */
    command_fn *run;
    const char *summary;  /* one line */
    const char *text;     /* what else there is to know; lines, each ended */
    const char *examples; /* lines, each ended */
};

extern const struct command command_table[];
extern const size_t command_count;

/* The command of that name, or NULL. */
const struct command *command_find(const char *name);
/* Whether the first argument is the app that the command is about. */
bool command_takes_app(const struct command *c);
/* Check what was given against the table, and run it. Returns an exit status. */
int command_dispatch(const struct options *o, struct output *out);

command_fn up_run;
command_fn apps_register, apps_unregister, apps_list, apps_status, apps_start, apps_stop;
command_fn apps_restart, apps_reload, apps_reset;
command_fn check_run;
command_fn recover_run;
command_fn build_run;
command_fn logs_run, events_run, top_run, trace_run, explore_run;
command_fn kv_get, kv_set, kv_delete, kv_exists, kv_ttl, kv_increment, kv_swap;
command_fn many_get, many_set, many_delete;
command_fn atomic_run;
command_fn listing_keys, listing_entries, listing_count;
command_fn watch_run;
command_fn export_run, import_run;
command_fn backup_run, restore_run;
command_fn stats_run;
command_fn config_run;
command_fn shell_run;
command_fn ping_run;
command_fn upgrade_run;
command_fn help_run;

#endif
