/* A peer that asks for a lot and reads nothing: what its answers hold in the daemon is bounded, and when
 * it reads after all, it gets every answer, as of the place of its request in the order. */
#include <check.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "talk.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { SANITIZED = 1 };
#else
enum { SANITIZED = 0 };
#endif

enum { MIB = 1 << 20, GETS = 80, VALUE = 4 * MIB };
/* What may be unread (16 MiB), the results of one batch (32 MiB and one), buffers that grow by doubling,
 * and the daemon itself. The answers are 320 MiB. */
enum { MOST_KIB = 160 * 1024 };

static struct harness h;
static struct talk t, other;

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
    talk_open(&t, &h, "app");
    talk_open(&other, &h, "app");
}

static void end(void)
{
    talk_close(&t);
    talk_close(&other);
    harness_fini(&h);
}

static long peak_kib(void)
{
    char path[64];
    char *text, *line;
    long kib;
    snprintf(path, sizeof path, "/proc/%d/status", (int)h.pid);
    text = harness_read_file(path);
    ck_assert_ptr_nonnull(text);
    line = strstr(text, "VmHWM:");
    ck_assert_ptr_nonnull(line);
    kib = strtol(line + 6, NULL, 10);
    free(text);
    return kib;
}

static void set_large(const char *key, char byte)
{
    char *value = malloc(VALUE);
    msgpack_packer pk;
    struct message m;
    ck_assert_ptr_nonnull(value);
    memset(value, byte, VALUE);
    message_write_request(&other.out, 1, "set");
    pack_init(&pk, &other.out);
    msgpack_pack_array(&pk, 3);
    pack_cstr(&pk, "default");
    pack_cstr(&pk, key);
    pack_slice_bin(&pk, (struct slice){value, VALUE});
    talk_flush(&other);
    free(value);
    ck_assert(talk_receive(&other, &m) && !m.is_error);
}

static long batches_so_far(void)
{
    const char *stats = talk_ask(&other, "stats", "['app']");
    const char *at = strstr(stats, "'batches': ");
    ck_assert_ptr_nonnull(at);
    return strtol(at + 11, NULL, 10);
}

/* Until a second brings nothing but the batches of asking. */
static void await_rest(void)
{
    long deadline = harness_now_ms() + HARNESS_PATIENCE_MS, before;
    unsigned asked;
    do {
        before = batches_so_far();
        for (asked = 0; asked < 10; asked++) {
            nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
            if (batches_so_far() > before + asked + 1)
                break;
        }
    } while (asked < 10 && harness_now_ms() < deadline);
    ck_assert_int_eq(asked, 10);
}

/* get large, set n, get n, get large, … all sent before any is read. */
static void send_all(void)
{
    for (unsigned i = 0; i < GETS; i++) {
        ck_assert_uint_eq(talk_add(&t, "get", "['default','large']"), 3 * i + 2);
        talk_add(&t, "set", "['default','n',b'%u']", i);
        talk_add(&t, "get", "['default','n']");
    }
    talk_flush(&t);
}

static void expect_all(void)
{
    for (unsigned i = 0; i < 3 * GETS; i++) {
        char number[16];
        struct message m;
        struct slice value;
        ck_assert_msg(talk_receive(&t, &m), "closed before answer %u", i);
        ck_assert_msg(!m.is_error, "%.*s", (int)m.text.len, m.text.data);
        if ((m.id - 2) % 3 == 1)
            continue;
        ck_assert_int_eq(reader_bytes(&m.result, &value), 0);
        snprintf(number, sizeof number, "%u", (m.id - 2) / 3);
        if ((m.id - 2) % 3 == 2)
            ck_assert_msg(slice_equals(value, number), "%.*s is not %s", (int)value.len, value.data,
                          number);
        else
            ck_assert_uint_eq(value.len, VALUE);
    }
}

static const char *const configs[] = {"cache_bytes = 0\n", "cache_bytes = 67108864\n"};

START_TEST(test_reads_nothing_then_all)
{
    long kib;
    begin(configs[_i]);
    set_large("large", 'v');
    ck_assert_ptr_nonnull(talk_ask(&other, "exists", "['default','large']"));
    send_all();
    await_rest();
    kib = peak_kib();
    printf("%sthe daemon had %ld KiB at most\n", configs[_i], kib);
    if (!SANITIZED)
        ck_assert_int_lt(kib, MOST_KIB);
    /* Others do not notice. */
    ck_assert_str_eq(talk_ask(&other, "set", "['default','x',b'1']"), "nil");
    expect_all();
    ck_assert_str_eq(talk_ask(&t, "get", "['default','x']"), "b'1'");
    end();
}
END_TEST

/* What was parked is done also when nobody will read it. */
START_TEST(test_goes_away_while_parked)
{
    begin(configs[0]);
    set_large("large", 'v');
    send_all();
    await_rest();
    talk_close(&t);
    ck_assert_str_eq(talk_ask(&other, "set", "['default','x',b'1']"), "nil");
    talk_open(&t, &h, "app");
    for (long deadline = harness_now_ms() + HARNESS_PATIENCE_MS; harness_now_ms() < deadline;) {
        char last[16];
        snprintf(last, sizeof last, "b'%u'", GETS - 1);
        if (!strcmp(talk_ask(&t, "get", "['default','n']"), last))
            break;
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    }
    ck_assert_str_eq(talk_ask(&t, "get", "['default','n']"), "b'79'");
    end();
}
END_TEST

/* The daemon stops although somebody does not read. */
START_TEST(test_stops_while_parked)
{
    begin(configs[0]);
    set_large("large", 'v');
    send_all();
    await_rest();
    harness_fini(&h);
    talk_close(&t);
    talk_close(&other);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("unread");
    TCase *tc = tcase_create("unread");
    SRunner *runner;
    int failed;
    tcase_set_timeout(tc, 300);
    tcase_add_loop_test(tc, test_reads_nothing_then_all, 0, 2);
    tcase_add_test(tc, test_goes_away_while_parked);
    tcase_add_test(tc, test_stops_while_parked);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
