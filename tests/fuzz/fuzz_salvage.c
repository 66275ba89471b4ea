/* A damaged SQLite file and its WAL, as `bobbin recover` reads them: it ends, stays in its memory, and every row that
 * it hands out is whole.
 *
 * Input: the length of the WAL in two bytes, the WAL, the file. */
#include <fcntl.h>
#include <unistd.h>

#include "daemon/salvage_rows.h"
#include "tests/fuzz/fuzz.h"

struct seen {
    uint64_t rows;
    uint64_t sum;
};

static int on_row(void *arg, const struct salvage_row *row, struct error *e)
{
    struct seen *seen = arg;
    unsigned kept = row->columns < SALVAGE_COLUMNS ? row->columns : SALVAGE_COLUMNS;
    (void)e;
    seen->rows++;
    for (unsigned i = 0; i < kept; i++) {
        const struct salvage_value *v = &row->values[i];
        FUZZ_CHECK(v->type >= SALVAGE_NULL && v->type <= SALVAGE_TEXT);
        for (size_t k = 0; k < v->bytes.len; k++)
            seen->sum += (uint8_t)v->bytes.data[k];
        seen->sum += (uint64_t)v->number;
    }
    return 0;
}

static void read_all(struct salvage_rows *rows)
{
    struct error e = {0};
    FUZZ_CHECK(salvage_tree(rows, 1, &e) == 0);
    for (uint32_t root = 2; root < 6; root++)
        FUZZ_CHECK(salvage_tree(rows, root, &e) == 0);
    salvage_free_list(rows);
    FUZZ_CHECK(salvage_orphans(rows, &e) == 0);
}

static int open_at(const char *name, const uint8_t *bytes, size_t len)
{
    const char *path = fuzz_path(name);
    int fd;
    fuzz_write(path, bytes, len);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    FUZZ_CHECK(fd >= 0);
    return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz f = {data, size};
    struct salvage_pages pages;
    struct salvage_rows rows;
    struct seen seen = {0};
    struct error e = {0};
    size_t wal_len;
    const uint8_t *wal = fuzz_block(&f, &wal_len);
    int wal_fd = wal_len ? open_at("file-wal", wal, wal_len) : -1;
    int fd = open_at("file", f.at, f.left);
    FUZZ_CHECK(salvage_pages_init(&pages, fd, wal_fd, &e) == 0);
    FUZZ_CHECK(salvage_rows_init(&rows, &pages, &e) == 0);
    rows.on_row = on_row;
    rows.arg = &seen;
    read_all(&rows);
    salvage_rows_fini(&rows);
    salvage_pages_fini(&pages);
    close(fd);
    if (wal_fd >= 0)
        close(wal_fd);
    return 0;
}
