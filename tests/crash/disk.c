#include "disk.h"

#include <err.h>
#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/clock.h"
#include "disk_internal.h"
#include "memory.h"

#define PRINT_EVENTS 24u

struct disk *disk_current;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned wanted_lies;

void disk_lock(void)
{
    memory_spare(); /* what is recorded takes none of the program's */
    pthread_mutex_lock(&lock);
}

void disk_unlock(void)
{
    pthread_mutex_unlock(&lock);
    memory_spare_end();
}

void disk_lie(unsigned lies)
{
    wanted_lies = lies;
}

/* Room for one more element. */
static void *grow(void *list, size_t count, size_t *cap, size_t size)
{
    if (count < *cap)
        return list;
    *cap = *cap ? *cap * 2 : 64;
    list = reallocarray(list, *cap, size);
    if (!list)
        err(2, "simulated disk");
    return list;
}

static char *copy_text(const char *text)
{
    char *copy = strdup(text);

    if (!copy)
        err(2, "simulated disk");
    return copy;
}

static unsigned lies_of(bool is_directory, const char *name)
{
    if (is_directory)
        return wanted_lies & DISK_LIE_DIRECTORY;
    return wanted_lies & (strncmp(name, "bobbin_commit", 13) == 0 ? DISK_LIE_LOG : DISK_LIE_SQLITE);
}

unsigned disk_add_node(struct disk *d, bool is_directory, const char *name)
{
    d->nodes = grow(d->nodes, d->node_count, &d->node_cap, sizeof(*d->nodes));
    d->nodes[d->node_count] =
        (struct disk_node){.is_directory = is_directory, .lies = lies_of(is_directory, name)};
    return (unsigned)d->node_count++;
}

struct disk_event *disk_add_event(struct disk *d, enum disk_event_kind kind, unsigned node)
{
    struct disk_event *event;

    d->events = grow(d->events, d->event_count, &d->event_cap, sizeof(*d->events));
    event = &d->events[d->event_count++];
    *event = (struct disk_event){.kind = kind, .node = node, .time_ms = clock_now_ms()};
    return event;
}

long disk_names_find(const struct disk_names *names, unsigned directory, const char *name)
{
    for (size_t i = 0; i < names->count; i++)
        if (names->list[i].directory == directory && strcmp(names->list[i].name, name) == 0)
            return (long)i;
    return -1;
}

void disk_names_put(struct disk_names *names, unsigned directory, const char *name, unsigned node)
{
    long i = disk_names_find(names, directory, name);

    if (i >= 0) {
        names->list[i].node = node;
        return;
    }
    names->list = grow(names->list, names->count, &names->cap, sizeof(*names->list));
    names->list[names->count++] = (struct disk_name){directory, node, copy_text(name)};
}

void disk_names_remove(struct disk_names *names, unsigned directory, const char *name,
                       unsigned node)
{
    long i = disk_names_find(names, directory, name);

    if (i < 0 || names->list[i].node != node)
        return;
    free(names->list[i].name);
    names->list[i] = names->list[--names->count];
}

void disk_names_copy(struct disk_names *to, const struct disk_names *from)
{
    *to = (struct disk_names){0};
    for (size_t i = 0; i < from->count; i++)
        disk_names_put(to, from->list[i].directory, from->list[i].name, from->list[i].node);
}

void disk_names_fini(struct disk_names *names)
{
    for (size_t i = 0; i < names->count; i++)
        free(names->list[i].name);
    free(names->list);
    *names = (struct disk_names){0};
}

void disk_names_apply(struct disk_names *names, const struct disk_event *event)
{
    if (event->kind != DISK_LINK)
        disk_names_remove(names, event->directory, event->name, event->node);
    if (event->kind == DISK_LINK)
        disk_names_put(names, event->directory, event->name, event->node);
    if (event->kind == DISK_RENAME)
        disk_names_put(names, event->to_directory, event->to_name, event->node);
}

/* Take in what is there as a node of its own. */
static int take_cb(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    struct disk *d = disk_current;
    unsigned directory = DISK_ROOT, node;
    char *inside, *slash;

    (void)type;
    if (ftw->level == 0)
        return 0;
    inside = copy_text(path + strlen(d->root) + 1);
    for (char *at = inside; (slash = strchr(at, '/')) != NULL; at = slash + 1) {
        *slash = 0;
        directory = d->now.list[disk_names_find(&d->now, directory, at)].node;
        *slash = '/';
    }
    node = disk_add_node(d, S_ISDIR(st->st_mode), path + ftw->base);
    disk_names_put(&d->now, directory, path + ftw->base, node);
    free(inside);
    if (!S_ISREG(st->st_mode))
        return 0;
    FILE *f = fopen(path, "re");
    d->nodes[node].size = (size_t)st->st_size;
    d->nodes[node].bytes = malloc(d->nodes[node].size + 1);
    if (!f || !d->nodes[node].bytes ||
        fread(d->nodes[node].bytes, 1, d->nodes[node].size, f) != d->nodes[node].size)
        err(2, "%s", path);
    fclose(f);
    return 0;
}

struct disk *disk_record(const char *root)
{
    struct disk *d = calloc(1, sizeof(*d));

    if (!d)
        err(2, "simulated disk");
    disk_lock();
    d->root = copy_text(root);
    disk_add_node(d, true, "");
    disk_current = d;
    if (nftw(root, take_cb, 16, FTW_PHYS) != 0)
        err(2, "%s", root);
    disk_names_copy(&d->first, &d->now);
    disk_unlock();
    return d;
}

void disk_stop(struct disk *d)
{
    disk_lock();
    disk_current = NULL;
    disk_unlock();
    disk_verify(d);
}

void disk_free(struct disk *d)
{
    if (!d)
        return;
    for (size_t i = 0; i < d->node_count; i++)
        free(d->nodes[i].bytes);
    for (size_t i = 0; i < d->event_count; i++) {
        free(d->events[i].name);
        free(d->events[i].to_name);
        free(d->events[i].bytes);
    }
    disk_names_fini(&d->first);
    disk_names_fini(&d->now);
    free(d->nodes);
    free(d->events);
    free(d->root);
    free(d);
}

size_t disk_position(const struct disk *d)
{
    disk_lock();
    size_t position = d->event_count;
    disk_unlock();
    return position;
}

int64_t disk_time_ms(const struct disk *d, size_t position)
{
    if (!d->event_count)
        return clock_now_ms();
    return d->events[position < d->event_count ? position : d->event_count - 1].time_ms;
}

static const char *name_of_node(const struct disk *d, unsigned node)
{
    for (size_t i = 0; i < d->first.count; i++)
        if (d->first.list[i].node == node)
            return d->first.list[i].name;
    for (size_t i = 0; i < d->event_count; i++)
        if (d->events[i].kind == DISK_LINK && d->events[i].node == node)
            return d->events[i].name;
    return "/";
}

/* Where the count of a journal's pages stands is written last, alone. */
static bool counts_journal(const struct disk *d, const struct disk_event *e)
{
    return e->kind == DISK_WRITE && e->at == 0 && e->len == 12 &&
           strstr(name_of_node(d, e->node), "-journal") != NULL;
}

bool disk_has_hasty_journal(const struct disk *d)
{
    for (size_t i = 0; i < d->event_count; i++) {
        size_t before = i;
        if (!counts_journal(d, &d->events[i]))
            continue;
        while (before && d->events[--before].node != d->events[i].node)
            ;
        if (d->events[before].kind != DISK_SYNC)
            return true;
    }
    return false;
}

void disk_print(const struct disk *d, size_t position)
{
    static const char *const words[] = {
        [DISK_WRITE] = "write", [DISK_RESIZE] = "resize", [DISK_SYNC] = "sync", [DISK_SYNC_FAILED] = "failed sync",
        [DISK_LINK] = "make",   [DISK_UNLINK] = "unlink", [DISK_RENAME] = "rename",
    };

    for (size_t i = position < PRINT_EVENTS ? 0 : position - PRINT_EVENTS; i < position; i++) {
        const struct disk_event *e = &d->events[i];
        fprintf(stderr, "    %6zu %-6s %u %s %llu +%zu %s\n", i, words[e->kind], e->node,
                name_of_node(d, e->node), (unsigned long long)e->at, e->len,
                e->kind == DISK_RENAME ? e->to_name : "");
    }
}

static int remove_cb(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

void disk_remove(const char *path)
{
    nftw(path, remove_cb, 16, FTW_DEPTH | FTW_PHYS);
}
