/* Where the library looks for the daemon, and what it says when nobody is there. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "client/lib/address.h"
#include "tests/unit/test_client_peer.h"

static char dir[64];
static bobbin *b;

static void setup(void)
{
    strcpy(dir, "/tmp/bobbin-test-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
    unsetenv("BOBBIN_FD");
    unsetenv("BOBBIN_SOCKET");
    unsetenv("XDG_RUNTIME_DIR");
}

static void teardown(void)
{
    char command[128];
    bobbin_close(b);
    snprintf(command, sizeof(command), "rm -rf '%s'", dir);
    ck_assert_int_eq(system(command), 0);
}

static const char *in_dir(const char *name)
{
    static char path[256];
    snprintf(path, sizeof(path), "%s/%s", dir, name);
    return path;
}

/* A socket at the path, listening unless told not to. */
static int listen_at(const char *path, bool listening)
{
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", path);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
    if (listening)
        ck_assert_int_eq(listen(fd, 4), 0);
    return fd;
}

/* Accept the client that `connect` makes and greet it. */
static void *greet(void *arg)
{
    struct peer p = {.fd = accept(*(int *)arg, NULL, NULL)};
    ck_assert_int_ge(p.fd, 0);
    free(peer_request(&p));
    peer_send(&p, "[1, 1, nil, " PEER_SESSION "]");
    close(p.fd);
    return NULL;
}

static bobbin_status connect_greeted(int listener, const char *path)
{
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, greet, &listener), 0);
    bobbin_status status = bobbin_connect(path, &b);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    return status;
}

START_TEST(path_and_environment)
{
    const char *path = in_dir("sock");
    int listener = listen_at(path, true);
    ck_assert_int_eq(connect_greeted(listener, path), BOBBIN_OK);
    ck_assert_str_eq(bobbin_address(b), path);
    bobbin_close(b);

    setenv("BOBBIN_SOCKET", path, 1);
    ck_assert_int_eq(connect_greeted(listener, NULL), BOBBIN_OK);
    ck_assert_str_eq(bobbin_address(b), path);
    close(listener);
}
END_TEST

START_TEST(nobody_there)
{
    char expected[400];
    ck_assert_int_eq(bobbin_connect(in_dir("none"), &b), BOBBIN_CANNOT_CONNECT);
    snprintf(expected, sizeof(expected),
             "cannot connect to '%s': No such file or directory; is bobbind running?",
             in_dir("none"));
    ck_assert_str_eq(bobbin_error(b), expected);
    /* The handle stays a handle. */
    ck_assert_int_eq(bobbin_ping(b), BOBBIN_CANNOT_CONNECT);
    ck_assert_str_eq(bobbin_error(b), expected);
    ck_assert_str_eq(bobbin_address(b), in_dir("none"));
    ck_assert_str_eq(bobbin_server_version(b), "");
    bobbin_close(b);

    int dead = listen_at(in_dir("dead"), false);
    ck_assert_int_eq(bobbin_connect(in_dir("dead"), &b), BOBBIN_CANNOT_CONNECT);
    ck_assert_ptr_nonnull(strstr(bobbin_error(b), "Connection refused; is bobbind running?"));
    close(dead);
}
END_TEST

START_TEST(paths_that_cannot_work)
{
    char path[200];
    memset(path, 'x', sizeof(path));
    path[0] = '/';
    path[108] = '\0';
    ck_assert_int_eq(bobbin_connect(path, &b), BOBBIN_CANNOT_CONNECT);
    ck_assert_ptr_nonnull(strstr(bobbin_error(b), "at most 107 bytes"));
    bobbin_close(b);
    path[107] = '\0';
    ck_assert_int_eq(bobbin_connect(path, &b), BOBBIN_CANNOT_CONNECT);
    ck_assert_ptr_nonnull(strstr(bobbin_error(b), "No such file"));
    bobbin_close(b);
    ck_assert_int_eq(bobbin_connect("", &b), BOBBIN_MISUSE);
    ck_assert_int_eq(bobbin_ping(b), BOBBIN_MISUSE);
    bobbin_close(b);
    ck_assert_int_eq(bobbin_connect_fd(-1, &b), BOBBIN_MISUSE);
    ck_assert_int_eq(bobbin_ping(b), BOBBIN_MISUSE);
}
END_TEST

static const char *const bad_fds[] = {"",
                                      " 3",
                                      "3 ",
                                      "+3",
                                      "-1",
                                      "03",
                                      "0x3",
                                      "3.0",
                                      "x",
                                      "3x",
                                      "1e1",
                                      "2147483648",
                                      "99999999999999999999"};

START_TEST(inherited_descriptor_is_read_strictly)
{
    setenv("BOBBIN_FD", bad_fds[_i], 1);
    ck_assert_int_eq(bobbin_connect(NULL, &b), BOBBIN_CANNOT_CONNECT);
    ck_assert_ptr_nonnull(strstr(bobbin_error(b), "BOBBIN_FD is '"));
}
END_TEST

START_TEST(inherited_descriptor_must_be_a_stream_socket)
{
    int fds[2];
    char text[16];
    setenv("BOBBIN_FD", "2147483647", 1);
    ck_assert_int_eq(bobbin_connect(NULL, &b), BOBBIN_CANNOT_CONNECT);
    ck_assert_str_eq(bobbin_error(b), "cannot connect to fd 2147483647: Bad file descriptor");
    bobbin_close(b);

    ck_assert_int_eq(pipe(fds), 0);
    snprintf(text, sizeof(text), "%d", fds[0]);
    setenv("BOBBIN_FD", text, 1);
    ck_assert_int_eq(bobbin_connect(NULL, &b), BOBBIN_CANNOT_CONNECT);
    ck_assert_ptr_nonnull(strstr(bobbin_error(b), "Socket operation on non-socket"));
    bobbin_close(b);
    /* It never was a connection, so it was not taken. */
    ck_assert_int_ge(fcntl(fds[0], F_GETFD), 0);
    close(fds[0]);
    close(fds[1]);

    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_DGRAM, 0, fds), 0);
    ck_assert_int_eq(bobbin_connect_fd(fds[0], &b), BOBBIN_CANNOT_CONNECT);
    ck_assert_ptr_nonnull(strstr(bobbin_error(b), "not a stream socket"));
    /* A descriptor that was handed over is, even so. */
    ck_assert_int_eq(fcntl(fds[0], F_GETFD), -1);
    close(fds[1]);
}
END_TEST

START_TEST(inherited_descriptor_comes_first_and_stays_here)
{
    struct peer p;
    char text[16];
    int fd = peer_pair(&p);
    int flags = fcntl(fd, F_GETFL);
    snprintf(text, sizeof(text), "%d", fd);
    setenv("BOBBIN_FD", text, 1);
    setenv("BOBBIN_SOCKET", in_dir("none"), 1);
    peer_send(&p, "[1, 1, nil, {\"version\": \"1\", \"protocol\": 1, \"app\": \"a\", "
                  "\"component\": \"c\", \"stores\": [\"default\"]}]");
    ck_assert_int_eq(bobbin_connect(NULL, &b), BOBBIN_OK);
    ck_assert_str_eq(bobbin_component(b), "c");
    ck_assert_str_eq(bobbin_address(b) + 3, text);
    ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
    ck_assert_int_eq(fcntl(fd, F_GETFL), flags);
    bobbin_close(b);
    b = NULL;
    ck_assert_int_eq(fcntl(fd, F_GETFD), -1);
    close(p.fd);
}
END_TEST

/* Root's address does not depend on the user's variables; other users have their own daemon's. The
 * test becomes another user where it can, in its own process. */
START_TEST(default_path)
{
    struct address a;
    struct failure f = {0};
    setenv("XDG_RUNTIME_DIR", dir, 1);
    setenv("BOBBIN_SOCKET", "", 1);
    ck_assert_int_eq(mkdir(in_dir("bobbin"), 0700), 0);
    int fd = listen_at(in_dir("bobbin/bobbin.sock"), true);
    if (geteuid() == 0) {
        ck_assert_int_eq(address_find(&a, &f), BOBBIN_OK);
        ck_assert_str_eq(a.text, "/run/bobbin/bobbin.sock");
        ck_assert_int_eq(chown(dir, 54321, 54321), 0);
        ck_assert_int_eq(chown(in_dir("bobbin"), 54321, 54321), 0);
        ck_assert_int_eq(seteuid(54321), 0);
    }
    ck_assert_int_eq(address_find(&a, &f), BOBBIN_OK);
    ck_assert_str_eq(a.text, in_dir("bobbin/bobbin.sock"));

    /* Without the socket it is root's, if that is there. */
    ck_assert_int_eq(unlink(in_dir("bobbin/bobbin.sock")), 0);
    if (access("/run/bobbin/bobbin.sock", F_OK) != 0) {
        ck_assert_int_eq(address_find(&a, &f), BOBBIN_CANNOT_CONNECT);
        ck_assert_ptr_nonnull(strstr(f.text, in_dir("bobbin/bobbin.sock")));
        ck_assert_ptr_nonnull(strstr(f.text, "/run/bobbin/bobbin.sock'; is bobbind running?"));
    } else {
        ck_assert_int_eq(address_find(&a, &f), BOBBIN_OK);
        ck_assert_str_eq(a.text, "/run/bobbin/bobbin.sock");
    }
    close(fd);
    ck_assert_int_eq(seteuid(getuid()), 0);
}
END_TEST

/* /tmp/bobbin-UID is looked at only if nobody else can have put a socket there. */
START_TEST(directory_in_tmp)
{
    const uid_t uid = 1000000 + (uid_t)getpid(); /* nobody else's, in no other run */
    char own[64], sock[80];
    struct address a;
    struct failure f = {0};
    if (geteuid() != 0)
        return; /* the directory of the user who runs this may be in use */
    snprintf(own, sizeof(own), "/tmp/bobbin-%u", uid);
    snprintf(sock, sizeof(sock), "%s/bobbin.sock", own);
    ck_assert_int_eq(mkdir(own, 0700), 0);
    ck_assert_int_eq(chown(own, uid, uid), 0);
    ck_assert_int_eq(seteuid(uid), 0);
    int fd = listen_at(sock, true);
    bobbin_status mine = address_find(&a, &f);
    bool found = mine == BOBBIN_OK && strcmp(a.text, sock) == 0;
    chmod(own, 0770);
    bool found_open = address_find(&a, &f) == BOBBIN_OK && strcmp(a.text, sock) == 0;
    chmod(own, 0755);
    ck_assert_int_eq(seteuid(0), 0);
    ck_assert_int_eq(chown(own, uid + 1, uid), 0);
    ck_assert_int_eq(seteuid(uid), 0);
    bool found_foreign = address_find(&a, &f) == BOBBIN_OK && strcmp(a.text, sock) == 0;
    ck_assert_int_eq(seteuid(0), 0);
    close(fd);
    unlink(sock);
    rmdir(own);
    ck_assert(found);
    ck_assert(!found_open);
    ck_assert(!found_foreign);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("connect");
    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, path_and_environment);
    tcase_add_test(tc, nobody_there);
    tcase_add_test(tc, paths_that_cannot_work);
    tcase_add_loop_test(tc, inherited_descriptor_is_read_strictly, 0,
                        (int)(sizeof(bad_fds) / sizeof(bad_fds[0])));
    tcase_add_test(tc, inherited_descriptor_must_be_a_stream_socket);
    tcase_add_test(tc, inherited_descriptor_comes_first_and_stays_here);
    tcase_add_test(tc, default_path);
    tcase_add_test(tc, directory_in_tmp);

    Suite *s = suite_create("client connect");
    suite_add_tcase(s, tc);
    SRunner *sr = srunner_create(s);
    srunner_run_all(sr, CK_NORMAL);
    int failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
