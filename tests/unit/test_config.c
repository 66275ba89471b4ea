#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/config.h"

static char path[64];
static struct config c;
static struct error e;

static void setup(void)
{
    strcpy(path, "/tmp/bobbin-config-XXXXXX");
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    close(fd);
    config_init(&c);
}

static void teardown(void)
{
    config_fini(&c);
    unlink(path);
}

static int load(const char *text)
{
    FILE *f = fopen(path, "we");
    ck_assert_ptr_nonnull(f);
    fputs(text, f);
    fclose(f);
    return config_load(&c, path, &e);
}

static void check_defaults(void)
{
    ck_assert_ptr_null(c.socket);
    ck_assert_ptr_null(c.state_dir);
    ck_assert_ptr_null(c.runner);
    ck_assert_int_eq(c.log_level, LOG_LEVEL_INFO);
    ck_assert_uint_eq(c.store_idle_ms, 5000);
    ck_assert_uint_eq(c.threads, 8);
    ck_assert(!c.log_level_set && !c.store_idle_set && !c.threads_set);
}

START_TEST(empty_file_sets_nothing)
{
    check_defaults();
    ck_assert_int_eq(load("# nothing\n"), 0);
    check_defaults();
}
END_TEST

START_TEST(everything_set)
{
    ck_assert_msg(load("socket = \"/run/s\"\nstate_dir = \"/var/lib/b\"\nrunner = \"/bin/r\"\n"
                       "log_level = \"debug\"\nstore_idle = \"2min\"\nthreads = 4\n") == 0,
                  "%s", e.text);
    ck_assert_str_eq(c.socket, "/run/s");
    ck_assert_str_eq(c.state_dir, "/var/lib/b");
    ck_assert_str_eq(c.runner, "/bin/r");
    ck_assert(c.log_level_set && c.log_level == LOG_LEVEL_DEBUG);
    ck_assert(c.store_idle_set && c.store_idle_ms == 120000);
    ck_assert(c.threads_set && c.threads == 4);
    /* A second file sets what it sets. */
    ck_assert_int_eq(load("socket = \"/run/t\"\n"), 0);
    ck_assert_str_eq(c.socket, "/run/t");
    ck_assert_str_eq(c.state_dir, "/var/lib/b");
}
END_TEST

static const struct {
    const char *text;
    const char *expected;
} bad[] = {
    {"socket = \"/a\"\nsockt = \"/b\"", ":2:1: unknown key 'sockt'; did you mean 'socket'?"},
    {"thread = 1", ":1:1: unknown key 'thread'; did you mean 'threads'?"},
    {"[store]\nidle = 1", ":1:2: unknown key 'store'"},
    {"socket = 1", ":1:10: expected a string for 'socket'"},
    {"socket = \"x\"", ":1:10: expected an absolute path for 'socket'"},
    {"runner = \"\"", ":1:10: expected an absolute path for 'runner'"},
    {"log_level = \"loud\"",
     ":1:13: expected \"error\", \"warning\", \"info\" or \"debug\" for 'log_level'"},
    {"threads = 0", ":1:11: expected an integer from 1 to 1024 for 'threads'"},
    {"threads = 1025", ":1:11: expected an integer from 1 to 1024 for 'threads'"},
};

START_TEST(errors_name_the_place)
{
    char expected[300];

    ck_assert_int_ne(load(bad[_i].text), 0);
    snprintf(expected, sizeof(expected), "%s%s", path, bad[_i].expected);
    ck_assert_str_eq(e.text, expected);
    check_defaults();
}
END_TEST

START_TEST(missing_file)
{
    ck_assert_int_ne(config_load(&c, "/nowhere/bobbin.toml", &e), 0);
    ck_assert_str_eq(e.text, "cannot read '/nowhere/bobbin.toml': No such file or directory");
    ck_assert_int_ne(config_load(&c, "/tmp", &e), 0);
    ck_assert_str_eq(e.text, "cannot read '/tmp': Is a directory");
}
END_TEST

int main(void)
{
    Suite *s = suite_create("config");
    TCase *tc = tcase_create("bobbin.toml");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, empty_file_sets_nothing);
    tcase_add_test(tc, everything_set);
    tcase_add_loop_test(tc, errors_name_the_place, 0, sizeof(bad) / sizeof(bad[0]));
    tcase_add_test(tc, missing_file);
    suite_add_tcase(s, tc);
    SRunner *sr = srunner_create(s);
    srunner_run_all(sr, CK_NORMAL);
    int failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
