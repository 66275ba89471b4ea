/* Starting PostgreSQL: a cluster of its own, a Unix socket, all else as by default. */
#ifndef BOBBIN_BENCH_SERVER_POSTGRES_H
#define BOBBIN_BENCH_SERVER_POSTGRES_H

#include <stdbool.h>

#include "server.h"

/* Whether a server is installed where this looks: in the PATH, or in Debian's directory. */
bool postgres_installed(void);
/* Make the cluster in s->dir, and say where its socket will be. As root, which PostgreSQL refuses
 * to run as, everything belongs to the user postgres, or nobody. */
int postgres_prepare(struct server *s, const struct workspace *w, const char *label,
                     struct error *e);
/* Start it; returns when it takes connections, or with a failure and s->peer still to be stopped.
 */
int postgres_spawn(struct server *s, const char *log, struct error *e);

#endif
