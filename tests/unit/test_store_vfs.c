#include "test_store_vfs.h"

#include <check.h>
#include <errno.h>
#include <sqlite3.h>
#include <stdatomic.h>

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
static int note(sqlite3_file *f, enum vfs_call wal_call, enum vfs_call file_call)
{
    enum vfs_call call = ((struct file *)(void *)f)->is_wal ? wal_call : file_call;
    int n = atomic_fetch_add(&counts[call], 1);

    if (n < fail_from[call] || n >= fail_to[call])
        return 0;
    errno = EIO;
    return fail_with[call];
}

static int vfs_close(sqlite3_file *f)
{
    return real_of(f)->pMethods->xClose(real_of(f));
}

static int vfs_read(sqlite3_file *f, void *buffer, int n, sqlite3_int64 at)
{
    return real_of(f)->pMethods->xRead(real_of(f), buffer, n, at);
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

static const sqlite3_io_methods methods = {
    .iVersion = 1,
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
    real = sqlite3_vfs_find(0);
    vfs = *real;
    vfs.zName = "test";
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
