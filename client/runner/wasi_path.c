#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "client/runner/wasi.h"
#include "protocol/utf8.h"

enum { LOOKUP_FOLLOW = 1 };
enum { OPEN_CREATE = 1, OPEN_DIRECTORY = 2, OPEN_EXCLUSIVE = 4, OPEN_TRUNCATE = 8 };
enum { FLAG_APPEND = 1, FLAG_DSYNC = 2, FLAG_NONBLOCK = 4, FLAG_RSYNC = 8, FLAG_SYNC = 16 };

/* A path of the program's below one of its directories. */
struct place {
    const struct wasi_fd *directory;
    char path[PATH_MAX];
    int parent;       /* opened by `descend`, else -1 … */
    const char *last; /* … and what stands there, a part of `path` */
};

/* Nothing leads out: neither "..", nor an absolute path, nor a link, nor what is in /proc. */
static int open_below(int directory, const char *path, uint64_t flags, mode_t mode)
{
    struct open_how how = {.flags = flags | O_CLOEXEC | (flags & O_PATH ? 0 : O_NOCTTY),
                           .mode = flags & O_CREAT ? mode : 0,
                           .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
    long fd;
    do
        fd = syscall(SYS_openat2, directory, path, &how, sizeof(how));
    while (fd < 0 && errno == EAGAIN); /* somebody renamed something meanwhile */
    return (int)fd;
}

/* The kernel says EXDEV where a path would lead out. */
static uint32_t path_errno(void)
{
    return errno == EXDEV ? WASI_ENOTCAPABLE : wasi_errno(errno);
}

/* Of a directory with a single file in it all other names are not there. */
static bool is_hidden(const struct place *p)
{
    const char *path = p->path;
    while (path[0] == '.' && path[1] == '/')
        path += 2;
    return p->directory->only && strcmp(path, p->directory->only) != 0 && strcmp(path, ".") != 0;
}

static uint32_t find(struct host *h, uint32_t fd, uint64_t right, uint32_t path, uint32_t len,
                     struct place *ret)
{
    uint32_t answer = WASI_OK;
    ret->parent = -1;
    ret->directory = wasi_fd_with(h, fd, 0, &answer);
    if (!ret->directory)
        return answer;
    const char *bytes = (const char *)host_memory(h, path, len);
    if (!bytes)
        return WASI_EFAULT;
    if (ret->directory->kind != WASI_FD_DIRECTORY)
        return WASI_ENOTDIR;
    if (!wasi_fd_with(h, fd, right, &answer))
        return answer;
    if (len >= sizeof(ret->path))
        return WASI_ENAMETOOLONG;
    if (memchr(bytes, '\0', len) || !utf8_valid(bytes, len))
        return WASI_EILSEQ;
    memcpy(ret->path, bytes, len);
    ret->path[len] = '\0';
    if (len == 0 || is_hidden(ret))
        return WASI_ENOENT;
    return WASI_OK;
}

/* For what works on a name in a directory: the directory, opened, and the name. */
static uint32_t descend(struct place *p)
{
    size_t len = strlen(p->path);
    while (len > 1 && p->path[len - 1] == '/')
        p->path[--len] = '\0';
    char *slash = strrchr(p->path, '/');
    p->last = slash ? slash + 1 : p->path;
    if (strcmp(p->last, "..") == 0)
        return WASI_ENOTCAPABLE;
    if (strcmp(p->last, ".") == 0 || !*p->last)
        return slash == p->path ? WASI_ENOTCAPABLE : WASI_EINVAL;
    if (slash == p->path)
        return WASI_ENOTCAPABLE; /* "/name" */
    if (slash)
        *slash = '\0';
    p->parent = open_below(p->directory->host, slash ? p->path : ".", O_PATH | O_DIRECTORY, 0);
    return p->parent < 0 ? path_errno() : WASI_OK;
}

static uint32_t find_name(struct host *h, uint32_t fd, uint64_t right, uint32_t path, uint32_t len,
                          struct place *ret)
{
    uint32_t answer = find(h, fd, right, path, len, ret);
    return answer ? answer : descend(ret);
}

/* The answer for a system call that returned this; the place is left. */
static uint32_t leave(struct place *p, long result)
{
    uint32_t answer = result < 0 ? path_errno() : WASI_OK;
    if (p->parent >= 0)
        close(p->parent);
    return answer;
}

uint32_t wasi_path_create_directory(struct host *h, uint32_t fd, uint32_t path, uint32_t len)
{
    struct place p;
    uint32_t answer = find_name(h, fd, RIGHT_PATH_CREATE_DIRECTORY, path, len, &p);
    return answer ? answer : leave(&p, mkdirat(p.parent, p.last, 0777));
}

uint32_t wasi_path_remove_directory(struct host *h, uint32_t fd, uint32_t path, uint32_t len)
{
    struct place p;
    uint32_t answer = find_name(h, fd, RIGHT_PATH_REMOVE_DIRECTORY, path, len, &p);
    return answer ? answer : leave(&p, unlinkat(p.parent, p.last, AT_REMOVEDIR));
}

uint32_t wasi_path_unlink_file(struct host *h, uint32_t fd, uint32_t path, uint32_t len)
{
    struct place p;
    uint32_t answer = find_name(h, fd, RIGHT_PATH_UNLINK_FILE, path, len, &p);
    return answer ? answer : leave(&p, unlinkat(p.parent, p.last, 0));
}

/* An open descriptor of what a path names, good for fstat and the like. */
static int open_path(const struct place *p, uint32_t lookup)
{
    return open_below(p->directory->host, p->path,
                      O_PATH | (lookup & LOOKUP_FOLLOW ? 0 : O_NOFOLLOW), 0);
}

uint32_t wasi_path_filestat_get(struct host *h, uint32_t fd, uint32_t flags, uint32_t path,
                                uint32_t len, uint32_t ret)
{
    struct place p;
    struct stat st;
    uint32_t answer = find(h, fd, RIGHT_PATH_FILESTAT_GET, path, len, &p);
    uint8_t *at = host_memory(h, ret, 64);
    if (answer || !at)
        return answer ? answer : WASI_EFAULT;
    int found = open_path(&p, flags);
    if (found < 0)
        return path_errno();
    if (fstat(found, &st) < 0)
        answer = wasi_errno(errno);
    else
        wasi_store_filestat(at, &st);
    close(found);
    return answer;
}

uint32_t wasi_path_filestat_set_times(struct host *h, uint32_t fd, uint32_t flags, uint32_t path,
                                      uint32_t len, uint64_t atime, uint64_t mtime,
                                      uint32_t time_flags)
{
    struct place p;
    struct timespec times[2];
    uint32_t answer = find(h, fd, RIGHT_PATH_FILESTAT_SET_TIMES, path, len, &p);
    if (answer)
        return answer;
    if (!wasi_times(atime, mtime, time_flags, times))
        return WASI_EINVAL;
    int found = open_path(&p, flags);
    if (found < 0)
        return path_errno();
    if (utimensat(found, "", times, AT_EMPTY_PATH) < 0)
        answer = wasi_errno(errno);
    close(found);
    return answer;
}

/* The link itself is linked: to follow it could lead anywhere. */
uint32_t wasi_path_link(struct host *h, uint32_t old_fd, uint32_t flags, uint32_t old_path,
                        uint32_t old_len, uint32_t new_fd, uint32_t new_path, uint32_t new_len)
{
    struct place from, to;
    uint32_t answer = find_name(h, old_fd, RIGHT_PATH_LINK_SOURCE, old_path, old_len, &from);
    if (answer)
        return answer;
    if (flags & LOOKUP_FOLLOW) {
        leave(&from, 0);
        return WASI_EINVAL;
    }
    answer = find_name(h, new_fd, RIGHT_PATH_LINK_TARGET, new_path, new_len, &to);
    if (!answer)
        answer = leave(&to, linkat(from.parent, from.last, to.parent, to.last, 0));
    leave(&from, 0);
    return answer;
}

uint32_t wasi_path_rename(struct host *h, uint32_t old_fd, uint32_t old_path, uint32_t old_len,
                          uint32_t new_fd, uint32_t new_path, uint32_t new_len)
{
    struct place from, to;
    uint32_t answer = find_name(h, old_fd, RIGHT_PATH_RENAME_SOURCE, old_path, old_len, &from);
    if (answer)
        return answer;
    answer = find_name(h, new_fd, RIGHT_PATH_RENAME_TARGET, new_path, new_len, &to);
    if (!answer)
        answer = leave(&to, renameat(from.parent, from.last, to.parent, to.last));
    leave(&from, 0);
    return answer;
}

/* A link leads the program nowhere, but others who follow it: it may not begin at the root. */
uint32_t wasi_path_symlink(struct host *h, uint32_t target, uint32_t target_len, uint32_t fd,
                           uint32_t path, uint32_t len)
{
    struct place p;
    char text[PATH_MAX];
    const char *bytes = (const char *)host_memory(h, target, target_len);
    if (!bytes)
        return WASI_EFAULT;
    if (target_len >= sizeof(text))
        return WASI_ENAMETOOLONG;
    if (memchr(bytes, '\0', target_len) || !utf8_valid(bytes, target_len))
        return WASI_EILSEQ;
    memcpy(text, bytes, target_len);
    text[target_len] = '\0';
    if (text[0] == '/')
        return WASI_ENOTCAPABLE;
    uint32_t answer = find_name(h, fd, RIGHT_PATH_SYMLINK, path, len, &p);
    return answer ? answer : leave(&p, symlinkat(text, p.parent, p.last));
}

uint32_t wasi_path_readlink(struct host *h, uint32_t fd, uint32_t path, uint32_t len,
                            uint32_t buffer, uint32_t size, uint32_t ret)
{
    struct place p;
    char text[PATH_MAX];
    uint32_t answer = find_name(h, fd, RIGHT_PATH_READLINK, path, len, &p);
    if (answer)
        return answer;
    ssize_t n = readlinkat(p.parent, p.last, text, sizeof(text));
    answer = leave(&p, n);
    uint8_t *at = host_memory(h, buffer, size), *ret_at = host_memory(h, ret, 4);
    if (answer || !at || !ret_at)
        return answer ? answer : WASI_EFAULT;
    uint32_t used = (uint32_t)n < size ? (uint32_t)n : size;
    memcpy(at, text, used);
    host_store32(ret_at, used);
    return WASI_OK;
}

/* The host's flags, and the rights that they need. */
static uint64_t open_flags_of(uint32_t lookup, uint32_t flags, uint64_t rights, uint32_t fd_flags,
                              uint64_t *ret_needs)
{
    bool reads = rights & (RIGHT_FD_READ | RIGHT_FD_READDIR);
    bool writes = rights & (RIGHT_FD_WRITE | RIGHT_FD_ALLOCATE | RIGHT_FD_FILESTAT_SET_SIZE);
    if (flags & OPEN_DIRECTORY)
        writes = false;
    *ret_needs = RIGHT_PATH_OPEN | (flags & OPEN_CREATE ? RIGHT_PATH_CREATE_FILE : 0) |
                 (flags & OPEN_TRUNCATE ? RIGHT_PATH_FILESTAT_SET_SIZE : 0);
    return (
        uint64_t)((writes ? (reads ? O_RDWR : O_WRONLY) : O_RDONLY) |
                  (lookup & LOOKUP_FOLLOW ? 0 : O_NOFOLLOW) | (flags & OPEN_CREATE ? O_CREAT : 0) |
                  (flags & OPEN_DIRECTORY ? O_DIRECTORY : 0) |
                  (flags & OPEN_EXCLUSIVE ? O_EXCL : 0) | (flags & OPEN_TRUNCATE ? O_TRUNC : 0) |
                  (fd_flags & FLAG_APPEND ? O_APPEND : 0) | (fd_flags & FLAG_DSYNC ? O_DSYNC : 0) |
                  (fd_flags & FLAG_NONBLOCK ? O_NONBLOCK : 0) |
                  (fd_flags & (FLAG_RSYNC | FLAG_SYNC) ? O_SYNC : 0));
}

/* A directory that could be written to has rights to write that it does not inherit. */
static uint32_t add_opened(struct host *h, const struct place *p, int host, uint64_t rights,
                           uint64_t inheriting, uint8_t *ret_at)
{
    struct stat st;
    uint32_t number;
    if (fstat(host, &st) < 0) {
        close(host);
        return WASI_EIO;
    }
    bool directory = S_ISDIR(st.st_mode);
    if (p->directory->read_only)
        rights &= ~(uint64_t)RIGHTS_WRITE;
    struct wasi_fd fd = {
        .kind = directory ? WASI_FD_DIRECTORY : WASI_FD_FILE,
        .host = host,
        .rights = rights & p->directory->inheriting & (directory ? RIGHTS_DIRECTORY : RIGHTS_FILE),
        .inheriting = directory ? inheriting & p->directory->inheriting : 0,
        .read_only = p->directory->read_only,
        .only = directory ? p->directory->only : NULL,
    };
    if (!wasi_fds_add(h->fds, &fd, &number)) {
        close(host);
        return WASI_EMFILE;
    }
    host_store32(ret_at, number);
    return WASI_OK;
}

uint32_t wasi_path_open(struct host *h, uint32_t fd, uint32_t lookup, uint32_t path, uint32_t len,
                        uint32_t open_flags, uint64_t rights, uint64_t inheriting,
                        uint32_t fd_flags, uint32_t ret)
{
    struct place p;
    uint64_t needs;
    uint64_t flags = open_flags_of(lookup, open_flags, rights, fd_flags, &needs);
    uint32_t answer = find(h, fd, needs, path, len, &p);
    uint8_t *ret_at = host_memory(h, ret, 4);
    if (answer || !ret_at)
        return answer ? answer : WASI_EFAULT;
    if ((flags & (O_WRONLY | O_RDWR)) && p.directory->read_only)
        return WASI_EROFS;
    int host = open_below(p.directory->host, p.path, flags, 0666);
    if (host < 0)
        return path_errno();
    return add_opened(h, &p, host, rights, inheriting, ret_at);
}
