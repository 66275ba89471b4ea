/* The cache of committed values: what the loop knows of the files without asking them.
 *
 * One cache for the daemon, bounded in bytes; one space of it for each app. An entry is a value, or
 * the knowledge that there is none. Whoever feeds it sees to it that an entry is what the file holds
 * and has no time to live. Everything runs on the loop. */
#ifndef BOBBIN_DAEMON_CACHE_H
#define BOBBIN_DAEMON_CACHE_H

#include <stddef.h>
#include <stdint.h>

#include "protocol/errors.h"
#include "daemon/siphash.h"
#include "protocol/reader.h"

struct cache;
struct cache_space;

/* `limit` bytes hold keys, values and all that is needed to find them. 0: nothing is ever kept. */
int cache_new(size_t limit, struct cache **ret, struct error *e);
/* All spaces must be gone. NULL is fine. */
void cache_free(struct cache *c);

/* An app's space, empty. NULL: no memory. */
struct cache_space *cache_space_new(struct cache *c);
/* NULL is fine. */
void cache_space_free(struct cache_space *s);
/* Forget everything, at once; the memory is given back bit by bit. */
void cache_space_clear(struct cache_space *s);

enum cache_answer {
    CACHE_UNKNOWN, /* ask the file */
    CACHE_VALUE,
    CACHE_ABSENT, /* there is no such entry */
};

/* For CACHE_VALUE *ret is the value, valid until the next call that is not cache_get. */
enum cache_answer cache_get(struct cache_space *s, struct slice label, struct slice key,
                            struct slice *ret);

/* The same in steps, for whoever has several to look up, or many of one label: the label's part of the
 * hash, good for as long as the space is; the whole hash; then, if they can be far apart, to have what
 * is needed next brought near; and the look itself. */
struct siphash cache_label_hash(const struct cache_space *s, struct slice label);
uint32_t cache_key_hash(const struct siphash *label_hash, struct slice key);
void cache_fetch_bucket(const struct cache_space *s, uint32_t hash);
void cache_fetch_entry(const struct cache_space *s, uint32_t hash);
enum cache_answer cache_look(struct cache_space *s, uint32_t hash, struct slice label,
                             struct slice key, struct slice *ret);

/* The entry is this now, is not there now, or is not known any more. What does not fit, or finds no
 * memory, is not known then. */
void cache_put(struct cache_space *s, struct slice label, struct slice key, struct slice value);
void cache_put_absent(struct cache_space *s, struct slice label, struct slice key);
void cache_remove(struct cache_space *s, struct slice label, struct slice key);

/* Give back the memory of up to `most` entries that were cleared. */
void cache_tidy(struct cache *c, unsigned most);

/* What is in use, the tables and what was cleared included; never more than the limit. */
size_t cache_bytes(const struct cache *c);
size_t cache_limit(const struct cache *c);

struct cache_counts {
    uint64_t bytes;   /* of this space's entries, with what finds them */
    uint64_t entries;
    uint64_t hits;    /* requests that were answered from here, … */
    uint64_t misses;  /* … and reads that could have been and went to the file */
};

struct cache_counts cache_space_counts(const struct cache_space *s);
/* Count a request. */
void cache_note(struct cache_space *s, bool hit);

#endif
