#include "daemon/usage.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

bool usage_read(pid_t pid, struct usage *ret)
{
    char path[32], text[1024];
    unsigned long long user, system;
    long long pages;
    long ticks = sysconf(_SC_CLK_TCK);

    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t n = read(fd, text, sizeof(text) - 1);
    close(fd);
    if (n <= 0)
        return false;
    text[n] = '\0';
    /* The name in parentheses may have anything in it. */
    const char *rest = strrchr(text, ')');
    if (!rest || sscanf(rest + 1,
                        " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu %*d %*d %*d %*d %*d"
                        " %*d %*u %*u %lld",
                        &user, &system, &pages) != 3)
        return false;
    ret->memory = (int64_t)pages * sysconf(_SC_PAGESIZE);
    ret->cpu_ms = (int64_t)(user + system) * 1000 / ticks;
    return true;
}
