/* What became of an app that was started: whether it is at rest, and whether all went well. */
#ifndef BOBBIN_CLI_OUTCOME_H
#define BOBBIN_CLI_OUTCOME_H

#include <stdbool.h>
#include <stddef.h>

#include "client/include/bobbin.h"

/* Whether no component has a process any more or will get one by itself. */
bool outcome_at_rest(const bobbin_app_status *app);
/* Say in one line which components did not exit with 0, and why; "" when all did. */
void outcome_failures(char *buf, size_t size, const bobbin_app_status *app);

#endif
