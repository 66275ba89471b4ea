/* SIGHUP: read the configuration and all manifests again, put in force what can be, say what cannot. */
#ifndef BOBBIN_DAEMON_RECONFIG_H
#define BOBBIN_DAEMON_RECONFIG_H

#include <stdbool.h>

#include "daemon/access.h"
#include "daemon/config.h"
#include "daemon/worker.h"

struct server;
struct server_options;

enum reconfig_state {
    RECONFIG_IDLE,
    RECONFIG_RUNS,
    RECONFIG_AGAIN, /* it runs, and was asked for once more meanwhile */
};

struct reconfig {
    struct job job;  /* reads the configuration; behind the manifests, ends the reload */
    enum reconfig_state state;
    int status;             /* of the reading */
    struct error error;
    struct config *in_force; /* borrowed from main */
    struct config read;      /* of the last reload: what waits for a restart has its new value here */
    struct access_admins admins; /* of what is read */
    bool waits[SETTING_COUNT];   /* for a restart */
    int argc;                    /* the command line, borrowed */
    char **argv;
};

/* The numbers of the configuration in the server's options; the rest stays. */
void reconfig_set_options(struct server_options *options, const struct config *c);

void reconfig_init(struct reconfig *reconfig, struct config *in_force, int argc, char **argv);
void reconfig_fini(struct reconfig *reconfig);
/* Begin; what is read is applied later, on the loop. */
void reconfig_start(struct server *s);

#endif
