/* What the files of the simulated disk share; nobody else includes this. */
#ifndef BOBBIN_TESTS_CRASH_DISK_INTERNAL_H
#define BOBBIN_TESTS_CRASH_DISK_INTERNAL_H

#include "disk.h"

#define DISK_SECTOR 512u
#define DISK_ROOT 0u /* the node of the recorded directory */

enum disk_event_kind {
    DISK_WRITE,
    DISK_RESIZE,
    DISK_SYNC,
    DISK_SYNC_FAILED,
    DISK_LINK, /* a name for a node, new or not */
    DISK_UNLINK,
    DISK_RENAME, /* over whatever has the new name */
};

struct disk_event {
    enum disk_event_kind kind;
    unsigned node;
    unsigned directory, to_directory; /* names: where */
    char *name, *to_name;             /* owned; NULL: none */
    uint64_t at;                      /* WRITE: offset; RESIZE: the new size */
    size_t len;                       /* WRITE: of bytes */
    uint8_t *bytes;                   /* owned */
    size_t upto;                      /* SYNC, SYNC_FAILED: covers the events before this one */
    int64_t time_ms;
};

struct disk_node {
    bool is_directory;
    unsigned lies;  /* the kinds of lie that its syncs are */
    uint8_t *bytes; /* as the recording began; owned */
    size_t size;
};

struct disk_name {
    unsigned directory, node;
    char *name; /* owned */
};

struct disk_names {
    struct disk_name *list;
    size_t count, cap;
};

struct disk {
    char *root; /* owned */
    struct disk_node *nodes;
    size_t node_count, node_cap;
    struct disk_event *events;
    size_t event_count, event_cap;
    struct disk_names first; /* as the recording began */
    struct disk_names now;   /* as the program sees them */
};

/* The recording under way; NULL: none. Under disk_lock. */
extern struct disk *disk_current;
void disk_lock(void);
void disk_unlock(void);

/* Everything below ends the program when memory is short, and is called under the lock while a
 * recording is under way. */
unsigned disk_add_node(struct disk *d, bool is_directory, const char *name);
/* The event to be filled in; valid until the next call. */
struct disk_event *disk_add_event(struct disk *d, enum disk_event_kind kind, unsigned node);

/* The index of a name, or -1. */
long disk_names_find(const struct disk_names *names, unsigned directory, const char *name);
/* Replaces what has the name. */
void disk_names_put(struct disk_names *names, unsigned directory, const char *name, unsigned node);
/* Only if the name is the node's. */
void disk_names_remove(struct disk_names *names, unsigned directory, const char *name,
                       unsigned node);
void disk_names_copy(struct disk_names *to, const struct disk_names *from);
void disk_names_fini(struct disk_names *names);
/* Do a LINK, UNLINK or RENAME. */
void disk_names_apply(struct disk_names *names, const struct disk_event *event);

/* Check the real files against what the recording makes of them. */
void disk_verify(struct disk *d);

#endif
