/* Asks a program on disk whether it is a bobbind that could take over. */
#ifndef BOBBIN_DAEMON_UPGRADE_PROBE_H
#define BOBBIN_DAEMON_UPGRADE_PROBE_H

#include "protocol/errors.h"

/* The option that it is asked by, behind all others; its answer is UPGRADE_ANSWER. */
#define UPGRADE_OPTION "--handover-version"
/* For printf and scanf: the version of handover.h that it knows, and its own. */
#define UPGRADE_ANSWER "handover %d of bobbind %s\n"
#define UPGRADE_ANSWER_READ "handover %d of bobbind %63s"
/* It answers within this time. */
#define UPGRADE_PROBE_MS 5000

struct upgrade_probe {
    int handover; /* the version of HANDOVER_VERSION that it knows */
    char version[64];
};

/* Run `program` with the arguments of `argv` and the option. It reads its configuration before it
 * answers, and what is wrong with that is the error's text. Blocks: for the worker. */
int upgrade_probe(const char *program, char *const argv[], struct upgrade_probe *ret,
                  struct error *e);

#endif
