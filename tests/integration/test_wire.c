/* The daemon against bytes that no library of ours would send. */
#include <check.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "harness.h"
#include "protocol/limits.h"
#include "protocol/methods.h"

static struct harness h;
static struct buffer in;
static char dir[160];

static void setup(void)
{
    harness_init(&h);
    harness_start(&h);
    harness_register(&h, "app", NULL, dir);
    buffer_init(&in);
}

static void teardown(void)
{
    buffer_fini(&in);
    harness_fini(&h);
}

static void pack_strings(struct buffer *b, uint32_t id, const char *method, const char **params)
{
    msgpack_packer pk;
    size_t count = 0;
    while (params[count])
        count++;
    message_write_request(b, id, method);
    pack_init(&pk, b);
    msgpack_pack_array(&pk, count);
    for (size_t i = 0; i < count; i++)
        pack_cstr(&pk, params[i]);
}

static void send_strings(int fd, uint32_t id, const char *method, const char **params)
{
    struct buffer b;
    buffer_init(&b);
    pack_strings(&b, id, method, params);
    harness_raw_send(fd, b.data, b.len);
    buffer_fini(&b);
}

static void expect_error(int fd, uint32_t id, const char *code, const char *part)
{
    struct message m;
    ck_assert(harness_raw_receive(fd, &in, &m));
    ck_assert_uint_eq(m.id, id);
    ck_assert_msg(m.is_error, "no error, expected %s", code);
    ck_assert_msg(slice_equals(m.code, code), "%.*s: %.*s", (int)m.code.len, m.code.data,
                  (int)m.text.len, m.text.data);
    ck_assert_msg(memmem(m.text.data, m.text.len, part, strlen(part)) != NULL, "%.*s",
                  (int)m.text.len, m.text.data);
}

static void expect_nil(int fd, uint32_t id)
{
    struct message m;
    ck_assert(harness_raw_receive(fd, &in, &m));
    ck_assert_uint_eq(m.id, id);
    ck_assert_msg(!m.is_error, "%.*s", (int)m.text.len, m.text.data);
    ck_assert_int_eq(reader_peek(&m.result), READER_NIL);
}

static int attached(void)
{
    int fd = harness_raw_connect(&h);
    struct message m;
    send_strings(fd, 0, "attach", (const char *[]){"app", NULL});
    ck_assert(harness_raw_receive(fd, &in, &m));
    ck_assert(!m.is_error);
    return fd;
}

START_TEST(test_bad_params)
{
    int fd = attached();
    send_strings(fd, 1, "nonsense", (const char *[]){NULL});
    expect_error(fd, 1, "unknown-method", "'nonsense'");
    send_strings(fd, 2, "get", (const char *[]){"default", NULL});
    expect_error(fd, 2, "invalid-request", "get takes [store, key, {commit}?], not 1 params");
    send_strings(fd, 3, "get", (const char *[]){"", "a", NULL});
    expect_error(fd, 3, "invalid-request", "label");
    send_strings(fd, 4, "get", (const char *[]){"default", "\xff", NULL});
    expect_error(fd, 4, "invalid-request", "not valid UTF-8");
    send_strings(fd, 5, "keys", (const char *[]){"default", "options", NULL});
    expect_error(fd, 5, "invalid-request", "options must be a map");
    send_strings(fd, 6, "set", (const char *[]){"default", "a", "still here", NULL});
    expect_nil(fd, 6);
    close(fd);
}
END_TEST

START_TEST(test_not_attached)
{
    int fd = harness_raw_connect(&h);
    send_strings(fd, 9, "get", (const char *[]){"default", "a", NULL});
    expect_error(fd, 9, "invalid-request", "not attached");
    send_strings(fd, 10, "store.backup", (const char *[]){"/tmp/copy.db", NULL});
    expect_error(fd, 10, "invalid-request", "not attached");
    close(fd);
}
END_TEST

/* Each of these is answered if it has an id, and ends its connection and no other. */
static const struct {
    const char *bytes;
    size_t len;
    const char *code; /* NULL: closed without an answer */
} malformed[] = {
    {"\xc1", 1, NULL},
    {"\x93\x00\x05\xa4ping", 8, "invalid-request"},
    {"\x94\x00\x05\x07\x90", 5, "invalid-request"},
    {"\x94\x01\x05\xc0\xc0", 5, NULL},
    {"\x93\x02\xa4ping\x90", 8, NULL},
    {"\x94\x00\x05\xa4ping\xdd\xff\xff\xff\xff", 13, "too-large"},
    {"\x94\x00\x05\xa4ping\xdf\xff\xff\xff\xff", 13, "too-large"},
    {"\x94\x00\x05\xa4ping\xdb\xff\xff\xff\xff", 13, "too-large"},
    {"\x94\x00\x05\xa4ping\xc6\x02\x00\x00\x01", 13, "too-large"},
    {"\x94\x00\x05\xa4ping\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x90", 25,
     "invalid-request"},
    {"GET / HTTP/1.0\r\n\r\n", 18, NULL},
};

START_TEST(test_malformed)
{
    int other = attached();
    int fd = harness_raw_connect(&h);
    struct message m;
    harness_raw_send(fd, malformed[_i].bytes, malformed[_i].len);
    if (malformed[_i].code)
        expect_error(fd, 5, malformed[_i].code, "");
    ck_assert_msg(!harness_raw_receive(fd, &in, &m), "case %d: not closed", _i);
    close(fd);
    send_strings(other, 1, "set", (const char *[]){"default", "a", "x", NULL});
    expect_nil(other, 1);
    close(other);
}
END_TEST

START_TEST(test_byte_by_byte)
{
    int fd = attached();
    struct buffer b;
    buffer_init(&b);
    pack_strings(&b, 1, "set", (const char *[]){"default", "a", "slowly", NULL});
    pack_strings(&b, 2, "delete", (const char *[]){"default", "a", NULL});
    for (size_t i = 0; i < b.len; i++)
        harness_raw_send(fd, b.data + i, 1);
    expect_nil(fd, 1);
    expect_nil(fd, 2);
    buffer_fini(&b);
    close(fd);
}
END_TEST

/* All sent before anything is read: taken in order, answered each once. */
START_TEST(test_pipelined)
{
    enum { COUNT = 5000 };
    int fd = attached();
    struct buffer b;
    struct message m;
    char value[16];
    bool *seen = calloc(COUNT + 1, sizeof *seen);
    buffer_init(&b);
    for (uint32_t i = 0; i < COUNT; i++) {
        snprintf(value, sizeof value, "%u", i);
        pack_strings(&b, i, "set", (const char *[]){"default", "a", value, NULL});
    }
    pack_strings(&b, COUNT, "get", (const char *[]){"default", "a", NULL});
    harness_raw_send(fd, b.data, b.len);
    shutdown(fd, SHUT_WR);
    for (uint32_t i = 0; i <= COUNT; i++) {
        struct slice got;
        ck_assert(harness_raw_receive(fd, &in, &m));
        ck_assert(!m.is_error);
        ck_assert_uint_le(m.id, COUNT);
        ck_assert(!seen[m.id]);
        seen[m.id] = true;
        if (m.id == COUNT) {
            ck_assert_int_eq(reader_bytes(&m.result, &got), 0);
            ck_assert(slice_equals(got, value));
        }
    }
    ck_assert_msg(!harness_raw_receive(fd, &in, &m), "not closed after the last answer");
    free(seen);
    buffer_fini(&b);
    close(fd);
}
END_TEST

/* A peer that never reads is not served without bound, and others do not notice. */
START_TEST(test_peer_that_does_not_read)
{
    int fd = attached();
    int other = attached();
    struct buffer b, value;
    msgpack_packer pk;
    size_t sent = 0;
    buffer_init(&b);
    buffer_init(&value);
    buffer_reserve(&value, 1 << 20);
    memset(value.data, 'v', 1 << 20);
    message_write_request(&b, 1, "set");
    pack_init(&pk, &b);
    msgpack_pack_array(&pk, 3);
    pack_cstr(&pk, "default");
    pack_cstr(&pk, "large");
    pack_slice_bin(&pk, (struct slice){(char *)value.data, 1 << 20});
    harness_raw_send(fd, b.data, b.len);
    expect_nil(fd, 1);
    buffer_clear(&b);
    for (uint32_t i = 0; i < 100000; i++)
        pack_strings(&b, i, "get", (const char *[]){"default", "large", NULL});
    while (sent < b.len) {
        ssize_t n = send(fd, b.data + sent, b.len - sent, MSG_DONTWAIT | MSG_NOSIGNAL);
        struct pollfd p = {fd, POLLOUT, 0};
        if (n > 0)
            sent += (size_t)n;
        else if (errno == EPIPE || errno == ECONNRESET || poll(&p, 1, 2000) == 0)
            break;
    }
    ck_assert_msg(sent < b.len, "the daemon took all of %zu bytes", b.len);
    send_strings(other, 2, "set", (const char *[]){"default", "a", "x", NULL});
    expect_nil(other, 2);
    buffer_fini(&b);
    buffer_fini(&value);
    close(fd);
    close(other);
}
END_TEST

START_TEST(test_every_method_checks_its_params)
{
    int fd = attached();
    for (unsigned i = 0; i < METHOD_COUNT; i++) {
        static const char *many[] = {"a", "b", "c", "d", "e", "f", NULL};
        send_strings(fd, i, method_table[i].name, many);
        expect_error(fd, i, "invalid-request", method_table[i].name);
    }
    close(fd);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("wire");
    TCase *tc = tcase_create("wire");
    SRunner *runner;
    int failed;
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, test_bad_params);
    tcase_add_test(tc, test_not_attached);
    tcase_add_loop_test(tc, test_malformed, 0, sizeof malformed / sizeof *malformed);
    tcase_add_test(tc, test_byte_by_byte);
    tcase_add_test(tc, test_pipelined);
    tcase_add_test(tc, test_peer_that_does_not_read);
    tcase_add_test(tc, test_every_method_checks_its_params);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
