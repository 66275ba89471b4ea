/* The command line of the daemon: what it takes, what it refuses and how, where things are without
 * it. */
#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/options.h"

/* Somebody who is not root, in the case that this one is. */
enum { SOMEBODY = 54321, WORDS = 160 };

static struct config c;
static struct error e;
static enum options_action action;
static const char *directory;

/* The words behind the program's name, up to NULL. */
static int read_words(char **words)
{
    char *argv[WORDS + 2] = {"bobbind"};
    int argc = 1;

    while (words[argc - 1]) {
        argv[argc] = words[argc - 1];
        argc++;
    }
    return options_read(argc, argv, &c, &action, &directory, &e);
}

#define READ(...) read_words((char *[]){__VA_ARGS__ __VA_OPT__(, ) NULL})

static void setup(void)
{
    unsetenv("XDG_RUNTIME_DIR");
    unsetenv("XDG_STATE_HOME");
    unsetenv("BOBBIND_CONFIG");
}

static void refused(int rc, int code, const char *text)
{
    ck_assert_int_eq(rc, code);
    ck_assert_str_eq(e.text, text);
}

START_TEST(options_are_taken)
{
    ck_assert_int_eq(READ("--socket", "/s", "--state-dir=/d", "--log-level", "debug",
                          "--log-format", "json", "--set", "threads=3", "--set=store_idle=1m",
                          "--metrics-listen", "/m", "--metrics-listen", "localhost:1"),
                     0);
    ck_assert_int_eq(action, OPTIONS_RUN);
    ck_assert_str_eq(c.socket, "/s");
    ck_assert_str_eq(c.state_dir, "/d");
    ck_assert_int_eq(c.log_level, LOG_LEVEL_DEBUG);
    ck_assert_int_eq(c.log_format, LOG_FORMAT_JSON);
    ck_assert_uint_eq(c.threads, 3);
    ck_assert_uint_eq(c.store_idle_ms, 60000);
    ck_assert_uint_eq(c.metrics_listen.count, 2);
    ck_assert_str_eq(c.metrics_listen.items[1], "localhost:1");
    config_fini(&c);
}
END_TEST

START_TEST(what_is_wrong_is_named)
{
    refused(READ("--frob"), ERR_INVALID_REQUEST, "unknown option '--frob'; try --help");
    refused(READ("--socket", "/s", "-x"), ERR_INVALID_REQUEST, "unknown option '-x'; try --help");
    refused(READ("--socket"), ERR_INVALID_REQUEST, "option '--socket' needs a value; try --help");
    refused(READ("--socket", "/s", "more"), ERR_INVALID_REQUEST,
            "unexpected argument 'more'; try --help");
    refused(READ("--set", "threads"), ERR_INVALID_REQUEST, "--set 'threads': expected KEY=VALUE");
    ck_assert_int_eq(READ("--set", "threads=none"), ERR_INVALID_REQUEST);
    ck_assert_ptr_nonnull(strstr(e.text, "threads"));
    ck_assert_int_eq(READ("--config", "/nowhere/bobbin.toml"), ERR_INVALID_REQUEST);
    ck_assert_ptr_nonnull(strstr(e.text, "/nowhere/bobbin.toml"));
}
END_TEST

START_TEST(settings_without_end_are_refused)
{
    char *words[WORDS + 1] = {NULL};

    for (int i = 0; i < WORDS; i += 2) {
        words[i] = "--set";
        words[i + 1] = "threads=3";
    }
    refused(read_words(words), ERR_INVALID_REQUEST, "more than 64 settings on the command line");
    for (int i = 0; i < WORDS; i += 2) {
        words[i] = "--metrics-listen";
        words[i + 1] = "/m";
    }
    ck_assert_int_eq(read_words(words), ERR_INVALID_REQUEST);
    ck_assert_ptr_nonnull(strstr(e.text, "metrics_listen"));
}
END_TEST

/* A leading - in front of the file: it may be missing, but not be wrong. */
START_TEST(file_that_may_be_missing)
{
    char path[] = "-/tmp/bobbin-options-XXXXXX";
    int fd = mkstemp(path + 1);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, "threads = 0\n", 12), 12);
    close(fd);
    setenv("BOBBIND_CONFIG", path, 1);
    ck_assert_int_eq(READ("--socket", "/s"), ERR_INVALID_REQUEST);
    ck_assert_int_eq(unlink(path + 1), 0);
    ck_assert_int_eq(READ("--socket", "/s"), 0);
    config_fini(&c);
    setenv("BOBBIND_CONFIG", path + 1, 1);
    ck_assert_int_eq(READ("--socket", "/s"), ERR_INVALID_REQUEST);
    ck_assert_ptr_nonnull(strstr(e.text, path + 1));
}
END_TEST

START_TEST(directory_of_an_action)
{
    ck_assert_int_eq(READ("--check", "/app"), 0);
    ck_assert_int_eq(action, OPTIONS_CHECK);
    ck_assert_str_eq(directory, "/app");
    ck_assert_int_eq(READ("--recover", "/app"), 0);
    ck_assert_int_eq(action, OPTIONS_RECOVER);
    ck_assert_int_eq(READ("--build", "/app"), 0);
    ck_assert_int_eq(action, OPTIONS_BUILD);
    config_fini(&c);
    ck_assert_int_eq(READ("--handover-version"), 0);
    ck_assert_int_eq(action, OPTIONS_HANDOVER);
    config_fini(&c);
}
END_TEST

/* What a call prints, in `text`. */
static void printed(char *word, char text[4096])
{
    int pipe_fds[2], saved = dup(STDOUT_FILENO);

    ck_assert_int_eq(pipe(pipe_fds), 0);
    fflush(stdout);
    dup2(pipe_fds[1], STDOUT_FILENO);
    int rc = READ(word, "and more that nobody looks at");
    fflush(stdout);
    dup2(saved, STDOUT_FILENO);
    close(pipe_fds[1]);
    ssize_t len = read(pipe_fds[0], text, 4095);
    close(pipe_fds[0]);
    close(saved);
    ck_assert_int_eq(rc, 0);
    ck_assert_int_eq(action, OPTIONS_SHOWN);
    ck_assert_int_gt(len, 0);
    text[len] = '\0';
}

START_TEST(version_and_help_are_shown)
{
    char text[4096];

    printed("--version", text);
    ck_assert_str_eq(text, "bobbind " BOBBIN_VERSION "\n");
    printed("--help", text);
    ck_assert_ptr_nonnull(strstr(text, "--state-dir"));
}
END_TEST

/* Read without --socket or --state-dir by somebody. */
static int read_as_somebody(void)
{
    if (geteuid() == 0)
        ck_assert_int_eq(seteuid(SOMEBODY), 0);
    return READ("--set", "runner=/r");
}

static void check_places(const char *socket, const char *state_dir)
{
    ck_assert_msg(read_as_somebody() == 0, "%s", e.text);
    ck_assert_str_eq(c.socket, socket);
    ck_assert_str_eq(c.state_dir, state_dir);
    config_fini(&c);
}

START_TEST(places_of_somebody)
{
    char socket[64];

    setenv("HOME", "/h", 1);
    setenv("XDG_RUNTIME_DIR", "/r", 1);
    setenv("XDG_STATE_HOME", "/x", 1);
    check_places("/r/bobbin/bobbin.sock", "/x/bobbin");
    /* One that is not absolute is as if it were not there. */
    setenv("XDG_STATE_HOME", "x", 1);
    unsetenv("XDG_RUNTIME_DIR");
    snprintf(socket, sizeof(socket), "/tmp/bobbin-%u/bobbin.sock", (unsigned)geteuid());
    check_places(socket, "/h/.local/state/bobbin");
    unsetenv("HOME");
    refused(read_as_somebody(), ERR_OTHER,
            "no state directory: neither --state-dir nor $HOME is set");
    /* LeakSanitizer looks at the end. */
    if (getuid() == 0)
        ck_assert_int_eq(seteuid(0), 0);
}
END_TEST

START_TEST(places_of_root)
{
    if (geteuid() != 0)
        return;
    ck_assert_int_eq(READ("--log-level", "error"), 0);
    ck_assert_str_eq(c.socket, "/run/bobbin/bobbin.sock");
    ck_assert_str_eq(c.state_dir, "/var/lib/bobbin");
    /* There is no runner beside this program: it is named where an installed one would be. */
    ck_assert_ptr_nonnull(strstr(c.runner, "/bobbin-run"));
    config_fini(&c);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("options");
    TCase *tc = tcase_create("options");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tc, setup, NULL);
    tcase_add_test(tc, options_are_taken);
    tcase_add_test(tc, what_is_wrong_is_named);
    tcase_add_test(tc, settings_without_end_are_refused);
    tcase_add_test(tc, file_that_may_be_missing);
    tcase_add_test(tc, directory_of_an_action);
    tcase_add_test(tc, version_and_help_are_shown);
    tcase_add_test(tc, places_of_somebody);
    tcase_add_test(tc, places_of_root);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
