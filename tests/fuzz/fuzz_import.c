/* The import format: lines of a file, an entry in each. What is taken is written again, and taken again
 * as the same.
 *
 * Input: what becomes of keys that are there u8, how long a line may be u8 (0: as ever), the file. */
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>

#include "client/cli/entry_line.h"
#include "client/cli/import_batch.h"
#include "client/cli/lines.h"
#include "protocol/utf8.h"
#include "tests/fuzz/fuzz.h"

static bool same(const bobbin_string *a, const bobbin_string *b)
{
    return a->len == b->len && (!a->len || memcmp(a->data, b->data, a->len) == 0);
}

static void check_entry(const struct entry_line *entry)
{
    struct arena arena = {0};
    struct entry_line again;
    struct buffer b;
    char reason[300];
    FUZZ_CHECK(utf8_valid(entry->key.data, entry->key.len));
    FUZZ_CHECK(entry->key.len <= LIMIT_KEY && entry->value.len <= LIMIT_VALUE);
    buffer_init(&b);
    entry_line_write(&b, entry);
    FUZZ_CHECK(!b.failed && b.len > 0 && b.len <= ENTRY_LINE_MAX && b.data[b.len - 1] == '\n');
    FUZZ_CHECK(!memchr(b.data, '\n', b.len - 1));
    FUZZ_CHECK(!entry_line_parse((const char *)b.data, b.len - 1, &arena, &again, reason,
                                 sizeof reason));
    FUZZ_CHECK(same(&entry->key, &again.key) && same(&entry->value, &again.value));
    FUZZ_CHECK(same(&entry->store, &again.store) && entry->expires_ms == again.expires_ms);
    arena_fini(&arena);
    buffer_fini(&b);
}

static void take(const char *line, size_t len, uint64_t number, struct batch *batch)
{
    struct entry_line entry;
    char reason[300];
    uint8_t *exact = fuzz_exact(line, len);
    const char *wrong = entry_line_parse((const char *)exact, len, &batch->arena, &entry, reason,
                                         sizeof reason);
    free(exact);
    if (wrong) {
        FUZZ_CHECK(wrong[0]);
        return;
    }
    if (!entry.store.data)
        entry.store = (bobbin_string){"default", 7};
    check_entry(&entry);
    if (!batch_takes(batch, &entry))
        return;
    FUZZ_CHECK(batch_add(batch, &entry, number) == 0);
    FUZZ_CHECK(batch->count <= BATCH_ENTRIES);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct batch batch;
    struct fuzz f = {data, size};
    enum conflict conflict = fuzz_u8(&f) % 3;
    size_t max = fuzz_u8(&f);
    struct lines lines;
    const char *line;
    size_t len;
    int fd = memfd_create("import", MFD_CLOEXEC);
    FUZZ_CHECK(fd >= 0 && write(fd, f.at, f.left) == (ssize_t)f.left);
    lseek(fd, 0, SEEK_SET);
    if (!batch.lines)
        FUZZ_CHECK(batch_init(&batch, conflict) == 0);
    batch.conflict = conflict;
    lines_init(&lines, fd, max ? max * 16 : ENTRY_LINE_MAX);
    while (lines_next(&lines, &line, &len) == LINES_MORE)
        take(line, len, lines.number, &batch);
    lines_fini(&lines);
    batch_clear(&batch);
    close(fd);
    return 0;
}
