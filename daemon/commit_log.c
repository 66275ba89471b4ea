#include "daemon/commit_log.h"

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <unistd.h>

#include "daemon/clock.h"
#include "daemon/commit_log_format.h"
#include "daemon/syncer.h"
#include "protocol/buffer.h"

/* A segment that lasts less than this grows before the other one's turn comes. */
#define TURN_NS UINT64_C(2000000000)
/* Zeros written at a time: how far a segment grows in one go. */
#define GROW_MOST (4u << 20)

enum { SEGMENTS = 2 };

static const char *const names[SEGMENTS] = {"bobbin_commit_0.log", "bobbin_commit_1.log"};

struct segment {
    int fd;                           /* -1: not open */
    uint64_t size;                    /* of the file */
    struct commit_log_header header;  /* generation 0: holds nothing, free to be used */
    uint64_t end;                     /* behind the last record; 0: not known, found by checksums */
    uint64_t chain;                   /* the checksum of the last record, else the salt */
    uint64_t last;                    /* commit of the last record; 0: none */
    uint64_t began_ns;                /* when this generation began */
};

struct commit_log {
    int dirfd;                        /* borrowed */
    const struct directory *directory; /* borrowed */
    struct commit_log_limits limits;
    struct commit_log_id id;          /* of what is appended */
    struct segment segments[SEGMENTS];
    unsigned active;                  /* what is appended to, if its generation is not 0 */
    uint64_t generation;              /* the latest */
    bool synced;                      /* all that was appended */
    bool broken;
    uint64_t sync_ns;                 /* spent in syncs, so far */
    struct pending {
        bool written;                 /* a record is behind the last one, its sync has begun */
        struct syncer_job sync;
        size_t size;                  /* of the record … */
        uint64_t chain;               /* … its checksum … */
        uint64_t commit;              /* … and number */
    } pending;
    struct buffer window;             /* what was read last … */
    uint64_t window_at;               /* … from this offset … */
    int window_fd;                    /* … of this file; -1: nothing */
};

static int fail(const struct commit_log *log, unsigned i, const char *doing, int errnum,
                struct error *e)
{
    const char *reason = errnum == ENOSPC || errnum == EDQUOT ? "disk full" : strerror(errnum);

    return error_set(e, ERR_OTHER, "cannot %s '%.350s/.spin/%s': %s", doing, log->directory->path,
                     names[i], reason);
}

static int refuse(const struct commit_log *log, unsigned i, const char *reason, struct error *e)
{
    return error_set(e, ERR_OTHER, "cannot use '%.350s/.spin/%s': %s", log->directory->path,
                     names[i], reason);
}

static struct segment *active(struct commit_log *log)
{
    return &log->segments[log->active];
}

struct commit_log *commit_log_new(int dirfd, const struct directory *directory,
                                  const struct commit_log_limits *limits)
{
    struct commit_log *log = calloc(1, sizeof(*log));

    if (!log)
        return NULL;
    log->dirfd = dirfd;
    log->directory = directory;
    log->limits = *limits;
    log->synced = true;
    log->window_fd = -1;
    buffer_init(&log->window);
    for (unsigned i = 0; i < SEGMENTS; i++)
        log->segments[i].fd = -1;
    return log;
}

static void close_segment(struct segment *s)
{
    if (s->fd >= 0)
        close(s->fd);
    *s = (struct segment){.fd = -1};
}

/* Have `len` bytes at `at` in memory, until the next call. NULL: the file ends before, or cannot be
 * read (then errno is not 0). Reads ahead: records follow each other. */
static const uint8_t *look_at(struct commit_log *log, const struct segment *s, uint64_t at,
                              size_t len)
{
    const size_t ahead = 1u << 20;
    struct buffer *w = &log->window;
    size_t want = len > ahead ? len : ahead;
    ssize_t n;

    if (log->window_fd == s->fd && at >= log->window_at && at + len <= log->window_at + w->len)
        return w->data + (at - log->window_at);
    errno = 0;
    log->window_fd = -1;
    if (at + len > s->size)
        return NULL;
    buffer_clear(w);
    if (buffer_reserve(w, want) != 0) {
        errno = ENOMEM;
        return NULL;
    }
    while (w->len < want) {
        n = pread(s->fd, w->data + w->len, want - w->len, (off_t)(at + w->len));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        w->len += (size_t)n;
        errno = 0;
    }
    if (w->len < len)
        return NULL;
    log->window_at = at;
    log->window_fd = s->fd;
    return w->data;
}

static void forget_window(struct commit_log *log)
{
    log->window_fd = -1;
    buffer_fini(&log->window);
}

static int check_file(const struct commit_log *log, unsigned i, const struct stat *st,
                      struct error *e)
{
    if (!S_ISREG(st->st_mode))
        return refuse(log, i, "not a regular file", e);
    /* Root could be led to somebody else's file by a hard link. */
    if (geteuid() == 0 && st->st_uid != log->directory->uid)
        return refuse(log, i, "its owner is not the directory's owner", e);
    return 0;
}

static int load_segment(struct commit_log *log, unsigned i, struct error *e)
{
    struct segment *s = &log->segments[i];
    const uint8_t *header;
    struct stat st;

    /* Not to hang on a pipe. */
    s->fd = openat(log->dirfd, names[i], O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (s->fd < 0)
        return errno == ENOENT  ? 0
               : errno == ELOOP ? refuse(log, i, "a symbolic link", e)
                                : fail(log, i, "open", errno, e);
    if (fstat(s->fd, &st) != 0)
        return fail(log, i, "open", errno, e);
    int code = check_file(log, i, &st, e);
    if (code)
        return code;
    s->size = (uint64_t)st.st_size;
    header = look_at(log, s, 0, COMMIT_LOG_HEADER_SIZE);
    if (!header && errno)
        return fail(log, i, "read", errno, e);
    if (header && commit_log_header_is_later(header))
        return refuse(log, i, "a later version of Bobbin has written it", e);
    if (!header || !commit_log_header_read(&s->header, header))
        s->header.generation = 0;
    s->chain = s->header.salt;
    if (s->header.generation > log->generation)
        log->generation = s->header.generation;
    return 0;
}

int commit_log_load(struct commit_log *log, struct error *e)
{
    int code = 0;

    for (unsigned i = 0; !code && i < SEGMENTS; i++)
        code = load_segment(log, i, e);
    return code;
}

/* The record at `at`, if a whole one that verifies is there. errno: it cannot be read. */
static bool read_record(struct commit_log *log, const struct segment *s, uint64_t at,
                        uint64_t chain, struct commit_log_record *ret, uint64_t *ret_chain)
{
    const uint8_t *bytes;
    size_t len;

    if (s->end && at >= s->end)
        return false;
    bytes = look_at(log, s, at, COMMIT_LOG_RECORD_HEADER);
    if (!bytes)
        return false;
    errno = 0;
    len = commit_log_payload_length(bytes);
    if (len > COMMIT_LOG_PAYLOAD_MAX)
        return false;
    bytes = look_at(log, s, at, COMMIT_LOG_RECORD_HEADER + len);
    return bytes && commit_log_record_read(bytes, commit_log_seed(&s->header, chain), ret, ret_chain);
}

bool commit_log_holds_records(struct commit_log *log)
{
    bool found = false;

    for (unsigned i = 0; !found && i < SEGMENTS; i++) {
        struct segment *s = &log->segments[i];
        struct commit_log_record record;
        uint64_t chain;
        found = s->header.generation &&
                read_record(log, s, COMMIT_LOG_RECORDS_AT, s->header.salt, &record, &chain);
    }
    forget_window(log);
    return found;
}

struct replay {
    uint64_t last;
    int (*apply)(void *arg, const struct commit_log_record *record, struct error *e);
    void *arg;
};

/* Hand on one record unless the database has it. */
static int replay_record(struct commit_log *log, unsigned i, struct replay *r,
                         const struct commit_log_record *record, struct error *e)
{
    if (record->commit <= r->last)
        return 0;
    if (record->commit != r->last + 1)
        return error_set(e, ERR_OTHER,
                         "cannot use '%.350s/.spin/%s': it goes on with commit %llu behind %llu;"
                         " what was between them is missing",
                         log->directory->path, names[i], (unsigned long long)record->commit,
                         (unsigned long long)r->last);
    int code = r->apply(r->arg, record, e);
    if (!code)
        r->last = record->commit;
    return code;
}

/* Whether a record that does not verify is followed by one that does, and that was written when it was synced: then it
 * was whole once. Not what an earlier generation has left there, whose commits are older than `last`. Moves *at and
 * *chain behind it. */
static bool skip_damaged(struct commit_log *log, const struct segment *s, uint64_t *at,
                         uint64_t *chain, uint64_t last)
{
    const uint8_t *bytes = look_at(log, s, *at, COMMIT_LOG_RECORD_HEADER);
    struct commit_log_record next;
    uint64_t behind, sum, ignored;
    size_t len;

    if (!bytes)
        return false;
    len = commit_log_payload_length(bytes);
    sum = commit_log_record_sum(bytes);
    behind = *at + commit_log_record_size(len);
    if (len > COMMIT_LOG_PAYLOAD_MAX || !read_record(log, s, behind, sum, &next, &ignored) ||
        !next.settled || next.commit <= last)
        return false;
    *at = behind;
    *chain = sum;
    return true;
}

static int replay_segment(struct commit_log *log, unsigned i, struct replay *r, struct error *e)
{
    struct segment *s = &log->segments[i];
    struct commit_log_record record;
    uint64_t at = COMMIT_LOG_RECORDS_AT;
    uint64_t chain = s->header.salt;
    int code = 0;

    errno = 0;
    while (!code && read_record(log, s, at, chain, &record, &chain)) {
        at += commit_log_record_size(record.payload.len);
        code = replay_record(log, i, r, &record, e);
        errno = 0;
    }
    if (code)
        return code;
    if (errno)
        return fail(log, i, "read", errno, e);
    if (s->end && at != s->end)
        return refuse(log, i, "it was damaged while it was in use", e);
    /* Not what a lost power can do. */
    if (skip_damaged(log, s, &at, &chain, r->last))
        return refuse(log, i,
                      "a commit in it is damaged, and others follow; `bobbin recover` goes on without"
                      " the damaged one",
                      e);
    return 0;
}

/* Whether the segment's records are part of this log: not when they are none, or over. */
static int segment_counts(struct commit_log *log, unsigned i, struct commit_log_id id, bool *ret,
                          struct error *e)
{
    struct segment *s = &log->segments[i];
    struct commit_log_record record;
    uint64_t chain;

    *ret = false;
    if (!s->header.generation ||
        (s->header.id.database == id.database && s->header.id.epoch < id.epoch))
        return 0;
    *ret = s->header.id.database == id.database && s->header.id.epoch == id.epoch;
    if (*ret || !read_record(log, s, COMMIT_LOG_RECORDS_AT, s->header.salt, &record, &chain))
        return 0;
    return refuse(log, i,
                  "it is the commit log of another database than the one beside it; to go on"
                  " without what it holds, delete it",
                  e);
}

int commit_log_replay(struct commit_log *log, struct commit_log_id id, uint64_t after,
                      int (*apply)(void *arg, const struct commit_log_record *record,
                                   struct error *e),
                      void *arg, uint64_t *ret_last, struct error *e)
{
    const struct segment *s = log->segments;
    unsigned first = s[0].header.generation <= s[1].header.generation ? 0 : 1;
    struct replay r = {.last = after, .apply = apply, .arg = arg};
    int code = 0;

    forget_window(log);
    for (unsigned turn = 0; !code && turn < SEGMENTS; turn++) {
        unsigned i = (first + turn) % SEGMENTS;
        bool counts;
        code = segment_counts(log, i, id, &counts, e);
        if (!code && counts)
            code = replay_segment(log, i, &r, e);
    }
    forget_window(log);
    if (!code)
        *ret_last = r.last;
    return code;
}

static int salvage_segment(struct commit_log *log, unsigned i, uint64_t *last,
                           int (*apply)(void *arg, const struct commit_log_record *record,
                                        struct error *e),
                           void *arg, struct error *e)
{
    const struct segment *s = &log->segments[i];
    struct commit_log_record record;
    uint64_t at = COMMIT_LOG_RECORDS_AT, chain = s->header.salt;
    int code = 0;

    while (!code) {
        if (!read_record(log, s, at, chain, &record, &chain)) {
            if (!skip_damaged(log, s, &at, &chain, *last))
                return 0;
            continue;
        }
        at += commit_log_record_size(record.payload.len);
        if (record.commit <= *last)
            continue;
        *last = record.commit;
        code = apply(arg, &record, e);
    }
    return code;
}

int commit_log_salvage(struct commit_log *log, struct commit_log_id id, uint64_t after,
                       int (*apply)(void *arg, const struct commit_log_record *record,
                                    struct error *e),
                       void *arg, struct error *e)
{
    const struct segment *s = log->segments;
    unsigned first = s[0].header.generation <= s[1].header.generation ? 0 : 1;
    int code = 0;

    forget_window(log);
    for (unsigned turn = 0; !code && turn < SEGMENTS; turn++) {
        unsigned i = (first + turn) % SEGMENTS;
        const struct commit_log_header *h = &s[i].header;
        if (h->generation && (!id.database || (h->id.database == id.database &&
                                               h->id.epoch >= id.epoch)))
            code = salvage_segment(log, i, &after, apply, arg, e);
    }
    forget_window(log);
    return code;
}

int commit_log_remove(struct commit_log *log, struct error *e)
{
    bool removed = false;

    for (unsigned i = 0; i < SEGMENTS; i++) {
        close_segment(&log->segments[i]);
        if (unlinkat(log->dirfd, names[i], 0) == 0)
            removed = true;
        else if (errno != ENOENT)
            return fail(log, i, "remove", errno, e);
    }
    if (removed && fsync(log->dirfd) != 0)
        return fail(log, 0, "remove", errno, e);
    return 0;
}

int commit_log_start(struct commit_log *log, struct commit_log_id id, struct error *e)
{
    int code = commit_log_remove(log, e);

    if (code)
        return code;
    log->id = id;
    log->active = 0;
    /* Not what a file of before said: behind the highest number there is none. */
    log->generation = 0;
    log->synced = true;
    log->broken = false;
    return 0;
}

static int make_segment(struct commit_log *log, unsigned i, struct error *e)
{
    int fd = openat(log->dirfd, names[i], O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    int errnum = 0;

    if (fd < 0)
        return fail(log, i, "make", errno, e);
    if (geteuid() == 0 && fchown(fd, log->directory->uid, log->directory->gid) != 0)
        errnum = errno;
    else if (fsync(fd) != 0 || fsync(log->dirfd) != 0)
        errnum = errno;
    if (errnum) {
        close(fd);
        unlinkat(log->dirfd, names[i], 0);
        return fail(log, i, "make", errnum, e);
    }
    log->segments[i] = (struct segment){.fd = fd};
    return 0;
}

/* All of it or an errno. */
static int write_all(int fd, struct iovec *v, int count, uint64_t at)
{
    while (count) {
        ssize_t n = pwritev(fd, v, count, (off_t)at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? errno : EIO;
        at += (uint64_t)n;
        while (count && (size_t)n >= v->iov_len) {
            n -= (ssize_t)v->iov_len;
            v++;
            count--;
        }
        if (count) {
            v->iov_base = (char *)v->iov_base + n;
            v->iov_len -= (size_t)n;
        }
    }
    return 0;
}

/* Allocate up to `size` bytes. The sync of the record that needs them makes that durable too. */
static int grow(struct commit_log *log, unsigned i, uint64_t size, struct error *e)
{
    static const char zeros[64 << 10];
    struct segment *s = &log->segments[i];

    while (s->size < size) {
        uint64_t left = size - s->size;
        struct iovec v = {(char *)zeros, left < sizeof(zeros) ? (size_t)left : sizeof(zeros)};
        size_t len = v.iov_len;
        int errnum = write_all(s->fd, &v, 1, s->size);
        if (errnum)
            return fail(log, i, "write", errnum, e);
        s->size += len;
    }
    return 0;
}

/* Whether as much is left on the file system as a segment of that size takes. Where it is not, the
 * log stays as small as it can be: it must not take the room that the database needs to take it in. */
static bool has_room(const struct commit_log *log, const struct segment *s, uint64_t size)
{
    struct statvfs fs;

    if (size <= log->limits.first || fstatvfs(s->fd, &fs) != 0)
        return true;
    return (uint64_t)fs.f_bavail * fs.f_frsize + s->size >= size * 2;
}

/* Begin a new generation in a segment that is free. */
static int begin_segment(struct commit_log *log, unsigned i, struct error *e)
{
    struct segment *s = &log->segments[i];
    uint8_t bytes[COMMIT_LOG_HEADER_SIZE];
    struct commit_log_header header = {
        .version = COMMIT_LOG_VERSION, .id = log->id, .generation = log->generation + 1};
    struct iovec v = {bytes, sizeof(bytes)};
    int code = 0;

    if (s->fd < 0)
        code = make_segment(log, i, e);
    if (!code && s->size < log->limits.first)
        code = grow(log, i, log->limits.first, e);
    if (code)
        return code;
    uint64_t most = has_room(log, s, s->size) ? log->limits.most : log->limits.first;
    if (s->size > most && ftruncate(s->fd, (off_t)most) == 0)
        s->size = most;
    if (getrandom(&header.salt, sizeof(header.salt), 0) != sizeof(header.salt))
        return fail(log, i, "write", errno, e);
    commit_log_header_write(&header, bytes);
    int errnum = write_all(s->fd, &v, 1, 0);
    if (errnum)
        return fail(log, i, "write", errnum, e);
    log->generation++;
    s->header = header;
    s->end = COMMIT_LOG_RECORDS_AT;
    s->chain = header.salt;
    s->last = 0;
    s->began_ns = clock_ns();
    log->active = i;
    return 0;
}

/* How far the active segment grows for a record that does not fit: enough for it, doubling while
 * that is little and there is room. */
static uint64_t grown_size(const struct commit_log *log, uint64_t needed)
{
    const struct segment *s = &log->segments[log->active];
    uint64_t more = s->size < GROW_MOST ? s->size : GROW_MOST;

    return s->size + more > needed && has_room(log, s, s->size + more) ? s->size + more : needed;
}

static bool is_free(const struct segment *s)
{
    return s->header.generation == 0;
}

/* Begin a new generation with room for a record, which may be longer than a new segment. */
static int begin_with_room(struct commit_log *log, unsigned i, size_t size, struct error *e)
{
    struct segment *s = &log->segments[i];
    int code = begin_segment(log, i, e);

    if (code || s->end + size <= s->size)
        return code;
    return grow(log, i, grown_size(log, s->end + size), e);
}

/* Have an active segment with room for a record. */
static int make_room(struct commit_log *log, size_t size, struct error *e)
{
    struct segment *s = active(log);
    unsigned other = 1 - log->active;
    struct error grow_error;

    if (is_free(s))
        return begin_with_room(log, log->active, size, e);
    if (s->end + size <= s->size)
        return 0;
    bool grows = s->size < log->limits.most && clock_ns() - s->began_ns < TURN_NS &&
                 has_room(log, s, grown_size(log, s->end + size));
    if (is_free(&log->segments[other]) && !grows) {
        int code = commit_log_sync(log, e);
        return code ? code : begin_with_room(log, other, size, e);
    }
    int code = grow(log, log->active, grown_size(log, s->end + size), &grow_error);
    if (code && is_free(&log->segments[other])) {
        code = commit_log_sync(log, e);
        return code ? code : begin_with_room(log, other, size, e);
    }
    if (code)
        *e = grow_error;
    return code;
}

/* Clear the place of a record that was not appended, so that nobody takes it for good who reads the
 * file through this kernel. An errno. */
static int clear_record(struct segment *s)
{
    char zeros[COMMIT_LOG_RECORD_HEADER] = {0};
    struct iovec v = {zeros, sizeof(zeros)};

    return s->end + sizeof(zeros) <= s->size ? write_all(s->fd, &v, 1, s->end) : 0;
}

/* What is on the disk is not known any more. */
static void break_log(struct commit_log *log)
{
    clear_record(active(log));
    log->broken = true;
}

void commit_log_free(struct commit_log *log)
{
    if (!log)
        return;
    if (log->pending.written)
        syncer_end(&log->pending.sync);
    /* The disk may take now what it did not take then. */
    if (log->broken)
        clear_record(active(log));
    for (unsigned i = 0; i < SEGMENTS; i++)
        close_segment(&log->segments[i]);
    buffer_fini(&log->window);
    free(log);
}

static int sync_timed(struct commit_log *log, int fd)
{
    uint64_t began = clock_ns();
    int rc = fdatasync(fd);
    int errnum = errno;

    log->sync_ns += clock_ns() - began;
    errno = errnum;
    return rc;
}

uint64_t commit_log_sync_ns(const struct commit_log *log)
{
    return log->sync_ns;
}

/* Take note of how a sync of all that was written ended. */
static int note_sync(struct commit_log *log, int errnum, struct error *e)
{
    if (!errnum) {
        log->synced = true;
        return 0;
    }
    break_log(log);
    return fail(log, log->active, "write", errnum, e);
}

int commit_log_sync(struct commit_log *log, struct error *e)
{
    struct segment *s = active(log);

    if (log->synced)
        return 0;
    /* The kernel tells of a failure once, and then takes what was lost for written. */
    if (log->broken)
        return refuse(log, log->active, "a sync of it has failed", e);
    return note_sync(log, sync_timed(log, s->fd) == 0 ? 0 : errno, e);
}

static int write_record(struct commit_log *log, const struct commit_log_record *record,
                        uint64_t *ret_chain, struct error *e)
{
    static const uint8_t padding[8];
    struct segment *s = active(log);
    uint8_t header[COMMIT_LOG_RECORD_HEADER];
    size_t size = commit_log_record_size(record->payload.len);
    struct iovec v[3] = {
        {header, sizeof(header)},
        {(char *)record->payload.data, record->payload.len},
        {(uint8_t *)padding, size - sizeof(header) - record->payload.len},
    };
    struct commit_log_record settled = *record;

    settled.settled = log->synced;
    *ret_chain = commit_log_record_write(&settled, commit_log_seed(&s->header, s->chain), header);
    int errnum = write_all(s->fd, v, 3, s->end);
    if (!errnum)
        return 0;
    /* What was written of it may be all but padding. */
    if (clear_record(s) != 0 || fdatasync(s->fd) != 0)
        break_log(log);
    return fail(log, log->active, "write", errnum, e);
}

/* Have the record behind the last one, in a segment with room for it. *ret: what is to be noted once it counts. */
static int write_next(struct commit_log *log, const struct commit_log_record *record,
                      struct pending *ret, struct error *e)
{
    size_t size = commit_log_record_size(record->payload.len);
    uint64_t chain;
    int code;

    if (log->broken)
        return refuse(log, log->active, "a sync of it has failed", e);
    if (record->payload.len > COMMIT_LOG_PAYLOAD_MAX)
        return error_set(e, ERR_TOO_LARGE, "the batch exceeds the log's limit of %u bytes",
                         COMMIT_LOG_PAYLOAD_MAX);
    code = make_room(log, size, e);
    if (!code)
        code = write_record(log, record, &chain, e);
    if (code)
        return code;
    log->synced = false;
    *ret = (struct pending){.size = size, .chain = chain, .commit = record->commit};
    return 0;
}

static void note_record(struct commit_log *log, const struct pending *record)
{
    struct segment *s = active(log);

    s->end += record->size;
    s->chain = record->chain;
    s->last = record->commit;
}

int commit_log_append(struct commit_log *log, const struct commit_log_record *record, bool sync,
                      struct error *e)
{
    struct pending written;
    int code;

    assert(!log->pending.written);
    code = write_next(log, record, &written, e);
    if (!code && sync)
        code = commit_log_sync(log, e);
    if (!code)
        note_record(log, &written);
    return code;
}

int commit_log_append_begin(struct commit_log *log, const struct commit_log_record *record,
                            struct error *e)
{
    int code;

    assert(log->synced && !log->pending.written);
    code = write_next(log, record, &log->pending, e);
    if (code)
        return code;
    log->pending.written = true;
    syncer_begin(&log->pending.sync, active(log)->fd);
    return 0;
}

/* 0 or an errno. */
static int end_pending(struct commit_log *log)
{
    int errnum = syncer_end(&log->pending.sync);

    log->pending.written = false;
    log->sync_ns += log->pending.sync.ns;
    return errnum;
}

int commit_log_append_end(struct commit_log *log, struct error *e)
{
    assert(log->pending.written);
    int code = note_sync(log, end_pending(log), e);

    if (!code)
        note_record(log, &log->pending);
    return code;
}

bool commit_log_append_is_done(struct commit_log *log)
{
    return syncer_is_done(&log->pending.sync);
}

int commit_log_append_undo(struct commit_log *log, struct error *e)
{
    assert(log->pending.written);
    int errnum = end_pending(log);

    if (!errnum)
        errnum = clear_record(active(log));
    if (!errnum && sync_timed(log, active(log)->fd) != 0)
        errnum = errno;
    return note_sync(log, errnum, e);
}

bool commit_log_is_synced(const struct commit_log *log)
{
    return log->synced;
}

bool commit_log_is_broken(const struct commit_log *log)
{
    return log->broken;
}

void commit_log_release(struct commit_log *log, uint64_t commit)
{
    struct segment *other = &log->segments[1 - log->active];

    if (other->last <= commit)
        other->header.generation = 0;
}

uint64_t commit_log_wants_release(const struct commit_log *log)
{
    const struct segment *s = &log->segments[log->active];
    const struct segment *other = &log->segments[1 - log->active];

    return !is_free(other) && s->end > s->size / 2 ? other->last : 0;
}

uint64_t commit_log_needs_release(const struct commit_log *log)
{
    const struct segment *s = &log->segments[log->active];
    const struct segment *other = &log->segments[1 - log->active];

    return !is_free(other) && s->end + other->end > log->limits.most / 2 * 3 ? other->last : 0;
}

bool commit_log_is_full(const struct commit_log *log)
{
    const struct segment *s = &log->segments[log->active];

    if (is_free(&log->segments[1 - log->active]))
        return false;
    return s->end > log->limits.most ||
           (s->end > s->size / 4 * 3 && !has_room(log, s, s->size * 2));
}

uint64_t commit_log_size(const struct commit_log *log)
{
    return log->segments[0].size + log->segments[1].size;
}
