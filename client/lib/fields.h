/* Reading maps from the daemon field by field, each checked for its type. */
#ifndef BOBBIN_CLIENT_FIELDS_H
#define BOBBIN_CLIENT_FIELDS_H

#include <stdbool.h>

#include "failure.h"
#include "zone.h"

/* The map that is being read and where to put what is in it. */
struct fields {
    struct reader *r;  /* at the next key or value */
    struct zone *zone; /* for copies of strings */
    struct failure *f; /* the first failure; status BOBBIN_OK so far */
    const char *what;  /* the map's name in error texts, such as "app status" */
    struct slice key;  /* of the value that is next */
    uint32_t left;     /* entries behind this one */
};

/* Begin a map at the reader. */
struct fields fields_begin(struct reader *r, struct zone *zone, const char *what,
                           struct failure *f);
/* Go on to the next entry; false at the end of the map and after a failure. The loop's body must
 * take the value with one of the functions below. */
bool fields_next(struct fields *fs);
/* Whether the entry's key is that. */
bool fields_is(const struct fields *fs, const char *key);

/* Take the value. After a failure *ret is as it was. */
void fields_string(struct fields *fs, const char **ret);
/* The same, but nil is fine and gives NULL. */
void fields_string_or_nil(struct fields *fs, const char **ret);
/* A number from min to max. */
void fields_int(struct fields *fs, int64_t min, int64_t max, int64_t *ret);
/* The same, but nil is fine and gives `nil`. */
void fields_int_or_nil(struct fields *fs, int64_t min, int64_t max, int64_t nil, int64_t *ret);
/* An array: its elements are next at fs->r. False, and *ret as it was, after a failure. */
bool fields_array(struct fields *fs, uint32_t *ret_count);
void fields_skip(struct fields *fs);

/* BOBBIN_BAD_RESPONSE for the entry, which `is` (such as "is not a string"). */
void fields_fail(struct fields *fs, const char *is);
/* After the loop: a failure if what must be there is missing, NULL, which was `name`. */
void fields_require(struct fields *fs, const void *value, const char *name);

/* A string at the reader, which must hold no NUL; NULL with *f set on failure. */
const char *read_string(struct reader *r, struct zone *zone, const char *what, struct failure *f);

#endif
