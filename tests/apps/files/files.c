/* What a C program may do with files, through all that wasi-libc makes of them: /ro and /one.txt
 * can be read, /rw can be written to; nothing else is there. Each group names the functions of WASI
 * that are behind it. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include <wasi/api.h>

#include "check.h"

/* wasi-libc has no use for it. */
__attribute__((import_module("wasi_snapshot_preview1"), import_name("proc_raise"))) uint32_t
proc_raise(uint32_t signal);

static int fails(int result, int expected)
{
    if (result >= 0)
        printf("succeeded, errno %d expected\n", expected);
    else if (errno != expected)
        printf("errno %d (%s), %d expected\n", errno, strerror(errno), expected);
    return result < 0 && errno == expected;
}

/* path_open, fd_read, fd_close, fd_filestat_get, path_filestat_get, fd_fdstat_get */
static void test_read(void)
{
    char text[32] = "";
    struct stat st, again;
    int fd = open("/ro/text", O_RDONLY);
    CHECK(fd >= 0 && read(fd, text, sizeof(text)) == 5 && strcmp(text, "hello") == 0);
    CHECK(fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size == 5);
    CHECK(stat("/ro/text", &again) == 0 && again.st_ino == st.st_ino && again.st_mtime > 0);
    CHECK((fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDONLY);
    CHECK(fails((int)write(fd, "x", 1), EBADF));
    CHECK(close(fd) == 0 && fails(close(fd), EBADF) && fails((int)read(fd, text, 1), EBADF));
    CHECK(stat("/ro/sub", &st) == 0 && S_ISDIR(st.st_mode));
    CHECK(fails(open("/ro/absent", O_RDONLY), ENOENT));
    CHECK(fails(open("/ro/text/below", O_RDONLY), ENOTDIR));
    CHECK(fails(open("/ro/text", O_RDONLY | O_DIRECTORY), ENOTDIR));
    FILE *file = fopen("/one.txt", "r");
    CHECK(file && fgets(text, sizeof(text), file) && strcmp(text, "one\n") == 0);
    fclose(file);
    CHECK(fails(open("/spin.toml", O_RDONLY), ENOENT));
}

/* fd_seek, fd_tell, fd_pread, fd_pwrite, fd_write, fd_filestat_set_size, fd_allocate, fd_advise,
 * fd_sync, fd_datasync, fd_fdstat_set_flags */
static void test_write(void)
{
    char text[16] = "";
    struct stat st;
    struct iovec parts[] = {{"ab", 2}, {"", 0}, {"cdef", 4}};
    int fd = open("/rw/file", O_RDWR | O_CREAT | O_EXCL, 0600);
    CHECK(fd >= 0 && fails(open("/rw/file", O_RDWR | O_CREAT | O_EXCL, 0600), EEXIST));
    CHECK(writev(fd, parts, 3) == 6 && lseek(fd, 0, SEEK_CUR) == 6);
    CHECK(lseek(fd, -4, SEEK_END) == 2 && read(fd, text, 2) == 2 && memcmp(text, "cd", 2) == 0);
    CHECK(fails((int)lseek(fd, -1, SEEK_SET), EINVAL));
    CHECK(pwrite(fd, "XY", 2, 1) == 2 && pread(fd, text, 6, 0) == 6);
    CHECK(memcmp(text, "aXYdef", 6) == 0 && lseek(fd, 0, SEEK_CUR) == 4);
    CHECK(ftruncate(fd, 3) == 0 && fstat(fd, &st) == 0 && st.st_size == 3);
    CHECK(posix_fallocate(fd, 0, 100) == 0 && fstat(fd, &st) == 0 && st.st_size == 100);
    CHECK(posix_fadvise(fd, 0, 10, POSIX_FADV_SEQUENTIAL) == 0);
    CHECK(fsync(fd) == 0 && fdatasync(fd) == 0);
    CHECK(fcntl(fd, F_SETFL, O_APPEND) == 0 && (fcntl(fd, F_GETFL) & O_APPEND));
    CHECK(lseek(fd, 0, SEEK_SET) == 0 && write(fd, "end", 3) == 3);
    CHECK(fstat(fd, &st) == 0 && st.st_size == 103);
    close(fd);
    fd = open("/rw/file", O_WRONLY | O_TRUNC);
    CHECK(fd >= 0 && fstat(fd, &st) == 0 && st.st_size == 0 &&
          fails((int)read(fd, text, 1), EBADF));
    close(fd);
}

/* fd_filestat_set_times, path_filestat_set_times */
static void test_times(void)
{
    struct stat st;
    const struct timespec times[2] = {{1000, 5}, {2000, 7}};
    const struct timespec other[2] = {{3000, 0}, {4000, 0}};
    int fd = open("/rw/file", O_RDWR);
    CHECK(futimens(fd, times) == 0 && fstat(fd, &st) == 0);
    CHECK(st.st_atim.tv_sec == 1000 && st.st_mtim.tv_sec == 2000 && st.st_mtim.tv_nsec == 7);
    close(fd);
    CHECK(utimensat(AT_FDCWD, "/rw/file", other, 0) == 0 && stat("/rw/file", &st) == 0);
    CHECK(st.st_atim.tv_sec == 3000 && st.st_mtim.tv_sec == 4000);
    /* The modification to now, the access as it is: wasi-libc 0.0 would not ask for that. */
    fd = open("/rw", O_RDONLY | O_DIRECTORY);
    CHECK(__wasi_path_filestat_set_times((__wasi_fd_t)fd, __WASI_LOOKUPFLAGS_SYMLINK_FOLLOW, "file",
                                         0, 0, __WASI_FSTFLAGS_MTIM_NOW) == 0);
    close(fd);
    CHECK(stat("/rw/file", &st) == 0 && st.st_atim.tv_sec == 3000);
    CHECK(st.st_mtim.tv_sec > 1000000000);
    CHECK(fails(utimensat(AT_FDCWD, "/ro/text", times, 0), EROFS));
}

/* path_create_directory, path_remove_directory, path_rename, path_unlink_file, path_link,
 * path_symlink, path_readlink */
static void test_names(void)
{
    char text[16] = "";
    struct stat st;
    CHECK(mkdir("/rw/dir", 0700) == 0 && fails(mkdir("/rw/dir", 0700), EEXIST));
    CHECK(rename("/rw/file", "/rw/dir/moved") == 0 && fails(open("/rw/file", O_RDONLY), ENOENT));
    CHECK(fails(rmdir("/rw/dir"), ENOTEMPTY) && fails(unlink("/rw/dir"), EISDIR));
    CHECK(link("/rw/dir/moved", "/rw/linked") == 0 && stat("/rw/linked", &st) == 0);
    CHECK(st.st_nlink == 2 && unlink("/rw/linked") == 0);
    CHECK(symlink("dir/moved", "/rw/soft") == 0 && readlink("/rw/soft", text, 16) == 9);
    CHECK(memcmp(text, "dir/moved", 9) == 0 && stat("/rw/soft", &st) == 0 && S_ISREG(st.st_mode));
    CHECK(lstat("/rw/soft", &st) == 0 && S_ISLNK(st.st_mode));
    CHECK(fails(open("/rw/soft", O_RDONLY | O_NOFOLLOW), ELOOP));
    CHECK(unlink("/rw/soft") == 0 && unlink("/rw/dir/moved") == 0 && rmdir("/rw/dir") == 0);
    CHECK(fails(rmdir("/rw/dir"), ENOENT));
}

/* fd_readdir, fd_prestat_get, fd_prestat_dir_name */
static void test_directories(void)
{
    enum { MANY = 300 };
    char path[32];
    static char seen[MANY];
    int count = 0;
    for (int i = 0; i < MANY; i++) {
        snprintf(path, sizeof(path), "/rw/entry-%03d", i);
        close(open(path, O_WRONLY | O_CREAT, 0600));
    }
    DIR *dir = opendir("/rw");
    CHECK(dir != NULL);
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        int number = -1;
        if (sscanf(entry->d_name, "entry-%d", &number) == 1) {
            CHECK(!seen[number] && entry->d_type == DT_REG);
            seen[number] = 1;
            count++;
        }
    }
    CHECK(count == MANY);
    rewinddir(dir);
    CHECK(readdir(dir) != NULL);
    closedir(dir);
    for (int i = 0; i < MANY; i++) {
        snprintf(path, sizeof(path), "/rw/entry-%03d", i);
        CHECK(unlink(path) == 0);
    }
    dir = opendir("/");
    count = 0;
    for (struct dirent *entry; dir && (entry = readdir(dir)) != NULL;)
        count += entry->d_name[0] != '.';
    CHECK(dir && count == 1);
    closedir(dir);
}

static void test_read_only(void)
{
    CHECK(fails(open("/ro/text", O_RDWR), EROFS) && fails(open("/ro/text", O_WRONLY), EROFS));
    CHECK(fails(open("/ro/new", O_WRONLY | O_CREAT, 0600), EROFS));
    CHECK(fails(open("/ro/text", O_WRONLY | O_TRUNC), EROFS));
    CHECK(fails(mkdir("/ro/new", 0700), EROFS) && fails(rmdir("/ro/sub"), EROFS));
    CHECK(fails(unlink("/ro/text"), EROFS) && fails(rename("/ro/text", "/ro/other"), EROFS));
    CHECK(fails(rename("/ro/text", "/rw/stolen"), EROFS));
    CHECK(fails(link("/ro/text", "/rw/stolen"), EROFS));
    CHECK(fails(symlink("text", "/ro/soft"), EROFS) && fails(truncate("/ro/text", 0), EROFS));
    CHECK(fails(unlink("/one.txt"), EROFS));
}

/* Out of the directories there is no way. /ro/out is a link to ../secret, /ro/root one to /etc. */
static void test_escapes(void)
{
    static const char *const paths[] = {
        "/ro/../secret", "/ro/sub/../../secret", "/ro/out",          "/ro/root/passwd",
        "/ro/out/",      "/rw/../ro/../secret",  "/ro/sub/../../..", "/ro//../../etc/passwd",
    };
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        struct stat st;
        CHECK(open(paths[i], O_RDONLY) < 0 && (errno == ENOTCAPABLE || errno == ENOENT));
        CHECK(stat(paths[i], &st) < 0);
    }
    int fd = open("/rw", O_RDONLY | O_DIRECTORY);
    CHECK(fd >= 0);
    CHECK(fails(openat(fd, "../secret", O_RDONLY), ENOTCAPABLE));
    CHECK(fails(openat(fd, "../new", O_WRONLY | O_CREAT, 0600), ENOTCAPABLE));
    CHECK(fails(mkdirat(fd, "../new", 0700), ENOTCAPABLE));
    CHECK(fails(unlinkat(fd, "../secret", 0), ENOTCAPABLE));
    CHECK(fails(unlinkat(fd, "..", AT_REMOVEDIR), ENOTCAPABLE));
    CHECK(fails(renameat(fd, "../secret", fd, "mine"), ENOTCAPABLE));
    CHECK(fails(linkat(fd, "../secret", fd, "mine", 0), ENOTCAPABLE));
    CHECK(fails(symlinkat("/etc/passwd", fd, "mine"), ENOTCAPABLE));
    CHECK(symlinkat("../secret", fd, "mine") == 0);
    CHECK(fails(openat(fd, "mine", O_RDONLY), ENOTCAPABLE) && unlinkat(fd, "mine", 0) == 0);
    /* An absolute path, told to WASI as it is: wasi-libc would make a relative one of it. */
    __wasi_fd_t opened;
    static const char absolute[] = "/etc/passwd";
    CHECK(__wasi_path_open((__wasi_fd_t)fd, 0, absolute, 0, __WASI_RIGHTS_FD_READ, 0, 0, &opened) ==
          __WASI_ERRNO_NOTCAPABLE);
    close(fd);
}

/* fd_renumber, fd_fdstat_set_rights, proc_raise, sched_yield, sock_shutdown, poll_oneoff */
static void test_descriptors(void)
{
    char text[8] = "";
    int one = open("/ro/text", O_RDONLY), other = open("/one.txt", O_RDONLY);
    CHECK(__wasi_fd_renumber((__wasi_fd_t)one, (__wasi_fd_t)other) == 0);
    CHECK(fails((int)read(one, text, 1), EBADF));
    CHECK(read(other, text, 5) == 5 && strcmp(text, "hello") == 0);
    CHECK(__wasi_fd_fdstat_set_rights((__wasi_fd_t)other, __WASI_RIGHTS_FD_READ, 0) == 0);
    /* ENOTCAPABLE, in the words of wasi-libc. */
    CHECK(fails((int)lseek(other, 0, SEEK_SET), ESPIPE));
    CHECK(__wasi_fd_fdstat_set_rights((__wasi_fd_t)other, __WASI_RIGHTS_FD_SEEK, 0) ==
          __WASI_ERRNO_NOTCAPABLE);
    close(other);
    other = open("/ro/text", O_RDONLY);
    struct pollfd poll_in = {.fd = other, .events = POLLIN};
    CHECK(poll(&poll_in, 1, 1000) == 1 && (poll_in.revents & POLLIN));
    close(other);
    CHECK(__wasi_sched_yield() == 0);
    CHECK(proc_raise(15) == __WASI_ERRNO_NOTSUP);
    CHECK(__wasi_sock_shutdown(1, __WASI_SDFLAGS_RD) == __WASI_ERRNO_NOTSUP);
}

/* Descriptors end before the memory does, and can be used again. */
static void test_many(void)
{
    static int fds[1000];
    int opened = 0;
    while (opened < 1000 && (fds[opened] = open("/ro/text", O_RDONLY)) >= 0)
        opened++;
    CHECK(errno == EMFILE && opened > 200 && opened < 256);
    while (opened > 0)
        CHECK(close(fds[--opened]) == 0);
    for (int i = 0; i < 10000; i++) {
        int fd = open("/ro/text", O_RDONLY);
        CHECK(fd >= 0 && close(fd) == 0);
    }
}

int main(void)
{
    test_read();
    test_write();
    test_times();
    test_names();
    test_directories();
    test_read_only();
    test_escapes();
    test_descriptors();
    test_many();
    puts("all of it");
    return 0;
}
