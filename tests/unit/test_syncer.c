/* Syncs by other threads: each has one outcome, whoever does it. */
#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemon/syncer.h"

enum { CALLERS = 8, ROUNDS = 300 };

static int file(void)
{
    char name[] = "/tmp/bobbin-syncer-XXXXXX";
    int fd = mkstemp(name);

    ck_assert_int_ge(fd, 0);
    unlink(name);
    return fd;
}

START_TEST(a_sync_is_done_or_fails)
{
    struct syncer_job job;
    int fd = file(), pipes[2];

    syncer_set_threads((unsigned)_i);
    syncer_begin(&job, fd);
    ck_assert_int_eq(syncer_end(&job), 0);
    ck_assert_uint_gt(job.ns, 0);
    syncer_begin(&job, -1);
    ck_assert_int_eq(syncer_end(&job), EBADF);
    ck_assert_int_eq(pipe(pipes), 0);
    syncer_begin(&job, pipes[0]);
    ck_assert_int_eq(syncer_end(&job), EINVAL);
    close(pipes[0]);
    close(pipes[1]);
    close(fd);
}
END_TEST

/* Whoever asks does it himself where there are more of them than threads. */
static void *call(void *unused)
{
    int fd = file();

    (void)unused;
    for (int i = 0; i < ROUNDS; i++) {
        struct syncer_job good, bad;
        syncer_begin(&good, fd);
        syncer_begin(&bad, -1);
        if (i % 3 == 0)
            usleep(100);
        ck_assert_int_eq(syncer_end(&bad), EBADF);
        ck_assert_int_eq(syncer_end(&good), 0);
    }
    close(fd);
    return NULL;
}

START_TEST(many_ask_at_once)
{
    pthread_t threads[CALLERS];

    for (int i = 0; i < CALLERS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, call, NULL), 0);
    for (int i = 0; i < CALLERS; i++)
        pthread_join(threads[i], NULL);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("syncer");
    TCase *tc = tcase_create("syncer");

    tcase_add_loop_test(tc, a_sync_is_done_or_fails, 0, 3);
    tcase_add_test(tc, many_ask_at_once);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
