#include "daemon/logfile.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define LOGS_NAME "logs"

/* What the daemon makes as root is the owner's. 0 or -1 with errno. */
static int give(const struct directory *d, int fd)
{
    return geteuid() == 0 ? fchown(fd, d->uid, d->gid) : 0;
}

/* A descriptor of .spin/logs, or an ERR_… code. */
int logfile_open_directory(const struct directory *d, struct error *e)
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

int logfile_open(const struct directory *d, int logs, const char *name, int flags,
                 struct stat *ret_stat)
{
    /* No pipe must stop us. */
    int fd = openat(logs, name, flags | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

    if (fd < 0)
        return -1;
    if (fstat(fd, ret_stat) == 0 && S_ISREG(ret_stat->st_mode) && ret_stat->st_nlink == 1 &&
        (ret_stat->st_uid == d->uid || ret_stat->st_uid == geteuid()))
        return fd;
    close(fd);
    errno = EPERM;
    return -1;
}

/* For writing, made when it is not there. */
static int open_file(const struct directory *d, int logs, const char *name, off_t *ret_size)
{
    struct stat st;
    int fd = logfile_open(d, logs, name, O_WRONLY | O_APPEND, &st);

    if (fd < 0 && errno == ENOENT) {
        int made = openat(logs, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (made < 0)
            return -1;
        int r = give(d, made);
        close(made);
        fd = r == 0 ? logfile_open(d, logs, name, O_WRONLY | O_APPEND, &st) : -1;
    }
    if (fd >= 0)
        *ret_size = st.st_size;
    return fd;
}

/* Note from where on the file has what was written now. Without it lines have no time, no more. */
static void mark(const struct directory *d, int logs, const char *name, off_t offset)
{
    char times[NAME_MAX + 1];
    struct logfile_mark last = {0}, now;
    struct timespec clock;
    off_t size = 0;

    snprintf(times, sizeof(times), LOGFILE_TIMES_FORMAT, name);
    int fd = open_file(d, logs, times, &size);
    if (fd < 0)
        return;
    close(fd);
    clock_gettime(CLOCK_REALTIME, &clock);
    now.time_ms = (int64_t)clock.tv_sec * 1000 + clock.tv_nsec / 1000000;
    now.offset = offset;
    fd = openat(logs, times, O_RDWR | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return;
    off_t whole = size - size % (off_t)sizeof(last);
    bool known = whole > 0 &&
                 pread(fd, &last, sizeof(last), whole - (off_t)sizeof(last)) == sizeof(last);
    bool near = known && now.time_ms >= last.time_ms && now.time_ms - last.time_ms < LOGFILE_MARK_MS;
    if (whole != size && ftruncate(fd, whole) != 0)
        near = true; /* a torn mark stays the last one */
    if (!near || last.offset > offset) {
        ssize_t n = write(fd, &now, sizeof(now));
        (void)n;
    }
    close(fd);
}

static void rotate_one(int logs, const char *name, uint32_t keep)
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

static void rotate(int logs, const char *name, uint32_t keep)
{
    char times[NAME_MAX + 1];

    snprintf(times, sizeof(times), LOGFILE_TIMES_FORMAT, name);
    rotate_one(logs, times, keep);
    rotate_one(logs, name, keep);
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
    int logs = logfile_open_directory(d, e);
    if (logs < 0)
        return logs;
    int fd = open_file(d, logs, name, &size);
    if (fd >= 0 && size > 0 && (uint64_t)size + len > limits->size) {
        write_all(fd, bytes, rest_of_line(bytes, len), ret_written);
        close(fd);
        rotate(logs, name, limits->keep);
        fd = open_file(d, logs, name, &size);
    }
    if (fd >= 0)
        mark(d, logs, name, size);
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
