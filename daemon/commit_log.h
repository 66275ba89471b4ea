/* The commit log of one app: the effects of every commit that its database may not hold for certain
 * yet. A commit is answered once its record is in here; the database takes in many of them at once,
 * later. Knows nothing of SQLite, nor of what a record's payload means.
 *
 * Two files (segments) in the app's state directory, used in turn: one is appended to while the
 * database takes in the other. Space is allocated ahead by writing zeros and then used again, since
 * syncing blocks that exist is faster than syncing a file that grows. All numbers little-endian:
 *
 *     segment: header, padded to 4096 bytes, then records, each padded to 8 bytes
 *     header:  magic u64 | version u32 | 0 u32 | database u64 | epoch u64 | generation u64 |
 *              salt u64 | checksum u64 of all before
 *     record:  checksum u64 | length u32 of the payload | changes u32 | commit u64 | time_ms i64 |
 *              payload; the highest bit of `changes` tells that all before it was synced then
 *
 * A record's checksum begins with the header's salt and the checksum of the record before it. So the records of a segment
 * end where a checksum is wrong: what an earlier generation left there never verifies, nor what somebody has put into a
 * value who does not know the salt. Where a record follows that says that all before it was synced, the end is no
 * end but damage. `database` and `epoch` say what the log belongs to: the database holds the
 * same two numbers. Segments of an earlier epoch are dead; any other mismatch is a log of somewhere
 * else and refused.
 *
 * May wait for the disk; one thread at a time. The bytes are hostile: whoever owns the directory can
 * write anything there, and gets no more than an error. */
#ifndef BOBBIN_DAEMON_COMMIT_LOG_H
#define BOBBIN_DAEMON_COMMIT_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/directory.h"
#include "protocol/errors.h"
#include "protocol/reader.h"

/* The longest payload. */
#define COMMIT_LOG_PAYLOAD_MAX (96u << 20)

struct commit_log;

/* Which state of which database the log goes on from. */
struct commit_log_id {
    uint64_t database; /* random, made once */
    uint64_t epoch;    /* counted up whenever all logs of before are over */
};

struct commit_log_limits {
    uint64_t first; /* bytes of a new segment */
    uint64_t most;  /* bytes up to which a segment grows rather than be used again soon */
};

struct commit_log_record {
    uint64_t commit; /* the number of the commit */
    int64_t time_ms;
    uint32_t changes;
    struct slice payload;
    bool settled; /* once read: all records before it were synced when it was written */
};

/* `dirfd` is the state directory, `directory` the app's: both are borrowed and outlive the log.
 * Touches no file. NULL: no memory. */
struct commit_log *commit_log_new(int dirfd, const struct directory *directory,
                                  const struct commit_log_limits *limits);
/* Leaves the files as they are. NULL is fine. */
void commit_log_free(struct commit_log *log);

/* Find what an earlier process left. What is not a regular file of the directory's owner is
 * refused. */
int commit_log_load(struct commit_log *log, struct error *e);
/* Whether there is anything in the files that could be a record, of whatever database. */
bool commit_log_holds_records(struct commit_log *log);
/* Call `apply` with each record behind the commit `after`, in order; what it points to is valid
 * during the call. Stops at the first error of its. *ret_last: the last commit, `after` when there
 * is none. Fails when a record between two others is missing or damaged, and for a log that is not
 * `id`'s. */
int commit_log_replay(struct commit_log *log, struct commit_log_id id, uint64_t after,
                      int (*apply)(void *arg, const struct commit_log_record *record,
                                   struct error *e),
                      void *arg, uint64_t *ret_last, struct error *e);

/* Of a damaged database: call `apply` with every record behind `after` that verifies, in order, whatever is missing between them;
 * with id.database 0 also where it is not known what they belong to. A record that the next one's checksum
 * tells to be damaged is left out. */
int commit_log_salvage(struct commit_log *log, struct commit_log_id id, uint64_t after,
                       int (*apply)(void *arg, const struct commit_log_record *record,
                                    struct error *e),
                       void *arg, struct error *e);

/* Remove the files of before and go on under this id, which the database must hold durably. Files
 * are made anew with the next record. Also mends a log whose sync has failed. */
int commit_log_start(struct commit_log *log, struct commit_log_id id, struct error *e);
/* Write one record, and sync it if asked to. On failure it is as if it had never been asked for,
 * but for a sync that failed: see commit_log_is_broken. */
int commit_log_append(struct commit_log *log, const struct commit_log_record *record, bool sync,
                      struct error *e);
/* The same in two halves, of which other things may be done between them, but nothing else with the log: write the record
 * and have it synced by another thread; then wait for that. All before it must be synced. */
int commit_log_append_begin(struct commit_log *log, const struct commit_log_record *record,
                            struct error *e);
int commit_log_append_end(struct commit_log *log, struct error *e);
/* Between them: whether the disk has it, or never will. */
bool commit_log_append_is_done(struct commit_log *log);
/* In place of the end: take the record back, durably. On failure the log is broken. */
int commit_log_append_undo(struct commit_log *log, struct error *e);
/* Sync what was appended without. */
int commit_log_sync(struct commit_log *log, struct error *e);
bool commit_log_is_synced(const struct commit_log *log);
/* How long the disk has taken to sync for commit_log_append and commit_log_sync, since it was opened. */
uint64_t commit_log_sync_ns(const struct commit_log *log);
/* A sync has failed: what is on the disk is not known. Nothing is appended any more until the
 * database holds all, durably, under a new epoch, and commit_log_start was called. */
bool commit_log_is_broken(const struct commit_log *log);
/* The database holds all commits up to this one durably: their space may be used again. */
void commit_log_release(struct commit_log *log, uint64_t commit);
/* Whether commits up to this one should be released soon, so that the log need not grow; 0: no. */
uint64_t commit_log_wants_release(const struct commit_log *log);
/* The same where it has grown to half of what it may come to; 0: it has not. */
uint64_t commit_log_needs_release(const struct commit_log *log);
/* Whether it has outgrown its limit since nothing was released, or soon will on a disk that is almost
 * full: release before appending more. */
bool commit_log_is_full(const struct commit_log *log);
/* Bytes of both files. */
uint64_t commit_log_size(const struct commit_log *log);
/* Delete the files, durably. */
int commit_log_remove(struct commit_log *log, struct error *e);

#endif
