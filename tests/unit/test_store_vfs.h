/* A SQLite VFS in front of the store's real one that counts writes and syncs and fails them when
 * told. */
#ifndef BOBBIN_TEST_STORE_VFS_H
#define BOBBIN_TEST_STORE_VFS_H

/* LOG: the commit log, whose system calls the linker leads through here. FSYNC: of names, and of whatever else is not
 * SQLite's. */
enum vfs_call {
    VFS_WAL_WRITE,
    VFS_WAL_SYNC,
    VFS_FILE_WRITE,
    VFS_FILE_SYNC,
    VFS_FILE_READ,
    VFS_LOG_WRITE,
    VFS_LOG_SYNC,
    VFS_FSYNC,
    VFS_CALL_COUNT
};

/* Let the store find it in place of its own, and make it the default VFS of this process. Once, before any store is opened. */
void test_vfs_install(void);
/* How many such calls there have been, failed ones included. */
int test_vfs_count(enum vfs_call call);
/* Let the n-th call from now (1: the next) and the `times` - 1 behind it fail with this result of
 * SQLite, or this errno for the commit log. */
/* What fails of VFS_LOG_WRITE writes all but the last byte first. */
void test_vfs_fail(enum vfs_call call, int n, int times, int rc);

/* NULL, or called in each VFS_FSYNC. */
extern void (*test_vfs_on_fsync)(void);

#endif
