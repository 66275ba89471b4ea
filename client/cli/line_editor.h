/* Lines from a person at a terminal: edited, completed with Tab, remembered; or from a script. */
#ifndef BOBBIN_CLI_LINE_EDITOR_H
#define BOBBIN_CLI_LINE_EDITOR_H

#include <stdbool.h>

#include "client/cli/complete.h"

struct line_editor;

enum line_result {
    LINE_READ,      /* there is a line */
    LINE_CANCELLED, /* Ctrl-C */
    LINE_END,       /* Ctrl-D, or the end of the script */
};

/* Complete the last of the words, as of complete(). */
typedef void line_complete_fn(void *arg, const char *const *words, size_t count,
                              struct completions *ret);

/* `terminal`: with editing and history, both by libedit; else standard input is just read. NULL
 * without memory. */
struct line_editor *line_editor_new(bool terminal, line_complete_fn *on_complete, void *arg);
void line_editor_free(struct line_editor *e);

/* Read a line, without its newline, in memory of its own, to be freed. */
enum line_result line_editor_read(struct line_editor *e, const char *prompt, char **ret);
/* Remember what was typed. */
void line_editor_remember(struct line_editor *e, const char *line);

#endif
