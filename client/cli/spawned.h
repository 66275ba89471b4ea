/* A daemon of one's own: a child process with a socket and a state directory that go with it. */
#ifndef BOBBIN_CLI_SPAWNED_H
#define BOBBIN_CLI_SPAWNED_H

#include <stdbool.h>
#include <sys/types.h>

#include "client/cli/output.h"
#include "client/include/bobbin.h"

struct spawned {
    pid_t pid;       /* 0: not running */
    char dir[64];    /* holds all that follows; "" when there is none */
    char socket[80]; /* paths of the socket, … */
    char state[80];  /* … the state directory … */
    char log[80];    /* … and what the daemon writes to stderr */
};

/* The path of bobbind: beside this program, in ../sbin, or as PATH has it. */
void spawned_find_daemon(char *path, size_t size);
/* Start bobbind. EXIT_DONE, or the exit status after reporting; call spawned_stop in either case.
 */
int spawned_start(struct spawned *s, struct output *out);
/* Connect once it answers. `interrupted` is called between attempts, waits so long itself, and ends
 * the waiting when it does not return 0. EXIT_DONE, or the exit status after reporting. */
int spawned_connect(struct spawned *s, struct output *out, int (*interrupted)(int ms),
                    bobbin **ret);
/* SIGTERM (with `at_once`, SIGKILL; its apps go with it), wait, remove the directory. Fine for one
 * that was never started (all zero). */
void spawned_stop(struct spawned *s, bool at_once);
/* The last line in the daemon's log; "" when there is none. */
void spawned_last_words(const struct spawned *s, char *buf, size_t size);

#endif
