/* Connecting in time, and connecting again: what is kept, what ends, and that nothing is sent
 * twice. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "client/lib/handle.h"
#include "tests/unit/test_client_peer.h"

static char dir[64], path[100];
static int listener;
static bobbin *b;

static int listen_at(int backlog)
{
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", path);
    unlink(path);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
    ck_assert_int_eq(listen(fd, backlog), 0);
    return fd;
}

static void setup(void)
{
    strcpy(dir, "/tmp/bobbin-test-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/sock", dir);
    listener = listen_at(8);
}

static void teardown(void)
{
    char command[100];
    bobbin_close(b);
    if (listener >= 0)
        close(listener);
    snprintf(command, sizeof(command), "rm -rf '%s'", dir);
    ck_assert_int_eq(system(command), 0);
}

#define ATTACHED                                                                                   \
    "{\"version\": \"1.2.3\", \"protocol\": 1, \"app\": \"shop\", \"stores\": [\"default\"]}"

/* A daemon for one connection after the other: answers with these results, then goes away. */
struct script {
    const char *results[5]; /* NULL behind the last */
    int requests;           /* that were made over the connection */
    int connections;        /* to serve */
    char methods[200];      /* of all requests */
};

static void serve(struct script *s)
{
    struct peer p = {.fd = accept(listener, NULL, NULL)};
    char method[50];
    ck_assert_int_ge(p.fd, 0);
    for (int i = 0; s->results[i] != NULL; i++) {
        char *request = peer_request(&p);
        unsigned id = 0;
        ck_assert_int_eq(sscanf(request, "[0, %u, \"%49[a-z_.]", &id, method), 2);
        strcat(strcat(s->methods, method), " ");
        p.id = id - 1;
        peer_result(&p, s->results[i]);
        free(request);
        s->requests++;
    }
    close(p.fd);
}

static void *serve_main(void *arg)
{
    struct script *s = arg;
    for (int i = 0; i < s->connections; i++)
        serve(s);
    return NULL;
}

START_TEST(greeting_in_time)
{
    struct script s = {.results = {PEER_SESSION}, .connections = 1};
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, serve_main, &s), 0);
    ck_assert_int_eq(bobbin_connect_within(path, 60000, &b), BOBBIN_OK);
    ck_assert_str_eq(bobbin_server_version(b), "1.2.3");
    pthread_join(thread, NULL);
}
END_TEST

START_TEST(no_greeting_in_time)
{
    int64_t start = core_now_ms();
    ck_assert_int_eq(bobbin_connect_within(path, 30, &b), BOBBIN_TIMED_OUT);
    ck_assert_int_ge(core_now_ms() - start, 30);
    ck_assert_ptr_nonnull(strstr(bobbin_error(b), path));
    ck_assert_ptr_nonnull(strstr(bobbin_error(b), "does not answer"));
    ck_assert_int_eq(bobbin_ping(b), BOBBIN_TIMED_OUT);
}
END_TEST

START_TEST(no_room_in_the_queue_in_time)
{
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    int fds[8];
    size_t count = 0;
    close(listener);
    listener = listen_at(0);
    snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", path);
    for (int rc = 0; rc == 0 && count < 8; count++) {
        fds[count] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
        rc = connect(fds[count], (struct sockaddr *)&sa, sizeof(sa));
    }
    ck_assert_uint_lt(count, 8);
    ck_assert_int_eq(bobbin_connect_within(path, 30, &b), BOBBIN_TIMED_OUT);
    ck_assert_ptr_nonnull(strstr(bobbin_error(b), "no answer in time"));
    while (count > 0)
        close(fds[--count]);
}
END_TEST

static void on_result(void *arg, const bobbin_result *result)
{
    *(bobbin_status *)arg = result->status;
}

START_TEST(connects_and_attaches_again)
{
    struct script s = {.results = {PEER_SESSION, ATTACHED, "5", "\"pong\""}, .connections = 2};
    const bobbin_request set = {
        .kind = BOBBIN_REQUEST_SET, .store = "s", .key = {"k", 1}, .value = {"v", 1}};
    bobbin_status submitted = BOBBIN_OK;
    bobbin_change *c;
    uint64_t id, old_id;
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, serve_main, &s), 0);
    ck_assert_int_eq(bobbin_connect(path, &b), BOBBIN_OK);
    ck_assert_int_eq(bobbin_attach(b, "/srv/shop"), BOBBIN_OK);
    ck_assert_int_eq(bobbin_watch(b, "default", NULL, &id), BOBBIN_OK);
    ck_assert_int_eq(bobbin_ping(b), BOBBIN_OK);
    /* One request of which nobody knows what came of it. */
    ck_assert_int_eq(bobbin_submit(b, &set, 0, on_result, &submitted, &old_id), BOBBIN_OK);
    while (bobbin_next_change(b, -1, &c) == BOBBIN_OK)
        ;
    ck_assert_int_eq(submitted, BOBBIN_DISCONNECTED);
    ck_assert_int_eq(bobbin_ping(b), BOBBIN_DISCONNECTED);

    ck_assert_int_eq(bobbin_reconnect(b), BOBBIN_OK);
    ck_assert_str_eq(bobbin_app(b), "shop");
    ck_assert_int_eq(bobbin_watch(b, "default", NULL, &id), BOBBIN_OK);
    ck_assert(!bobbin_cancel(b, old_id));
    ck_assert_int_eq(bobbin_ping(b), BOBBIN_OK);
    pthread_join(thread, NULL);
    ck_assert_str_eq(s.methods, "hello attach watch ping hello attach watch ping ");
}
END_TEST

START_TEST(reconnecting_ends_what_is_under_way)
{
    struct script s = {.results = {PEER_SESSION}, .connections = 2};
    const bobbin_request ping = {.kind = BOBBIN_REQUEST_PING};
    bobbin_status submitted = BOBBIN_OK;
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, serve_main, &s), 0);
    ck_assert_int_eq(bobbin_connect(path, &b), BOBBIN_OK);
    ck_assert_int_eq(bobbin_submit(b, &ping, 0, on_result, &submitted, NULL), BOBBIN_OK);
    ck_assert_int_eq(bobbin_reconnect(b), BOBBIN_OK);
    ck_assert_int_eq(submitted, BOBBIN_DISCONNECTED);
    ck_assert_uint_eq(bobbin_pending(b), 0);
    ck_assert_ptr_null(bobbin_app(b));
    pthread_join(thread, NULL);
    ck_assert_str_eq(s.methods, "hello hello ");
}
END_TEST

START_TEST(nobody_there_can_be_tried_again)
{
    struct script s = {.results = {PEER_SESSION}, .connections = 1};
    pthread_t thread;
    close(listener);
    listener = -1;
    unlink(path);
    setenv("BOBBIN_SOCKET", path, 1);
    ck_assert_int_eq(bobbin_connect(NULL, &b), BOBBIN_CANNOT_CONNECT);
    ck_assert_int_eq(bobbin_reconnect(b), BOBBIN_CANNOT_CONNECT);
    ck_assert_int_eq(bobbin_fd(b), -1);
    ck_assert_int_eq(bobbin_ping(b), BOBBIN_CANNOT_CONNECT);
    listener = listen_at(8);
    ck_assert_int_eq(pthread_create(&thread, NULL, serve_main, &s), 0);
    ck_assert_int_eq(bobbin_reconnect(b), BOBBIN_OK);
    ck_assert_int_ge(bobbin_fd(b), 0);
    pthread_join(thread, NULL);
}
END_TEST

START_TEST(descriptors_cannot_be_connected_again)
{
    struct peer p;
    peer_setup(&p);
    ck_assert_int_eq(bobbin_reconnect(p.b), BOBBIN_MISUSE);
    ck_assert_str_ne(bobbin_error(p.b), "");
    peer_result(&p, "\"pong\"");
    ck_assert_int_eq(bobbin_ping(p.b), BOBBIN_OK);
    peer_teardown(&p);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("reconnect");
    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, greeting_in_time);
    tcase_add_test(tc, no_greeting_in_time);
    tcase_add_test(tc, no_room_in_the_queue_in_time);
    tcase_add_test(tc, connects_and_attaches_again);
    tcase_add_test(tc, reconnecting_ends_what_is_under_way);
    tcase_add_test(tc, nobody_there_can_be_tried_again);
    tcase_add_test(tc, descriptors_cannot_be_connected_again);

    Suite *s = suite_create("client reconnect");
    suite_add_tcase(s, tc);
    SRunner *sr = srunner_create(s);
    srunner_run_all(sr, CK_NORMAL);
    int failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
