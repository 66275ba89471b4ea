/* A store that is not in use: whether it is whole, and getting out of a damaged one what can be got. By a program of
 * its own, not by the daemon that serves: whoever calls acts as the directory's owner already. Waits for the disk. */
#ifndef BOBBIN_DAEMON_STORE_RECOVER_H
#define BOBBIN_DAEMON_STORE_RECOVER_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/directory.h"
#include "protocol/errors.h"

struct store_verified {
    bool absent; /* there is no store yet; nothing else is set */
    bool in_use; /* somebody holds it: it was not looked at */
    uint64_t entries;
    uint64_t logged; /* commits that are in the commit log only */
};

/* Look at all of the file, its WAL and its commit log, and change nothing. What is wrong is the error. */
int store_verify(const struct directory *directory, struct store_verified *ret, struct error *e);

struct store_recovered {
    bool whole;       /* nothing was wrong: nothing was changed, and nothing else is set */
    uint64_t entries; /* in the new file … */
    uint64_t orphans; /* … of them those from pages that nothing led to any more */
    uint64_t commits; /* taken from the commit log */
    uint64_t lost;    /* keys that are known and whose values are gone */
    uint64_t broken;  /* rows of which a part is missing */
    uint32_t damaged; /* pages that are not what they should be */
    char kept[80];    /* what the damaged file is called now, in the state directory */
};

/* Put what can be read of a damaged store in its place, and keep the damaged files beside it. ERR_BUSY when somebody
 * holds the store. On failure the store is as it was. */
int store_recover(const struct directory *directory, struct store_recovered *ret, struct error *e);

#endif
