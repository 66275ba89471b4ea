/* A bar on stderr that shows how far something has come; nothing where stderr is no terminal. */
#ifndef BOBBIN_CLI_PROGRESS_H
#define BOBBIN_CLI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
    bool on;          /* stderr is a terminal that can be drawn on */
    bool drawn;       /* there is a bar to be wiped */
    const char *what; /* the word in front; borrowed */
    uint64_t total;   /* what `done` comes to at the end; 0: not known */
    int64_t begun_ms; /* monotonic */
    int64_t next_ms;  /* when it is drawn again */
};

void progress_init(struct progress *p, const char *what, uint64_t total);
/* Tell how far it is; drawn ten times a second at most. `entries` are counted in words. */
void progress_show(struct progress *p, uint64_t done, uint64_t entries);
/* Wipe the bar, so that a line can be written. */
void progress_wipe(struct progress *p);

#endif
