/* watch: what is told, in which order, from where on, and to whom no more. */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"
#include "protocol/limits.h"
#include "talk.h"

/* AddressSanitizer keeps what was freed for a while. */
#ifdef __SANITIZE_ADDRESS__
enum { SANITIZED = true };
#else
enum { SANITIZED = false };
#endif

static struct harness h;
static struct talk watcher, writer;

static void setup(void)
{
    char dir[160];
    harness_init(&h);
    harness_start(&h);
    harness_register(&h, "app", NULL, dir);
    talk_open(&watcher, &h, "app");
    talk_open(&writer, &h, "app");
}

static void teardown(void)
{
    talk_close(&watcher);
    talk_close(&writer);
    harness_fini(&h);
}

/* The answer is this. */
#define says(t, expected, ...) ck_assert_str_eq(talk_ask(t, __VA_ARGS__), expected)
/* The answer has this part. */
#define refuses(t, part, ...)                                                                      \
    do {                                                                                           \
        const char *refuses_said = talk_ask(t, __VA_ARGS__);                                       \
        ck_assert_msg(strstr(refuses_said, part) != NULL, "%s", refuses_said);                     \
    } while (0)
/* What comes next is this. */
#define comes(t, expected) ck_assert_str_eq(talk_next(t), expected)

START_TEST(test_order_over_connections)
{
    struct talk other, late;
    talk_open(&other, &h, "app");
    talk_open(&late, &h, "app");
    says(&watcher, "1", "watch", "['default']");
    says(&writer, "nil", "set", "['default', 'a', b'1']");
    says(&other, "nil", "set", "['default', 'b', b'2']");
    says(&writer, "nil", "delete", "['default', 'a']");
    says(&writer, "nil", "delete", "['default', 'absent']");
    says(&other, "nil", "set", "['default', 'b', b'3']");
    says(&late, "1", "watch", "['default', {'values': true}]");
    says(&writer, "nil", "set", "['default', 'c', b'']");
    comes(&watcher, "changed: [1, 1, 'a', 'set', nil]");
    comes(&watcher, "changed: [1, 2, 'b', 'set', nil]");
    comes(&watcher, "changed: [1, 3, 'a', 'delete', nil]");
    comes(&watcher, "changed: [1, 4, 'b', 'set', nil]");
    comes(&watcher, "changed: [1, 5, 'c', 'set', nil]");
    comes(&late, "changed: [1, 5, 'c', 'set', b'']");
    talk_close(&other);
    talk_close(&late);
}
END_TEST

START_TEST(test_filters)
{
    says(&watcher, "1", "watch", "['default', {'key': 'b', 'values': true}]");
    says(&watcher, "2", "watch", "['default', {'keys': ['z', 'b', 'a']}]");
    says(&watcher, "3", "watch", "['default', {'prefix': 'ab'}]");
    says(&watcher, "4", "watch", "['default', {'prefix': '', 'values': true}]");
    says(&writer, "nil", "set_many", "['default', [['b', b'1'], ['ab', b'2'], ['aba', b'3']]]");
    says(&writer, "nil", "delete_many", "['default', ['z', 'b', 'aba']]");
    comes(&watcher, "changed: [1, 1, 'b', 'set', b'1']");
    comes(&watcher, "changed: [2, 1, 'b', 'set', nil]");
    comes(&watcher, "changed: [3, 1, 'ab', 'set', nil]");
    comes(&watcher, "changed: [3, 1, 'aba', 'set', nil]");
    comes(&watcher, "changed: [4, 1, 'b', 'set', b'1']");
    comes(&watcher, "changed: [4, 1, 'ab', 'set', b'2']");
    comes(&watcher, "changed: [4, 1, 'aba', 'set', b'3']");
    comes(&watcher, "changed: [1, 2, 'b', 'delete', nil]");
    comes(&watcher, "changed: [2, 2, 'b', 'delete', nil]");
    comes(&watcher, "changed: [3, 2, 'aba', 'delete', nil]");
    comes(&watcher, "changed: [4, 2, 'b', 'delete', nil]");
    comes(&watcher, "changed: [4, 2, 'aba', 'delete', nil]");
}
END_TEST

START_TEST(test_bad_params)
{
    refuses(&watcher, "invalid-request", "watch", "['default', {'key': 'a', 'prefix': 'b'}]");
    refuses(&watcher, "invalid-request", "watch", "['default', {'keys': []}]");
    refuses(&watcher, "invalid-request", "watch", "['default', {'keys': ['a', 1]}]");
    refuses(&watcher, "invalid-request", "watch", "['default', {'key': b'\\xff'}]");
    refuses(&watcher, "invalid-request", "watch", "['default', {'values': 1}]");
    refuses(&watcher, "invalid-request", "watch", "['default', {'since': 7}]");
    refuses(&watcher, "no-such-store", "watch", "['unknown']");
    refuses(&watcher, "invalid-request", "unwatch", "['1']");
    /* None of these has left anything behind. */
    says(&writer, "nil", "set", "['default', 'a', b'1']");
    for (unsigned i = 0; i < LIMIT_WATCHES; i++)
        ck_assert_int_ge(atoi(talk_ask(&watcher, "watch", "['default', {'key': 'b'}]")), 1);
    refuses(&watcher, "quota-exceeded", "watch", "['default']");
    says(&writer, "nil", "set", "['default', 'c', b'1']");
    says(&watcher, "'pong'", "ping", "[]");
}
END_TEST

START_TEST(test_since)
{
    says(&writer, "nil", "set", "['default', 'a', b'1']");
    says(&writer, "nil", "set", "['default', 'b', b'2']");
    says(&writer, "nil", "set", "['default', 'a', b'3']");
    says(&writer, "nil", "delete", "['default', 'b']");
    says(&watcher, "1", "watch", "['default', {'since': 1, 'values': true}]");
    comes(&watcher, "changed: [1, 2, 'b', 'set', nil]");
    comes(&watcher, "changed: [1, 3, 'a', 'set', b'3']");
    comes(&watcher, "changed: [1, 4, 'b', 'delete', nil]");
    says(&watcher, "2", "watch", "['default', {'since': 0, 'key': 'b'}]");
    comes(&watcher, "changed: [2, 2, 'b', 'set', nil]");
    comes(&watcher, "changed: [2, 4, 'b', 'delete', nil]");
    says(&watcher, "3", "watch", "['default', {'since': 4}]");
    says(&writer, "nil", "set", "['default', 'c', b'4']");
    comes(&watcher, "changed: [1, 5, 'c', 'set', b'4']");
    comes(&watcher, "changed: [3, 5, 'c', 'set', nil]");
}
END_TEST

/* Keys "W-0000", "W-0001" … by a process of its own, many requests on the way at once. */
static pid_t start_writer(char name, unsigned count)
{
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (!pid) {
        struct talk t;
        struct message m;
        talk_open(&t, &h, "app");
        for (unsigned sent = 0, answered = 0; answered < count;) {
            for (; sent < count && sent < answered + 50; sent++)
                talk_add(&t, "set", "['default', '%c-%06u', b'x']", name, sent);
            talk_flush(&t);
            if (!talk_receive(&t, &m) || m.is_error)
                _exit(1);
            answered++;
        }
        _exit(0);
    }
    return pid;
}

static void end_writer(pid_t pid)
{
    int status;
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(status, 0);
}

/* What one watch has been told of the writers' keys. */
struct told {
    uint64_t commit;  /* the last one */
    unsigned next[2]; /* of each writer, the key that must come next */
};

static void check_told(struct told *told, struct message *m)
{
    uint64_t id, commit;
    struct slice key;
    unsigned writer_index, number;
    ck_assert_msg(slice_equals(m->method, "changed"), "%.*s", (int)m->method.len, m->method.data);
    ck_assert(!reader_uint(&m->params, &id) && !reader_uint(&m->params, &commit));
    ck_assert(!reader_str(&m->params, &key) && key.len == 8);
    ck_assert_uint_ge(commit, told->commit);
    told->commit = commit;
    writer_index = (unsigned)(key.data[0] - 'a');
    number = (unsigned)strtoul(key.data + 2, NULL, 10);
    ck_assert_msg(number == told->next[writer_index], "%.*s, not %u", (int)key.len, key.data,
                  told->next[writer_index]);
    told->next[writer_index]++;
}

START_TEST(test_since_and_live_without_gap_or_repeat)
{
    enum { COUNT = 4000 };
    pid_t writers[2];
    struct told first = {0};
    struct message m;
    says(&watcher, "1", "watch", "['default']");
    writers[0] = start_writer('a', COUNT);
    writers[1] = start_writer('b', COUNT);
    while (first.next[0] + first.next[1] < 2 * COUNT) {
        ck_assert(talk_receive(&watcher, &m));
        check_told(&first, &m);
        /* Every now and then begin another one in the midst of it, and see it to its end. */
        if ((first.next[0] + first.next[1]) % 1000 == 0) {
            struct told again = {0};
            struct talk late;
            talk_open(&late, &h, "app");
            says(&late, "1", "watch", "['default', {'since': 0}]");
            while (again.next[0] < COUNT || again.next[1] < COUNT) {
                ck_assert(talk_receive(&late, &m));
                check_told(&again, &m);
            }
            talk_close(&late);
        }
    }
    end_writer(writers[0]);
    end_writer(writers[1]);
}
END_TEST

START_TEST(test_resume_at_a_commit)
{
    enum { COUNT = 3000 };
    pid_t pid = start_writer('a', COUNT);
    struct told told = {0};
    struct message m;
    /* Watch a while, leave, come back where it was: commits are told whole or not at all. */
    while (told.next[0] < COUNT) {
        struct talk t;
        unsigned until = told.next[0] + 700;
        uint64_t last = told.commit;
        talk_open(&t, &h, "app");
        says(&t, "1", "watch", "['default', {'since': %lu}]", (unsigned long)last);
        while (told.next[0] < COUNT) {
            ck_assert(talk_receive(&t, &m));
            struct told before = told;
            check_told(&told, &m);
            if (before.next[0] >= until && told.commit > before.commit) {
                told = before;
                break;
            }
        }
        talk_close(&t);
    }
    end_writer(pid);
}
END_TEST

/* 10,000 entries in one commit. */
static void write_many(struct talk *t, char name)
{
    struct message m;
    msgpack_packer pk;
    message_write_request(&t->out, ++t->id, "set_many");
    pack_init(&pk, &t->out);
    msgpack_pack_array(&pk, 2);
    pack_cstr(&pk, "default");
    msgpack_pack_array(&pk, LIMIT_MANY);
    for (unsigned i = 0; i < LIMIT_MANY; i++) {
        char key[16];
        snprintf(key, sizeof key, "%c-%06u", name, i);
        msgpack_pack_array(&pk, 2);
        pack_cstr(&pk, key);
        pack_slice_bin(&pk, (struct slice){"x", 1});
    }
    talk_flush(t);
    ck_assert(talk_receive(t, &m));
    ck_assert_msg(!m.is_error, "%.*s", (int)m.text.len, m.text.data);
}

START_TEST(test_compacted)
{
    says(&writer, "nil", "set", "['default', 'a', b'1']");
    for (unsigned i = 0; i <= LIMIT_LOG_CHANGES / LIMIT_MANY + 1; i++)
        write_many(&writer, (char)('a' + i));
    refuses(&watcher, "compacted", "watch", "['default', {'since': 1}]");
    refuses(&watcher, "invalid-request", "watch", "['default', {'since': 1000000}]");
    says(&watcher, "3", "watch", "['default', {'key': 'k'}]");
    says(&writer, "nil", "set", "['default', 'k', b'1']");
    ck_assert_ptr_nonnull(strstr(talk_next(&watcher), "'k', 'set', nil]"));
}
END_TEST

/* What another file in the store's place holds nobody was told: a watch ends rather than leave it out. */
START_TEST(test_another_file_in_its_place)
{
    char from[200], to[200];
    snprintf(from, sizeof from, "%s/app/.spin/sqlite_key_value.db", h.dir);
    snprintf(to, sizeof to, "%s/moved.db", h.dir);
    says(&watcher, "1", "watch", "['default']");
    says(&writer, "[nil, 1]", "set", "['default', 'a', b'1', {'commit': true}]");
    comes(&watcher, "changed: [1, 1, 'a', 'set', nil]");
    ck_assert_int_eq(rename(from, to), 0);
    refuses(&writer, "deleted or replaced", "set", "['default', 'a', b'2']");
    says(&writer, "[nil, 3]", "set", "['default', 'a', b'2', {'commit': true}]");
    comes(&watcher, "overflow: [1, 1]");
    refuses(&watcher, "compacted", "watch", "['default', {'since': 1}]");
    refuses(&writer, "stale", "atomic", "['default', [['a', {'since': 1}]], []]");
    says(&watcher, "3", "watch", "['default', {'since': 2}]");
    comes(&watcher, "changed: [3, 3, 'a', 'set', nil]");
    ck_assert_int_eq(unlink(to), 0);
}
END_TEST

START_TEST(test_every_change_of_100000_in_order)
{
    enum { COUNT = 50000 };
    struct told told = {0};
    struct message m;
    pid_t writers[2];
    says(&watcher, "1", "watch", "['default']");
    writers[0] = start_writer('a', COUNT);
    writers[1] = start_writer('b', COUNT);
    while (told.next[0] + told.next[1] < 2 * COUNT) {
        ck_assert(talk_receive(&watcher, &m));
        check_told(&told, &m);
    }
    end_writer(writers[0]);
    end_writer(writers[1]);
}
END_TEST

static unsigned long daemon_rss_kb(void)
{
    char path[64];
    char *text, *line;
    unsigned long kb;
    snprintf(path, sizeof path, "/proc/%d/status", (int)h.pid);
    text = harness_read_file(path);
    ck_assert_ptr_nonnull(text);
    line = strstr(text, "VmRSS:");
    ck_assert_ptr_nonnull(line);
    kb = strtoul(line + 6, NULL, 10);
    free(text);
    return kb;
}

static void write_large(struct talk *t, unsigned number)
{
    static char value[256 << 10];
    struct message m;
    msgpack_packer pk;
    memset(value, (int)('a' + number % 26), sizeof value);
    message_write_request(&t->out, ++t->id, "set");
    pack_init(&pk, &t->out);
    msgpack_pack_array(&pk, 3);
    pack_cstr(&pk, "default");
    pack_cstr(&pk, "large");
    pack_slice_bin(&pk, (struct slice){value, sizeof value});
    talk_flush(t);
    ck_assert(talk_receive(t, &m));
    ck_assert_msg(!m.is_error, "%.*s", (int)m.text.len, m.text.data);
}

static void skip_params(struct message *m, unsigned count)
{
    while (count--)
        ck_assert_int_eq(reader_skip(&m->params), 0);
}

START_TEST(test_watcher_that_does_not_read)
{
    enum { LARGE = 256 }; /* 64 MiB in all */
    struct message m;
    uint64_t commit = 0, last = 0;
    unsigned long before, after;
    write_large(&writer, 0);
    write_large(&writer, 1);
    says(&watcher, "1", "watch", "['default', {'values': true}]");
    before = daemon_rss_kb();
    for (unsigned i = 0; i < LARGE; i++)
        write_large(&writer, i);
    after = daemon_rss_kb();
    if (!SANITIZED)
        ck_assert_msg(after < before + (64 << 10), "%lu kB, then %lu kB", before, after);
    /* It reads at last: whole commits one after the other, then where it ended. */
    for (unsigned told = 0;; told++) {
        ck_assert(talk_receive(&watcher, &m));
        if (slice_equals(m.method, "overflow"))
            break;
        skip_params(&m, 1);
        ck_assert_int_eq(reader_uint(&m.params, &commit), 0);
        ck_assert_msg(!told || commit == last + 1, "%lu after %lu", (unsigned long)commit,
                      (unsigned long)last);
        last = commit;
        ck_assert_uint_lt(told, LARGE);
    }
    skip_params(&m, 1);
    ck_assert_int_eq(reader_uint(&m.params, &commit), 0);
    ck_assert_uint_eq(commit, last);
    says(&watcher, "false", "unwatch", "[1]");
    says(&watcher, "2", "watch", "['default', {'since': %lu}]", (unsigned long)last);
    while (last < 2 + LARGE) {
        ck_assert(talk_receive(&watcher, &m));
        skip_params(&m, 1);
        ck_assert_int_eq(reader_uint(&m.params, &commit), 0);
        ck_assert_uint_eq(commit, ++last);
    }
}
END_TEST

START_TEST(test_expire)
{
    says(&watcher, "1", "watch", "['default', {'values': true}]");
    says(&writer, "nil", "set", "['default', 'a', b'1', {'ttl_ms': 20}]");
    comes(&watcher, "changed: [1, 1, 'a', 'set', b'1']");
    comes(&watcher, "changed: [1, 2, 'a', 'expire', nil]");
}
END_TEST

START_TEST(test_unwatch)
{
    says(&watcher, "1", "watch", "['default']");
    says(&watcher, "2", "watch", "['default', {'key': 'a'}]");
    says(&watcher, "true", "unwatch", "[1]");
    says(&watcher, "false", "unwatch", "[1]");
    says(&watcher, "false", "unwatch", "[7]");
    says(&writer, "false", "unwatch", "[2]");
    says(&writer, "nil", "set", "['default', 'a', b'1']");
    comes(&watcher, "changed: [2, 1, 'a', 'set', nil]");
    /* Ended in the same breath: nothing is told of it. */
    talk_add(&watcher, "watch", "['default']");
    talk_add(&watcher, "unwatch", "[3]");
    talk_add(&watcher, "set", "['default', 'b', b'1']");
    talk_flush(&watcher);
    for (unsigned i = 0; i < 3; i++)
        ck_assert_msg(!strncmp(talk_next(&watcher), "result", 6), "%s", watcher.line);
    says(&watcher, "4", "watch", "['default', {'key': 'b'}]");
    says(&writer, "nil", "set", "['default', 'b', b'2']");
    comes(&watcher, "changed: [4, 3, 'b', 'set', nil]");
}
END_TEST

static bool nobody_watches(void *arg)
{
    (void)arg;
    return strstr(talk_ask(&writer, "stats", "['app']"), "'watches': 0") != NULL;
}

START_TEST(test_watches_end_with_the_connection)
{
    struct talk t;
    talk_open(&t, &h, "app");
    for (unsigned i = 0; i < 10; i++)
        talk_ask(&t, "watch", "['default', {'values': true}]");
    /* More are on the way when it closes. */
    for (unsigned i = 0; i < 30; i++)
        talk_add(&t, "watch", "['default', {'since': 0}]");
    talk_flush(&t);
    ck_assert_ptr_null(strstr(talk_ask(&writer, "stats", "['app']"), "'watches': 0"));
    talk_close(&t);
    for (unsigned i = 0; i < 100; i++)
        says(&writer, "nil", "set", "['default', 'a', b'%u']", i);
    ck_assert(harness_wait(nobody_watches, NULL));
    says(&watcher, "1", "watch", "['default']");
    says(&writer, "nil", "set", "['default', 'a', b'x']");
    comes(&watcher, "changed: [1, 101, 'a', 'set', nil]");
    ck_assert_int_eq(harness_stop(&h), 0);
    ck_assert_ptr_null(talk_next(&watcher));
    harness_start(&h);
}
END_TEST

START_TEST(test_stats)
{
    const char *said;
    says(&writer, "nil", "set", "['default', 'a', b'12']");
    says(&writer, "b'12'", "get", "['default', 'a']");
    refuses(&writer, "wrong-type", "increment", "['default', 'a', 1]");
    said = talk_ask(&writer, "stats", "['app']");
    ck_assert_ptr_nonnull(strstr(said, "'app': 'app'"));
    ck_assert_ptr_nonnull(strstr(said, "'connections': 2"));
    ck_assert_ptr_nonnull(strstr(said, "'writes': 2"));
    ck_assert_ptr_nonnull(strstr(said, "'errors': 1"));
    /* What the file says of itself. */
    ck_assert_ptr_nonnull(strstr(said, "'commit': 1"));
    said = talk_ask(&writer, "stats", "[]");
    ck_assert_ptr_nonnull(strstr(said, "'version': '" BOBBIN_VERSION "'"));
    ck_assert_ptr_nonnull(strstr(said, "'apps': 1"));
    ck_assert_ptr_nonnull(strstr(said, "'apps_running': 0"));
    ck_assert_ptr_nonnull(strstr(said, "'writes': 2"));
    refuses(&writer, "no-such-app", "stats", "['other']");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("watch");
    TCase *tc = tcase_create("watch");
    SRunner *runner;
    int failed;
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, test_order_over_connections);
    tcase_add_test(tc, test_filters);
    tcase_add_test(tc, test_bad_params);
    tcase_add_test(tc, test_since);
    tcase_add_test(tc, test_since_and_live_without_gap_or_repeat);
    tcase_add_test(tc, test_resume_at_a_commit);
    tcase_add_test(tc, test_compacted);
    tcase_add_test(tc, test_another_file_in_its_place);
    tcase_add_test(tc, test_every_change_of_100000_in_order);
    tcase_add_test(tc, test_watcher_that_does_not_read);
    tcase_add_test(tc, test_expire);
    tcase_add_test(tc, test_unwatch);
    tcase_add_test(tc, test_watches_end_with_the_connection);
    tcase_add_test(tc, test_stats);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
