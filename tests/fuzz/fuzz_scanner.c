/* The frame scanner: however the bytes of a stream arrive, it finds the same messages and the same error
 * as when they arrive at once, and what it calls a message is one to msgpack-c and to the reader too.
 *
 * Input: seed of the splits u16, limit u8, the stream. */
#include <msgpack/unpack.h>

#include "protocol/reader.h"
#include "protocol/scanner.h"
#include "tests/fuzz/fuzz.h"

enum { MESSAGES_MAX = 64 };

struct found {
    size_t count; /* of messages */
    size_t size[MESSAGES_MAX];
    enum scanner_result last; /* of what stands behind them */
    size_t scanned;           /* of that */
};

static void check_frame(const uint8_t *bytes, size_t len)
{
    struct reader r = reader_of(bytes, len);
    msgpack_unpacked unpacked;
    size_t used = 0;
    FUZZ_CHECK(reader_skip(&r) == 0 && r.pos == r.end);
    msgpack_unpacked_init(&unpacked);
    FUZZ_CHECK(msgpack_unpack_next(&unpacked, (const char *)bytes, len, &used) ==
               MSGPACK_UNPACK_SUCCESS);
    FUZZ_CHECK(used == len);
    msgpack_unpacked_destroy(&unpacked);
}

static void scan_whole(const uint8_t *bytes, size_t len, size_t limit, struct found *ret)
{
    struct scanner s;
    *ret = (struct found){0};
    scanner_init(&s, limit);
    while ((ret->last = scanner_scan(&s, bytes, len)) == SCANNER_FRAME) {
        FUZZ_CHECK(s.pos > 0 && s.pos <= len && s.pos <= limit);
        check_frame(bytes, s.pos);
        if (ret->count == MESSAGES_MAX)
            break;
        ret->size[ret->count++] = s.pos;
        bytes += s.pos;
        len -= s.pos;
        scanner_next(&s);
    }
    FUZZ_CHECK(ret->last != SCANNER_MORE || len < limit);
    ret->scanned = s.pos;
}

/* The same with a message's bytes coming in small parts, each time in memory that holds no more. */
static void scan_split(const uint8_t *bytes, size_t len, size_t limit, uint32_t seed,
                       struct found *ret)
{
    struct scanner s;
    size_t there = 0;
    unsigned steps = 0;
    *ret = (struct found){0};
    scanner_init(&s, limit);
    for (;;) {
        uint8_t *part = fuzz_exact(bytes, there);
        ret->last = scanner_scan(&s, part, there);
        free(part);
        if (ret->last == SCANNER_FRAME && ret->count < MESSAGES_MAX) {
            ret->size[ret->count++] = s.pos;
            bytes += s.pos;
            len -= s.pos;
            there -= s.pos;
            scanner_next(&s);
        } else if (ret->last != SCANNER_MORE || there == len) {
            break;
        } else {
            seed = seed * 1103515245 + 12345;
            there += ++steps > 200 ? len - there : 1 + (seed >> 16) % (seed & 1 ? 3 : 40);
            there = there > len ? len : there;
        }
    }
    ret->scanned = s.pos;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const size_t limits[] = {1, 2, 5, 9, 17, 64, 300, 4096, 70000, 1 << 20, LIMIT_MESSAGE};
    struct fuzz f = {data, size};
    uint32_t seed = fuzz_u16(&f);
    size_t limit = limits[fuzz_u8(&f) % (sizeof limits / sizeof *limits)];
    struct found whole, split;
    uint8_t *bytes = fuzz_exact(f.at, f.left);
    scan_whole(bytes, f.left, limit, &whole);
    scan_split(bytes, f.left, limit, seed, &split);
    free(bytes);
    FUZZ_CHECK(whole.count == split.count);
    for (size_t i = 0; i < whole.count; i++)
        FUZZ_CHECK(whole.size[i] == split.size[i]);
    FUZZ_CHECK(whole.last == split.last && whole.scanned == split.scanned);
    return 0;
}
