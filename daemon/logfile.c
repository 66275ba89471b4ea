#include "daemon/logfile.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOGS_NAME "logs"

/* What the daemon makes as root is the owner's. 0 or -1 with errno. */
static int give(const struct directory *d, int fd)
{
    return geteuid() == 0 ? fchown(fd, d->uid, d->gid) : 0;
}

/* A descriptor of .spin/logs, or an ERR_… code. */
static int open_logs(const struct directory *d, struct error *e)
{
    int state = directory_open_state(d, e);

    if (state < 0)
        return state;
    bool made = mkdirat(state, LOGS_NAME, 0700) == 0;
    int fd = openat(state, LOGS_NAME, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    int errnum = errno;
    close(state);
    if (fd >= 0 && made && give(d, fd) != 0) {
        errnum = errno;
        close(fd);
        fd = -1;
    }
    if (fd >= 0)
        return fd;
    return error_set(e, ERR_OTHER, "cannot open '%s/.spin/" LOGS_NAME "': %s", d->path,
                     strerror(errnum));
}

/* The owner of the directory can put anything there: no pipe must stop us, no other's file take
 * what root writes. A descriptor, or -1 with errno. */
static int open_file(const struct directory *d, int logs, const char *name, off_t *ret_size)
{
    const int flags = O_WRONLY | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
    struct stat st;
    bool made = false;
    int fd = openat(logs, name, flags);

    if (fd < 0 && errno == ENOENT) {
        fd = openat(logs, name, flags | O_CREAT | O_EXCL, 0600);
        made = true;
    }
    if (fd < 0)
        return -1;
    if (fstat(fd, &st) != 0 || (made && give(d, fd) != 0))
        goto fail;
    if (!S_ISREG(st.st_mode) || st.st_nlink != 1) {
        errno = EPERM;
        goto fail;
    }
    *ret_size = st.st_size;
    return fd;
fail:;
    int saved = errno;
    close(fd);
    errno = saved;
    return -1;
}

static void rotate(int logs, const char *name, uint32_t keep)
{
    char from[NAME_MAX + 1], to[NAME_MAX + 1];

    if (keep == 0)
        unlinkat(logs, name, 0);
    for (uint32_t i = keep; i > 0; i--) {
        snprintf(to, sizeof(to), "%s.%u", name, i);
        if (i > 1)
            snprintf(from, sizeof(from), "%s.%u", name, i - 1);
        else
            snprintf(from, sizeof(from), "%s", name);
        /* Missing ones are no error. One that cannot be moved is written to further. */
        renameat(logs, from, logs, to);
    }
}

static int write_all(int fd, const char *bytes, size_t len, size_t *ret_written)
{
    while (*ret_written < len) {
        ssize_t n = write(fd, bytes + *ret_written, len - *ret_written);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        *ret_written += (size_t)n;
    }
    return 0;
}

/* How much of the bytes ends the line that the file ends with; 0: its end is not among them. */
static size_t rest_of_line(const char *bytes, size_t len)
{
    const char *end = memchr(bytes, '\n', len);

    return end ? (size_t)(end - bytes) + 1 : 0;
}

int logfile_append(const struct directory *d, const char *name, const struct logfile_limits *limits,
                   const char *bytes, size_t len, size_t *ret_written, struct error *e)
{
    off_t size = 0;

    *ret_written = 0;
    int logs = open_logs(d, e);
    if (logs < 0)
        return logs;
    int fd = open_file(d, logs, name, &size);
    if (fd >= 0 && size > 0 && (uint64_t)size + len > limits->size) {
        write_all(fd, bytes, rest_of_line(bytes, len), ret_written);
        close(fd);
        rotate(logs, name, limits->keep);
        fd = open_file(d, logs, name, &size);
    }
    int r = fd < 0 ? -1 : write_all(fd, bytes, len, ret_written);
    int errnum = errno;
    if (fd >= 0)
        close(fd);
    close(logs);
    if (r == 0)
        return 0;
    return error_set(e, ERR_OTHER, "cannot write '%s/.spin/" LOGS_NAME "/%s': %s", d->path, name,
                     strerror(errnum));
}
