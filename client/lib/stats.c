/* Statistics, backups and what becomes of them. */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fields.h"
#include "handle.h"
#include "stats.h"

/* The most bytes of a name, those of the maps around it included. */
#define NAME_SIZE 200

/* As its owner sees it, in front of the memory that it lives in. */
struct stats {
    bobbin_stats stats;
    struct zone zone;
    struct buffer items; /* bobbin_stat each, while they are read */
};

/* The name of the next value: "outer.inner". */
static const char *join_name(struct fields *fs, const char *outer)
{
    char name[NAME_SIZE];
    int n = snprintf(name, sizeof(name), "%s%s%.*s", outer, outer[0] != '\0' ? "." : "",
                     fs->key.len < NAME_SIZE ? (int)fs->key.len : NAME_SIZE, fs->key.data);
    if (n < 0 || n >= NAME_SIZE || (fs->key.len > 0 && memchr(fs->key.data, '\0', fs->key.len))) {
        failure_set(fs->f, BOBBIN_BAD_RESPONSE,
                    "the daemon's answer is wrong: the name of a figure is too long");
        return NULL;
    }
    const char *copy = zone_copy(fs->zone, (struct slice){name, (size_t)n});
    if (copy == NULL)
        failure_no_memory(fs->f);
    return copy;
}

static void read_number(struct fields *fs, bobbin_stat *item)
{
    uint64_t big;
    if (reader_int(fs->r, &item->number) == 0)
        return;
    if (reader_uint(fs->r, &big) == 0)
        item->number = INT64_MAX;
    else
        fields_fail(fs, "is not a number");
}

static void read_map(struct reader *r, struct stats *s, const char *outer, struct failure *f);

static void read_item(struct fields *fs, struct stats *s, const char *outer)
{
    enum reader_type type = reader_peek(fs->r);
    bobbin_stat item = {.is_text = type == READER_STR};
    bool flag = false;

    if (type != READER_STR && type != READER_INT && type != READER_BOOL && type != READER_MAP) {
        fields_skip(fs);
        return;
    }
    item.name = join_name(fs, outer);
    if (item.name == NULL)
        return;
    if (type == READER_MAP) {
        /* As deep as the scanner lets messages be. */
        read_map(fs->r, s, item.name, fs->f);
        return;
    }
    if (type == READER_STR)
        fields_string(fs, &item.text);
    else if (type == READER_INT)
        read_number(fs, &item);
    else if (reader_bool(fs->r, &flag) == 0)
        item.number = flag;
    if (fs->f->status == BOBBIN_OK && buffer_append(&s->items, &item, sizeof(item)) != 0)
        failure_no_memory(fs->f);
}

static void read_map(struct reader *r, struct stats *s, const char *outer, struct failure *f)
{
    struct fields fs = fields_begin(r, &s->zone, "statistics", f);
    while (fields_next(&fs))
        read_item(&fs, s, outer);
}

static bobbin_status fill_stats(struct reader *r, struct stats *s, struct failure *f)
{
    read_map(r, s, "", f);
    if (f->status != BOBBIN_OK)
        return f->status;
    size_t count = s->items.len / sizeof(bobbin_stat);
    bobbin_stat *items = zone_alloc(&s->zone, count, sizeof(*items));
    if (items == NULL)
        return failure_no_memory(f);
    if (count > 0)
        memcpy(items, s->items.data, s->items.len);
    s->stats = (bobbin_stats){count, items};
    return BOBBIN_OK;
}

bobbin_status stats_read(struct reader *r, bobbin_stats **ret, struct failure *f)
{
    struct stats *s = calloc(1, sizeof(*s));
    if (s == NULL)
        return failure_no_memory(f);
    buffer_init(&s->items);
    bobbin_status status = fill_stats(r, s, f);
    buffer_fini(&s->items);
    if (status == BOBBIN_OK)
        *ret = &s->stats;
    else
        bobbin_stats_free(&s->stats);
    return status;
}

bobbin_status bobbin_stats_get(bobbin *b, const char *app, bobbin_stats **ret_stats)
{
    struct result res;
    bobbin_request q = {.kind = BOBBIN_REQUEST_STATS, .app = app};
    if (ret_stats == NULL)
        return handle_misuse(b, "there is nowhere to put the statistics");
    bobbin_status status = handle_run(b, &q, &res);
    if (status == BOBBIN_OK)
        *ret_stats = res.stats;
    return status;
}

bobbin_status bobbin_daemon_upgrade(bobbin *b, bobbin_stats **ret_figures)
{
    struct result res;
    bobbin_request q = {.kind = BOBBIN_REQUEST_DAEMON_UPGRADE};
    if (ret_figures == NULL)
        return handle_misuse(b, "there is nowhere to put the figures");
    bobbin_status status = handle_run(b, &q, &res);
    if (status == BOBBIN_OK)
        *ret_figures = res.stats;
    return status;
}

bobbin_status bobbin_config_get(bobbin *b, bobbin_stats **ret_config)
{
    struct result res;
    bobbin_request q = {.kind = BOBBIN_REQUEST_CONFIG};
    if (ret_config == NULL)
        return handle_misuse(b, "there is nowhere to put the configuration");
    bobbin_status status = handle_run(b, &q, &res);
    if (status == BOBBIN_OK)
        *ret_config = res.stats;
    return status;
}

void bobbin_stats_free(bobbin_stats *stats)
{
    if (stats == NULL)
        return;
    struct stats *s = (struct stats *)(void *)((char *)stats - offsetof(struct stats, stats));
    zone_fini(&s->zone);
    free(s);
}

bobbin_status backup_read(struct reader *r, bobbin_backup_info *ret, struct failure *f)
{
    struct zone zone = {0};
    int64_t bytes = -1, pages = -1, commit = -1;
    struct fields fs = fields_begin(r, &zone, "backup", f);
    while (fields_next(&fs)) {
        if (fields_is(&fs, "bytes"))
            fields_int(&fs, 0, INT64_MAX, &bytes);
        else if (fields_is(&fs, "pages"))
            fields_int(&fs, 0, INT64_MAX, &pages);
        else if (fields_is(&fs, "commit"))
            fields_int(&fs, 0, INT64_MAX, &commit);
        else
            fields_skip(&fs);
    }
    fields_require(&fs, bytes < 0 ? NULL : &bytes, "bytes");
    fields_require(&fs, pages < 0 ? NULL : &pages, "pages");
    fields_require(&fs, commit < 0 ? NULL : &commit, "commit");
    if (f->status == BOBBIN_OK)
        *ret = (bobbin_backup_info){(uint64_t)bytes, (uint64_t)pages, (uint64_t)commit};
    return f->status;
}

bobbin_status bobbin_backup(bobbin *b, const char *path, bobbin_backup_info *ret)
{
    struct result res;
    bobbin_request q = {.kind = BOBBIN_REQUEST_BACKUP, .path = path};
    bobbin_status status = handle_run(b, &q, &res);
    if (status == BOBBIN_OK && ret != NULL)
        *ret = res.shown.backup;
    return status;
}

bobbin_status bobbin_restore(bobbin *b, const char *path, bool keep, bobbin_backup_info *ret)
{
    struct result res;
    bobbin_request q = {.kind = BOBBIN_REQUEST_RESTORE, .path = path, .keep = keep};
    bobbin_status status = handle_run(b, &q, &res);
    if (status == BOBBIN_OK && ret != NULL)
        *ret = res.shown.backup;
    return status;
}
