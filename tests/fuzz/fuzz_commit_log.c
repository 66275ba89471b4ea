/* The commit log's files, written by somebody else: what is read from them is a run of commits, one behind
 * the other, or an error; and what is appended then is read again.
 *
 * Input: `after` u8, for each of the two segments u8: 0 none, 1 made by the script that follows, else raw
 * bytes. The checksums of what the script makes are right, unless it says otherwise. */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/commit_log_format.h"
#include "protocol/buffer.h"
#include "tests/fuzz/fuzz.h"

static const struct commit_log_limits limits = {8192, 16384};
static const struct commit_log_id id = {0x1234, 5};
enum { SEGMENT_MAX = 1 << 20 };

static void make_record(struct fuzz *f, struct buffer *b, const struct commit_log_header *segment, uint64_t *chain,
                        uint64_t *commit)
{
    uint8_t header[COMMIT_LOG_RECORD_HEADER];
    uint8_t flags = fuzz_u8(f);
    static const uint8_t zeros[8];
    struct commit_log_record record = {0};
    size_t len;
    *commit = flags & 1 ? fuzz_u64(f) : *commit + 1;
    record.commit = *commit;
    record.time_ms = flags & 2 ? (int64_t)fuzz_u64(f) : 1;
    record.changes = flags & 4 ? fuzz_u32(f) : 1;
    const uint8_t *payload = fuzz_block(f, &len);
    record.payload = (struct slice){(const char *)payload, len};
    *chain = commit_log_record_write(&record, commit_log_seed(segment, *chain), header);
    if (flags & 8)
        header[fuzz_u8(f) % sizeof header] ^= (uint8_t)(fuzz_u8(f) | 1);
    buffer_append(b, header, sizeof header);
    buffer_append(b, payload, len);
    buffer_append(b, zeros, (8 - len % 8) % 8);
}

static void make_segment(struct fuzz *f, struct buffer *b)
{
    uint8_t flags = fuzz_u8(f);
    struct commit_log_header header = {
        .version = flags & 16 ? 1 : COMMIT_LOG_VERSION, .id = id, .generation = fuzz_u8(f)};
    uint8_t page[COMMIT_LOG_RECORDS_AT] = {0};
    uint64_t chain = header.salt = fuzz_u8(f);
    uint64_t commit = fuzz_u8(f);
    if (flags & 1)
        header.id.database = fuzz_u64(f);
    if (flags & 2)
        header.id.epoch = fuzz_u64(f);
    if (flags & 4)
        header.generation = fuzz_u64(f);
    commit_log_header_write(&header, page);
    if (flags & 8)
        page[fuzz_u8(f) % COMMIT_LOG_HEADER_SIZE] ^= (uint8_t)(fuzz_u8(f) | 1);
    buffer_append(b, page, sizeof page);
    for (unsigned n = fuzz_u8(f) % 32; n > 0 && b->len < SEGMENT_MAX; n--)
        make_record(f, b, &header, &chain, &commit);
    buffer_append(b, page, sizeof page - flags % 64);
}

static void make_file(struct fuzz *f, const char *path)
{
    struct buffer b;
    size_t len = 0;
    const uint8_t *bytes;
    uint8_t kind = fuzz_u8(f);
    unlink(path);
    if (!kind)
        return;
    buffer_init(&b);
    if (kind == 1) {
        make_segment(f, &b);
    } else {
        bytes = fuzz_block(f, &len);
        buffer_append(&b, bytes, len);
    }
    fuzz_write(path, b.data, b.len);
    buffer_fini(&b);
}

static int apply(void *arg, const struct commit_log_record *record, struct error *e)
{
    uint64_t *last = arg;
    size_t sum = 0;
    (void)e;
    FUZZ_CHECK(record->commit == *last + 1);
    for (size_t i = 0; i < record->payload.len; i++)
        sum += (uint8_t)record->payload.data[i];
    *last = record->commit + (sum == SIZE_MAX);
    return 0;
}

static struct directory directory;
static int dirfd = -1;

static struct commit_log *load(struct error *e, int *ret)
{
    struct commit_log *log = commit_log_new(dirfd, &directory, &limits);
    FUZZ_CHECK(log);
    *ret = commit_log_load(log, e);
    return log;
}

/* What is written now is there later, whatever was there before. */
static void go_on(struct commit_log *log)
{
    static const struct commit_log_id next = {0x1234, 6};
    struct commit_log_record record = {7, 1, 1, {"payload", 7}, false};
    uint64_t last = 6, seen = 6;
    struct error e = {0};
    int rc;
    FUZZ_CHECK(commit_log_start(log, next, &e) == 0);
    FUZZ_CHECK(commit_log_append(log, &record, true, &e) == 0);
    commit_log_free(log);
    log = load(&e, &rc);
    FUZZ_CHECK(rc == 0);
    FUZZ_CHECK(commit_log_replay(log, next, 6, apply, &seen, &last, &e) == 0);
    FUZZ_CHECK(last == 7 && seen == 7);
    FUZZ_CHECK(commit_log_remove(log, &e) == 0);
    commit_log_free(log);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz f = {data, size};
    struct error e = {0};
    uint64_t after = fuzz_u8(&f), last = 0, seen = after;
    struct commit_log *log;
    int rc;
    if (dirfd < 0) {
        FUZZ_CHECK(directory_init(&directory, fuzz_dir(), &e) == 0);
        dirfd = open(fuzz_dir(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    }
    make_file(&f, fuzz_path("bobbin_commit_0.log"));
    make_file(&f, fuzz_path("bobbin_commit_1.log"));
    log = load(&e, &rc);
    if (rc) {
        FUZZ_CHECK(e.text[0]);
        commit_log_free(log);
        return 0;
    }
    commit_log_holds_records(log);
    if (commit_log_replay(log, id, after, apply, &seen, &last, &e) == 0)
        FUZZ_CHECK(last == seen);
    go_on(log);
    return 0;
}
