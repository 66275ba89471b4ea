/* What app processes write, as entries of systemd's journal beside their log files, with the fields
 * APP, COMPONENT, INSTANCE and STREAM: `journalctl APP=counter`.
 *
 * Spoken is the journal's native protocol, a datagram an entry, by non-blocking sends: a journal
 * that does not keep up costs entries, which are counted and told, never the daemon's time. */
#ifndef BOBBIN_DAEMON_JOURNAL_H
#define BOBBIN_DAEMON_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JOURNAL_SOCKET "/run/systemd/journal/socket"
/* A longer line becomes several entries. */
#define JOURNAL_LINE_MAX (16u << 10)
/* How long one piece of output may wait for a journal that is busy, where the process may wait too.
 */
#define JOURNAL_PATIENCE_MS 100u

struct journal;

/* NULL: no journal is there, or no memory. */
struct journal *journal_open(const char *path);
/* NULL is fine. No stream may be left. */
void journal_close(struct journal *j);

/* One output stream of a process. */
struct journal_stream;

struct journal_origin {
    const char *app; /* copied, as is the component's id */
    const char *component;
    unsigned instance;
    bool err; /* stderr */
};

/* NULL: no memory. */
struct journal_stream *journal_stream_new(struct journal *j, const struct journal_origin *origin);
/* What a line's end has not come for yet is sent as it is. NULL is fine. */
void journal_stream_free(struct journal_stream *s);
/* Send the lines that end in these bytes; what follows the last one is kept for later. With
 * `patient` it may take up to JOURNAL_PATIENCE_MS. On any thread, one at a time. */
void journal_stream_write(struct journal_stream *s, const char *bytes, size_t len, bool patient);
/* Send what a line's end has not come for yet. */
void journal_stream_flush(struct journal_stream *s);
/* Entries that the journal did not take, so far. */
uint64_t journal_stream_lost(const struct journal_stream *s);

#endif
