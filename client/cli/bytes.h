/* Bytes as JSON: text where they are UTF-8, base64 where they are not. */
#ifndef BOBBIN_CLI_BYTES_H
#define BOBBIN_CLI_BYTES_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "client/cli/arena.h"
#include "client/include/bobbin.h"

/* Put the bytes into `object`: under `name` when they are UTF-8, else in base64 under
 * "name_base64". 0, or -1 without memory. */
int bytes_json_set(json_t *object, const char *name, const void *bytes, size_t len);
/* The bytes as a JSON string, or when they are not UTF-8 as the object {"key_base64": …}; NULL
 * without memory. */
json_t *bytes_json_key(const void *bytes, size_t len);
/* {"error": {"code": …, "message": …}}, with '?' for what is not ASCII in a message that is not
 * UTF-8; NULL without memory. */
json_t *bytes_error_document(const char *code, const char *message);

/* The other way round: the bytes of the member NAME, or of NAME_base64, copied into the arena. With
 * a member that is null *ret is {NULL, 0}. NULL, or what is wrong, for people, in `reason`. */
const char *bytes_json_get(const json_t *object, const char *name, struct arena *a,
                           bobbin_string *ret, char *reason, size_t size);
/* Whether the object has such a member. */
bool bytes_json_has(const json_t *object, const char *name);
/* The number of bytes that base64 text stands for, written to `out` (3/4 of its length is enough);
 * SIZE_MAX when it is not padded base64 of the common alphabet, without anything in between. */
size_t bytes_from_base64(const char *text, size_t len, char *out);

/* Base64 (RFC 4648, padded) in memory of its own, to be freed; NULL without memory. */
char *bytes_base64(const void *bytes, size_t len);
/* The characters of UTF-8 text, which is near enough the columns that it takes. */
size_t bytes_columns(const char *text);

#endif
