/* What comes from standard input or a file: one value, or lines of keys. */
#ifndef BOBBIN_CLI_INPUT_H
#define BOBBIN_CLI_INPUT_H

#include <stdbool.h>
#include <stddef.h>

#include "client/cli/options.h"
#include "client/cli/output.h"

/* The bytes of a file, or of standard input for "-", at most `limit`, followed by a NUL that is not
 * counted; to be freed. NULL after reporting why not; `what` is what they are, for that. */
char *input_read(const struct options *o, struct output *out, const char *path, const char *what,
                 size_t limit, size_t *ret_len);

/* A value: the argument of that index, or read from where it (a lone "-") or --file says. */
struct input_value {
    const char *data;
    size_t len;
    char *owned; /* what it points into, when it was read */
};

/* EXIT_DONE, or the exit status of a failure that has been reported. */
int input_value(const struct options *o, struct output *out, size_t index, struct input_value *ret);
void input_value_fini(struct input_value *v);

/* Keys: the arguments, or from where a lone "-" or --file says, one a line (with --null: each ended
 * by NUL). */
struct input_keys {
    bobbin_string *keys; /* owned */
    size_t count;
    char *owned; /* what they point into, when they were read */
};

int input_keys(const struct options *o, struct output *out, struct input_keys *ret);
void input_keys_fini(struct input_keys *k);

#endif
