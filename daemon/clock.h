/* The daemon's time: what the wall clock said at start-up plus what has passed since. Steps of the wall
 * clock while the daemon runs do not move it; the time that the machine sleeps counts. */
#ifndef BOBBIN_DAEMON_CLOCK_H
#define BOBBIN_DAEMON_CLOCK_H

#include <stdint.h>

/* Milliseconds since 1970. Any thread; never goes back while the process lives. */
int64_t clock_now_ms(void);
/* Nanoseconds since some moment, to measure how long something takes. Any thread. */
uint64_t clock_ns(void);

#endif
