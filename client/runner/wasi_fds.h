/* The descriptors of a program: the three that it begins with, the directories that it was given,
 * and what it has opened below them. */
#ifndef BOBBIN_RUNNER_WASI_FDS_H
#define BOBBIN_RUNNER_WASI_FDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/errors.h"

/* How many a program may have. */
#define WASI_FDS_MAX 256

/* WASI's rights, by their bits. */
enum wasi_right {
    RIGHT_FD_DATASYNC = 1 << 0,
    RIGHT_FD_READ = 1 << 1,
    RIGHT_FD_SEEK = 1 << 2,
    RIGHT_FD_FDSTAT_SET_FLAGS = 1 << 3,
    RIGHT_FD_SYNC = 1 << 4,
    RIGHT_FD_TELL = 1 << 5,
    RIGHT_FD_WRITE = 1 << 6,
    RIGHT_FD_ADVISE = 1 << 7,
    RIGHT_FD_ALLOCATE = 1 << 8,
    RIGHT_PATH_CREATE_DIRECTORY = 1 << 9,
    RIGHT_PATH_CREATE_FILE = 1 << 10,
    RIGHT_PATH_LINK_SOURCE = 1 << 11,
    RIGHT_PATH_LINK_TARGET = 1 << 12,
    RIGHT_PATH_OPEN = 1 << 13,
    RIGHT_FD_READDIR = 1 << 14,
    RIGHT_PATH_READLINK = 1 << 15,
    RIGHT_PATH_RENAME_SOURCE = 1 << 16,
    RIGHT_PATH_RENAME_TARGET = 1 << 17,
    RIGHT_PATH_FILESTAT_GET = 1 << 18,
    RIGHT_PATH_FILESTAT_SET_SIZE = 1 << 19,
    RIGHT_PATH_FILESTAT_SET_TIMES = 1 << 20,
    RIGHT_FD_FILESTAT_GET = 1 << 21,
    RIGHT_FD_FILESTAT_SET_SIZE = 1 << 22,
    RIGHT_FD_FILESTAT_SET_TIMES = 1 << 23,
    RIGHT_PATH_SYMLINK = 1 << 24,
    RIGHT_PATH_REMOVE_DIRECTORY = 1 << 25,
    RIGHT_PATH_UNLINK_FILE = 1 << 26,
    RIGHT_POLL = 1 << 27,
};

/* Those that change something, those of a directory, and those of a file. */
#define RIGHTS_WRITE                                                                               \
    (RIGHT_FD_DATASYNC | RIGHT_FD_SYNC | RIGHT_FD_WRITE | RIGHT_FD_ALLOCATE |                      \
     RIGHT_PATH_CREATE_DIRECTORY | RIGHT_PATH_CREATE_FILE | RIGHT_PATH_LINK_SOURCE |               \
     RIGHT_PATH_LINK_TARGET | RIGHT_PATH_RENAME_SOURCE | RIGHT_PATH_RENAME_TARGET |                \
     RIGHT_PATH_FILESTAT_SET_SIZE | RIGHT_PATH_FILESTAT_SET_TIMES | RIGHT_FD_FILESTAT_SET_SIZE |   \
     RIGHT_FD_FILESTAT_SET_TIMES | RIGHT_PATH_SYMLINK | RIGHT_PATH_REMOVE_DIRECTORY |              \
     RIGHT_PATH_UNLINK_FILE)
#define RIGHTS_FILE                                                                                \
    (RIGHT_FD_DATASYNC | RIGHT_FD_READ | RIGHT_FD_SEEK | RIGHT_FD_FDSTAT_SET_FLAGS |               \
     RIGHT_FD_SYNC | RIGHT_FD_TELL | RIGHT_FD_WRITE | RIGHT_FD_ADVISE | RIGHT_FD_ALLOCATE |        \
     RIGHT_FD_FILESTAT_GET | RIGHT_FD_FILESTAT_SET_SIZE | RIGHT_FD_FILESTAT_SET_TIMES |            \
     RIGHT_POLL)
#define RIGHTS_DIRECTORY                                                                           \
    (RIGHT_FD_FDSTAT_SET_FLAGS | RIGHT_FD_SYNC | RIGHT_FD_DATASYNC | RIGHT_PATH_CREATE_DIRECTORY | \
     RIGHT_PATH_CREATE_FILE | RIGHT_PATH_LINK_SOURCE | RIGHT_PATH_LINK_TARGET | RIGHT_PATH_OPEN |  \
     RIGHT_FD_READDIR | RIGHT_PATH_READLINK | RIGHT_PATH_RENAME_SOURCE |                           \
     RIGHT_PATH_RENAME_TARGET | RIGHT_PATH_FILESTAT_GET | RIGHT_PATH_FILESTAT_SET_SIZE |           \
     RIGHT_PATH_FILESTAT_SET_TIMES | RIGHT_FD_FILESTAT_GET | RIGHT_FD_FILESTAT_SET_TIMES |         \
     RIGHT_PATH_SYMLINK | RIGHT_PATH_REMOVE_DIRECTORY | RIGHT_PATH_UNLINK_FILE)

enum wasi_fd_kind { WASI_FD_FREE, WASI_FD_STDIO, WASI_FD_DIRECTORY, WASI_FD_FILE };

struct wasi_fd {
    enum wasi_fd_kind kind;
    int host;            /* the descriptor of this process */
    uint64_t rights;     /* what may be done with it … */
    uint64_t inheriting; /* … and with what is opened below it */
    const char *name;    /* of a directory that the program was given; else NULL */
    bool read_only;      /* so is all below it */
    const char *only;    /* only this file is to be seen in it, under its own name; or NULL */
};

struct wasi_fds;

/* With the standard descriptors. NULL: out of memory. */
struct wasi_fds *wasi_fds_new(void);
void wasi_fds_free(struct wasi_fds *t);

/* Give the program a directory or a file of the host under a path of its own. A file becomes the
 * only one in its directory, and keeps its name. The error names what cannot be opened. */
int wasi_fds_give(struct wasi_fds *t, const char *source, const char *destination, bool writable,
                  struct error *e);
/* The same for lines of "SOURCE<tab>DESTINATION[<tab>rw]". */
int wasi_fds_give_all(struct wasi_fds *t, const char *lines, struct error *e);

/* NULL for a descriptor that is not open. */
struct wasi_fd *wasi_fds_find(struct wasi_fds *t, uint32_t fd);
/* Takes the host's descriptor; false if there are too many. */
bool wasi_fds_add(struct wasi_fds *t, const struct wasi_fd *fd, uint32_t *ret);
/* Those of the host that the runner needs itself stay open. */
void wasi_fds_close(struct wasi_fds *t, uint32_t fd);
/* Let `to` be what `from` is, which then is free. Both are open. */
void wasi_fds_renumber(struct wasi_fds *t, uint32_t from, uint32_t to);

/* What the program was given, for the sandbox: the next such descriptor at or behind `fd`. */
const struct wasi_fd *wasi_fds_given(const struct wasi_fds *t, uint32_t *fd);

#endif
