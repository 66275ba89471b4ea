/* What the daemon was asked to do: command line over environment over configuration file over defaults. */
#ifndef BOBBIN_DAEMON_OPTIONS_H
#define BOBBIN_DAEMON_OPTIONS_H

#include "daemon/config.h"
#include "protocol/errors.h"

enum options_action {
    OPTIONS_RUN,   /* serve */
    OPTIONS_CHECK, /* --check: look at the directory, say whether it would do */
    OPTIONS_BUILD, /* --build: compile the directory's modules */
    OPTIONS_HANDOVER, /* --handover-version: only say what it could take over */
    OPTIONS_RECOVER, /* --recover: get out of the directory's damaged store what can be got */
    OPTIONS_CHECK_CONFIG, /* --check-config: tell what is configured */
    OPTIONS_SHOWN, /* --help or --version: said on stdout, nothing to do */
};

/* Read the command line, the configuration file that it or $BOBBIND_CONFIG names, and the environment;
 * fill in defaults. `config` is then complete; free it with config_fini. With OPTIONS_CHECK,
 * OPTIONS_RECOVER and OPTIONS_SHOWN it is not filled in. With OPTIONS_CHECK, OPTIONS_RECOVER and
 * OPTIONS_BUILD *ret_directory is the argument. ERR_INVALID_REQUEST: wrong usage. May be called again for a reload, by one thread at a time. */
int options_read(int argc, char **argv, struct config *config, enum options_action *ret,
                 const char **ret_directory, struct error *e);

#endif
