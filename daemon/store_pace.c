#include "daemon/store_pace.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>
#include <unistd.h>

#include "daemon/store_internal.h"

/* So many bytes at a time. Pages of a checkpoint lie here and there, each a request to the device; those of a fold follow
 * each other. */
#define SLOW_BYTES (64u << 10)
#define BEGUN_BYTES (512u << 10)
/* SQLite's name of the call. */
#define CALL "pwrite64"

/* What this thread has written to one file and nobody was told of. */
static _Thread_local struct {
    enum store_pace pace;
    int fd;
    off_t from, to;
    size_t bytes;
} written = {.fd = -1};

static void forget(void)
{
    written.fd = -1;
    written.bytes = 0;
}

/* An error that nobody waits for is told to the sync behind it. Whoever waits is told here, and the sync is not any more: then
 * the write fails, and all of the checkpoint is written again. */
static int tell(void)
{
    bool waits = written.pace == PACE_SLOW;
    unsigned flags = SYNC_FILE_RANGE_WRITE | (waits ? SYNC_FILE_RANGE_WAIT_AFTER : 0);
    int rc = sync_file_range(written.fd, written.from, written.to - written.from, flags);

    forget();
    return waits && rc != 0 && (errno == EIO || errno == ENOSPC || errno == EDQUOT) ? -1 : 0;
}

static ssize_t write_paced(int fd, const void *bytes, size_t len, off_t at)
{
    ssize_t n = pwrite64(fd, bytes, len, at);

    if (written.pace == PACE_OWN || n <= 0)
        return n;
    if (fd != written.fd) {
        forget();
        written.fd = fd;
        written.from = at;
        written.to = at;
    }
    written.from = at < written.from ? at : written.from;
    written.to = at + n > written.to ? at + n : written.to;
    written.bytes += (size_t)n;
    if (written.bytes >= (written.pace == PACE_SLOW ? SLOW_BYTES : BEGUN_BYTES) && tell() != 0)
        return -1;
    return n;
}

void store_pace_init(void)
{
    sqlite3_vfs *vfs = sqlite3_vfs_find(STORE_VFS);

    if (vfs && vfs->iVersion >= 3 && vfs->xGetSystemCall(vfs, CALL))
        vfs->xSetSystemCall(vfs, CALL, (sqlite3_syscall_ptr)write_paced);
}

void store_pace_set(enum store_pace pace)
{
    written.pace = pace;
    forget();
}
