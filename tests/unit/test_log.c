/* What arrives on stderr; each test runs in a process of its own, whose descriptor 2 it replaces.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/log.h"

static int reader;

static void setup(void)
{
    int fds[2];

    unsetenv("JOURNAL_STREAM");
    ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
    ck_assert_int_eq(fcntl(fds[0], F_SETFL, O_NONBLOCK), 0);
    ck_assert_int_ge(dup2(fds[1], 2), 0);
    close(fds[1]);
    reader = fds[0];
    log_set_level(LOG_LEVEL_INFO);
}

static char *logged(void)
{
    static char text[65536];
    ssize_t n = read(reader, text, sizeof(text) - 1);

    text[n > 0 ? n : 0] = '\0';
    return text;
}

START_TEST(line_has_time_and_level)
{
    int year, month, day, hour, minute, second, ms, end = 0;

    errno = ENOENT;
    log_warning("it is %d", 42);
    ck_assert_int_eq(errno, ENOENT);
    char *line = logged();
    ck_assert_int_eq(sscanf(line, "%d-%d-%dT%d:%d:%d.%3dZ%n", &year, &month, &day, &hour, &minute,
                            &second, &ms, &end),
                     7);
    ck_assert_str_eq(line + end, " warning: it is 42\n");
}
END_TEST

/* A document a line, whatever is in the text and the fields. */
START_TEST(json_is_json)
{
    const struct log_field fields[] = {
        {"app", "a \"quoted\" \\ name\n"}, {"none", NULL}, {"bytes", "\xff\xc3\xa9"}, {"fine", "\xc3\xa9"}};

    log_set_json(true);
    log_write_fields(LOG_LEVEL_WARNING, fields, 4, "it is %d\t%s", 42, "\x1b[31m");
    log_set_json(false);
    char *line = logged();
    ck_assert_ptr_eq(strstr(line, "{\"time\":\""), line);
    ck_assert_str_eq(strstr(line, "Z\",") + 2,
                     ",\"level\":\"warning\",\"message\":\"it is 42\\u0009\\u001b[31m\","
                     "\"app\":\"a \\\"quoted\\\" \\\\ name\\u000a\",\"bytes\":\"\\ufffd\\ufffd\\ufffd\","
                     "\"fine\":\"\xc3\xa9\"}\n");
}
END_TEST

/* The longest message and the longest fields still end as a document does. */
START_TEST(nothing_is_too_long)
{
    struct log_field fields[9];
    char long_text[4000];

    memset(long_text, 1, sizeof(long_text) - 1);
    long_text[sizeof(long_text) - 1] = '\0';
    for (size_t i = 0; i < 9; i++)
        fields[i] = (struct log_field){"a_name_as_long_as_a_name", long_text};
    log_set_json(true);
    log_write_fields(LOG_LEVEL_WARNING, fields, 9, "%s", long_text);
    log_set_json(false);
    char *line = logged();
    ck_assert_uint_gt(strlen(line), 6 * 1023 + 8 * 6 * 255);
    ck_assert_str_eq(line + strlen(line) - 9, "\\u0001\"}\n");
}
END_TEST

START_TEST(fields_follow_the_text)
{
    const struct log_field fields[] = {{"request", "3.7"}, {"app", "two words"}, {"code", NULL}, {"e", ""}};

    log_write_fields(LOG_LEVEL_WARNING, fields, 4, "failed");
    ck_assert_ptr_nonnull(strstr(logged(), " warning: failed request=3.7 app=\"two words\" e=\"\"\n"));
}
END_TEST

START_TEST(journal_gets_a_priority)
{
    char stream[100];
    struct stat st;

    ck_assert_int_eq(fstat(2, &st), 0);
    snprintf(stream, sizeof(stream), "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
    setenv("JOURNAL_STREAM", stream, 1);
    log_error("a");
    log_warning("b");
    log_info("c");
    ck_assert_str_eq(logged(), "<3>a\n<4>b\n<6>c\n");
    /* Another stream's name, and none at all. */
    snprintf(stream, sizeof(stream), "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino + 1);
    setenv("JOURNAL_STREAM", stream, 1);
    log_error("a");
    ck_assert_ptr_nonnull(strstr(logged(), "Z error: a\n"));
    setenv("JOURNAL_STREAM", "rubbish", 1);
    log_error("a");
    ck_assert_ptr_nonnull(strstr(logged(), "Z error: a\n"));
}
END_TEST

START_TEST(control_characters_are_escaped)
{
    log_info("a\nb\r\x1b[31m\x7f\tc \xc2\x9b \xc3\xa9 \xe2\x82\xac");
    char *line = logged();
    ck_assert_ptr_nonnull(
        strstr(line, ": a\\nb\\x0d\\x1b[31m\\x7f\\x09c \\xc2\x9b \xc3\xa9 \xe2\x82\xac\n"));
}
END_TEST

START_TEST(long_message_is_cut_not_split)
{
    char text[5000];

    memset(text, '\a', sizeof(text));
    text[sizeof(text) - 1] = '\0';
    log_info("%s", text);
    char *line = logged();
    ck_assert_ptr_eq(strchr(line, '\n'), line + strlen(line) - 1);
    ck_assert_uint_gt(strlen(line), 4000);
}
END_TEST

START_TEST(level_hides_what_is_below)
{
    log_debug("x");
    ck_assert_str_eq(logged(), "");
    log_set_level(LOG_LEVEL_DEBUG);
    log_debug("x");
    ck_assert_str_ne(logged(), "");
    log_set_level(LOG_LEVEL_ERROR);
    log_warning("x");
    ck_assert_str_eq(logged(), "");
}
END_TEST

static void *write_lines(void *arg)
{
    for (int i = 0; i < 100; i++)
        log_info("%s", (const char *)arg);
    return NULL;
}

START_TEST(lines_of_threads_do_not_mix)
{
    pthread_t threads[2];
    char *saved;
    int lines = 0;

    pthread_create(&threads[0], NULL, write_lines, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
    pthread_create(&threads[1], NULL, write_lines, "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb");
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
    char *text = logged();
    for (char *l = strtok_r(text, "\n", &saved); l; l = strtok_r(NULL, "\n", &saved), lines++) {
        const char *message = strstr(l, " info: ");
        ck_assert_ptr_nonnull(message);
        ck_assert_uint_eq(strspn(message + 7, "a") + strspn(message + 7, "b"), 32);
        ck_assert_uint_eq(strlen(message + 7), 32);
    }
    ck_assert_int_eq(lines, 200);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("log");
    TCase *tc = tcase_create("lines");
    tcase_add_checked_fixture(tc, setup, NULL);
    tcase_add_test(tc, line_has_time_and_level);
    tcase_add_test(tc, json_is_json);
    tcase_add_test(tc, nothing_is_too_long);
    tcase_add_test(tc, fields_follow_the_text);
    tcase_add_test(tc, journal_gets_a_priority);
    tcase_add_test(tc, control_characters_are_escaped);
    tcase_add_test(tc, long_message_is_cut_not_split);
    tcase_add_test(tc, level_hides_what_is_below);
    tcase_add_test(tc, lines_of_threads_do_not_mix);
    suite_add_tcase(s, tc);
    SRunner *sr = srunner_create(s);
    srunner_run_all(sr, CK_NORMAL);
    int failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
