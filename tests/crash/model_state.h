/* What a store should hold, by the test's own reckoning: a few keys, their values known by seed and
 * length. Plain data, copied by assignment. */
#ifndef BOBBIN_TESTS_CRASH_MODEL_STATE_H
#define BOBBIN_TESTS_CRASH_MODEL_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { STATE_KEYS = 40 };

/* Keys from this one on hold numbers only. */
enum { STATE_NUMBERS = 34 };

struct state_entry {
    bool present;
    uint64_t seed; /* of the value's bytes; of a number the number */
    size_t len;
    int64_t expires_ms; /* 0: never */
};

struct state {
    struct state_entry entries[STATE_KEYS];
};

/* Half of the keys are in one label, half in another. */
const char *state_label(unsigned key);
void state_key_name(unsigned key, char ret[16]);
/* The key of that name, or -1. */
int state_key_find(const char *label, const char *name);
/* `len` bytes into `ret`. */
void state_value(unsigned key, const struct state_entry *entry, uint8_t *ret);
/* One number for all of it. */
uint64_t state_digest(const struct state *s);
/* The same of the file of a store or of a backup that nobody has open, with what SQLite says of its
 * integrity. NULL, or what is wrong with it; *ret_digest only in the first case. */
const char *state_digest_file(const char *path, uint64_t *ret_digest);

#endif
