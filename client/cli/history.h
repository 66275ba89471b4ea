/* The lines that were typed, kept in a file that nobody else can read. */
#ifndef BOBBIN_CLI_HISTORY_H
#define BOBBIN_CLI_HISTORY_H

struct history; /* not that of libedit */

typedef void history_line_fn(void *arg, const char *line);

/* Open $XDG_STATE_HOME/bobbin/history (else ~/.local/state/bobbin/history), making it and its
 * directory if need be, and hand over the lines that are in it, the oldest first. NULL where there
 * can be none; errno says why. */
struct history *history_open(history_line_fn *on_line, void *arg);
/* Add a line at the end. One with a newline in it is not kept. */
void history_add(struct history *h, const char *line);
void history_close(struct history *h);

#endif
