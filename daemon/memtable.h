/* Entries in memory, in the order in which SQLite's index of them has them: what the commit log holds and the database does
 * not yet. A red-black tree (libbsd's sys/tree.h), and a list by age. Pure data; knows neither log nor database. */
#ifndef BOBBIN_DAEMON_MEMTABLE_H
#define BOBBIN_DAEMON_MEMTABLE_H

#include <stdint.h>
#include <bsd/sys/tree.h>

#include "daemon/list.h"
#include "protocol/reader.h"

struct memtable_entry {
    RB_ENTRY(memtable_entry) node;
    struct list age; /* from the one that was put longest ago to the latest */
    uint64_t commit; /* as of the last put */
    uint32_t label_len, key_len, value_len;
    char bytes[]; /* of label, key and value */
};

RB_HEAD(memtable_tree, memtable_entry);

struct memtable {
    struct memtable_tree tree;
    struct list ages;
    size_t count;
    size_t bytes;                /* of memory */
    struct memtable_entry *hand; /* memtable_hand; NULL: the first one */
};

void memtable_init(struct memtable *m);
/* Remove all. */
void memtable_clear(struct memtable *m);

/* Put an entry there, or in the place of the one that is there, and make it the latest. All is copied; lengths are below 4 GiB.
 * False: no memory; then nothing has changed. */
bool memtable_put(struct memtable *m, struct slice label, struct slice key, struct slice value,
                  uint64_t commit);
void memtable_remove(struct memtable *m, struct memtable_entry *entry);

/* NULL: there is none. */
struct memtable_entry *memtable_find(struct memtable *m, struct slice label, struct slice key);
/* The first one that is not before label and key, and the last one that is; NULL: there is none. */
struct memtable_entry *memtable_from(struct memtable *m, struct slice label, struct slice key);
struct memtable_entry *memtable_before(struct memtable *m, struct slice label, struct slice key);
struct memtable_entry *memtable_next(struct memtable_entry *entry);
struct memtable_entry *memtable_previous(struct memtable_entry *entry);

/* The one whose turn it is: who removes each in turn goes through all in order, and begins anew behind the last one, as a
 * clock's hand. Those that were put behind the hand wait for it longest, so that most are side by side where it is. NULL:
 * there is none. */
struct memtable_entry *memtable_hand(struct memtable *m);

struct slice memtable_label(const struct memtable_entry *entry);
struct slice memtable_key(const struct memtable_entry *entry);
struct slice memtable_value(const struct memtable_entry *entry);

/* If it is at this one, move it on. */
void memtable_pass(struct memtable *m, struct memtable_entry *entry);

/* The commit of the one that was put longest ago; 0: there is none. */
uint64_t memtable_oldest(const struct memtable *m);

#endif
