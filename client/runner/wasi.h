/* WASI preview 1, as far as programs need it that use no files: arguments, environment, clocks,
 * random bytes, waiting, the standard descriptors, exit. The other functions are answered by the
 * glue with a fixed errno, see imports.c. All answer a WASI errno. */
#ifndef BOBBIN_RUNNER_WASI_H
#define BOBBIN_RUNNER_WASI_H

#include <stdint.h>

#include "client/runner/host.h"

/* X(errno, WASI's number): those that the host's functions used here may fail with. */
#define WASI_ERRNO_LIST(X)                                                                         \
    X(EACCES, 2)                                                                                   \
    X(EAGAIN, 6)                                                                                   \
    X(EBADF, 8)                                                                                    \
    X(ECONNRESET, 15)                                                                              \
    X(EDQUOT, 19)                                                                                  \
    X(EFAULT, 21)                                                                                  \
    X(EFBIG, 22)                                                                                   \
    X(EINTR, 27)                                                                                   \
    X(EINVAL, 28)                                                                                  \
    X(EIO, 29)                                                                                     \
    X(ENOMEM, 48)                                                                                  \
    X(ENOSPC, 51)                                                                                  \
    X(ENOSYS, 52)                                                                                  \
    X(ENOTSUP, 58)                                                                                 \
    X(EPERM, 63)                                                                                   \
    X(EPIPE, 64)                                                                                   \
    X(ESPIPE, 70)

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

uint32_t wasi_fd_close(struct host *h, uint32_t fd);
uint32_t wasi_fd_datasync(struct host *h, uint32_t fd);
uint32_t wasi_fd_fdstat_get(struct host *h, uint32_t fd, uint32_t ret);
uint32_t wasi_fd_fdstat_set_flags(struct host *h, uint32_t fd, uint32_t flags);
uint32_t wasi_fd_filestat_get(struct host *h, uint32_t fd, uint32_t ret);
uint32_t wasi_fd_read(struct host *h, uint32_t fd, uint32_t iovs, uint32_t count, uint32_t ret);
uint32_t wasi_fd_seek(struct host *h, uint32_t fd, uint64_t offset, uint32_t whence, uint32_t ret);
uint32_t wasi_fd_sync(struct host *h, uint32_t fd);
uint32_t wasi_fd_tell(struct host *h, uint32_t fd, uint32_t ret);
uint32_t wasi_fd_write(struct host *h, uint32_t fd, uint32_t iovs, uint32_t count, uint32_t ret);

uint32_t wasi_poll_oneoff(struct host *h, uint32_t in, uint32_t out, uint32_t count, uint32_t ret);

/* Whether a descriptor of the program's is there. */
bool wasi_fd_open(const struct host *h, uint32_t fd);

#endif
