/* Every limit at its edge: as much as it says is fine, one more is not. Those that bobbin.toml sets are
 * set low, told in hello, and hold. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "notation.h"
#include "protocol/limits.h"
#include "talk.h"

static struct harness h;
static struct talk t;

/* A daemon with that bobbin.toml (NULL: none), an app, and a connection attached to it. */
static void begin(const char *config)
{
    static char path[96];
    char dir[160];
    harness_init(&h);
    snprintf(path, sizeof path, "%s/bobbin.toml", h.dir);
    if (config) {
        FILE *file = fopen(path, "w");
        ck_assert_ptr_nonnull(file);
        fputs(config, file);
        fclose(file);
        h.config = path;
    }
    harness_start(&h);
    harness_register(&h, "app", NULL, dir);
    talk_open(&t, &h, "app");
}

static void end(void)
{
    talk_close(&t);
    harness_fini(&h);
}

/* `count` times the character, good until the second call after this. */
static const char *letters(size_t count)
{
    static char *made[2];
    static unsigned turn;
    turn = !turn;
    free(made[turn]);
    made[turn] = malloc(count + 1);
    memset(made[turn], 'k', count);
    made[turn][count] = '\0';
    return made[turn];
}

#define expect(answer, method, ...) ck_assert_str_eq(talk_ask(&t, method, __VA_ARGS__), answer)
#define expect_part(part, method, ...)                                                             \
    do {                                                                                           \
        const char *said = talk_ask(&t, method, __VA_ARGS__);                                      \
        ck_assert_msg(strstr(said, part) != NULL, "%s: %.300s", method, said);                     \
    } while (0)

static const struct {
    const char *name;
    unsigned number;
} low[] = {
    {"message", 8192},      {"key", 64},         {"value", 1000},
    {"inflight", 4},        {"watches", 2},      {"inflight_bytes", 5000},
    {"unread_bytes", 4096}, {"connections", 12}, {"app_connections", 3},
    {"apps", 2},
};

static void begin_low(void)
{
    char text[1000];
    size_t len = 0;
    for (size_t i = 0; i < sizeof low / sizeof *low; i++)
        len += (size_t)snprintf(text + len, sizeof text - len, "max_%s = %u\n", low[i].name,
                                low[i].number);
    begin(text);
}

START_TEST(test_hello_tells_what_is_set)
{
    size_t settable = 0;
    bobbin *b;
    begin_low();
    b = harness_connect(&h, NULL);
    for (size_t i = 0; i < sizeof low / sizeof *low; i++)
        ck_assert_msg(bobbin_limit(b, low[i].name) == low[i].number, "%s: %llu", low[i].name,
                      (unsigned long long)bobbin_limit(b, low[i].name));
    ck_assert_uint_eq(bobbin_limit(b, "many"), LIMIT_MANY);
    bobbin_close(b);
#define X(name, standard, least, most) settable++;
    LIMIT_SETTABLE_LIST(X)
#undef X
    ck_assert_uint_eq(settable, sizeof low / sizeof *low);
    end();
}
END_TEST

START_TEST(test_key_and_value)
{
    begin_low();
    expect("nil", "set", "['default', '%s', b'']", letters(64));
    expect("too-large: set: key of 65 bytes exceeds limit of 64 bytes", "set",
           "['default', '%s', b'']", letters(65));
    expect("1", "increment", "['default', 'c%s', 1]", letters(63));
    expect_part("too-large: increment: key of 65 bytes", "increment", "['default', '%s', 1]",
                letters(65));
    expect_part("too-large: set_many: entry 0: key of 65 bytes", "set_many",
                "['default', [['%s', b'']]]", letters(65));
    expect_part("too-large: swap: key of 65 bytes", "swap", "['default', '%s', nil, b'']",
                letters(65));
    expect_part("too-large: atomic: operation 0: key of 65 bytes", "atomic",
                "['default', [], [['set', '%s', b'']]]", letters(65));
    expect("1", "watch", "['default', {'key': '%s'}]", letters(64));
    expect_part("too-large: watch: option 'key' exceeds limit of 64", "watch",
                "['default', {'key': '%s'}]", letters(65));
    expect("nil", "get", "['default', '%s']", letters(65));
    expect("nil", "set", "['default', 'v', '%s']", letters(1000));
    expect("too-large: set: value of 1001 bytes exceeds limit of 1000 bytes", "set",
           "['default', 'v', '%s']", letters(1001));
    expect_part("too-large: atomic: operation 0: value of 1001 bytes", "atomic",
                "['default', [], [['set', 'v', '%s']]]", letters(1001));
    end();
}
END_TEST

/* A ping with so much in its params that the message has `size` bytes. */
static const char *ping_of_size(size_t size)
{
    static const size_t around = 1 + 1 + 1 + 5 + 1 + 3; /* array, kind, id, "ping", params, bin */
    t.id = 41;
    return talk_ask(&t, "ping", "[b'%s']", letters(size - around));
}

START_TEST(test_message)
{
    begin_low();
    ck_assert_str_eq(ping_of_size(8192), "invalid-request: ping takes [], not 1 params");
    expect("'pong'", "ping", "[]");
    ck_assert_str_eq(ping_of_size(8193), "too-large: message exceeds limit of 8192 bytes");
    ck_assert_ptr_null(talk_next(&t));
    end();
}
END_TEST

static bool connects(void *arg)
{
    struct talk *other = arg;
    bool there;
    talk_open(other, &h, NULL);
    talk_add(other, "ping", "[]");
    /* Refused while it is being sent: that is no answer either. */
    send(other->fd, other->out.data, other->out.len, MSG_NOSIGNAL);
    buffer_clear(&other->out);
    there = talk_next(other) != NULL;
    if (!there)
        talk_close(other);
    return there;
}

START_TEST(test_connections)
{
    struct talk others[11], one_more;
    begin_low();
    for (int i = 0; i < 11; i++) /* those of the start may still be closing */
        ck_assert(harness_wait(connects, &others[i]));
    ck_assert(!connects(&one_more));
    talk_close(&others[10]);
    ck_assert(harness_wait(connects, &others[10]));
    for (int i = 0; i < 2; i++)
        ck_assert_str_ne(talk_ask(&others[i], "attach", "['app']"), "");
    ck_assert_str_eq(talk_ask(&others[2], "attach", "['app']"),
                     "busy: app 'app' has 3 connections already");
    for (int i = 0; i < 11; i++)
        talk_close(&others[i]);
    end();
}
END_TEST

START_TEST(test_apps_and_watches)
{
    char dir[160];
    begin_low();
    harness_register(&h, "second", NULL, dir);
    harness_make_app(&h, "third", NULL, dir);
    expect_part("quota-exceeded: cannot register", "app.register", "['%s']", dir);
    expect("1", "watch", "['default']");
    expect("2", "watch", "['default']");
    expect("quota-exceeded: watch: the connection has 2 watches already", "watch", "['default']");
    end();
}
END_TEST

static long long stat_of(const char *app, const char *name)
{
    bobbin *b = harness_connect(&h, NULL);
    bobbin_stats *stats;
    long long found = -1;
    harness_ok(b, bobbin_stats_get(b, app, &stats));
    for (size_t i = 0; i < stats->count; i++)
        if (!strcmp(stats->items[i].name, name))
            found = stats->items[i].number;
    bobbin_stats_free(stats);
    bobbin_close(b);
    return found;
}

/* How many batches it takes to write `count` values that are sent at once. */
static long long batches_for(int count, size_t value_size)
{
    const char *value = letters(value_size);
    long long before;
    expect("nil", "set", "['default', 'open', b'']");
    before = stat_of("app", "batches");
    for (int i = 0; i < count; i++)
        talk_add(&t, "set", "['default', 'k%d', '%s']", i, value);
    talk_flush(&t);
    for (int i = 0; i < count; i++)
        ck_assert_str_eq(strstr(talk_next(&t), ": "), ": nil");
    return stat_of("app", "batches") - before;
}

/* A batch holds at most what is in flight. */
START_TEST(test_inflight)
{
    long long batches;
    begin("max_inflight = 4\n");
    batches = batches_for(100, 10);
    ck_assert_int_ge(batches, 100 / 4);
    ck_assert_int_lt(batches, 100);
    end();
}
END_TEST

/* Requests of a thousand bytes: after five they hold more than the limit. */
START_TEST(test_inflight_bytes)
{
    long long batches;
    begin("max_inflight_bytes = 5000\n");
    batches = batches_for(100, 980);
    ck_assert_int_ge(batches, 100 / 6);
    ck_assert_int_lt(batches, 100);
    end();
}
END_TEST

START_TEST(test_inflight_unless_set)
{
    begin(NULL);
    ck_assert_int_lt(batches_for(100, 980), 100 / 6);
    end();
}
END_TEST

/* What is taken of a peer that does not read: what its socket holds, and little more. */
START_TEST(test_unread_bytes)
{
    enum { REQUESTS = 20000, STILL = 20 };
    long long taken = 0, before = -1;
    begin("max_unread_bytes = 4096\n");
    expect("nil", "set", "['default', 'v', '%s']", letters(1000));
    for (int i = 0; i < REQUESTS; i++)
        talk_add(&t, "get", "['default', 'v']");
    ck_assert_int_eq(setsockopt(t.fd, SOL_SOCKET, SO_SNDBUF, &(int){1 << 20}, sizeof(int)), 0);
    /* No more than the socket takes, now or later: this side does not read. */
    ssize_t sent = send(t.fd, t.out.data, t.out.len, MSG_DONTWAIT);
    ck_assert_int_gt(sent, 0);
    for (int still = 0; still < STILL; before = taken) {
        taken = stat_of("app", "requests");
        still = taken == before ? still + 1 : 0;
        usleep(5000);
    }
    long long whole = (long long)((size_t)sent / (t.out.len / REQUESTS));
    ck_assert_msg(taken > 10 && taken < whole / 2, "%lld of %lld were taken", taken, whole);
    end();
}
END_TEST

/* Those that are the same in every daemon. */
START_TEST(test_fixed)
{
    size_t size = 32 * LIMIT_MANY;
    char *list = malloc(size), *at;
    begin(NULL);
    expect_part("no-such-store", "get", "['%s', 'a']", letters(LIMIT_LABEL));
    expect("invalid-request: get: a store's label has 1 to 256 bytes, not 257", "get",
           "['%s', 'a']", letters(LIMIT_LABEL + 1));
    expect("nil", "set", "['default', 'a', b'', {'ttl_ms': %lld}]", (long long)LIMIT_TTL_MS);
    expect_part("invalid-request: set: option 'ttl_ms' must be", "set",
                "['default', 'a', b'', {'ttl_ms': %lld}]", (long long)LIMIT_TTL_MS + 1);
    at = list;
    for (unsigned i = 0; i < LIMIT_MANY; i++)
        at += sprintf(at, "'k%u',", i);
    expect("nil", "delete_many", "['default', [%s]]", list);
    expect_part("too-large", "delete_many", "['default', [%s 'one more']]", list);
    at = list;
    for (unsigned i = 0; i < LIMIT_ATOMIC; i++)
        at += sprintf(at, "['delete', 'k%u'],", i);
    expect("[true, nil]", "atomic", "['default', [], [%s]]", list);
    expect("too-large: atomic: 1001 operations exceed limit of 1000", "atomic",
           "['default', [], [%s ['delete', 'a']]]", list);
    at = list;
    for (unsigned i = 0; i < LIMIT_WATCH_KEYS; i++)
        at += sprintf(at, "'k%u',", i);
    expect("1", "watch", "['default', {'keys': [%s]}]", list);
    expect("too-large: watch: 257 keys exceed limit of 256", "watch",
           "['default', {'keys': [%s 'one more']}]", list);
    expect("nil", "set", "['default', '%s', '']", letters(LIMIT_KEY));
    expect_part("too-large", "set", "['default', '%s', '']", letters(LIMIT_KEY + 1));
    expect("nil", "set", "['default', 'v', '%s']", letters(LIMIT_VALUE));
    expect("too-large: set: value of 16777217 bytes exceeds limit of 16777216 bytes", "set",
           "['default', 'v', '%s']", letters(LIMIT_VALUE + 1));
    expect_part("unknown-method", letters(LIMIT_METHOD), "[]");
    expect_part("invalid-request: request: method", letters(LIMIT_METHOD + 1), "[]");
    ck_assert_ptr_null(talk_next(&t));
    free(list);
    end();
}
END_TEST

/* Nested as deep as may be, and deeper by one; the params are at depth 2. */
START_TEST(test_depth)
{
    begin(NULL);
    expect("invalid-request: ping takes [], not 1 params", "ping",
           "[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]");
    expect("invalid-request: message is nested deeper than 16", "ping",
           "[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]");
    ck_assert_ptr_null(talk_next(&t));
    end();
}
END_TEST

START_TEST(test_names)
{
    char dir[160], text[400];
    begin(NULL);
    snprintf(text, sizeof text, "spin_manifest_version = 2\n[application]\nname = \"%s\"\n",
             letters(LIMIT_NAME));
    harness_register(&h, "long", text, dir);
    snprintf(text, sizeof text, "spin_manifest_version = 2\n[application]\nname = \"%s\"\n",
             letters(LIMIT_NAME + 1));
    harness_make_app(&h, "longer", text, dir);
    expect_part("the app's name must have 1 to 128 bytes", "app.register", "['%s']", dir);
    end();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("limits");
    TCase *tc = tcase_create("limits");
    SRunner *runner;
    int failed;
    tcase_set_timeout(tc, 240);
    tcase_add_test(tc, test_hello_tells_what_is_set);
    tcase_add_test(tc, test_key_and_value);
    tcase_add_test(tc, test_message);
    tcase_add_test(tc, test_connections);
    tcase_add_test(tc, test_apps_and_watches);
    tcase_add_test(tc, test_inflight);
    tcase_add_test(tc, test_inflight_bytes);
    tcase_add_test(tc, test_inflight_unless_set);
    tcase_add_test(tc, test_unread_bytes);
    tcase_add_test(tc, test_fixed);
    tcase_add_test(tc, test_depth);
    tcase_add_test(tc, test_names);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
