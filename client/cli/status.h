/* App statuses as JSON, as a block for people, and as lines of a table. */
#ifndef BOBBIN_CLI_STATUS_H
#define BOBBIN_CLI_STATUS_H

#include "client/cli/output.h"
#include "client/include/bobbin.h"

/* {name, directory, wanted, components: [{id, state, reason, since, pid, exit_code, exit_signal,
 * restarts}]}, null where there is none; NULL without memory. */
json_t *status_json(const bobbin_app_status *app);

/* One app as JSON or as a block. */
void status_print(struct output *out, const bobbin_app_status *app);
/* Several: {"apps": […]} or their blocks. */
void status_print_all(struct output *out, const bobbin_app_list *list);
/* {"apps": […]} or a table. */
void status_print_table(struct output *out, const bobbin_app_list *list);

#endif
