#include "client/runner/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Up to `len` bytes; how many there were, or -1. */
static ssize_t read_fully(int fd, uint8_t *bytes, size_t len)
{
    size_t done = 0;
    while (done < len) {
        ssize_t n = read(fd, bytes + done, len - done);
        if (n == 0)
            break;
        if (n < 0 && errno != EINTR)
            return -1;
        done += n > 0 ? (size_t)n : 0;
    }
    return (ssize_t)done;
}

int file_read_up_to(const char *path, uint64_t max, void **ret_bytes, size_t *ret_len,
                    struct error *e)
{
    struct stat st;
    uint8_t *bytes = NULL;
    ssize_t len = -1;
    int code = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0) {
        code = error_set(e, ERR_OTHER, "cannot open '%s': %s", path, strerror(errno));
        goto done;
    }
    if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size > max) {
        code = error_set(e, ERR_OTHER, "cannot read '%s': %s", path,
                         S_ISREG(st.st_mode) ? "it is too large" : "it is not a file");
        goto done;
    }
    bytes = malloc((size_t)st.st_size + 1);
    if (bytes)
        len = read_fully(fd, bytes, (size_t)st.st_size);
    if (len < 0) {
        code = error_set(e, ERR_OTHER, "cannot read '%s': %s", path, strerror(errno));
        free(bytes);
        goto done;
    }
    bytes[len] = '\0';
    *ret_bytes = bytes;
    *ret_len = (size_t)len;
done:
    if (fd >= 0)
        close(fd);
    return code;
}

int file_read(const char *path, void **ret_bytes, size_t *ret_len, struct error *e)
{
    return file_read_up_to(path, FILE_MAX, ret_bytes, ret_len, e);
}

int file_write(const char *path, const void *bytes, size_t len, struct error *e)
{
    const uint8_t *at = bytes;
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    while (fd >= 0 && len > 0) {
        ssize_t n = write(fd, at, len);
        if (n < 0 && errno != EINTR) {
            error_set(e, ERR_OTHER, "cannot write '%s': %s", path, strerror(errno));
            close(fd);
            return ERR_OTHER;
        }
        at += n > 0 ? n : 0;
        len -= n > 0 ? (size_t)n : 0;
    }
    if (fd < 0 || close(fd) < 0)
        return error_set(e, ERR_OTHER, "cannot write '%s': %s", path, strerror(errno));
    return 0;
}

bool file_is_in(const char *directory, const char *file)
{
    char path[PATH_MAX];
    return snprintf(path, sizeof(path), "%s/%s", directory, file) < (int)sizeof(path) &&
           access(path, R_OK) == 0;
}

void file_remove_directory(const char *path)
{
    DIR *directory = opendir(path);
    if (!directory)
        return;
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;)
        unlinkat(dirfd(directory), entry->d_name, 0);
    closedir(directory);
    rmdir(path);
}
