/* Directories and files that a program is given, and how far its paths reach: below them, and no
 * further. */
#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/runner/wasi.h"
#include "tests/unit/test_runner_fake_guest.h"

enum { FIRST = 3, PATH_AT = 100, OTHER_AT = 1000, RET = 64, CREATE = 1, DIRECTORY = 2 };

static struct host h;
static struct error e;
static char dir[64];

static char *in_dir(const char *name)
{
    static char paths[4][PATH_MAX];
    static unsigned next;
    char *path = paths[next++ % 4];

    snprintf(path, PATH_MAX, "%s/%s", dir, name);
    return path;
}

static void make_file(const char *name, const char *text)
{
    FILE *f = fopen(in_dir(name), "we");

    ck_assert_ptr_nonnull(f);
    fputs(text, f);
    fclose(f);
}

static void setup(void)
{
    strcpy(dir, "/tmp/bobbin-files-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
    fake_guest_init(&h);
    ck_assert_int_eq(mkdir(in_dir("data"), 0700), 0);
    ck_assert_int_eq(mkdir(in_dir("data/sub"), 0700), 0);
    make_file("data/a", "one");
    make_file("data/b", "two");
    make_file("outside", "secret");
}

static int remove_it(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

static void teardown(void)
{
    fake_guest_fini();
    nftw(dir, remove_it, 8, FTW_DEPTH | FTW_PHYS);
}

static void give(const char *source, const char *destination, bool writable)
{
    ck_assert_msg(wasi_fds_give(h.fds, source, destination, writable, &e) == 0, "%s", e.text);
}

static void refused_gift(const char *source, const char *destination, const char *reason)
{
    ck_assert_int_eq(wasi_fds_give(h.fds, source, destination, false, &e), ERR_OTHER);
    ck_assert_msg(strstr(e.text, reason) != NULL, "%s", e.text);
}

/* A path in the program's memory; its length. */
static uint32_t put(uint32_t address, const char *path)
{
    memcpy(fake_guest.memory + address, path, strlen(path));
    return (uint32_t)strlen(path);
}

static uint32_t open_it(uint32_t fd, const char *path, uint32_t flags, uint64_t rights)
{
    return wasi_path_open(&h, fd, 0, PATH_AT, put(PATH_AT, path), flags, rights, rights, 0, RET);
}

static uint32_t rename_it(const char *from, const char *to)
{
    return wasi_path_rename(&h, FIRST, PATH_AT, put(PATH_AT, from), FIRST, OTHER_AT,
                            put(OTHER_AT, to));
}

static uint32_t link_it(const char *from, const char *to)
{
    return wasi_path_link(&h, FIRST, 0, PATH_AT, put(PATH_AT, from), FIRST, OTHER_AT,
                          put(OTHER_AT, to));
}

static uint32_t symlink_it(const char *target, const char *path)
{
    return wasi_path_symlink(&h, OTHER_AT, put(OTHER_AT, target), FIRST, PATH_AT,
                             put(PATH_AT, path));
}

static uint32_t make_directory(const char *path)
{
    return wasi_path_create_directory(&h, FIRST, PATH_AT, put(PATH_AT, path));
}

static uint32_t unlink_it(const char *path)
{
    return wasi_path_unlink_file(&h, FIRST, PATH_AT, put(PATH_AT, path));
}

START_TEST(lines_name_what_is_given)
{
    char lines[3 * PATH_MAX];
    uint32_t fd = FIRST;

    snprintf(lines, sizeof(lines), "%s\t/data\trw\n%s\t/conf/outside\n", in_dir("data"),
             in_dir("outside"));
    ck_assert_msg(wasi_fds_give_all(h.fds, lines, &e) == 0, "%s", e.text);
    const struct wasi_fd *first = wasi_fds_given(h.fds, &fd);
    ck_assert_str_eq(first->name, "/data");
    ck_assert(!first->read_only);
    fd++;
    const struct wasi_fd *second = wasi_fds_given(h.fds, &fd);
    ck_assert_str_eq(second->name, "/conf");
    ck_assert_str_eq(second->only, "outside");
    ck_assert(second->read_only);
    fd++;
    ck_assert_ptr_null(wasi_fds_given(h.fds, &fd));
    ck_assert_uint_eq(open_it(FIRST, "new", CREATE, RIGHT_FD_WRITE), WASI_OK);
    snprintf(lines, sizeof(lines), "%s\t/none\n", in_dir("none"));
    ck_assert_int_eq(wasi_fds_give_all(h.fds, lines, &e), ERR_OTHER);
    ck_assert_ptr_nonnull(strstr(e.text, "/none' to the program: No such file"));
}
END_TEST

START_TEST(gifts_that_cannot_be_made)
{
    refused_gift(in_dir("outside"), "/conf/inside", "must keep its name");
    refused_gift(in_dir("outside"), "outside", "must keep its name");
    refused_gift(in_dir("none"), "/none", "No such file");
    for (int i = FIRST; i < WASI_FDS_MAX; i++)
        give(in_dir("data"), "/data", false);
    refused_gift(in_dir("data"), "/data", "too many files and directories");
    refused_gift(in_dir("outside"), "/outside", "too many files and directories");
    ck_assert_uint_eq(open_it(FIRST, "a", 0, RIGHT_FD_READ), WASI_EMFILE);
}
END_TEST

START_TEST(file_given_alone_is_alone)
{
    give(in_dir("data/a"), "/a", true);
    ck_assert_uint_eq(open_it(FIRST, "a", 0, RIGHT_FD_READ), WASI_OK);
    ck_assert_uint_eq(open_it(FIRST, "././a", 0, RIGHT_FD_READ), WASI_OK);
    ck_assert_uint_eq(open_it(FIRST, "b", 0, RIGHT_FD_READ), WASI_ENOENT);
    ck_assert_uint_eq(open_it(FIRST, "sub", 0, RIGHT_FD_READ), WASI_ENOENT);
    ck_assert_uint_eq(open_it(FIRST, "sub/../b", 0, RIGHT_FD_READ), WASI_ENOENT);
    /* Nor by way of the directory, opened anew. */
    ck_assert_uint_eq(open_it(FIRST, ".", DIRECTORY, RIGHTS_DIRECTORY), WASI_OK);
    uint32_t again = host_load32(fake_guest.memory + RET);
    ck_assert_uint_eq(open_it(again, "b", 0, RIGHT_FD_READ), WASI_ENOENT);
    ck_assert_uint_eq(open_it(again, "a", 0, RIGHT_FD_READ), WASI_OK);
}
END_TEST

START_TEST(paths_lead_nowhere_else)
{
    give(in_dir("data"), "/data", true);
    ck_assert_int_eq(symlink(in_dir("outside"), in_dir("data/away")), 0);
    ck_assert_int_eq(symlink("../outside", in_dir("data/up")), 0);
    static const char *const outside[] = {"../outside", "/outside", "sub/../../outside", ".."};
    for (size_t i = 0; i < sizeof(outside) / sizeof(*outside); i++) {
        ck_assert_uint_eq(open_it(FIRST, outside[i], 0, RIGHT_FD_READ), WASI_ENOTCAPABLE);
        ck_assert_uint_eq(unlink_it(outside[i]), WASI_ENOTCAPABLE);
        ck_assert_uint_eq(make_directory(outside[i]), WASI_ENOTCAPABLE);
        ck_assert_uint_eq(rename_it("a", outside[i]), WASI_ENOTCAPABLE);
        ck_assert_uint_eq(rename_it(outside[i], "c"), WASI_ENOTCAPABLE);
        ck_assert_uint_eq(link_it("a", outside[i]), WASI_ENOTCAPABLE);
        ck_assert_uint_eq(link_it(outside[i], "c"), WASI_ENOTCAPABLE);
        ck_assert_uint_eq(symlink_it("a", outside[i]), WASI_ENOTCAPABLE);
    }
    ck_assert_uint_eq(
        wasi_path_open(&h, FIRST, 1, PATH_AT, put(PATH_AT, "away"), 0, RIGHT_FD_READ, 0, 0, RET),
        WASI_ENOTCAPABLE);
    ck_assert_uint_eq(
        wasi_path_open(&h, FIRST, 1, PATH_AT, put(PATH_AT, "up"), 0, RIGHT_FD_READ, 0, 0, RET),
        WASI_ENOTCAPABLE);
    ck_assert_uint_eq(symlink_it("/etc/passwd", "link"), WASI_ENOTCAPABLE);
    ck_assert_int_eq(access(in_dir("outside"), F_OK), 0);
    ck_assert_int_eq(access(in_dir("data/a"), F_OK), 0);
    ck_assert_int_ne(access(in_dir("data/c"), F_OK), 0);
}
END_TEST

START_TEST(names_are_made_and_moved)
{
    char text[8] = "";

    give(in_dir("data"), "/data", true);
    ck_assert_uint_eq(make_directory("sub/deep/"), WASI_OK);
    ck_assert_uint_eq(make_directory("sub/deep"), WASI_EEXIST);
    ck_assert_uint_eq(make_directory("."), WASI_EINVAL);
    ck_assert_uint_eq(make_directory("none/deep"), WASI_ENOENT);
    ck_assert_uint_eq(link_it("a", "sub/c"), WASI_OK);
    ck_assert_uint_eq(wasi_path_link(&h, FIRST, 1, PATH_AT, put(PATH_AT, "a"), FIRST, OTHER_AT,
                                     put(OTHER_AT, "d")),
                      WASI_EINVAL);
    ck_assert_uint_eq(rename_it("a", "sub/d"), WASI_OK);
    ck_assert_uint_eq(rename_it("a", "sub/d"), WASI_ENOENT);
    ck_assert_int_eq(access(in_dir("data/sub/d"), F_OK), 0);
    ck_assert_uint_eq(symlink_it("sub/d", "link"), WASI_OK);
    ck_assert_uint_eq(wasi_path_readlink(&h, FIRST, PATH_AT, put(PATH_AT, "link"), 2000, 4, RET),
                      WASI_OK);
    ck_assert_uint_eq(host_load32(fake_guest.memory + RET), 4);
    memcpy(text, fake_guest.memory + 2000, 5);
    ck_assert_str_eq(text, "sub/");
    ck_assert_uint_eq(wasi_path_readlink(&h, FIRST, PATH_AT, put(PATH_AT, "b"), 2000, 4, RET),
                      WASI_EINVAL);
    ck_assert_uint_eq(
        wasi_path_readlink(&h, FIRST, PATH_AT, put(PATH_AT, "link"), FAKE_MEMORY - 3, 4, RET),
        WASI_EFAULT);
    ck_assert_uint_eq(unlink_it("link"), WASI_OK);
    ck_assert_uint_eq(wasi_path_remove_directory(&h, FIRST, PATH_AT, put(PATH_AT, "sub")),
                      WASI_ENOTEMPTY);
}
END_TEST

START_TEST(what_is_read_only_stays)
{
    give(in_dir("data"), "/data", false);
    ck_assert_uint_eq(open_it(FIRST, "a", 0, RIGHT_FD_READ), WASI_OK);
    uint32_t fd = host_load32(fake_guest.memory + RET);
    ck_assert_uint_eq(wasi_fd_write(&h, fd, 0, 0, RET), WASI_EBADF);
    ck_assert_uint_eq(open_it(FIRST, "a", 0, RIGHT_FD_WRITE), WASI_EROFS);
    ck_assert_uint_ne(open_it(FIRST, "new", CREATE, RIGHT_FD_READ), WASI_OK);
    ck_assert_uint_ne(make_directory("new"), WASI_OK);
    ck_assert_uint_ne(unlink_it("a"), WASI_OK);
    ck_assert_uint_ne(rename_it("a", "new"), WASI_OK);
    ck_assert_uint_ne(link_it("a", "new"), WASI_OK);
    ck_assert_uint_ne(symlink_it("a", "new"), WASI_OK);
    ck_assert_int_ne(access(in_dir("data/new"), F_OK), 0);
    /* What is below it is no more to be written. */
    ck_assert_uint_eq(open_it(FIRST, "sub", DIRECTORY, RIGHTS_DIRECTORY | RIGHTS_FILE), WASI_OK);
    fd = host_load32(fake_guest.memory + RET);
    ck_assert_uint_ne(open_it(fd, "new", CREATE, RIGHT_FD_WRITE), WASI_OK);
    ck_assert_int_ne(access(in_dir("data/sub/new"), F_OK), 0);
}
END_TEST

START_TEST(paths_that_are_none)
{
    give(in_dir("data"), "/data", true);
    ck_assert_uint_eq(open_it(FIRST, "", 0, RIGHT_FD_READ), WASI_ENOENT);
    ck_assert_uint_eq(open_it(FIRST, "\xff", 0, RIGHT_FD_READ), WASI_EILSEQ);
    ck_assert_uint_eq(wasi_path_open(&h, FIRST, 0, PATH_AT, FAKE_MEMORY, 0, 0, 0, 0, RET),
                      WASI_EFAULT);
    ck_assert_uint_eq(wasi_path_open(&h, FIRST, 0, PATH_AT, put(PATH_AT, "a"), 0, RIGHT_FD_READ, 0,
                                     0, FAKE_MEMORY - 3),
                      WASI_EFAULT);
    ck_assert_uint_eq(wasi_path_symlink(&h, FAKE_MEMORY, 1, FIRST, PATH_AT, 1), WASI_EFAULT);
    ck_assert_uint_eq(open_it(1, "a", 0, RIGHT_FD_READ), WASI_ENOTDIR);
    ck_assert_uint_eq(open_it(99, "a", 0, RIGHT_FD_READ), WASI_EBADF);
    /* Longer than any path, in a memory that has room for it. */
    fake_guest.guest.realloc(0, 0, 1, 1);
    memset(fake_guest.memory, 'a', FAKE_MEMORY_GROWN);
    ck_assert_uint_eq(wasi_path_open(&h, FIRST, 0, 0, PATH_MAX, 0, RIGHT_FD_READ, 0, 0, 8000),
                      WASI_ENAMETOOLONG);
    ck_assert_uint_eq(wasi_path_symlink(&h, 0, PATH_MAX, FIRST, 0, 1), WASI_ENAMETOOLONG);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("runner: files");
    TCase *tc = tcase_create("files");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, lines_name_what_is_given);
    tcase_add_test(tc, gifts_that_cannot_be_made);
    tcase_add_test(tc, file_given_alone_is_alone);
    tcase_add_test(tc, paths_lead_nowhere_else);
    tcase_add_test(tc, names_are_made_and_moved);
    tcase_add_test(tc, what_is_read_only_stays);
    tcase_add_test(tc, paths_that_are_none);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
