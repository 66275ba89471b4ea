/* Where metrics are told: what is in the way of a socket there, and who may come in. */
#include <check.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/metrics_address.h"

enum { SOMEBODY = 54321 };

static char dir[64], path[96];
static struct error e;
static int fd;

static void setup(void)
{
    strcpy(dir, "/tmp/bobbin-metrics-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/sock", dir);
    fd = -1;
}

static void teardown(void)
{
    /* LeakSanitizer looks at the end. */
    if (getuid() == 0)
        ck_assert_int_eq(seteuid(0), 0);
    if (fd >= 0)
        close(fd);
    unlink(path);
    rmdir(dir);
}

static int listen_at(const char *text)
{
    return metrics_address_listen(text, false, 0, &fd, &e);
}

static void refused(const char *text, const char *reason)
{
    ck_assert_int_ne(listen_at(text), 0);
    ck_assert_msg(strstr(e.text, reason) != NULL, "%s", e.text);
    ck_assert_int_eq(fd, -1);
}

START_TEST(socket_is_for_its_owner_alone)
{
    struct stat st;

    ck_assert_msg(listen_at(path) == 0, "%s", e.text);
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_uint_eq(st.st_mode & 0777, 0600);
}
END_TEST

START_TEST(or_for_a_group)
{
    struct stat st;

    ck_assert_msg(metrics_address_listen(path, true, getegid(), &fd, &e) == 0, "%s", e.text);
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_uint_eq(st.st_mode & 0777, 0660);
    ck_assert_uint_eq(st.st_gid, getegid());
}
END_TEST

START_TEST(group_of_others_cannot_be_given)
{
    if (geteuid() == 0) {
        ck_assert_int_eq(chown(dir, SOMEBODY, (gid_t)-1), 0);
        ck_assert_int_eq(seteuid(SOMEBODY), 0);
    }
    ck_assert_int_ne(metrics_address_listen(path, true, SOMEBODY + 1, &fd, &e), 0);
    ck_assert_msg(strstr(e.text, "cannot set the group of") != NULL, "%s", e.text);
}
END_TEST

START_TEST(what_a_killed_daemon_left_is_replaced)
{
    ck_assert_int_eq(listen_at(path), 0);
    close(fd);
    fd = -1;
    ck_assert_msg(listen_at(path) == 0, "%s", e.text);
}
END_TEST

START_TEST(what_somebody_uses_is_not)
{
    ck_assert_int_eq(listen_at(path), 0);
    int other = fd;
    fd = -1;
    refused(path, "another program answers at");
    close(other);
}
END_TEST

START_TEST(file_in_its_place_stays)
{
    FILE *f = fopen(path, "we");

    ck_assert_ptr_nonnull(f);
    fclose(f);
    refused(path, "exists and is not a socket");
    ck_assert_int_eq(access(path, F_OK), 0);
}
END_TEST

START_TEST(no_place_for_a_socket)
{
    char text[200];

    snprintf(text, sizeof(text), "%s/none/sock", dir);
    refused(text, "cannot bind");
    memset(text, 'a', sizeof(text) - 1);
    text[0] = '/';
    text[sizeof(text) - 1] = '\0';
    refused(text, "is longer than");
    refused("127.0.0.1:http", "must be an absolute path, or 127.0.0.1:PORT");
    refused("127.0.0.1:70000", "must be an absolute path, or 127.0.0.1:PORT");
}
END_TEST

START_TEST(port_in_use)
{
    struct sockaddr_in address;
    socklen_t len = sizeof(address);
    char text[32];

    ck_assert_msg(listen_at("localhost:0") == 0, "%s", e.text);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    snprintf(text, sizeof(text), "127.0.0.1:%u", ntohs(address.sin_port));
    int other = fd;
    fd = -1;
    refused(text, "cannot bind");
    close(other);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("metrics_address");
    TCase *tc = tcase_create("metrics_address");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, socket_is_for_its_owner_alone);
    tcase_add_test(tc, or_for_a_group);
    tcase_add_test(tc, group_of_others_cannot_be_given);
    tcase_add_test(tc, what_a_killed_daemon_left_is_replaced);
    tcase_add_test(tc, what_somebody_uses_is_not);
    tcase_add_test(tc, file_in_its_place_stays);
    tcase_add_test(tc, no_place_for_a_socket);
    tcase_add_test(tc, port_in_use);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
