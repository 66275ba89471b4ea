/* What the daemon said about itself and the connection: the result of hello and attach. */
#ifndef BOBBIN_CLIENT_SESSION_H
#define BOBBIN_CLIENT_SESSION_H

#include "failure.h"
#include "zone.h"

struct session_limit {
    const char *name;
    uint64_t value;
};

struct session {
    struct zone zone;    /* all that is below */
    const char *version; /* the daemon's; NULL before the first hello */
    const char *app;     /* NULL: not attached */
    const char *component;
    const char **stores; /* NULL-terminated; NULL before the first hello */
    const struct session_limit *limits;
    size_t limit_count;
};

/* Read a session into *ret, which is overwritten only on success. */
bobbin_status session_read(struct reader *r, struct session *ret, struct failure *f);
void session_fini(struct session *s);

#endif
