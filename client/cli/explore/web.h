/* The web view's server: on 127.0.0.1 at a port of the kernel's choice, a thread a connection. */
#ifndef BOBBIN_CLI_EXPLORE_WEB_H
#define BOBBIN_CLI_EXPLORE_WEB_H

#include <stddef.h>

#include "client/cli/explore/guard.h"

struct web;

/* `socket` is the daemon's, as bobbin_connect takes it; both texts are copied. `app`, a
 * directory, is shown first; NULL: all of them. NULL with what is wrong in `reason`. */
struct web *web_start(const char *socket, const char *app, char *reason, size_t size);
/* A link that is good once, in the place of the one before; belongs to `w`. NULL with errno. */
const char *web_link(struct web *w);
/* Waits for what is under way. NULL is fine. */
void web_stop(struct web *w);

#endif
