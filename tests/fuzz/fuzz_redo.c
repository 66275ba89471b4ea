/* What a commit log brings to a database when a store is opened after a crash: records that verify, with
 * whatever in them. Whoever owns the directory can write such a log, and gets no more than an error or
 * what he could have written himself.
 *
 * Input: records, each: changes u16, payload of a size of two bytes. */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/commit_log_format.h"
#include "daemon/store.h"
#include "protocol/limits.h"
#include "protocol/utf8.h"
#include "tests/fuzz/fuzz.h"

static struct directory app;
static struct {
    const char *name;
    uint8_t *bytes; /* as a crash left it; NULL: not there */
    size_t len;
} files[] = {{"app/.spin/sqlite_key_value.db", NULL, 0},
             {"app/.spin/sqlite_key_value.db-wal", NULL, 0},
             {"app/.spin/bobbin_commit_0.log", NULL, 0},
             {"app/.spin/bobbin_commit_1.log", NULL, 0}};
enum { FILES = sizeof files / sizeof *files, LOG = 2 };
static struct commit_log_header header; /* of the log that it left … */
static uint64_t chain, commit;          /* … and where that goes on */
static size_t log_end;

static struct slice text(const char *s)
{
    return (struct slice){s, strlen(s)};
}

static void set(struct store *s, const char *key, const char *value)
{
    struct error e = {0};
    struct op op;
    op_init(&op, OP_SET, NULL);
    op.label = text("default");
    op.key = text(key);
    op.value = text(value);
    FUZZ_CHECK(store_begin(s, &e) == 0);
    store_run(s, &op);
    FUZZ_CHECK(op.status == 0 && store_commit(s, &e) == 0);
    op_fini(&op);
}

/* Behind the one record that is there. */
static void find_end(void)
{
    struct commit_log_record record;
    FUZZ_CHECK(files[LOG].len > COMMIT_LOG_RECORDS_AT);
    FUZZ_CHECK(commit_log_header_read(&header, files[LOG].bytes));
    chain = header.salt;
    log_end = COMMIT_LOG_RECORDS_AT;
    while (commit_log_record_read(files[LOG].bytes + log_end, commit_log_seed(&header, chain), &record, &chain)) {
        commit = record.commit;
        log_end += commit_log_record_size(record.payload.len);
    }
    FUZZ_CHECK(commit > 0);
}

/* What a crash of a store leaves that has an entry and a log. */
static void prepare(void)
{
    struct store_options options = store_defaults;
    struct store *s;
    struct error e = {0};
    FUZZ_CHECK(mkdir(fuzz_path("app"), 0755) == 0);
    FUZZ_CHECK(directory_init(&app, fuzz_path("app"), &e) == 0);
    options.log_first = 16384;
    FUZZ_CHECK(store_open_with(&app, &options, &s, &e) == 0);
    set(s, "one", "1");
    for (size_t i = 0; i < FILES; i++)
        if (access(fuzz_path(files[i].name), F_OK) == 0)
            files[i].bytes = fuzz_read(fuzz_path(files[i].name), &files[i].len);
    FUZZ_CHECK(store_close(s, &e) == 0);
    find_end();
}

static void restore(void)
{
    for (size_t i = 0; i < FILES; i++) {
        unlink(fuzz_path(files[i].name));
        if (files[i].bytes)
            fuzz_write(fuzz_path(files[i].name), files[i].bytes, files[i].len);
    }
    unlink(fuzz_path("app/.spin/sqlite_key_value.db-journal"));
}

static void append_records(struct fuzz *f)
{
    int fd = open(fuzz_path(files[LOG].name), O_WRONLY | O_CLOEXEC);
    uint64_t sum = chain;
    size_t at = log_end;
    FUZZ_CHECK(fd >= 0);
    for (uint64_t n = 1; f->left > 0 && n < 32; n++) {
        uint8_t bytes[COMMIT_LOG_RECORD_HEADER];
        struct commit_log_record record = {.commit = commit + n, .changes = fuzz_u16(f)};
        size_t len;
        const uint8_t *payload = fuzz_block(f, &len);
        record.payload = (struct slice){(const char *)payload, len};
        sum = commit_log_record_write(&record, commit_log_seed(&header, sum), bytes);
        FUZZ_CHECK(pwrite(fd, bytes, sizeof bytes, (off_t)at) == sizeof bytes);
        FUZZ_CHECK(pwrite(fd, payload, len, (off_t)(at + sizeof bytes)) == (ssize_t)len);
        at += commit_log_record_size(len);
    }
    close(fd);
}

static void check_entries(struct store *s)
{
    struct op op;
    struct reader r;
    uint32_t parts, entries;
    op_init(&op, OP_ENTRIES, NULL);
    op.label = text("default");
    op.limit = LIMIT_PAGE;
    store_run(s, &op);
    FUZZ_CHECK(op.status == 0);
    r = reader_of(op.result.data, op.result.len);
    FUZZ_CHECK(reader_array(&r, &parts) == 0 && parts == 2 && reader_array(&r, &entries) == 0);
    for (uint32_t i = 0; i < entries; i++) {
        struct slice key, value;
        FUZZ_CHECK(reader_array(&r, &parts) == 0 && parts >= 2);
        FUZZ_CHECK(reader_str(&r, &key) == 0 && reader_bytes(&r, &value) == 0);
        FUZZ_CHECK(utf8_valid(key.data, key.len) && key.len <= LIMIT_KEY);
        for (uint32_t more = 2; more < parts; more++)
            FUZZ_CHECK(reader_skip(&r) == 0);
    }
    op_fini(&op);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz f = {data, size};
    struct store *s = NULL;
    struct error e = {0};
    if (!app.path)
        prepare();
    restore();
    append_records(&f);
    if (store_open(&app, &s, &e)) {
        FUZZ_CHECK(!s && e.text[0]);
        return 0;
    }
    check_entries(s);
    set(s, "two", "2");
    FUZZ_CHECK(store_close(s, &e) == 0);
    FUZZ_CHECK(access(fuzz_path(files[LOG].name), F_OK) != 0);
    return 0;
}
