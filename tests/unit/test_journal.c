/* Output into a journal that is a socket of the test's. */
#include <check.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "daemon/journal.h"

static char path[64];
static int fd;
static struct journal *journal;

static void setup(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    snprintf(path, sizeof(path), "/tmp/test_journal.%d", (int)getpid());
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    journal = journal_open(path);
    ck_assert_ptr_nonnull(journal);
}

static void teardown(void)
{
    journal_close(journal);
    close(fd);
    unlink(path);
}

static struct journal_stream *open_stream(bool err)
{
    struct journal_origin origin = {"my app", "web", 2, err};
    struct journal_stream *s = journal_stream_new(journal, &origin);

    ck_assert_ptr_nonnull(s);
    return s;
}

static void feed(struct journal_stream *s, const char *text)
{
    journal_stream_write(s, text, strlen(text), false);
}

/* The message of the next entry, whose other fields are `fields`; "" where there is no entry. */
static const char *next_message(const char *fields)
{
    static char bytes[JOURNAL_LINE_MAX + 1000];
    ssize_t n = recv(fd, bytes, sizeof(bytes), 0);
    uint64_t len;

    if (n < 0)
        return "";
    ck_assert_msg(strncmp(bytes, fields, strlen(fields)) == 0, "%.300s", bytes);
    char *at = bytes + strlen(fields);
    ck_assert_int_eq(strncmp(at, "MESSAGE\n", 8), 0);
    memcpy(&len, at + 8, sizeof(len));
    len = le64toh(len);
    at += 16;
    ck_assert_int_eq(n, at - bytes + (ssize_t)len + 1);
    ck_assert_int_eq(at[len], '\n');
    at[len] = '\0';
    return at;
}

#define FIELDS(stream, priority)                                                                   \
    "SYSLOG_IDENTIFIER=my app\nAPP=my app\nCOMPONENT=web\nINSTANCE=2\nSTREAM=" stream              \
    "\nPRIORITY=" priority "\n"
#define OUT FIELDS("stdout", "6")

START_TEST(lines_are_entries_with_their_origin)
{
    struct journal_stream *out = open_stream(false), *err = open_stream(true);

    feed(out, "first\nsec");
    ck_assert_str_eq(next_message(OUT), "first");
    ck_assert_str_eq(next_message(OUT), "");
    feed(err, "APP=other\n");
    ck_assert_str_eq(next_message(FIELDS("stderr", "3")), "APP=other");
    feed(out, "ond\n\nlast");
    ck_assert_str_eq(next_message(OUT), "second");
    ck_assert_str_eq(next_message(OUT), "");
    journal_stream_free(out);
    ck_assert_str_eq(next_message(OUT), "last");
    journal_stream_free(err);
    ck_assert_str_eq(next_message(OUT), "");
}
END_TEST

/* However it is cut into pieces. */
START_TEST(long_lines_become_several_entries)
{
    struct journal_stream *s = open_stream(false);
    static char line[JOURNAL_LINE_MAX * 2 + 100];
    size_t seen = 0;

    memset(line, 'x', sizeof(line));
    for (size_t at = 0; at < sizeof(line); at += 50)
        journal_stream_write(s, line + at, 50 < sizeof(line) - at ? 50 : sizeof(line) - at, false);
    feed(s, "\nnext\n");
    for (int i = 0; i < 3; i++)
        seen += strlen(next_message(OUT));
    ck_assert_uint_eq(seen, sizeof(line));
    ck_assert_str_eq(next_message(OUT), "next");
    journal_stream_free(s);
}
END_TEST

static int64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* A journal that takes nothing costs entries, and a bounded time; when it takes them again it
 * learns how many. */
START_TEST(busy_journal_loses_counted_entries)
{
    struct journal_stream *s = open_stream(false);
    char told[80];
    unsigned taken = 0;

    for (int patient = 0; patient < 2; patient++) {
        int64_t began = now_ms();
        for (int i = 0; i < 2000; i++)
            feed(s, "line\n");
        journal_stream_write(s, "line\n", 5, patient);
        ck_assert_int_lt(now_ms() - began, 5000);
    }
    uint64_t lost = journal_stream_lost(s);
    ck_assert_uint_gt(lost, 1000);
    while (*next_message(OUT))
        taken++;
    ck_assert_uint_eq(taken + lost, 4002);
    feed(s, "again\n");
    snprintf(told, sizeof(told), "%llu lines are not here: the journal did not keep up",
             (unsigned long long)lost);
    ck_assert_str_eq(next_message(FIELDS("stdout", "4")), told);
    ck_assert_str_eq(next_message(OUT), "again");
    ck_assert_uint_eq(journal_stream_lost(s), lost);
    journal_stream_free(s);
}
END_TEST

START_TEST(journal_that_is_not_there_is_none)
{
    struct journal_stream *s = open_stream(false);

    ck_assert_ptr_null(journal_open("/nonexistent/socket"));
    unlink(path);
    feed(s, "nobody\n");
    ck_assert_uint_eq(journal_stream_lost(s), 1);
    journal_stream_free(s);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("journal");
    TCase *tc = tcase_create("streams");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, lines_are_entries_with_their_origin);
    tcase_add_test(tc, long_lines_become_several_entries);
    tcase_add_test(tc, busy_journal_loses_counted_entries);
    tcase_add_test(tc, journal_that_is_not_there_is_none);
    suite_add_tcase(s, tc);
    SRunner *sr = srunner_create(s);
    srunner_run_all(sr, CK_NORMAL);
    int failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
