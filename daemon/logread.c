#include "daemon/logread.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/manifest.h"

/* A line is cut into pieces of this length. */
#define LINE_MAX_BYTES (64u << 10)

/* One file of a log, from the oldest to the current one. */
struct part {
    int fd;
    uint64_t file; /* as in struct logread_position */
    uint64_t size;
    struct logfile_mark *marks;
    size_t mark_count;
};

struct parts {
    struct part list[MANIFEST_LOG_KEEP_MAX + 1];
    size_t count;
};

static void parts_close(struct parts *parts)
{
    for (size_t i = 0; i < parts->count; i++) {
        close(parts->list[i].fd);
        free(parts->list[i].marks);
    }
}

static void read_marks(struct part *part, const struct directory *d, int logs, const char *times)
{
    struct stat st;
    int fd = logfile_open(d, logs, times, O_RDONLY, &st);
    /* One a second, in a file that is rotated with its log: a day's are a megabyte and a half. */
    size_t size = fd >= 0 && st.st_size < (16 << 20) ? (size_t)st.st_size : 0;

    part->marks = size ? malloc(size) : NULL;
    ssize_t n = part->marks ? pread(fd, part->marks, size, 0) : 0;
    part->mark_count = n > 0 ? (size_t)n / sizeof(*part->marks) : 0;
    if (fd >= 0)
        close(fd);
}

/* The number of a file that was deleted is soon another's: the time of its birth is not. */
static uint64_t file_of(int fd, const struct stat *st)
{
    struct statx x = {0};
    uint64_t born = 0;

    if (statx(fd, "", AT_EMPTY_PATH, STATX_BTIME, &x) == 0 && (x.stx_mask & STATX_BTIME))
        born = (uint64_t)x.stx_btime.tv_sec * 1000000000 + x.stx_btime.tv_nsec;
    return ((uint64_t)st->st_ino * UINT64_C(0x9e3779b97f4a7c15)) ^ born ^ 1;
}

/* Add the file of that number, 0 for the current one, if it is there. */
static void parts_add(struct parts *parts, const struct directory *d, int logs, const char *name,
                      unsigned number)
{
    char path[NAME_MAX + 1], times[NAME_MAX + 1], suffix[16] = "";
    struct part *part = &parts->list[parts->count];
    struct stat st;

    if (number)
        snprintf(suffix, sizeof(suffix), ".%u", number);
    snprintf(path, sizeof(path), "%s%s", name, suffix);
    snprintf(times, sizeof(times), LOGFILE_TIMES_FORMAT "%s", name, suffix);
    part->fd = logfile_open(d, logs, path, O_RDONLY, &st);
    if (part->fd < 0)
        return;
    part->file = file_of(part->fd, &st);
    part->size = (uint64_t)st.st_size;
    read_marks(part, d, logs, times);
    parts->count++;
}

/* From the current file to the oldest, as they are renamed: one that is renamed meanwhile may be
 * opened twice, but none is missed. Then in the order in which they were written. */
static void parts_open(struct parts *parts, const struct directory *d, int logs, const char *name)
{
    parts->count = 0;
    for (unsigned number = 0; number <= MANIFEST_LOG_KEEP_MAX; number++) {
        size_t before = parts->count;
        parts_add(parts, d, logs, name, number);
        if (before > 0 && parts->count > before &&
            parts->list[before].file == parts->list[before - 1].file) {
            /* The one that was looked at later may have got the end of its last line. */
            close(parts->list[before - 1].fd);
            free(parts->list[before - 1].marks);
            parts->list[before - 1] = parts->list[before];
            parts->count--;
        }
    }
    for (size_t i = 0; i < parts->count / 2; i++) {
        struct part part = parts->list[i];
        parts->list[i] = parts->list[parts->count - 1 - i];
        parts->list[parts->count - 1 - i] = part;
    }
}

static int64_t time_at(const struct part *part, uint64_t offset)
{
    size_t low = 0, high = part->mark_count;

    while (low < high) { /* the first mark behind the offset */
        size_t middle = low + (high - low) / 2;
        if (part->marks[middle].offset > (int64_t)offset)
            high = middle;
        else
            low = middle + 1;
    }
    return low > 0 ? part->marks[low - 1].time_ms : 0;
}

/* Where a reader is: in which part, and where in it. */
struct place {
    size_t part;
    uint64_t offset;
};

/* Where what was written since then begins. */
static struct place place_since(const struct parts *parts, int64_t since_ms)
{
    for (size_t i = 0; i < parts->count; i++)
        for (size_t k = 0; k < parts->list[i].mark_count; k++)
            if (parts->list[i].marks[k].time_ms + LOGFILE_MARK_MS > since_ms)
                return (struct place){i, (uint64_t)parts->list[i].marks[k].offset};
    return (struct place){parts->count, 0};
}

/* Go back by lines from the end, at most so many and so many bytes. */
static struct place place_back(const struct parts *parts, uint32_t lines, uint32_t bytes)
{
    struct place at = {parts->count, 0};
    uint64_t seen = 0;
    bool first = true; /* a newline at the very end ends the last line, and begins none */
    char chunk[16384];

    for (size_t i = parts->count; i-- > 0;) {
        const struct part *part = &parts->list[i];
        for (uint64_t end = part->size; end > 0;) {
            size_t n = end < sizeof(chunk) ? (size_t)end : sizeof(chunk);
            if (pread(part->fd, chunk, n, (off_t)(end - n)) != (ssize_t)n)
                return at;
            for (size_t k = n; k-- > 0; first = false, seen++) {
                if (chunk[k] == '\n' && !first && --lines == 0)
                    return (struct place){i, end - n + k + 1};
                if (seen >= bytes)
                    return (struct place){i, end - n + k};
            }
            end -= n;
        }
        at = (struct place){i, 0};
    }
    return at;
}

static struct place place_of(const struct parts *parts, const struct logread_position *position)
{
    for (size_t i = 0; i < parts->count; i++)
        if (parts->list[i].file == position->file)
            return (struct place){i, position->offset};
    return (struct place){0, 0}; /* that file is gone: the oldest that is there */
}

static void add_line(struct logread *read, const struct part *part, uint64_t offset,
                     const char *text, size_t len)
{
    struct logread_line line = {.time_ms = time_at(part, offset), .len = (uint32_t)len};

    if (read->since_ms && line.time_ms && line.time_ms + LOGFILE_MARK_MS <= read->since_ms)
        return;
    buffer_append(&read->found, &line, sizeof(line));
    buffer_append(&read->text, text, len);
    read->lines--;
}

/* The lines of one part from an offset on; returns how far it came. */
static uint64_t read_part(struct logread *read, const struct part *part, uint64_t offset, bool last,
                          char *chunk)
{
    while (offset < part->size && read->lines > 0 && read->text.len < read->bytes) {
        ssize_t n = pread(part->fd, chunk, LINE_MAX_BYTES, (off_t)offset);
        size_t used = 0;
        if (n <= 0)
            break;
        for (const char *end;
             read->lines > 0 && (end = memchr(chunk + used, '\n', (size_t)n - used)) != NULL;
             used = (size_t)(end - chunk) + 1)
            add_line(read, part, offset + used, chunk + used, (size_t)(end - chunk) - used);
        /* What has no newline: a piece of a long line, or the end of a file. */
        bool at_end = offset + (uint64_t)n >= part->size;
        bool take = used == 0 && (size_t)n == LINE_MAX_BYTES;
        take = take || (at_end && used < (size_t)n && (!last || read->partial));
        if (read->lines > 0 && take) {
            add_line(read, part, offset + used, chunk + used, (size_t)n - used);
            used = (size_t)n;
        }
        offset += used;
        if (used == 0)
            break;
    }
    return offset;
}

int logread(struct logread *read, const struct directory *d, int logs, const char *name,
            struct error *e)
{
    char *chunk = malloc(LINE_MAX_BYTES);
    struct parts *parts = malloc(sizeof(*parts));
    struct place at;

    if (!chunk || !parts) {
        free(chunk);
        free(parts);
        return error_set(e, ERR_OTHER, "out of memory");
    }
    parts_open(parts, d, logs, name);
    if (read->position.file || read->goes_on)
        at = place_of(parts, &read->position);
    else if (read->since_ms)
        at = place_since(parts, read->since_ms);
    else
        at = place_back(parts, read->lines, read->bytes);
    for (size_t i = at.part; i < parts->count; i++) {
        const struct part *part = &parts->list[i];
        uint64_t offset = read_part(read, part, i == at.part ? at.offset : 0, i + 1 == parts->count,
                                    chunk);
        read->position = (struct logread_position){part->file, offset};
        if (offset < part->size)
            break;
    }
    if (at.part == parts->count && parts->count > 0)
        read->position = (struct logread_position){parts->list[parts->count - 1].file,
                                                   parts->list[parts->count - 1].size};
    parts_close(parts);
    free(parts);
    free(chunk);
    if (read->found.failed || read->text.failed)
        return error_set(e, ERR_OTHER, "out of memory");
    return 0;
}

void logread_fini(struct logread *read)
{
    buffer_fini(&read->found);
    buffer_fini(&read->text);
}
