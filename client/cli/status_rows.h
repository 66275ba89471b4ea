/* The status of apps as one table for people: a row for each instance of a component. */
#ifndef BOBBIN_CLI_STATUS_ROWS_H
#define BOBBIN_CLI_STATUS_ROWS_H

#include <stdbool.h>
#include <stddef.h>

#include "client/cli/output.h"
#include "client/include/bobbin.h"

/* What concerns an app as a whole stands in its first row. With `heading`, a line with what is
 * wanted and the directory stands above each app. */
void status_rows_print(struct output *out, const bobbin_app_status *apps, size_t count,
                       bool heading);

#endif
