/* The daemon's first thread, which does for the others what only it can do.
 *
 * The kernel sends a child its PDEATHSIG when the thread that forked it ends, and an exec ends all
 * threads but the one that keeps the process's number. So that app processes live as long as the
 * daemon's process, whatever program that becomes, one thread forks them all: the one that the
 * process began with. The server runs on another one. */
#ifndef BOBBIN_DAEMON_LEADER_H
#define BOBBIN_DAEMON_LEADER_H

#include "protocol/errors.h"

struct leader;

int leader_new(struct leader **ret, struct error *e);
/* Nobody is in leader_run or leader_call any more. NULL is fine. */
void leader_free(struct leader *l);

/* On the first thread: serve calls until leader_stop. */
void leader_run(struct leader *l);
/* Any thread: leader_run returns when it has served those who called before. */
void leader_stop(struct leader *l);

/* Any other thread: have `call` run on the first one, and wait until it has returned. With NULL it
 * runs here (tests). */
void leader_call(struct leader *l, void (*call)(void *arg), void *arg);

#endif
