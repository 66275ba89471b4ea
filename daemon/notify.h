/* Telling the service manager how it goes: sd_notify(3), and its watchdog, fed from the event loop. */
#ifndef BOBBIN_DAEMON_NOTIFY_H
#define BOBBIN_DAEMON_NOTIFY_H

#include <stdbool.h>
#include <uv.h>

struct notify {
    uv_timer_t timer; /* feeds the watchdog; closed with notify_stop */
    bool feeds;
    char status[160]; /* as it was told last */
};

/* Lines of VARIABLE=value; nothing where nobody listens. What cannot be told is not: nobody waits. */
void notify_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Begin to feed the watchdog, if there is one. A loop that is stuck feeds it no more. */
void notify_start(struct notify *notify, uv_loop_t *loop);
void notify_stop(struct notify *notify);

/* A line for people that look at the service. Tells it only when it is another. */
void notify_status(struct notify *notify, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* A reload begins. Its end is "READY=1". */
void notify_reloading(void);

#endif
