#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "client/runner/wasi.h"

/* What stands before a name in the program's buffer. */
#define DIRENT_SIZE 24

/* As the kernel hands them out. */
struct entry {
    uint64_t inode;
    int64_t next; /* where to go on behind it: what WASI calls a cookie */
    unsigned short size;
    unsigned char type;
    char name[];
};

uint32_t wasi_fd_prestat_get(struct host *h, uint32_t number, uint32_t ret)
{
    uint8_t *at = host_memory(h, ret, 8);
    const struct wasi_fd *fd = wasi_fds_find(h->fds, number);
    if (!fd || !fd->name)
        return WASI_EBADF; /* ends a program's search for directories */
    if (!at)
        return WASI_EFAULT;
    memset(at, 0, 8);
    host_store32(at + 4, (uint32_t)strlen(fd->name));
    return WASI_OK;
}

uint32_t wasi_fd_prestat_dir_name(struct host *h, uint32_t number, uint32_t name, uint32_t len)
{
    const struct wasi_fd *fd = wasi_fds_find(h->fds, number);
    if (!fd || !fd->name)
        return WASI_EBADF;
    if (len < strlen(fd->name))
        return WASI_ENAMETOOLONG;
    uint8_t *at = host_memory(h, name, strlen(fd->name));
    if (!at)
        return WASI_EFAULT;
    memcpy(at, fd->name, strlen(fd->name));
    return WASI_OK;
}

static uint8_t type_of(unsigned char type)
{
    return wasi_filetype(type == DT_UNKNOWN ? 0 : (mode_t)DTTOIF(type));
}

/* As much of the entry as there is room for; how many bytes that are. */
static uint32_t write_entry(uint8_t *at, uint32_t room, const struct entry *entry)
{
    uint8_t head[DIRENT_SIZE] = {0};
    uint32_t len = (uint32_t)strlen(entry->name);
    host_store64(head, (uint64_t)entry->next);
    host_store64(head + 8, entry->inode);
    host_store32(head + 16, len);
    head[20] = type_of(entry->type);
    uint32_t first = room < DIRENT_SIZE ? room : DIRENT_SIZE;
    uint32_t second = room - first < len ? room - first : len;
    memcpy(at, head, first);
    memcpy(at + first, entry->name, second);
    return first + second;
}

static bool is_shown(const struct wasi_fd *fd, const char *name)
{
    return !fd->only || strcmp(name, fd->only) == 0 || strcmp(name, ".") == 0 ||
           strcmp(name, "..") == 0;
}

/* The entries behind the cookie, until the buffer is full: a program takes a full one to mean that
 * there are more. */
static uint32_t read_entries(const struct wasi_fd *fd, uint8_t *at, uint32_t len, uint32_t *ret)
{
    _Alignas(struct entry) char raw[8192];
    uint32_t used = 0;
    while (used < len) {
        long n = syscall(SYS_getdents64, fd->host, raw, sizeof(raw));
        if (n < 0)
            return wasi_errno(errno);
        if (n == 0)
            break;
        for (long i = 0; i < n && used < len;) {
            const struct entry *entry = (const struct entry *)(const void *)(raw + i);
            if (is_shown(fd, entry->name))
                used += write_entry(at + used, len - used, entry);
            i += entry->size;
        }
    }
    *ret = used;
    return WASI_OK;
}

uint32_t wasi_fd_readdir(struct host *h, uint32_t number, uint32_t buffer, uint32_t len,
                         uint64_t cookie, uint32_t ret)
{
    uint32_t answer = WASI_OK, used = 0;
    const struct wasi_fd *fd = wasi_fd_with(h, number, RIGHT_FD_READDIR, &answer);
    if (!fd)
        return answer;
    uint8_t *at = host_memory(h, buffer, len), *ret_at = host_memory(h, ret, 4);
    if (!at || !ret_at)
        return WASI_EFAULT;
    if (lseek(fd->host, (off_t)cookie, SEEK_SET) < 0)
        return wasi_errno(errno);
    answer = read_entries(fd, at, len, &used);
    if (!answer)
        host_store32(ret_at, used);
    return answer;
}
