/* WASI preview 1: all of its functions. Sockets and signals are refused with their errno (by the
 * glue, see imports.c); files are those below the directories that the program was given. All
 * answer a WASI errno. */
#ifndef BOBBIN_RUNNER_WASI_H
#define BOBBIN_RUNNER_WASI_H

#include <stdint.h>
#include <sys/stat.h>

#include "client/runner/host.h"
#include "client/runner/wasi_fds.h"

/* X(errno, WASI's number): those that the host's functions used here may fail with. */
#define WASI_ERRNO_LIST(X)                                                                         \
    X(EACCES, 2)                                                                                   \
    X(EAGAIN, 6)                                                                                   \
    X(EBADF, 8)                                                                                    \
    X(EBUSY, 10)                                                                                   \
    X(ECONNRESET, 15)                                                                              \
    X(EDQUOT, 19)                                                                                  \
    X(EEXIST, 20)                                                                                  \
    X(EFAULT, 21)                                                                                  \
    X(EFBIG, 22)                                                                                   \
    X(EILSEQ, 25)                                                                                  \
    X(EINTR, 27)                                                                                   \
    X(EINVAL, 28)                                                                                  \
    X(EIO, 29)                                                                                     \
    X(EISDIR, 31)                                                                                  \
    X(ELOOP, 32)                                                                                   \
    X(EMFILE, 33)                                                                                  \
    X(EMLINK, 34)                                                                                  \
    X(ENAMETOOLONG, 37)                                                                            \
    X(ENFILE, 41)                                                                                  \
    X(ENODEV, 43)                                                                                  \
    X(ENOENT, 44)                                                                                  \
    X(ENOMEM, 48)                                                                                  \
    X(ENOSPC, 51)                                                                                  \
    X(ENOSYS, 52)                                                                                  \
    X(ENOTDIR, 54)                                                                                 \
    X(ENOTEMPTY, 55)                                                                               \
    X(ENOTSUP, 58)                                                                                 \
    X(ENXIO, 60)                                                                                   \
    X(EOVERFLOW, 61)                                                                               \
    X(EPERM, 63)                                                                                   \
    X(EPIPE, 64)                                                                                   \
    X(EROFS, 69)                                                                                   \
    X(ESPIPE, 70)                                                                                  \
    X(ETXTBSY, 74)                                                                                 \
    X(EXDEV, 75)

/* What the host has no number for. */
#define WASI_ENOTCAPABLE 76
#define WASI_ENOTSOCK 57

enum {
    WASI_OK = 0,
#define X(name, number) WASI_##name = (number),
    WASI_ERRNO_LIST(X)
#undef X
};

/* WASI's number for an errno of the host; WASI_EIO for those that are not in the list. */
uint32_t wasi_errno(int host_errno);
/* The host's clock for WASI's clock id; -1 if there is none. */
int wasi_clock(uint32_t id);

uint32_t wasi_args_get(struct host *h, uint32_t pointers, uint32_t bytes);
uint32_t wasi_args_sizes_get(struct host *h, uint32_t ret_count, uint32_t ret_size);
uint32_t wasi_environ_get(struct host *h, uint32_t pointers, uint32_t bytes);
uint32_t wasi_environ_sizes_get(struct host *h, uint32_t ret_count, uint32_t ret_size);
uint32_t wasi_clock_res_get(struct host *h, uint32_t id, uint32_t ret);
uint32_t wasi_clock_time_get(struct host *h, uint32_t id, uint64_t precision, uint32_t ret);
uint32_t wasi_random_get(struct host *h, uint32_t at, uint32_t len);
uint32_t wasi_sched_yield(struct host *h);
void wasi_proc_exit(struct host *h, uint32_t status) __attribute__((noreturn));

uint32_t wasi_fd_advise(struct host *h, uint32_t fd, uint64_t offset, uint64_t len,
                        uint32_t advice);
uint32_t wasi_fd_allocate(struct host *h, uint32_t fd, uint64_t offset, uint64_t len);
uint32_t wasi_fd_close(struct host *h, uint32_t fd);
uint32_t wasi_fd_datasync(struct host *h, uint32_t fd);
uint32_t wasi_fd_fdstat_get(struct host *h, uint32_t fd, uint32_t ret);
uint32_t wasi_fd_fdstat_set_flags(struct host *h, uint32_t fd, uint32_t flags);
uint32_t wasi_fd_fdstat_set_rights(struct host *h, uint32_t fd, uint64_t base, uint64_t inheriting);
uint32_t wasi_fd_filestat_get(struct host *h, uint32_t fd, uint32_t ret);
uint32_t wasi_fd_filestat_set_size(struct host *h, uint32_t fd, uint64_t size);
uint32_t wasi_fd_filestat_set_times(struct host *h, uint32_t fd, uint64_t atime, uint64_t mtime,
                                    uint32_t flags);
uint32_t wasi_fd_pread(struct host *h, uint32_t fd, uint32_t iovs, uint32_t count, uint64_t offset,
                       uint32_t ret);
uint32_t wasi_fd_prestat_get(struct host *h, uint32_t fd, uint32_t ret);
uint32_t wasi_fd_prestat_dir_name(struct host *h, uint32_t fd, uint32_t name, uint32_t len);
uint32_t wasi_fd_pwrite(struct host *h, uint32_t fd, uint32_t iovs, uint32_t count, uint64_t offset,
                        uint32_t ret);
uint32_t wasi_fd_read(struct host *h, uint32_t fd, uint32_t iovs, uint32_t count, uint32_t ret);
uint32_t wasi_fd_readdir(struct host *h, uint32_t fd, uint32_t buffer, uint32_t len,
                         uint64_t cookie, uint32_t ret);
uint32_t wasi_fd_renumber(struct host *h, uint32_t from, uint32_t to);
uint32_t wasi_fd_seek(struct host *h, uint32_t fd, uint64_t offset, uint32_t whence, uint32_t ret);
uint32_t wasi_fd_sync(struct host *h, uint32_t fd);
uint32_t wasi_fd_tell(struct host *h, uint32_t fd, uint32_t ret);
uint32_t wasi_fd_write(struct host *h, uint32_t fd, uint32_t iovs, uint32_t count, uint32_t ret);

/* Paths are below the directory `fd`, whatever they say: nothing leads out of it. */
uint32_t wasi_path_create_directory(struct host *h, uint32_t fd, uint32_t path, uint32_t len);
uint32_t wasi_path_filestat_get(struct host *h, uint32_t fd, uint32_t flags, uint32_t path,
                                uint32_t len, uint32_t ret);
uint32_t wasi_path_filestat_set_times(struct host *h, uint32_t fd, uint32_t flags, uint32_t path,
                                      uint32_t len, uint64_t atime, uint64_t mtime,
                                      uint32_t time_flags);
uint32_t wasi_path_link(struct host *h, uint32_t old_fd, uint32_t flags, uint32_t old_path,
                        uint32_t old_len, uint32_t new_fd, uint32_t new_path, uint32_t new_len);
uint32_t wasi_path_open(struct host *h, uint32_t fd, uint32_t lookup, uint32_t path, uint32_t len,
                        uint32_t open_flags, uint64_t rights, uint64_t inheriting,
                        uint32_t fd_flags, uint32_t ret);
uint32_t wasi_path_readlink(struct host *h, uint32_t fd, uint32_t path, uint32_t len,
                            uint32_t buffer, uint32_t size, uint32_t ret);
uint32_t wasi_path_remove_directory(struct host *h, uint32_t fd, uint32_t path, uint32_t len);
uint32_t wasi_path_rename(struct host *h, uint32_t old_fd, uint32_t old_path, uint32_t old_len,
                          uint32_t new_fd, uint32_t new_path, uint32_t new_len);
uint32_t wasi_path_symlink(struct host *h, uint32_t target, uint32_t target_len, uint32_t fd,
                           uint32_t path, uint32_t len);
uint32_t wasi_path_unlink_file(struct host *h, uint32_t fd, uint32_t path, uint32_t len);

uint32_t wasi_poll_oneoff(struct host *h, uint32_t in, uint32_t out, uint32_t count, uint32_t ret);

/* An open descriptor with these rights; otherwise NULL and the errno in *ret_answer. */
struct wasi_fd *wasi_fd_with(const struct host *h, uint32_t fd, uint64_t rights,
                             uint32_t *ret_answer);
/* WASI's file type for a mode, and a filestat of 64 bytes. */
uint8_t wasi_filetype(mode_t mode);
void wasi_store_filestat(uint8_t *at, const struct stat *st);
/* Times to be set: from WASI's flags to what utimensat takes. False: they contradict each other. */
bool wasi_times(uint64_t atime, uint64_t mtime, uint32_t flags, struct timespec ret[2]);

#endif
