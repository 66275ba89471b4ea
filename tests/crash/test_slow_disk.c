/* One app's disk takes ages for every sync, and all that can be asked of that app is asked at once:
 * the others go on. */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"
#include "writers.h"

enum { SLOW_MS = 400, BACKUPS = 4, QUICK_MS = 4000 };

static struct harness h;
static struct writers writers;
static char slow[160], quick[160], late[160];

static void setup(void)
{
    static char slow_dir[80];
    static const char *environment[] = {"LD_PRELOAD", TEST_SLOW_APP,         "BOBBIN_TEST_SLOW_DIR",
                                        slow_dir,     "BOBBIN_TEST_SLOW_MS", "400",
                                        NULL};

    harness_init(&h);
    writers_init(&writers, 100);
    snprintf(slow_dir, sizeof slow_dir, "%s/slow", h.dir);
    h.environment = environment;
    harness_start(&h);
    harness_register(&h, "slow", NULL, slow);
    harness_register(&h, "quick", NULL, quick);
}

static void teardown(void)
{
    harness_fini(&h);
}

/* Backups of the slow app, one after the other, as fast as they go. */
static pid_t start_backups(int i)
{
    char path[200];
    fflush(NULL);
    pid_t pid = fork();

    ck_assert_int_ge(pid, 0);
    if (pid)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    bobbin *b = NULL;
    if (bobbin_connect(h.socket, &b) || bobbin_attach(b, "slow"))
        _exit(1);
    for (int n = 0;; n++) {
        snprintf(path, sizeof path, "%s/backup-%d-%d", slow, i, n);
        if (bobbin_backup(b, path, NULL))
            _exit(1);
    }
}

START_TEST(others_go_on_beside_a_slow_disk)
{
    pid_t backups[BACKUPS];
    long began, calls = 0;
    bobbin *b = harness_connect(&h, "quick");

    writers_start(&writers, &h, "slow");
    for (int i = 0; i < BACKUPS; i++)
        backups[i] = start_backups(i);
    writers_await_written(&writers, 1);
    began = harness_now_ms();
    while (harness_now_ms() - began < QUICK_MS) {
        harness_ok(b, bobbin_set(b, "default", "k", 1, "v", 1));
        calls++;
    }
    harness_register(&h, "late", NULL, late);
    printf("%ld writes beside a disk that takes %d ms a sync: %ld us each\n", calls, SLOW_MS,
           (harness_now_ms() - began) * 1000 / calls);
    /* One that waited for the slow disk would take as long as that. */
    ck_assert_int_gt(calls, QUICK_MS / (SLOW_MS / 4));
    for (int i = 0; i < BACKUPS; i++) {
        kill(backups[i], SIGKILL);
        waitpid(backups[i], NULL, 0);
    }
    writers_await_written(&writers, 1);
    writers_stop(&writers);
    writers_check(&writers, &h, "slow", true);
    bobbin_close(b);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("slow_disk");
    TCase *tc = tcase_create("slow_disk");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 240);
    tcase_add_test(tc, others_go_on_beside_a_slow_disk);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
