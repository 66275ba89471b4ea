/* A disk that is really full, or read-only: a small file system of its own for one app, in a mount
 * namespace of the test. Needs root; skipped with a word otherwise. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness.h"
#include "writers.h"

#define DISK_OPTIONS "size=6m,mode=0755"

static struct harness h;
static struct writers writers;
static char app[160];

static void setup(void)
{
    harness_init(&h);
    writers_init(&writers, 3000);
    ck_assert_int_eq(unshare(CLONE_NEWNS), 0);
    ck_assert_int_eq(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
    harness_make_app(&h, "plain", NULL, app);
    ck_assert_int_eq(mount("tmpfs", app, "tmpfs", 0, DISK_OPTIONS), 0);
    harness_start(&h);
    harness_register(&h, "plain", NULL, app);
}

static void teardown(void)
{
    int status = h.pid ? harness_stop(&h) : 0;

    ck_assert_int_eq(status, 0);
    ck_assert_int_eq(umount(app), 0);
    harness_fini(&h);
}

static void fill_disk(void)
{
    static char block[4096];
    char path[200];
    int fd;
    ssize_t n;

    snprintf(path, sizeof path, "%s/filler", app);
    fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    ck_assert_int_ge(fd, 0);
    while ((n = write(fd, block, sizeof block)) > 0)
        ;
    ck_assert_int_eq(errno, ENOSPC);
    close(fd);
}

static void free_disk(void)
{
    char path[200];

    snprintf(path, sizeof path, "%s/filler", app);
    ck_assert_int_eq(unlink(path), 0);
}

/* Fill it until nobody can write any more: the log uses the space that it has first. */
static void fill_under_load(void)
{
    fill_disk();
    writers_await_failed(&writers, 20);
    fill_disk();
    writers_await_failed(&writers, 20);
    for (int i = 0; i < WRITERS; i++)
        ck_assert_msg(strstr(writers.ledgers[i].reason, "disk full") != NULL, "the reason is '%s'",
                      writers.ledgers[i].reason);
}

START_TEST(full_disk_under_load_and_space_again)
{
    writers_start(&writers, &h, "plain");
    for (int round = 0; round < 3; round++) {
        writers_await_written(&writers, 100);
        fill_under_load();
        writers_await_read(&writers, 100);
        free_disk();
        writers_await_written(&writers, 100);
    }
    writers_stop(&writers);
    writers_check(&writers, &h, "plain", true);
    harness_kill(&h);
    harness_start(&h);
    writers_check(&writers, &h, "plain", true);
    printf("3 times full, %ld acknowledged writes, none lost\n", writers_written(&writers));
}
END_TEST

START_TEST(killed_while_the_disk_is_full)
{
    writers_start(&writers, &h, "plain");
    writers_await_written(&writers, 100);
    fill_under_load();
    writers_stop(&writers);
    harness_kill(&h);
    free_disk();
    harness_start(&h);
    writers_check(&writers, &h, "plain", true);
}
END_TEST

/* What cannot be opened for want of space says so, and opens once there is some. */
START_TEST(opened_and_closed_while_the_disk_is_full)
{
    bobbin *b;
    bobbin_status status;

    writers_start(&writers, &h, "plain");
    writers_await_written(&writers, 100);
    fill_under_load();
    writers_stop(&writers);
    ck_assert_int_eq(harness_stop(&h), 0);
    fill_disk();
    harness_start(&h);
    b = harness_connect(&h, NULL);
    status = bobbin_attach(b, "plain");
    ck_assert_msg(status == BOBBIN_OK || strstr(bobbin_error(b), "disk full"), "%s",
                  bobbin_error(b));
    free_disk();
    harness_ok(b, bobbin_attach(b, "plain"));
    harness_ok(b, bobbin_set(b, "default", "k", 1, "v", 1));
    bobbin_close(b);
    writers_check(&writers, &h, "plain", true);
}
END_TEST

static void remount(unsigned long flags)
{
    ck_assert_msg(mount(NULL, app, NULL, MS_REMOUNT | flags, DISK_OPTIONS) == 0, "remount: %s",
                  strerror(errno));
}

/* A file system that turned read-only while nothing was open. */
START_TEST(read_only_and_writable_again)
{
    bobbin *b;
    bobbin_status status;

    writers_start(&writers, &h, "plain");
    writers_await_written(&writers, 50);
    writers_stop(&writers);
    ck_assert_int_eq(harness_stop(&h), 0);
    remount(MS_RDONLY);
    harness_start(&h);
    b = harness_connect(&h, NULL);
    status = bobbin_attach(b, "plain");
    if (status == BOBBIN_OK)
        status = bobbin_set(b, "default", "k", 1, "v", 1);
    ck_assert_int_ne(status, BOBBIN_OK);
    ck_assert_msg(strstr(bobbin_error(b), "ead-only") || strstr(bobbin_error(b), "writ"), "%s",
                  bobbin_error(b));
    harness_ok(b, bobbin_ping(b));
    remount(0);
    harness_ok(b, bobbin_attach(b, "plain"));
    harness_ok(b, bobbin_set(b, "default", "k", 1, "v", 1));
    bobbin_close(b);
    writers_check(&writers, &h, "plain", true);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("disk_full");
    TCase *tc = tcase_create("disk_full");
    SRunner *runner;
    int failed;

    if (geteuid() != 0 || unshare(CLONE_NEWNS) != 0) {
        printf("skipped: mounting a small file system needs root\n");
        return 77;
    }
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 240);
    tcase_add_test(tc, full_disk_under_load_and_space_again);
    tcase_add_test(tc, killed_while_the_disk_is_full);
    tcase_add_test(tc, opened_and_closed_while_the_disk_is_full);
    tcase_add_test(tc, read_only_and_writable_again);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
