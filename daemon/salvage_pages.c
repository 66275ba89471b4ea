#include "daemon/salvage_pages.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* SQLite's own default, and ours. */
#define SIZE_USUAL 4096u
#define HEADER_SIZE 100u
#define WAL_HEADER 32u
#define WAL_FRAME 24u
#define WAL_MAGIC 0x377f0682u
/* A file with more pages is not salvaged whole: a page number has 32 bits. */
#define COUNT_MOST 0xfffffffeu

uint32_t salvage_u32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

uint16_t salvage_u16(const uint8_t *at)
{
    return (uint16_t)(at[0] << 8 | at[1]);
}

unsigned salvage_varint(const uint8_t *at, const uint8_t *end, uint64_t *ret)
{
    uint64_t n = 0;

    for (unsigned i = 0; i < 9 && at + i < end; i++) {
        if (i == 8) {
            *ret = n << 8 | at[i];
            return 9;
        }
        n = n << 7 | (at[i] & 0x7f);
        if (!(at[i] & 0x80)) {
            *ret = n;
            return i + 1;
        }
    }
    return 0;
}

static bool read_at(int fd, uint8_t *to, size_t len, uint64_t at)
{
    while (len > 0) {
        ssize_t n = pread(fd, to, len, (off_t)at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        to += n;
        at += (uint64_t)n;
        len -= (size_t)n;
    }
    return true;
}

static uint64_t length_of(int fd)
{
    struct stat st;

    return fd >= 0 && fstat(fd, &st) == 0 && st.st_size > 0 ? (uint64_t)st.st_size : 0;
}

static bool size_is_valid(uint32_t size)
{
    return size >= 512 && size <= 65536 && (size & (size - 1)) == 0;
}

static void find_size(struct salvage_pages *p)
{
    uint8_t header[HEADER_SIZE], wal[WAL_HEADER];
    bool there = read_at(p->fd, header, sizeof(header), 0);
    uint32_t size = there ? salvage_u16(header + 16) : 0;
    uint32_t reserved = there ? header[20] : 0;

    size = size == 1 ? 65536 : size;
    if (!there || memcmp(header, "SQLite format 3", 16) != 0 || !size_is_valid(size)) {
        p->guessed = true;
        reserved = 0;
        size = SIZE_USUAL;
        if (p->wal_fd >= 0 && read_at(p->wal_fd, wal, sizeof(wal), 0) &&
            size_is_valid(salvage_u32(wal + 8)))
            size = salvage_u32(wal + 8);
    }
    p->size = size;
    p->usable = reserved < size && size - reserved >= 480 ? size - reserved : size;
}

/* SQLite's checksum of a WAL, over words in the byte order that the magic number tells. */
static void wal_sum(const uint8_t *bytes, size_t len, bool big, uint32_t sum[2])
{
    for (size_t i = 0; i + 8 <= len; i += 8) {
        uint32_t a, b;
        memcpy(&a, bytes + i, 4);
        memcpy(&b, bytes + i + 4, 4);
        a = big ? salvage_u32(bytes + i) : a;
        b = big ? salvage_u32(bytes + i + 4) : b;
        sum[0] += a + sum[1];
        sum[1] += b + sum[0];
    }
}

/* One frame, if it goes on from what came before. */
static bool wal_frame(const struct salvage_pages *p, const uint8_t *header, uint64_t at,
                      uint8_t *bytes, uint32_t sum[2])
{
    bool big = header[3] & 1;

    if (!read_at(p->wal_fd, bytes, WAL_FRAME + p->size, at) ||
        memcmp(bytes + 8, header + 16, 8) != 0)
        return false;
    wal_sum(bytes, 8, big, sum);
    wal_sum(bytes + WAL_FRAME, p->size, big, sum);
    return sum[0] == salvage_u32(bytes + 16) && sum[1] == salvage_u32(bytes + 20);
}

/* Which frames belong to transactions that were committed, and how many pages there are then. The second
 * time round `take` notes them. */
static uint64_t wal_scan(struct salvage_pages *p, uint64_t until, bool take, uint32_t *ret_most)
{
    uint8_t header[WAL_HEADER];
    uint8_t *bytes = malloc(WAL_FRAME + p->size);
    uint32_t sum[2] = {0, 0}, most = 0;
    uint64_t at = WAL_HEADER, committed = 0;

    if (bytes && read_at(p->wal_fd, header, sizeof(header), 0) &&
        (salvage_u32(header) & ~1u) == WAL_MAGIC && salvage_u32(header + 8) == p->size) {
        wal_sum(header, 24, header[3] & 1, sum);
        while ((!take || at < until) && wal_frame(p, header, at, bytes, sum)) {
            uint32_t n = salvage_u32(bytes);
            if (take && n >= 1 && n <= p->count) {
                p->wal_pages += !p->wal_at[n];
                p->wal_at[n] = at + WAL_FRAME;
            }
            most = n > most ? n : most;
            at += WAL_FRAME + p->size;
            if (salvage_u32(bytes + 4)) {
                committed = at;
                *ret_most = most;
            }
        }
    }
    free(bytes);
    return committed;
}

int salvage_pages_init(struct salvage_pages *p, int fd, int wal_fd, struct error *e)
{
    uint64_t count, until = 0;
    uint32_t most = 0;

    *p = (struct salvage_pages){.fd = fd, .wal_fd = wal_fd};
    find_size(p);
    if (wal_fd >= 0)
        until = wal_scan(p, 0, false, &most);
    count = (length_of(fd) + p->size - 1) / p->size;
    count = count < most ? most : count;
    p->count = count > COUNT_MOST ? COUNT_MOST : (uint32_t)count;
    p->wal_at = calloc((size_t)p->count + 1, sizeof(*p->wal_at));
    if (!p->wal_at)
        return error_set(e, ERR_OTHER, "out of memory");
    if (until)
        wal_scan(p, until, true, &most);
    return 0;
}

void salvage_pages_fini(struct salvage_pages *p)
{
    free(p->wal_at);
    p->wal_at = NULL;
}

bool salvage_page(const struct salvage_pages *p, uint32_t n, uint8_t *ret)
{
    if (n < 1 || n > p->count)
        return false;
    if (p->wal_at[n])
        return read_at(p->wal_fd, ret, p->size, p->wal_at[n]);
    return read_at(p->fd, ret, p->size, (uint64_t)(n - 1) * p->size);
}
