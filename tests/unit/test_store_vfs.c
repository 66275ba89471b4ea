#include "test_store_vfs.h"

#include <check.h>
#include <errno.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <sys/uio.h>
#include <unistd.h>

/* The store runs on the pool's threads, the test looks from its own. */
static atomic_int counts[VFS_CALL_COUNT];
static atomic_int fail_from[VFS_CALL_COUNT]; /* the count at which failures begin … */
static atomic_int fail_to[VFS_CALL_COUNT];   /* … and at which they have ended */
static atomic_int fail_with[VFS_CALL_COUNT];

static sqlite3_vfs *real;
static sqlite3_vfs vfs;

struct file {
    sqlite3_file base;
    int is_wal;
    sqlite3_file real[]; /* vfs.szOsFile has room for the real one's */
};

static sqlite3_file *real_of(sqlite3_file *f)
{
    return ((struct file *)(void *)f)->real;
}

/* 0, or the result that the call shall fail with. */
static int note_call(enum vfs_call call)
{
    int n = atomic_fetch_add(&counts[call], 1);

    return n < fail_from[call] || n >= fail_to[call] ? 0 : fail_with[call];
}

static int note(sqlite3_file *f, enum vfs_call wal_call, enum vfs_call file_call)
{
    int rc = note_call(((struct file *)(void *)f)->is_wal ? wal_call : file_call);

    if (rc)
        errno = EIO;
    return rc;
}

void (*test_vfs_on_fsync)(void);

int __real_fsync(int fd);
int __wrap_fsync(int fd);
int __real_fdatasync(int fd);
int __wrap_fdatasync(int fd);
ssize_t __real_pwritev(int fd, const struct iovec *v, int count, off_t at);
ssize_t __wrap_pwritev(int fd, const struct iovec *v, int count, off_t at);

int __wrap_fsync(int fd)
{
    if (test_vfs_on_fsync)
        test_vfs_on_fsync();
    errno = note_call(VFS_FSYNC);
    return errno ? -1 : __real_fsync(fd);
}

int __wrap_fdatasync(int fd)
{
    errno = note_call(VFS_LOG_SYNC);
    return errno ? -1 : __real_fdatasync(fd);
}

/* A failing one is short at first, as on a disk that fills up; the rest then fails. */
ssize_t __wrap_pwritev(int fd, const struct iovec *v, int count, off_t at)
{
    int errnum = note_call(VFS_LOG_WRITE);

    if (!errnum)
        return __real_pwritev(fd, v, count, at);
    for (int i = 0; i < count; i++)
        if (pwrite(fd, v[i].iov_base, v[i].iov_len - (i == count - 1 && v[i].iov_len), at) > 0)
            at += (off_t)v[i].iov_len;
    errno = errnum;
    return -1;
}

static int vfs_close(sqlite3_file *f)
{
    return real_of(f)->pMethods->xClose(real_of(f));
}

static int vfs_read(sqlite3_file *f, void *buffer, int n, sqlite3_int64 at)
{
    int rc = ((struct file *)(void *)f)->is_wal ? 0 : note(f, VFS_FILE_READ, VFS_FILE_READ);

    return rc ? rc : real_of(f)->pMethods->xRead(real_of(f), buffer, n, at);
}

static int vfs_write(sqlite3_file *f, const void *bytes, int n, sqlite3_int64 at)
{
    int rc = note(f, VFS_WAL_WRITE, VFS_FILE_WRITE);

    return rc ? rc : real_of(f)->pMethods->xWrite(real_of(f), bytes, n, at);
}

static int vfs_truncate(sqlite3_file *f, sqlite3_int64 size)
{
    return real_of(f)->pMethods->xTruncate(real_of(f), size);
}

static int vfs_sync(sqlite3_file *f, int flags)
{
    int rc = note(f, VFS_WAL_SYNC, VFS_FILE_SYNC);

    return rc ? rc : real_of(f)->pMethods->xSync(real_of(f), flags);
}

static int vfs_size(sqlite3_file *f, sqlite3_int64 *ret)
{
    return real_of(f)->pMethods->xFileSize(real_of(f), ret);
}

static int vfs_lock(sqlite3_file *f, int lock)
{
    return real_of(f)->pMethods->xLock(real_of(f), lock);
}

static int vfs_unlock(sqlite3_file *f, int lock)
{
    return real_of(f)->pMethods->xUnlock(real_of(f), lock);
}

static int vfs_check_lock(sqlite3_file *f, int *ret)
{
    return real_of(f)->pMethods->xCheckReservedLock(real_of(f), ret);
}

static int vfs_control(sqlite3_file *f, int op, void *arg)
{
    return real_of(f)->pMethods->xFileControl(real_of(f), op, arg);
}

static int vfs_sector(sqlite3_file *f)
{
    return real_of(f)->pMethods->xSectorSize(real_of(f));
}

static int vfs_characteristics(sqlite3_file *f)
{
    return real_of(f)->pMethods->xDeviceCharacteristics(real_of(f));
}

static int vfs_shm_map(sqlite3_file *f, int page, int size, int extend, void volatile **ret)
{
    return real_of(f)->pMethods->xShmMap(real_of(f), page, size, extend, ret);
}

static int vfs_shm_lock(sqlite3_file *f, int offset, int n, int flags)
{
    return real_of(f)->pMethods->xShmLock(real_of(f), offset, n, flags);
}

static void vfs_shm_barrier(sqlite3_file *f)
{
    real_of(f)->pMethods->xShmBarrier(real_of(f));
}

static int vfs_shm_unmap(sqlite3_file *f, int delete_it)
{
    return real_of(f)->pMethods->xShmUnmap(real_of(f), delete_it);
}

static const sqlite3_io_methods methods = {
    .iVersion = 2,
    .xClose = vfs_close,
    .xRead = vfs_read,
    .xWrite = vfs_write,
    .xTruncate = vfs_truncate,
    .xSync = vfs_sync,
    .xFileSize = vfs_size,
    .xLock = vfs_lock,
    .xUnlock = vfs_unlock,
    .xCheckReservedLock = vfs_check_lock,
    .xFileControl = vfs_control,
    .xSectorSize = vfs_sector,
    .xDeviceCharacteristics = vfs_characteristics,
    .xShmMap = vfs_shm_map,
    .xShmLock = vfs_shm_lock,
    .xShmBarrier = vfs_shm_barrier,
    .xShmUnmap = vfs_shm_unmap,
};

static int vfs_open(sqlite3_vfs *v, const char *name, sqlite3_file *f, int flags, int *ret_flags)
{
    struct file *file = (struct file *)(void *)f;
    int rc = real->xOpen(real, name, file->real, flags, ret_flags);

    (void)v;
    file->is_wal = (flags & SQLITE_OPEN_WAL) != 0;
    file->base.pMethods = file->real->pMethods ? &methods : 0;
    return rc;
}

void test_vfs_install(void)
{
    real = sqlite3_vfs_find("unix-excl");
    vfs = *real; /* its name as well: in front of it */
    vfs.szOsFile = (int)sizeof(struct file) + real->szOsFile;
    vfs.xOpen = vfs_open;
    ck_assert_int_eq(sqlite3_vfs_register(&vfs, 1), SQLITE_OK);
}

int test_vfs_count(enum vfs_call call)
{
    return counts[call];
}

void test_vfs_fail(enum vfs_call call, int n, int times, int rc)
{
    fail_with[call] = rc;
    fail_from[call] = counts[call] + n - 1;
    fail_to[call] = fail_from[call] + times;
}
