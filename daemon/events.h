/* What has happened to apps lately: a bounded memory of changes, and who waits for the next one. */
#ifndef BOBBIN_DAEMON_EVENTS_H
#define BOBBIN_DAEMON_EVENTS_H

#include <msgpack/pack.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "daemon/list.h"
#include "protocol/limits.h"
#include "protocol/reader.h"

struct app;
struct component;
struct server;

struct event {
    uint64_t number; /* 1, 2, …; 0: no event */
    int64_t time_ms; /* wall clock */
    uid_t owner;     /* of the app's directory */
    char *app;       /* its name … */
    char *directory; /* … and path; owned, as are the others */
    char *component; /* id; NULL: the app as a whole */
    unsigned instance;
    char *kind; /* a component's state, or "registered", "reloaded", "trouble", "mended", "left" */
    char *text; /* why; "" when there is nothing to say */
};

struct events {
    struct event kept[LIMIT_EVENTS]; /* number N is at N % LIMIT_EVENTS */
    uint64_t last;                   /* number of the latest */
    struct list waiters;             /* struct request */
    bool woken;                      /* something has come that they may wait for */
};

void events_init(struct events *events);
void events_fini(struct events *events);

/* Note an event of the app, or with `component` of that. */
void events_note(struct app *app, const struct component *component, const char *kind,
                 const char *text);
/* Pack what is remembered, an array; and remember what the daemon before did. False: it cannot be read, and
 * what is remembered may be only part of it. */
void events_save(const struct events *events, msgpack_packer *pk);
bool events_restore(struct events *events, struct reader *r);
/* At the end of a turn: answer those who waited for what has come. */
void events_wake(struct server *server);
/* A moment has passed: answer those who have waited long enough. */
void events_tick(struct server *server);
/* Answer those whose connection is bound to the app, or with NULL all of them. */
void events_end_waits(struct server *server, const struct app *app);

#endif
