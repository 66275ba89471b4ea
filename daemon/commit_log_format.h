/* The bytes of the commit log; its layout is described in commit_log.h. Pure functions. */
#ifndef BOBBIN_DAEMON_COMMIT_LOG_FORMAT_H
#define BOBBIN_DAEMON_COMMIT_LOG_FORMAT_H

#include "daemon/commit_log.h"

#define COMMIT_LOG_HEADER_SIZE 64u
#define COMMIT_LOG_RECORDS_AT 4096u
#define COMMIT_LOG_RECORD_HEADER 32u

/* What is written. Earlier versions are read as well: in the first one the salt was in a segment's first record only; who
 * writes the second one believes that the database holds all up to its last commit. */
#define COMMIT_LOG_VERSION 3u

struct commit_log_header {
    uint32_t version;
    struct commit_log_id id;
    uint64_t generation; /* counts the uses of segments; the higher one is the later one */
    uint64_t salt;       /* random */
};

void commit_log_header_write(const struct commit_log_header *header,
                             uint8_t ret[COMMIT_LOG_HEADER_SIZE]);
/* False: it is none. */
bool commit_log_header_read(struct commit_log_header *ret,
                            const uint8_t bytes[COMMIT_LOG_HEADER_SIZE]);

/* Whether it is one of a version that is not known here. */
bool commit_log_header_is_later(const uint8_t bytes[COMMIT_LOG_HEADER_SIZE]);

/* What a record's checksum begins with: that of the record before it, or the salt, is its chain. */
uint64_t commit_log_seed(const struct commit_log_header *header, uint64_t chain);
/* The bytes that a record takes. */
size_t commit_log_record_size(size_t payload_len);
/* A checksum of any bytes, made as those of the log are. */
uint64_t commit_log_sum(const void *bytes, size_t len);
/* What the header of a record says, true or not: its checksum … */
uint64_t commit_log_record_sum(const uint8_t header[COMMIT_LOG_RECORD_HEADER]);
/* … and its payload's length. */
size_t commit_log_payload_length(const uint8_t header[COMMIT_LOG_RECORD_HEADER]);
/* Fill the header in front of the payload. Returns the record's checksum. */
uint64_t commit_log_record_write(const struct commit_log_record *record, uint64_t seed,
                                 uint8_t ret_header[COMMIT_LOG_RECORD_HEADER]);
/* `bytes` holds the header and as much payload as it says. False: it does not verify. The payload
 * is borrowed from there. */
bool commit_log_record_read(const uint8_t *bytes, uint64_t seed, struct commit_log_record *ret,
                            uint64_t *ret_chain);

#endif
