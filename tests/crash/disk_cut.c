/* What is left after a cut: from the events before it, those that a sync has covered, and of the
 * others what chance has brought to the disk. */
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "disk_internal.h"
#include "model/random.h"

/* The bytes of one node in the making. */
struct content {
    uint8_t *bytes;
    size_t size, cap;
};

struct cut {
    const struct disk *d;
    size_t position;
    bool *durable; /* for each event before the position: a sync has covered it … */
    bool *lost;    /* … but of what it wrote one has failed before */
    enum disk_loss loss;
    struct random random;
};

static void reserve(struct content *c, size_t size)
{
    if (size <= c->cap)
        return;
    size_t cap = size + size / 2 + DISK_SECTOR;
    c->bytes = realloc(c->bytes, cap);
    if (!c->bytes)
        err(2, "simulated disk");
    memset(c->bytes + c->cap, 0, cap - c->cap);
    c->cap = cap;
}

/* What is beyond the end is zeros at any time. */
static void resize(struct content *c, size_t size)
{
    reserve(c, size);
    if (size < c->size)
        memset(c->bytes + size, 0, c->size - size);
    c->size = size;
}

static void write_all_of(struct content *c, const struct disk_event *event)
{
    size_t end = event->at + event->len;

    if (end > c->size)
        resize(c, end);
    memcpy(c->bytes + event->at, event->bytes, event->len);
}

/* The events of a node from `from` to `to`: whether they are durable, or lost for good. Sizes and names are the file
 * system's own and not lost. */
static void settle_events(struct cut *cut, unsigned node, size_t from, size_t to, bool durable)
{
    for (size_t i = from; i < to; i++) {
        const struct disk_event *e = &cut->d->events[i];
        bool about = e->kind >= DISK_LINK ? e->directory == node || e->to_directory == node
                                          : e->node == node;
        if (about && durable)
            cut->durable[i] = true;
        else if (about && e->kind == DISK_WRITE)
            cut->lost[i] = true;
    }
}

/* What has happened to names and sizes before a sync that failed is durable with the next one that did not. */
static void find_durable(struct cut *cut)
{
    size_t *reach = calloc(cut->d->node_count, sizeof(*reach)); /* of the syncs of a node */
    size_t *failed = calloc(cut->d->node_count, sizeof(*failed));

    cut->durable = calloc(cut->position + 1, sizeof(*cut->durable));
    cut->lost = calloc(cut->position + 1, sizeof(*cut->lost));
    if (!reach || !failed || !cut->durable || !cut->lost)
        err(2, "simulated disk");
    for (size_t i = 0; i < cut->position; i++) {
        const struct disk_event *e = &cut->d->events[i];
        if (e->kind == DISK_SYNC_FAILED && e->upto > failed[e->node]) {
            size_t from = failed[e->node] > reach[e->node] ? failed[e->node] : reach[e->node];
            settle_events(cut, e->node, from, e->upto, false);
            failed[e->node] = e->upto;
        } else if (e->kind == DISK_SYNC && e->upto > reach[e->node]) {
            settle_events(cut, e->node, reach[e->node], e->upto, true);
            reach[e->node] = e->upto;
        }
    }
    free(reach);
    free(failed);
}

/* How many of `count` steps, one after the other, have come to the disk. */
static uint32_t progress(struct cut *cut, enum disk_loss loss, uint32_t count)
{
    if (loss == DISK_LOSE_ALL)
        return 0;
    if (loss == DISK_LOSE_NOTHING || (loss == DISK_LOSE_LITTLE && random_below(&cut->random, 8)))
        return count;
    return random_below(&cut->random, count + 1);
}

/* The pending events of one file in the order made, and what has become of them. */
struct pending {
    const struct disk_event **list;
    size_t count;
    uint32_t *touches; /* for each sector: how often it was written … */
    uint32_t *kept;    /* … and how many of those times came to the disk */
    size_t sectors;
};

static size_t end_of(const struct disk_event *e)
{
    return e->at + (e->kind == DISK_WRITE ? e->len : 0);
}

static void count_touches(struct pending *p, struct cut *cut, enum disk_loss loss)
{
    for (size_t i = 0; i < p->count; i++)
        if (end_of(p->list[i]) / DISK_SECTOR + 1 > p->sectors)
            p->sectors = end_of(p->list[i]) / DISK_SECTOR + 1;
    p->touches = calloc(p->sectors + 1, sizeof(*p->touches));
    p->kept = calloc(p->sectors + 1, sizeof(*p->kept));
    if (!p->touches || !p->kept)
        err(2, "simulated disk");
    for (size_t i = 0; i < p->count; i++) {
        const struct disk_event *e = p->list[i];
        for (size_t s = e->at / DISK_SECTOR; e->kind == DISK_WRITE && s * DISK_SECTOR < end_of(e);
             s++)
            p->touches[s]++;
    }
    for (size_t s = 0; s < p->sectors; s++)
        if (p->touches[s])
            p->kept[s] = progress(cut, loss, p->touches[s]);
    memset(p->touches, 0, p->sectors * sizeof(*p->touches));
}

/* The sectors of a write that came to the disk. */
static void write_some_of(struct content *c, struct pending *p, const struct disk_event *e)
{
    for (size_t s = e->at / DISK_SECTOR; s * DISK_SECTOR < end_of(e); s++) {
        size_t from = s * DISK_SECTOR > e->at ? s * DISK_SECTOR : e->at;
        size_t to = (s + 1) * DISK_SECTOR < end_of(e) ? (s + 1) * DISK_SECTOR : end_of(e);
        if (p->touches[s]++ >= p->kept[s])
            continue;
        reserve(c, to);
        memcpy(c->bytes + from, e->bytes + (from - e->at), to - from);
    }
}

/* Sizes change in order, up to some change; what was written behind a cut-off that has not come to
 * the disk has no blocks to be in. */
static void apply_pending(struct cut *cut, struct content *c, struct pending *p,
                          enum disk_loss loss)
{
    uint32_t changes = 0, done = 0;
    size_t seen = c->size, size = c->size, limit = SIZE_MAX;

    for (size_t i = 0; i < p->count; i++) {
        bool changed = p->list[i]->kind == DISK_RESIZE || end_of(p->list[i]) > seen;
        seen = changed ? end_of(p->list[i]) : seen;
        changes += changed;
    }
    changes = progress(cut, loss, changes);
    count_touches(p, cut, loss);
    seen = c->size;
    for (size_t i = 0; i < p->count; i++) {
        const struct disk_event *e = p->list[i];
        bool changed = e->kind == DISK_RESIZE || end_of(e) > seen;
        if (changed) {
            bool kept = done++ < changes;
            if (kept && end_of(e) < c->cap)
                memset(c->bytes + end_of(e), 0, c->cap - end_of(e));
            if (!kept && end_of(e) < seen && end_of(e) < limit)
                limit = end_of(e);
            size = kept ? end_of(e) : size;
            seen = end_of(e);
        }
        if (e->kind == DISK_WRITE && e->at < limit)
            write_some_of(c, p, e);
    }
    reserve(c, size);
    memset(c->bytes + size, 0, c->cap - size);
    c->size = size;
    free(p->touches);
    free(p->kept);
}

static struct content make_content(struct cut *cut, unsigned node)
{
    const struct disk_node *n = &cut->d->nodes[node];
    struct content c = {0};
    struct pending p = {0};
    enum disk_loss loss = cut->loss;

    if (loss == DISK_LOSE_FILES)
        loss = (enum disk_loss)random_below(&cut->random, DISK_LOSE_FILES);
    reserve(&c, n->size + 1);
    resize(&c, n->size);
    if (n->size)
        memcpy(c.bytes, n->bytes, n->size);
    p.list = calloc(cut->position + 1, sizeof(*p.list));
    if (!p.list)
        err(2, "simulated disk");
    for (size_t i = 0; i < cut->position; i++) {
        const struct disk_event *e = &cut->d->events[i];
        if (e->node != node || e->kind > DISK_RESIZE)
            continue;
        if (!cut->durable[i])
            p.list[p.count++] = e;
        else if (e->kind == DISK_WRITE && cut->lost[i] && !progress(cut, loss, 1))
            resize(&c, end_of(e) > c.size ? end_of(e) : c.size);
        else if (e->kind == DISK_WRITE)
            write_all_of(&c, e);
        else
            resize(&c, e->at);
    }
    apply_pending(cut, &c, &p, loss);
    free(p.list);
    return c;
}

static void make_names(struct cut *cut, struct disk_names *names)
{
    disk_names_copy(names, &cut->d->first);
    for (size_t i = 0; i < cut->position; i++) {
        const struct disk_event *e = &cut->d->events[i];
        if (e->kind >= DISK_LINK && (cut->durable[i] || progress(cut, cut->loss, 1)))
            disk_names_apply(names, e);
    }
}

static void put_file(const char *path, const struct content *c)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    for (size_t done = 0; fd >= 0 && done < c->size;) {
        ssize_t n = pwrite(fd, c->bytes + done, c->size - done, (off_t)done);
        if (n <= 0)
            err(2, "%s", path);
        done += (size_t)n;
    }
    if (fd < 0 || close(fd) != 0)
        err(2, "%s", path);
}

static void put_directory(struct cut *cut, const struct disk_names *names, unsigned directory,
                          const char *path)
{
    char inside[512];

    if (mkdir(path, 0700) != 0)
        err(2, "%s", path);
    for (size_t i = 0; i < names->count; i++) {
        const struct disk_name *name = &names->list[i];
        if (name->directory != directory)
            continue;
        snprintf(inside, sizeof(inside), "%s/%s", path, name->name);
        if (cut->d->nodes[name->node].is_directory) {
            put_directory(cut, names, name->node, inside);
        } else {
            struct content c = make_content(cut, name->node);
            put_file(inside, &c);
            free(c.bytes);
        }
    }
}

void disk_cut(struct disk *d, size_t position, enum disk_loss loss, uint64_t seed,
              const char *target)
{
    struct cut cut = {.d = d, .position = position, .loss = loss, .random = {seed}};
    struct disk_names names;

    disk_remove(target);
    find_durable(&cut);
    make_names(&cut, &names);
    put_directory(&cut, &names, DISK_ROOT, target);
    disk_names_fini(&names);
    free(cut.durable);
    free(cut.lost);
}

static void verify_file(struct cut *cut, const struct disk_name *name, int dirfd)
{
    struct content c = make_content(cut, name->node);
    uint8_t *bytes = malloc(c.size + 1);
    int fd = openat(dirfd, name->name, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 || !bytes ? -1 : pread(fd, bytes, c.size + 1, 0);

    if (n < 0 || (size_t)n != c.size || (n && memcmp(bytes, c.bytes, c.size) != 0))
        errx(2, "simulated disk: '%s' was changed in a way that was not recorded", name->name);
    close(fd);
    free(bytes);
    free(c.bytes);
}

static void verify_directory(struct cut *cut, unsigned directory, int dirfd)
{
    const struct disk_names *names = &cut->d->now;

    for (size_t i = 0; i < names->count; i++) {
        const struct disk_name *name = &names->list[i];
        if (name->directory != directory)
            continue;
        if (!cut->d->nodes[name->node].is_directory) {
            verify_file(cut, name, dirfd);
            continue;
        }
        int fd = openat(dirfd, name->name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        verify_directory(cut, name->node, fd);
        close(fd);
    }
}

void disk_verify(struct disk *d)
{
    struct cut cut = {.d = d, .position = d->event_count, .loss = DISK_LOSE_NOTHING};
    int fd = open(d->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    find_durable(&cut);
    verify_directory(&cut, DISK_ROOT, fd);
    close(fd);
    free(cut.durable);
    free(cut.lost);
}
