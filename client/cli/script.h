/* The checks and operations of an atomic, from arguments or from JSON. */
#ifndef BOBBIN_CLI_SCRIPT_H
#define BOBBIN_CLI_SCRIPT_H

#include <stddef.h>

#include "client/cli/arena.h"
#include "client/include/bobbin.h"

struct script {
    bobbin_check *checks; /* owned, as the operations */
    size_t check_count;
    bobbin_op *ops;
    size_t op_count;
    struct arena arena; /* the strings of what was read from JSON */
    char error[200];    /* why it makes no sense */
};

/* Words:
 *
 *     check KEY VALUE | absent KEY | since KEY COMMIT |
 *     set KEY VALUE | expiring DURATION KEY VALUE | delete KEY | increment KEY DELTA
 *
 * in any order. 0, or -1 with script->error; script_fini in either case. The strings point into
 * `words`. */
int script_from_words(struct script *s, const char *const *words, size_t count);
/* JSON:
 *
 *     {"checks": [{"key": …, "value": … or null}, {"key": …, "since": N}],
 *      "ops": [{"op": "set", "key": …, "value": …, "ttl_ms": N}, {"op": "delete", "key": …},
 *              {"op": "increment", "key": …, "delta": N}]} */
int script_from_json(struct script *s, const char *text, size_t len);
void script_fini(struct script *s);

#endif
