/* Answers the daemon's watchdog for the guest: a timer of the kernel's interrupts whatever the
 * process does and writes a byte to BOBBIN_WATCHDOG_FD, two times in the watchdog's interval. A
 * guest that computes for hours is alive; a process that is stopped, or that the kernel does not
 * let go on, is not. */
#ifndef BOBBIN_RUNNER_WATCHDOG_H
#define BOBBIN_RUNNER_WATCHDOG_H

/* The values of BOBBIN_WATCHDOG_FD and BOBBIN_WATCHDOG_MS; without both, nothing is done. */
void watchdog_start(const char *fd, const char *interval_ms);

#endif
