/* Where an export or import stands: an entry, behind which another one can go on. */
#ifndef BOBBIN_CLI_PLACE_H
#define BOBBIN_CLI_PLACE_H

#include <stdbool.h>
#include <stdint.h>

#include "client/cli/options.h"
#include "client/cli/output.h"
#include "client/include/bobbin.h"
#include "protocol/buffer.h"

struct place {
    bool set; /* there is one */
    struct buffer store;
    struct buffer key;
};

void place_init(struct place *p);
void place_fini(struct place *p);
/* Be at this entry. 0, or -1 without memory. */
int place_set(struct place *p, const bobbin_string *store, const bobbin_string *key);
/* Take it from --after or --cursor and --after-store; left unset where none of them was given.
 * EXIT_DONE, or the exit status of a failure that has been reported. */
int place_from_options(struct place *p, const struct options *o, struct output *out);
bool place_is(const struct place *p, const bobbin_string *store, const bobbin_string *key);

/* Report a failure and what was done until then: "exported 12 entries; go on with --after 'key'".
 * With --json that stands beside the error: `entries`, `after` and `after_store`. Returns
 * EXIT_TROUBLE. */
int place_error(const struct place *p, struct output *out, const char *code, const char *message,
                const char *done, uint64_t entries);

#endif
