/* One output stream of an app process: from its pipe into a log file, without the loop ever waiting
 * for the disk. One write is in flight at a time; what arrives meanwhile is gathered in a bounded
 * buffer, and when that is full the pipe is not read: the process waits, not the daemon. With `drop`
 * it does not wait either: the pipe is read all the same, and what does not fit is lost.
 *
 * Output that cannot be written (disk full) is dropped and counted; the log says so once when it
 * begins and once when it is over. All functions are called on the loop's thread. */
#ifndef BOBBIN_DAEMON_OUTLOG_H
#define BOBBIN_DAEMON_OUTLOG_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "daemon/directory.h"

/* The bytes gathered while a write is in flight; allocated only while there are any. */
#define OUTLOG_BUFFER (64u << 10)
/* After the process's end its pipe is read to the end, but no longer than this when nothing comes:
 * a descendant that left the process group may hold it open for ever. */
#define OUTLOG_DRAIN_MS 500u
/* … and no longer than so many times that, whatever comes. */
#define OUTLOG_DRAIN_ROUNDS 4u

struct journal_stream;
struct outlog;

struct outlog_settings {
    uint32_t size; /* bytes of the file before it is rotated */
    uint32_t keep; /* older files beside it */
    bool drop;     /* rather lose output than let the process wait for the disk */
};

/* Takes `fd`, the pipe's read end, also on failure. `name` is the file's name; both strings and the
 * directory are borrowed until on_done. `who` goes into warnings ("app 'x' component 'y'"). */
int outlog_new(uv_loop_t *loop, const struct directory *directory, const char *who,
               const char *name, const struct outlog_settings *settings, int fd,
               struct outlog **ret, struct error *e);
/* Send what is written to the journal as well; the stream is the outlog's from now on. NULL is fine. */
void outlog_set_journal(struct outlog *o, struct journal_stream *stream);
/* From the next write on. */
void outlog_set(struct outlog *o, const struct outlog_settings *settings);
/* Bytes lost so far: they could not be written, or not fast enough. */
uint64_t outlog_dropped(const struct outlog *o);

/* Read no more of the pipe, until it is resumed. */
void outlog_pause(struct outlog *o);
void outlog_resume(struct outlog *o);
/* Whether all that was read is in the file. */
bool outlog_is_quiet(const struct outlog *o);
/* Of one that is quiet: send a line that has only begun to the journal. */
void outlog_flush(struct outlog *o);
/* The pipe's read end, still the outlog's. */
int outlog_fd(const struct outlog *o);

/* The process has ended: write what is left, then call on_done with the bytes
 * that were lost, never before this returns. The
 * outlog frees itself. */
void outlog_finish(struct outlog *o, void (*on_done)(void *arg, uint64_t dropped), void *arg);

#endif
