#include "daemon/usage.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

bool usage_is_compiling(const struct usage *usage)
{
    const size_t len = strlen(USAGE_COMPILING);
    unsigned done, all;
    int end = 0;

    if (strncmp(usage->name, USAGE_COMPILING, len) != 0)
        return false;
    const char *rest = usage->name + len;
    if (*rest == '\0')
        return true;
    return sscanf(rest, " %4u/%4u%n", &done, &all, &end) == 2 && rest[end] == '\0' &&
           strspn(rest, " 0123456789/") == strlen(rest);
}

static void copy_name(struct usage *ret, const char *text, const char *end)
{
    const char *begin = strchr(text, '(');
    size_t len = begin && begin < end ? (size_t)(end - begin - 1) : 0;

    if (len >= sizeof(ret->name))
        len = sizeof(ret->name) - 1;
    if (len)
        memcpy(ret->name, begin + 1, len);
    ret->name[len] = '\0';
}

/* /proc/PID/stat, and where its name ends, in parentheses which may have anything in them. NULL: there is
 * no such process. */
static const char *read_stat(pid_t pid, char *text, size_t size)
{
    char path[32];

    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return NULL;
    ssize_t n = read(fd, text, size - 1);
    close(fd);
    if (n <= 0)
        return NULL;
    text[n] = '\0';
    return strrchr(text, ')');
}

uint64_t usage_born(pid_t pid)
{
    char text[1024];
    unsigned long long born;
    const char *rest = read_stat(pid, text, sizeof(text));

    if (!rest || sscanf(rest + 1,
                        " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d"
                        " %*d %llu",
                        &born) != 1)
        return 0;
    return born;
}

bool usage_read(pid_t pid, struct usage *ret)
{
    char text[1024];
    unsigned long long user, system;
    long long pages;
    long ticks = sysconf(_SC_CLK_TCK);
    const char *rest = read_stat(pid, text, sizeof(text));

    if (!rest || sscanf(rest + 1,
                        " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu %*d %*d %*d %*d %*d"
                        " %*d %*u %*u %lld",
                        &user, &system, &pages) != 3)
        return false;
    copy_name(ret, text, rest);
    ret->memory = (int64_t)pages * sysconf(_SC_PAGESIZE);
    ret->cpu_ms = (int64_t)(user + system) * 1000 / ticks;
    return true;
}
