/* LD_PRELOAD for a daemon under test: the disk below $BOBBIN_TEST_SLOW_DIR takes
 * $BOBBIN_TEST_SLOW_MS milliseconds for every sync. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

static void delay(int fd)
{
    const char *slow = getenv("BOBBIN_TEST_SLOW_DIR"), *ms_text = getenv("BOBBIN_TEST_SLOW_MS");
    char link[64], path[512];
    long ms = ms_text ? strtol(ms_text, NULL, 10) : 0;

    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t len = readlink(link, path, sizeof path - 1);
    if (!slow || len < 0 || strncmp(path, slow, strlen(slow)) != 0)
        return;
    nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
}

EXPORT int fsync(int fd)
{
    delay(fd);
    return (int)syscall(SYS_fsync, fd);
}

EXPORT int fdatasync(int fd)
{
    delay(fd);
    return (int)syscall(SYS_fdatasync, fd);
}
