/* LD_PRELOAD for a daemon under test: a disk that is slow to sync. While the file $BOBBIN_TEST_SLOW_SYNC
 * is there, a sync takes as many milliseconds as the file says, once; "FILE.begun" tells that it has
 * begun. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

static void delay(void)
{
    const char *path = getenv("BOBBIN_TEST_SLOW_SYNC");
    char text[32] = "", begun[256];
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    long ms;
    if (fd < 0)
        return;
    if (read(fd, text, sizeof text - 1) < 0)
        abort();
    close(fd);
    unlink(path);
    snprintf(begun, sizeof begun, "%s.begun", path);
    close(open(begun, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    ms = strtol(text, NULL, 10);
    nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
}

EXPORT int fsync(int fd)
{
    delay();
    return (int)syscall(SYS_fsync, fd);
}

EXPORT int fdatasync(int fd)
{
    delay();
    return (int)syscall(SYS_fdatasync, fd);
}
