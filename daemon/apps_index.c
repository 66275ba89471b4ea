#include "daemon/apps_index.h"

#include <string.h>
#include <sys/random.h>

#include "daemon/app.h"

void apps_index_init(struct apps_index *index)
{
    /* Before the kernel has gathered randomness, the address alone has to do. */
    index->seed = (struct siphash_key){(uint64_t)(uintptr_t)index, 0};
    if (getrandom(&index->seed, sizeof(index->seed), GRND_NONBLOCK) < 0)
        index->seed.k1 = (uint64_t)(uintptr_t)&index;
    index->count = 0;
    for (size_t i = 0; i < APPS_INDEX_BUCKETS; i++) {
        list_init(&index->by_path[i]);
        list_init(&index->by_name[i]);
    }
}

static size_t bucket(const struct apps_index *index, const void *bytes, size_t len)
{
    struct siphash h = siphash_begin(&index->seed, 0);

    siphash_add(&h, bytes, len);
    return (size_t)(siphash_end(&h) % APPS_INDEX_BUCKETS);
}

struct list *apps_index_paths(struct apps_index *index, const void *path, size_t len)
{
    return &index->by_path[bucket(index, path, len)];
}

struct list *apps_index_names(struct apps_index *index, const void *name, size_t len)
{
    return &index->by_name[bucket(index, name, len)];
}

static void add_name(struct apps_index *index, struct app *app)
{
    const char *name = app_name(app);

    list_push(apps_index_names(index, name, strlen(name)), &app->in_names);
}

void apps_index_add(struct apps_index *index, struct app *app)
{
    const char *path = app->directory.path;

    list_push(apps_index_paths(index, path, strlen(path)), &app->in_paths);
    add_name(index, app);
    index->count++;
}

void apps_index_remove(struct apps_index *index, struct app *app)
{
    list_remove(&app->in_paths);
    list_remove(&app->in_names);
    index->count--;
}

void apps_index_rename(struct apps_index *index, struct app *app)
{
    list_remove(&app->in_names);
    add_name(index, app);
}
