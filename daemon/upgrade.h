/* daemon.upgrade: another program takes the daemon's place in the same process, and the app
 * processes, connections and watches go on.
 *
 * Or, when systemd restarts the service and keeps descriptors, a daemon in another process does.
 *
 * The program on disk is asked first whether it can, and nothing lengthy is under way; then requests are read no more, what is under
 * way is answered, the stores are closed, everything is written down, and exec. Until the exec all
 * of it can be taken back, and is when something does not settle in time or the exec fails. */
#ifndef BOBBIN_DAEMON_UPGRADE_H
#define BOBBIN_DAEMON_UPGRADE_H

#include <msgpack/pack.h>
#include <stdbool.h>
#include <stdint.h>

#include "daemon/upgrade_probe.h"
#include "daemon/worker.h"
#include "protocol/errors.h"
#include "protocol/reader.h"

/* How long the daemon may serve nobody before it is. */
#define UPGRADE_PAUSE_MS 10000u

struct request;
struct server;

enum upgrade_phase {
    UPGRADE_NONE,
    UPGRADE_ASKING,   /* the program, on the worker */
    UPGRADE_DRAINING, /* what is under way is answered */
    UPGRADE_CLOSING,  /* and the stores are being closed */
};

struct upgrade {
    enum upgrade_phase phase;
    struct request *request; /* who waits for it */
    uint64_t begun_ms;       /* when the daemon stopped serving, by uv_hrtime */
    struct upgrade_probe probe;
    bool leaving; /* nobody waits: everything is left to a daemon in another process */
    bool restart; /* the program cannot take over: it is run when all has ended */
};

/* At the end of a turn: whether the next step is due. Does not return when the program was
 * executed. */
void upgrade_turn(struct server *s);
/* Leave everything to the next daemon that the service manager starts, and end without a farewell.
 * What cannot be left is stopped as ever. */
void upgrade_leave(struct server *s);
/* Give up what has begun, and serve again. No effect where there is nothing to give up. */
void upgrade_cancel(struct server *s, int code, const char *text);
/* Run the program in place of this one, after the server's end. Returns only when that fails. */
void upgrade_restart(struct server *s);
/* The result of daemon.upgrade. pause_ms -1: not known, as all is started anew. */
void upgrade_pack_result(msgpack_packer *pk, const char *version, struct slice previous,
                         unsigned processes, int64_t pause_ms);

#endif
