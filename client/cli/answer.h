/* What a command answers: a JSON object that grows member by member, and the commit number. */
#ifndef BOBBIN_CLI_ANSWER_H
#define BOBBIN_CLI_ANSWER_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "client/cli/options.h"
#include "client/cli/output.h"

/* Where memory runs out *object becomes NULL and stays so, which output_json reports. */
void answer_set(json_t **object, const char *name, json_t *value);
/* Bytes as of bytes_json_set: base64 under NAME_base64 when they are not UTF-8. With data NULL the
 * member is null. */
void answer_set_bytes(json_t **object, const char *name, const void *data, size_t len);
/* {"key": …}. */
json_t *answer_about_key(const char *key);

/* End a document with the commit number of the last call, if it is wanted, and print it. */
void answer_print(const struct options *o, struct output *out, const bobbin *b, json_t *object);
/* The commit number without --json, if it is wanted: on stdout when the command prints nothing
 * else, on stderr when it does. */
void answer_commit(const struct options *o, struct output *out, const bobbin *b, bool alone);

/* Say on stderr that there is no such key; returns EXIT_NO. */
int answer_no_key(const struct options *o, struct output *out, const bobbin *b, const char *key);

#endif
