#include "daemon/commit_log_format.h"

#include <endian.h>
#include <string.h>

#define MAGIC UINT64_C(0x676f4c6e69626f42) /* "BobinLog" in the file */
#define SETTLED 0x80000000u

static void put64(uint8_t *at, uint64_t n)
{
    n = htole64(n);
    memcpy(at, &n, sizeof(n));
}

static void put32(uint8_t *at, uint32_t n)
{
    n = htole32(n);
    memcpy(at, &n, sizeof(n));
}

static uint64_t get64(const uint8_t *at)
{
    uint64_t n;

    memcpy(&n, at, sizeof(n));
    return le64toh(n);
}

static uint32_t get32(const uint8_t *at)
{
    uint32_t n;

    memcpy(&n, at, sizeof(n));
    return le32toh(n);
}

/* One to one for each of its arguments: two inputs that differ in one word never agree again. */
static uint64_t mix(uint64_t sum, uint64_t word)
{
    sum = (sum ^ word) * UINT64_C(0x9e3779b97f4a7c15);
    return sum ^ sum >> 32;
}

static uint64_t checksum(uint64_t sum, const uint8_t *bytes, size_t len)
{
    uint8_t tail[8] = {0};

    for (; len >= 8; bytes += 8, len -= 8)
        sum = mix(sum, get64(bytes));
    if (len) {
        memcpy(tail, bytes, len);
        sum = mix(sum, get64(tail));
    }
    return sum;
}

/* So that zeros upon zeros do not add up to a record. */
static uint64_t finish(uint64_t sum, size_t len)
{
    return mix(sum, ~(uint64_t)len);
}

uint64_t commit_log_sum(const void *bytes, size_t len)
{
    return finish(checksum(0, bytes, len), len);
}

void commit_log_header_write(const struct commit_log_header *header,
                             uint8_t ret[COMMIT_LOG_HEADER_SIZE])
{
    memset(ret, 0, COMMIT_LOG_HEADER_SIZE);
    put64(ret, MAGIC);
    put32(ret + 8, header->version);
    put64(ret + 16, header->id.database);
    put64(ret + 24, header->id.epoch);
    put64(ret + 32, header->generation);
    put64(ret + 40, header->salt);
    put64(ret + 48, finish(checksum(0, ret, 48), 48));
}

static bool is_whole(const uint8_t *bytes)
{
    return get64(bytes) == MAGIC && get64(bytes + 48) == finish(checksum(0, bytes, 48), 48);
}

bool commit_log_header_read(struct commit_log_header *ret,
                            const uint8_t bytes[COMMIT_LOG_HEADER_SIZE])
{
    *ret = (struct commit_log_header){
        .version = get32(bytes + 8),
        .id = {.database = get64(bytes + 16), .epoch = get64(bytes + 24)},
        .generation = get64(bytes + 32),
        .salt = get64(bytes + 40),
    };
    return is_whole(bytes) && ret->version > 0 && ret->version <= COMMIT_LOG_VERSION;
}

bool commit_log_header_is_later(const uint8_t bytes[COMMIT_LOG_HEADER_SIZE])
{
    return is_whole(bytes) && get32(bytes + 8) > COMMIT_LOG_VERSION;
}

/* What lies behind the last record may be the inside of a value that somebody has chosen. Where only the chain went into a
 * checksum, a record in there could say what its chain is, and verify. */
uint64_t commit_log_seed(const struct commit_log_header *header, uint64_t chain)
{
    return header->version == 1 ? chain : mix(mix(~(uint64_t)0, header->salt), chain);
}

size_t commit_log_record_size(size_t payload_len)
{
    return COMMIT_LOG_RECORD_HEADER + (payload_len + 7) / 8 * 8;
}

uint64_t commit_log_record_sum(const uint8_t header[COMMIT_LOG_RECORD_HEADER])
{
    return get64(header);
}

size_t commit_log_payload_length(const uint8_t header[COMMIT_LOG_RECORD_HEADER])
{
    return get32(header + 8);
}

static uint64_t record_checksum(const uint8_t *header, const uint8_t *payload, size_t len,
                                uint64_t seed)
{
    uint64_t sum = checksum(seed, header + 8, COMMIT_LOG_RECORD_HEADER - 8);

    return finish(checksum(sum, payload, len), len);
}

uint64_t commit_log_record_write(const struct commit_log_record *record, uint64_t seed,
                                 uint8_t ret_header[COMMIT_LOG_RECORD_HEADER])
{
    uint64_t sum;

    put32(ret_header + 8, (uint32_t)record->payload.len);
    put32(ret_header + 12, record->changes | (record->settled ? SETTLED : 0));
    put64(ret_header + 16, record->commit);
    put64(ret_header + 24, (uint64_t)record->time_ms);
    sum = record_checksum(ret_header, (const uint8_t *)record->payload.data, record->payload.len,
                          seed);
    put64(ret_header, sum);
    return sum;
}

bool commit_log_record_read(const uint8_t *bytes, uint64_t seed, struct commit_log_record *ret,
                            uint64_t *ret_chain)
{
    const uint8_t *payload = bytes + COMMIT_LOG_RECORD_HEADER;
    size_t len = commit_log_payload_length(bytes);
    uint64_t sum = record_checksum(bytes, payload, len, seed);

    if (get64(bytes) != sum)
        return false;
    *ret = (struct commit_log_record){
        .commit = get64(bytes + 16),
        .time_ms = (int64_t)get64(bytes + 24),
        .changes = get32(bytes + 12) & ~SETTLED,
        .settled = get32(bytes + 12) & SETTLED,
        .payload = {(const char *)payload, len},
    };
    *ret_chain = sum;
    return true;
}
