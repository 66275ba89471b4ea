/* What one peer can take from the others: turns of the loop, patience, memory. */
#include <check.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "protocol/limits.h"
#include "talk.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { SANITIZED = 1 };
#else
enum { SANITIZED = 0 };
#endif

enum { MIB = 1 << 20 };

static struct harness h;
static struct talk t;

static void begin(const char *config)
{
    static char path[100];
    char dir[160];
    FILE *file;
    harness_init(&h);
    snprintf(path, sizeof path, "%s/bobbin.toml", h.dir);
    file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    fputs(config, file);
    ck_assert_int_eq(fclose(file), 0);
    h.config = path;
    harness_start(&h);
    harness_register(&h, "app", NULL, dir);
    harness_register(&h, "other", NULL, dir);
    talk_open(&t, &h, "app");
}

static void end(void)
{
    talk_close(&t);
    harness_fini(&h);
}

static void pause_ms(long ms)
{
    nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
}

static bool is_closed(void *arg)
{
    struct pollfd fd = {.fd = *(int *)arg, .events = POLLRDHUP};
    return poll(&fd, 1, 0) == 1 && fd.revents & (POLLRDHUP | POLLHUP | POLLERR);
}

static void expect_in_log(const char *words)
{
    char *log = harness_read_file(h.log);
    ck_assert_msg(strstr(log, words) != NULL, "'%s' is not in the log: %s", words, log);
    free(log);
}

/* A message that never ends, though a byte of it comes now and then. An idle connection stays. */
START_TEST(test_unfinished_message)
{
    static const uint8_t head[] = {0x94, 0x00, 0x01, 0xda, 0x00, 0x40};
    long deadline;
    struct talk idle;
    int fd;
    begin("stall_timeout = \"1s\"\n");
    talk_open(&idle, &h, "app");
    fd = harness_raw_connect(&h);
    harness_raw_send(fd, head, sizeof head);
    deadline = harness_now_ms() + HARNESS_PATIENCE_MS;
    for (int i = 0; i < 60 && !is_closed(&fd) && harness_now_ms() < deadline; i++) {
        send(fd, "x", 1, MSG_NOSIGNAL);
        pause_ms(200);
    }
    ck_assert(is_closed(&fd));
    close(fd);
    expect_in_log("holds back the rest of a message");
    ck_assert_str_eq(talk_ask(&idle, "ping", "[]"), "'pong'");
    talk_close(&idle);
    end();
}
END_TEST

/* What is slow but gets on is not closed: requests of which each takes its time, over and over. */
START_TEST(test_slow_but_moving)
{
    long until;
    begin("stall_timeout = \"1s\"\n");
    until = harness_now_ms() + 4000;
    while (harness_now_ms() < until) {
        struct buffer *out = &t.out;
        talk_add(&t, "ping", "[]");
        harness_raw_send(t.fd, out->data, 5);
        pause_ms(300);
        harness_raw_send(t.fd, out->data + 5, out->len - 5);
        buffer_clear(out);
        ck_assert_ptr_nonnull(talk_next(&t));
    }
    end();
}
END_TEST

static void set_large(const char *key, size_t size)
{
    char *value = malloc(size);
    msgpack_packer pk;
    struct message m;
    ck_assert_ptr_nonnull(value);
    memset(value, 'v', size);
    message_write_request(&t.out, ++t.id, "set");
    pack_init(&pk, &t.out);
    msgpack_pack_array(&pk, 3);
    pack_cstr(&pk, "default");
    pack_cstr(&pk, key);
    pack_slice_bin(&pk, (struct slice){value, size});
    talk_flush(&t);
    free(value);
    ck_assert(talk_receive(&t, &m) && !m.is_error);
}

/* One that asks and does not read is paused, then closed with a reason. */
START_TEST(test_unread_answers)
{
    struct talk deaf;
    begin("stall_timeout = \"1s\"\n");
    set_large("large", 4 * MIB);
    talk_open(&deaf, &h, "app");
    for (int i = 0; i < 8; i++)
        talk_add(&deaf, "get", "['default', 'large']");
    talk_flush(&deaf);
    ck_assert(harness_wait(is_closed, &deaf.fd));
    expect_in_log("does not read its answers");
    talk_close(&deaf);
    ck_assert_str_eq(talk_ask(&t, "ping", "[]"), "'pong'");
    end();
}
END_TEST

static long peak_kib(void)
{
    char path[64], *text, *line;
    long kib;
    snprintf(path, sizeof path, "/proc/%d/status", (int)h.pid);
    text = harness_read_file(path);
    line = text ? strstr(text, "VmHWM:") : NULL;
    ck_assert_ptr_nonnull(line);
    kib = strtol(line + 6, NULL, 10);
    free(text);
    return kib;
}

/* Many that read nothing, together: the memory of all is bounded, and another app does not notice. */
START_TEST(test_many_unread)
{
    enum { DEAF = 60, GETS = 8 };
    struct talk deaf[DEAF], other;
    unsigned closed = 0;
    long kib;
    begin("stall_timeout = 0\n");
    set_large("large", 4 * MIB);
    talk_open(&other, &h, "other");
    ck_assert_str_eq(talk_ask(&other, "set", "['default', 'a', b'1']"), "nil");
    for (int i = 0; i < DEAF; i++) {
        talk_open(&deaf[i], &h, "app");
        for (int k = 0; k < GETS; k++)
            talk_add(&deaf[i], "get", "['default', 'large']");
        talk_flush(&deaf[i]);
    }
    /* They would hold 16 MiB and more each. */
    for (long deadline = harness_now_ms() + HARNESS_PATIENCE_MS; harness_now_ms() < deadline;) {
        closed = 0;
        for (int i = 0; i < DEAF; i++)
            closed += is_closed(&deaf[i].fd);
        if (closed >= DEAF / 2)
            break;
        ck_assert_str_eq(talk_ask(&other, "get", "['default', 'a']"), "b'1'");
        pause_ms(5);
    }
    kib = peak_kib();
    printf("%u of %d were closed, the daemon had %ld KiB at most\n", closed, DEAF, kib);
    ck_assert_uint_ge(closed, DEAF / 2);
    ck_assert_uint_lt(closed, DEAF);
    if (!SANITIZED)
        ck_assert_int_lt(kib, (LIMIT_UNREAD_TOTAL >> 10) + 192 * 1024);
    expect_in_log("unread answers hold");
    ck_assert_str_eq(talk_ask(&other, "get", "['default', 'a']"), "b'1'");
    for (int i = 0; i < DEAF; i++)
        talk_close(&deaf[i]);
    talk_close(&other);
    end();
}
END_TEST

static long requests_so_far(const char *stats)
{
    const char *at = strstr(stats, "'requests': ");
    ck_assert_ptr_nonnull(at);
    return strtol(at + 12, NULL, 10);
}

enum { FLOODERS = 16, FLOOD = 3000 };

/* How many requests of the flood are served before one of the other app that came behind all of them. */
static long served_before_other(struct talk *flood, struct talk *other)
{
    long before = requests_so_far(talk_ask(&t, "stats", "[]")), after;
    int status;
    pause_ms(20); /* it sleeps then, and has no event of before to look at first */
    kill(h.pid, SIGSTOP);
    ck_assert_int_eq(waitpid(h.pid, &status, WUNTRACED), h.pid);
    for (int i = 0; i < FLOODERS; i++) {
        for (int k = 0; k < FLOOD; k++)
            talk_add(&flood[i], "get", "['default', 'a']");
        talk_flush(&flood[i]);
    }
    talk_add(other, "stats", "[]");
    talk_flush(other);
    kill(h.pid, SIGCONT);
    after = requests_so_far(talk_next(other));
    for (int i = 0; i < FLOODERS; i++)
        for (int k = 0; k < FLOOD; k++)
            ck_assert_str_eq(strstr(talk_next(&flood[i]), ": "), ": b'1'");
    return after - before;
}

/* Have both apps in use until the daemon, which looks once a second who is there, gives a flood of the one a part of each
 * turn only. It all gets answered in the end. */
static void share_turns(struct talk *other)
{
    struct talk flood[FLOODERS];
    long served, deadline = harness_now_ms() + HARNESS_PATIENCE_MS;
    ck_assert_str_eq(talk_ask(&t, "set", "['default', 'a', b'1']"), "nil");
    for (int i = 0; i < FLOODERS; i++)
        talk_open(&flood[i], &h, "app");
    do {
        ck_assert_str_eq(talk_ask(other, "set", "['default', 'b', b'1']"), "nil");
        served = served_before_other(flood, other);
    } while (served > FLOOD && harness_now_ms() < deadline);
    printf("%ld of %d requests of the flood came before the other app's\n", served,
           FLOODERS * FLOOD);
    ck_assert_int_le(served, FLOOD);
    for (int i = 0; i < FLOODERS; i++)
        talk_close(&flood[i]);
}

START_TEST(test_turns)
{
    struct talk other;
    begin("");
    talk_open(&other, &h, "other");
    share_turns(&other);
    talk_close(&other);
    end();
}
END_TEST

/* One that says that it sends no more, right behind a flood, is still answered whole. */
START_TEST(test_turns_then_end)
{
    struct talk other, flood;
    begin("");
    talk_open(&other, &h, "other");
    talk_open(&flood, &h, "app");
    ck_assert_str_eq(talk_ask(&t, "set", "['default', 'a', b'1']"), "nil");
    for (int round = 0; round < 30; round++) {
        ck_assert_str_eq(talk_ask(&other, "set", "['default', 'b', b'1']"), "nil");
        pause_ms(100);
    }
    for (int k = 0; k < FLOOD; k++)
        talk_add(&flood, "get", "['default', 'a']");
    kill(h.pid, SIGSTOP);
    talk_flush(&flood);
    shutdown(flood.fd, SHUT_WR);
    kill(h.pid, SIGCONT);
    for (int k = 0; k < FLOOD; k++) {
        const char *line = talk_next(&flood);
        ck_assert_msg(line != NULL, "closed after %d answers", k);
    }
    ck_assert_ptr_null(talk_next(&flood));
    talk_close(&flood);
    talk_close(&other);
    end();
}
END_TEST

enum { CROWD = 100, CROWD_GETS = 16, CROWD_ROUNDS = 60 * CROWD, CROWD_VALUE = 4000 };

/* One of the crowd asks for the same again and again, as soon as all of it is answered. */
struct member {
    struct talk talk;
    struct buffer request;
    size_t missing; /* bytes of the answers under way */
    size_t answer;  /* all of them have so many */
    long seen;      /* rounds of all at its last one */
};

static void member_ask(struct member *m)
{
    harness_raw_send(m->talk.fd, m->request.data, m->request.len);
    m->missing = m->answer;
}

static void member_open(struct member *m)
{
    const char *line;
    talk_open(&m->talk, &h, "app");
    for (int k = 0; k < CROWD_GETS; k++)
        talk_add(&m->talk, "get", "['default', 'large']");
    buffer_init(&m->request);
    buffer_append(&m->request, m->talk.out.data, m->talk.out.len);
    talk_flush(&m->talk);
    for (int k = 0; k < CROWD_GETS; k++) {
        line = talk_next(&m->talk);
        ck_assert_ptr_nonnull(line);
    }
    /* Every answer is [1, id of one byte, nil, bin 16 of that length]. */
    m->answer = CROWD_GETS * (size_t)(1 + 1 + 1 + 1 + 3 + CROWD_VALUE);
    m->seen = 0;
}

/* Whether it is through with a round. */
static bool member_read(struct member *m)
{
    static char bytes[1 << 17];
    ssize_t n = recv(m->talk.fd, bytes, sizeof bytes, MSG_DONTWAIT);
    ck_assert_int_gt(n, 0);
    ck_assert_uint_le((size_t)n, m->missing);
    m->missing -= (size_t)n;
    return m->missing == 0;
}

/* The longest that one had to wait, in rounds of all. The other app stays in use meanwhile. */
static long crowd_longest_wait(struct member *crowd, struct talk *other)
{
    struct pollfd fds[CROWD];
    long rounds = 0, longest = 0;
    for (int i = 0; i < CROWD; i++) {
        fds[i] = (struct pollfd){.fd = crowd[i].talk.fd, .events = POLLIN};
        member_ask(&crowd[i]);
    }
    while (rounds < CROWD_ROUNDS) {
        ck_assert_int_gt(poll(fds, CROWD, HARNESS_PATIENCE_MS), 0);
        for (int i = 0; i < CROWD; i++) {
            struct member *m = &crowd[i];
            if (!fds[i].revents || !member_read(m))
                continue;
            rounds++;
            longest = rounds - m->seen > longest ? rounds - m->seen : longest;
            m->seen = rounds;
            member_ask(m);
            if (rounds % (5 * CROWD) == 0)
                ck_assert_str_eq(talk_ask(other, "set", "['default', 'b', b'1']"), "nil");
        }
    }
    for (int i = 0; i < CROWD; i++)
        longest = rounds - crowd[i].seen > longest ? rounds - crowd[i].seen : longest;
    return longest;
}

/* Nor do those of one app starve each other, when its part of a turn is not enough for all. */
START_TEST(test_turns_within_an_app)
{
    static struct member crowd[CROWD];
    struct talk other;
    long longest;
    begin("");
    set_large("large", CROWD_VALUE);
    talk_open(&other, &h, "other");
    for (int i = 0; i < CROWD; i++)
        member_open(&crowd[i]);
    share_turns(&other);
    longest = crowd_longest_wait(crowd, &other);
    printf("of %d connections the one that waited longest did so for %ld rounds\n", CROWD, longest);
    ck_assert_int_le(longest, 10 * CROWD);
    for (int i = 0; i < CROWD; i++) {
        buffer_fini(&crowd[i].request);
        talk_close(&crowd[i].talk);
    }
    talk_close(&other);
    end();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("share");
    TCase *tc = tcase_create("share");
    SRunner *runner;
    int failed;
    tcase_set_timeout(tc, 240);
    tcase_add_test(tc, test_unfinished_message);
    tcase_add_test(tc, test_slow_but_moving);
    tcase_add_test(tc, test_unread_answers);
    tcase_add_test(tc, test_many_unread);
    tcase_add_test(tc, test_turns);
    tcase_add_test(tc, test_turns_then_end);
    tcase_add_test(tc, test_turns_within_an_app);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
