/* The pace at which SQLite's writes go to the disk. It writes all of a fold or a checkpoint into the kernel's memory and then
 * syncs at once; a batch's sync that comes meanwhile waits behind thousands of pages. Here the kernel is told early, a few
 * pages at a time. Makes nothing durable: that is what SQLite's own syncs do. */
#ifndef BOBBIN_DAEMON_STORE_PACE_H
#define BOBBIN_DAEMON_STORE_PACE_H

enum store_pace {
    PACE_OWN,   /* as the kernel wants */
    PACE_BEGUN, /* writing to the disk is begun soon behind each write */
    PACE_SLOW,  /* … and waited for, so that little is under way at any time */
};

/* Once, before any file is opened. */
void store_pace_init(void);
/* How this thread writes from here on. */
void store_pace_set(enum store_pace pace);

#endif
