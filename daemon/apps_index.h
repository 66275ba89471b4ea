/* Finds registered apps by their path and by their name, however many there are. */
#ifndef BOBBIN_DAEMON_APPS_INDEX_H
#define BOBBIN_DAEMON_APPS_INDEX_H

#include <stddef.h>

#include "daemon/list.h"
#include "daemon/siphash.h"

struct app;

/* A power of two: at the limit of 10,000 apps, ten are looked at for one that is asked for. */
#define APPS_INDEX_BUCKETS 1024u

struct apps_index {
    struct siphash_key seed;                 /* names are their owners' to choose */
    size_t count;                            /* of apps */
    struct list by_path[APPS_INDEX_BUCKETS]; /* struct app, by in_paths */
    struct list by_name[APPS_INDEX_BUCKETS]; /* struct app, by in_names */
};

void apps_index_init(struct apps_index *index);
/* An app is in it from its first manifest to its end. */
void apps_index_add(struct apps_index *index, struct app *app);
void apps_index_remove(struct apps_index *index, struct app *app);
/* Its manifest, and with it its name, is another one now. */
void apps_index_rename(struct apps_index *index, struct app *app);
/* Where those are that have that path or name, among others: the caller compares. */
struct list *apps_index_paths(struct apps_index *index, const void *path, size_t len);
struct list *apps_index_names(struct apps_index *index, const void *name, size_t len);

#endif
