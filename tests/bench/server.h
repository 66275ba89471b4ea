/* A target that is reached over a socket: started for the occasion, or running already. */
#ifndef BOBBIN_BENCH_SERVER_H
#define BOBBIN_BENCH_SERVER_H

#include "dialect.h"
#include "peer.h"

/* How to start it. Strings are not owned. */
struct server_options {
    enum target target;
    const char *socket;  /* a running server's; NULL: start one */
    const char *bobbind; /* the program; NULL: the one beside this program */
    const char *config;  /* lines for bobbin.toml; NULL: none */
    unsigned apps;       /* of Bobbin: how many to register, at least 1 */
    enum op op;          /* of the echo: … */
    struct shape shape;  /* … the requests that it counts */
};

struct server {
    struct server_options options;
    const struct dialect *dialect;
    struct peer peer;
    char socket[108];
    char dir[PATH_MAX - 128]; /* "": not ours */
    uint64_t start_ns;        /* from fork until it answered */
    uint64_t register_ns;     /* for all apps */
};

/* Start it in a directory of the workspace, which is called after `label`, and register the apps.
 * On failure nothing is left running. */
int server_start(struct server *s, const struct server_options *options, const struct workspace *w,
                 const char *label, struct error *e);
void server_stop(struct server *s);
/* Stop and start it again on the same data (of Bobbin: the registrations are kept). */
int server_restart(struct server *s, struct error *e);

/* The directory of app number i: what attach wants. Nothing for targets without apps. */
void server_app(const struct server *s, unsigned i, char *ret, size_t size);
/* A greeted, blocking connection for app number i; the caller's to close. */
int server_connect(const struct server *s, unsigned i, int *ret_fd, struct error *e);

#endif
