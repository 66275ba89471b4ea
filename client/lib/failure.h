/* What went wrong on one connection, in the terms of bobbin.h: a status and one line for people. */
#ifndef BOBBIN_CLIENT_FAILURE_H
#define BOBBIN_CLIENT_FAILURE_H

#include "bobbin.h"
#include "protocol/reader.h"

struct failure {
    bobbin_status status; /* BOBBIN_OK: nothing went wrong yet */
    char text[512];       /* one line of UTF-8 without control characters; "" if nothing did */
};

/* Set status and formatted text; returns the status, so that `return failure_set(…)` reads well. */
bobbin_status failure_set(struct failure *f, bobbin_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* BOBBIN_NO_MEMORY with its usual text. */
bobbin_status failure_no_memory(struct failure *f);

/* What the daemon said: a wire name and a text, neither of them trusted. */
bobbin_status failure_from_daemon(struct failure *f, struct slice code, struct slice text);

#endif
