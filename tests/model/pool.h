/* The keys and labels of the model-based test: all that ever occur, in order. */
#ifndef BOBBIN_TESTS_MODEL_POOL_H
#define BOBBIN_TESTS_MODEL_POOL_H

#include <bobbin.h>
#include <stdbool.h>

enum { POOL_LABELS = 3, POOL_KEYS = 160 };

/* The labels, which the manifest of the test's app grants. */
extern const char *const pool_labels[POOL_LABELS];
extern const char pool_manifest[];

/* Sorted bytewise, without duplicates: the empty key, some that are prefixes of others, UTF-8 of
 * every length, a NUL, and the longest that is allowed. */
struct pool {
    bobbin_string keys[POOL_KEYS];
};

void pool_init(struct pool *p);
void pool_fini(struct pool *p);
/* The index of a key or label that is there. */
int pool_key(const struct pool *p, bobbin_string key);
int pool_label(const char *label);

/* The order of keys, and what belongs to it. */
int pool_compare(bobbin_string a, bobbin_string b);
bool pool_begins_with(bobbin_string text, const char *prefix, size_t prefix_len);

#endif
