/* From a pipe into the log files; most of it without a process at the other end. */
#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/logfile.h"
#include "daemon/outlog.h"
#include "supervision_env.h"

#define NAME "c_stdout.txt"
#define FILE_PATH ".spin/logs/" NAME

struct done {
    bool done;
    uint64_t dropped;
};

static void on_done(void *arg, uint64_t dropped)
{
    *(struct done *)arg = (struct done){true, dropped};
}

static bool is_done(void *arg)
{
    return ((struct done *)arg)->done;
}

static struct outlog_settings settings = {.size = MANIFEST_LOG_SIZE, .keep = MANIFEST_LOG_KEEP};

static const struct logfile_limits limits = {.size = 1u << 20, .keep = 3};

static struct outlog *open_outlog(int *ret_write_end)
{
    struct outlog *o;
    struct error e;
    int fds[2];

    ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
    ck_assert_int_eq(outlog_new(&env.loop, &env.directory, "test", NAME, &settings, fds[0], &o, &e), 0);
    *ret_write_end = fds[1];
    return o;
}

/* Returns the bytes that were lost. */
static uint64_t finish(struct outlog *o)
{
    struct done done = {0};

    outlog_finish(o, on_done, &done);
    ck_assert(!done.done);
    env_until(is_done, &done);
    return done.dropped;
}

static bool is_logged(void *arg)
{
    char *text = env_read(FILE_PATH, NULL);
    bool found = strstr(text, arg) != NULL;
    free(text);
    return found;
}

START_TEST(output_is_appended_as_it_comes)
{
    for (int run = 0; run < 2; run++) {
        int fd;
        struct outlog *o = open_outlog(&fd);
        ck_assert_int_eq(write(fd, "a line\nand no newline", 21), 21);
        env_until(is_logged, "and no newline"); /* before the end */
        ck_assert_int_eq(write(fd, "!", 1), 1);
        close(fd);
        finish(o);
    }
    char *text = env_read(FILE_PATH, NULL);
    ck_assert_str_eq(text, "a line\nand no newline!a line\nand no newline!");
    free(text);
}
END_TEST

START_TEST(nothing_written_makes_no_file)
{
    int fd;
    struct outlog *o = open_outlog(&fd);
    char path[200];

    close(fd);
    finish(o);
    snprintf(path, sizeof(path), "%s/" FILE_PATH, env.app);
    ck_assert_int_eq(access(path, F_OK), -1);
}
END_TEST

/* Somebody who left the process group has the other end still open. */
START_TEST(pipe_held_open_does_not_block_the_end)
{
    int fd;
    struct outlog *o = open_outlog(&fd);

    ck_assert_int_eq(write(fd, "last words", 10), 10);
    uint64_t before = uv_hrtime();
    finish(o);
    ck_assert_uint_ge((uv_hrtime() - before) / 1000000, OUTLOG_DRAIN_MS - 20);
    env_check_contains(FILE_PATH, "last words");
    close(fd);
}
END_TEST

/* … and writes for ever. */
START_TEST(flood_does_not_block_the_end)
{
    int fd;
    struct outlog *o = open_outlog(&fd);
    pid_t pid = fork();

    if (pid == 0) {
        char bytes[4096];
        memset(bytes, 'x', sizeof(bytes));
        alarm(60);
        while (write(fd, bytes, sizeof(bytes)) > 0)
            ;
        _exit(0); /* SIGPIPE is ignored */
    }
    close(fd);
    finish(o);
    kill(pid, SIGKILL);
}
END_TEST

START_TEST(file_is_rotated_by_size)
{
    char bytes[65536], path[200];
    size_t written, len;
    struct error e;
    struct stat st;
    const unsigned per_file = (unsigned)(limits.size / sizeof(bytes));

    for (unsigned i = 0; i < per_file * (limits.keep + 2) + 1; i++) {
        memset(bytes, 'a' + (int)(i / per_file), sizeof(bytes));
        ck_assert_int_eq(logfile_append(&env.directory, NAME, &limits, bytes, sizeof(bytes), &written, &e),
                         0);
        ck_assert_uint_eq(written, sizeof(bytes));
    }
    for (int n = 0; n <= (int)limits.keep + 1; n++) {
        if (n == 0)
            snprintf(path, sizeof(path), FILE_PATH);
        else
            snprintf(path, sizeof(path), FILE_PATH ".%d", n);
        char *text = env_read(path, &len);
        if (n > (int)limits.keep) {
            ck_assert_str_eq(text, "");
        } else {
            ck_assert_uint_eq(len, n == 0 ? sizeof(bytes) : limits.size);
            ck_assert_int_eq(text[0], 'a' + (int)limits.keep + 2 - n);
            ck_assert_int_eq(text[len - 1], text[0]);
        }
        free(text);
    }
    snprintf(path, sizeof(path), "%s/" FILE_PATH, env.app);
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_uint_eq(st.st_mode & 07777, 0600);
}
END_TEST

/* What the directory's owner may put in the place of the file: it must not be written through. */
static void check_refused(const char *what)
{
    size_t written = 1;
    struct error e = {0};

    ck_assert_int_ne(logfile_append(&env.directory, NAME, &limits, "x", 1, &written, &e), 0);
    ck_assert_uint_eq(written, 0);
    ck_assert_msg(strstr(e.text, what), "%s", e.text);
}

START_TEST(only_a_regular_file_is_written)
{
    char file[300], logs[200], target[200];
    size_t written;
    struct error e;

    snprintf(logs, sizeof(logs), "%s/.spin/logs", env.app);
    snprintf(file, sizeof(file), "%s/" FILE_PATH, env.app);
    snprintf(target, sizeof(target), "%s/target", env.app);
    env_write("target", "", 0644);
    ck_assert_int_eq(logfile_append(&env.directory, "first", &limits, "x", 1, &written, &e), 0);

    ck_assert_int_eq(symlink(target, file), 0);
    check_refused(NAME);
    ck_assert_int_eq(unlink(file), 0);
    ck_assert_int_eq(link(target, file), 0);
    check_refused(NAME);
    ck_assert_int_eq(unlink(file), 0);
    ck_assert_int_eq(mkfifo(file, 0600), 0); /* with nobody reading: must not block */
    check_refused(NAME);
    ck_assert_int_eq(unlink(file), 0);
    snprintf(file, sizeof(file), "%s/first", logs);
    ck_assert_int_eq(unlink(file), 0);
    snprintf(file, sizeof(file), "%s/.first.times", logs);
    ck_assert_int_eq(unlink(file), 0);
    ck_assert_int_eq(rmdir(logs), 0);
    ck_assert_int_eq(symlink(env.base, logs), 0);
    check_refused("logs");

    char *text = env_read("target", NULL);
    ck_assert_str_eq(text, "");
    free(text);
}
END_TEST

static bool write_some(void *arg)
{
    char bytes[1024];

    memset(bytes, 'x', sizeof(bytes));
    return write(*(int *)arg, bytes, sizeof(bytes)) > 0;
}

static bool write_again(void *arg)
{
    return write(*(int *)arg, "again", 5) == 5;
}

/* The output of a process whose log cannot be written is dropped: the process never hangs. The pipe
 * is never written to while it may be full but through the loop, which is what empties it. */
START_TEST(unwritable_file_drops_the_output)
{
    char logs[200];
    int fd;
    struct outlog *o = open_outlog(&fd);

    snprintf(logs, sizeof(logs), "%s/.spin", env.app);
    ck_assert_int_eq(mkdir(logs, 0700), 0);
    env_write(".spin/logs", "in the way", 0600);
    ck_assert_int_eq(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    for (int i = 0; i < 500; i++)
        env_until(write_some, &fd);
    snprintf(logs, sizeof(logs), "%s/.spin/logs", env.app);
    ck_assert_int_eq(unlink(logs), 0);
    env_until(write_again, &fd);
    close(fd);
    finish(o);
    env_check_contains(FILE_PATH, "again");
}
END_TEST

static bool nothing_left(void *arg)
{
    char bytes[4096];

    memset(bytes, 'x', sizeof(bytes));
    struct flood {
        int fd;
        size_t left;
    } *f = arg;
    while (f->left > 0) {
        ssize_t n = write(f->fd, bytes, sizeof(bytes) < f->left ? sizeof(bytes) : f->left);
        if (n < 0)
            return false;
        f->left -= (size_t)n;
    }
    return true;
}

static off_t bytes_on_disk(void)
{
    off_t sum = 0;

    for (int n = 0; n < 10; n++) {
        char path[200];
        struct stat st;
        snprintf(path, sizeof(path), n ? "%s/" FILE_PATH ".%d" : "%s/" FILE_PATH, env.app, n);
        sum += stat(path, &st) == 0 ? st.st_size : 0;
    }
    return sum;
}

/* Whatever comes, the disk holds no more than was configured, and every byte is there or counted. */
START_TEST(flood_is_bounded_on_disk)
{
    struct {
        int fd;
        size_t left;
    } flood = {.left = 20u << 20};
    struct outlog *o;

    settings = (struct outlog_settings){.size = 256u << 10, .keep = 2, .drop = _i == 1};
    o = open_outlog(&flood.fd);
    ck_assert_int_eq(fcntl(flood.fd, F_SETFL, O_NONBLOCK), 0);
    env_until(nothing_left, &flood);
    close(flood.fd);
    uint64_t dropped = finish(o);
    ck_assert_int_le(bytes_on_disk(), 3 * (256 << 10));
    ck_assert_int_ge(bytes_on_disk(), 64 << 10);
    if (_i == 0)
        ck_assert_uint_eq(dropped, 0);
}
END_TEST

START_TEST(rotation_keeps_lines_whole)
{
    char line[1000];
    size_t written;
    struct error e;

    memset(line, 'x', sizeof(line));
    line[999] = '\n';
    /* Chunks that end in the middle of a line. */
    for (size_t sent = 0; sent < 3000; sent++) {
        size_t at = sent * 700 % sizeof(line);
        size_t len = at + 700 > sizeof(line) ? sizeof(line) - at : 700;
        ck_assert_int_eq(logfile_append(&env.directory, NAME, &limits, line + at, len, &written, &e), 0);
        if (len < 700)
            ck_assert_int_eq(logfile_append(&env.directory, NAME, &limits, line, 700 - len, &written, &e), 0);
    }
    for (int n = 1; n <= 2; n++) {
        char path[100];
        size_t len;
        snprintf(path, sizeof(path), FILE_PATH ".%d", n);
        char *text = env_read(path, &len);
        if (n == 1)
            ck_assert_uint_gt(len, 0);
        if (text[0])
            ck_assert(text[len - 1] == '\n' && len % sizeof(line) == 0);
        free(text);
    }
}
END_TEST

START_TEST(both_streams_of_a_process_are_complete_at_its_end)
{
    struct subject s;
    size_t len;

    subject_init(&s,
                 "command = \"/bin/sh -c 'head -c 3000000 /dev/zero; printf end; "
                 "printf complaint >&2'\"",
                 "", NULL);
    component_start(s.component);
    subject_until(&s, COMPONENT_EXITED);
    char *text = env_read(FILE_PATH, &len);
    ck_assert_uint_eq(len, 3000003);
    ck_assert_str_eq(text + 3000000, "end");
    free(text);
    text = env_read(".spin/logs/c_stderr.txt", NULL);
    ck_assert_str_eq(text, "complaint");
    free(text);
    subject_fini(&s);
}
END_TEST

START_TEST(escaped_grandchild_delays_the_end_but_does_not_prevent_it)
{
    struct subject s;

    subject_init(&s,
                 "command = \"/bin/sh -c 'setsid sleep 1000 & echo $! > grandchild; "
                 "until [ -e /proc/$!/exe ]; do :; done; sleep 0.1; echo last'\"",
                 "", NULL);
    component_start(s.component);
    subject_until(&s, COMPONENT_EXITED);
    env_check_contains(FILE_PATH, "last\n");
    pid_t grandchild = env_read_pid("grandchild");
    if (grandchild > 0)
        kill(grandchild, SIGKILL);
    subject_fini(&s);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("outlog");
    TCase *tc = tcase_create("logs");
    tcase_add_checked_fixture(tc, env_setup, env_teardown);
    tcase_set_timeout(tc, 90);
    tcase_add_test(tc, output_is_appended_as_it_comes);
    tcase_add_test(tc, nothing_written_makes_no_file);
    tcase_add_test(tc, pipe_held_open_does_not_block_the_end);
    tcase_add_test(tc, flood_does_not_block_the_end);
    tcase_add_test(tc, file_is_rotated_by_size);
    tcase_add_test(tc, only_a_regular_file_is_written);
    tcase_add_test(tc, unwritable_file_drops_the_output);
    tcase_add_test(tc, both_streams_of_a_process_are_complete_at_its_end);
    tcase_add_test(tc, escaped_grandchild_delays_the_end_but_does_not_prevent_it);
    tcase_add_loop_test(tc, flood_is_bounded_on_disk, 0, 2);
    tcase_add_test(tc, rotation_keeps_lines_whole);
    suite_add_tcase(s, tc);
    SRunner *sr = srunner_create(s);
    srunner_run_all(sr, CK_NORMAL);
    int failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
