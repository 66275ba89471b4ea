/* What the daemon was asked to do: command line over configuration file over defaults. */
#ifndef BOBBIN_DAEMON_OPTIONS_H
#define BOBBIN_DAEMON_OPTIONS_H

#include "daemon/config.h"
#include "protocol/errors.h"

enum options_action {
    OPTIONS_RUN,   /* serve */
    OPTIONS_SHOWN, /* --help or --version: said on stdout, nothing to do */
};

/* Read the command line and the configuration file it names, fill in defaults. `config` is then
 * complete; free it with config_fini. ERR_INVALID_REQUEST: wrong usage. */
int options_read(int argc, char **argv, struct config *config, enum options_action *ret,
                 struct error *e);

#endif
