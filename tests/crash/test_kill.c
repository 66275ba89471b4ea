/* SIGKILL of the daemon under write load: every acknowledged write is there afterwards.
 *
 * Several writers count up, each in keys of its own, and note in shared memory what was acknowledged.
 * Once as people run it, and once with limits so small that the commit log's files are used again
 * and folds and checkpoints happen all the time. Some kills hit a daemon that is mending what the one
 * before left. BOBBIN_KILLS sets how often the daemon is killed under load. */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "harness.h"

enum { WRITERS = 4, KEYS = 16, KILLS_DEFAULT = 20 };

/* What one writer knows: written only by it, read by the checker after its end. */
struct ledger {
    volatile long acknowledged[KEYS]; /* the last value that the daemon said is stored */
    volatile long tried[KEYS];        /* the last value that was sent */
    volatile long total;
};

static struct harness h;
static struct ledger *ledgers;

static void setup(void)
{
    ledgers = mmap(NULL, WRITERS * sizeof *ledgers, PROT_READ | PROT_WRITE,
                   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(ledgers, MAP_FAILED);
    harness_init(&h);
}

static void teardown(void)
{
    harness_fini(&h);
}

static void key_of(int writer, int key, char ret[32])
{
    snprintf(ret, 32, "writer-%d-key-%d", writer, key);
}

/* Write until the daemon is gone. */
static void write_until_killed(int writer)
{
    struct ledger *ledger = &ledgers[writer];
    bobbin *b = NULL;
    if (bobbin_connect(h.socket, &b) || bobbin_attach(b, "plain"))
        return;
    for (int key = 0;; key = (key + 1) % KEYS) {
        char name[32], value[32];
        long next = ledger->tried[key] + 1;
        key_of(writer, key, name);
        snprintf(value, sizeof value, "%ld", next);
        ledger->tried[key] = next;
        if (bobbin_set(b, "default", name, strlen(name), value, strlen(value)))
            return;
        ledger->acknowledged[key] = next;
        ledger->total++;
    }
}

static pid_t start_writer(int writer)
{
    pid_t pid;
    fflush(NULL);
    pid = fork();
    if (!pid) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        write_until_killed(writer);
        _exit(0);
    }
    return pid;
}

static long total_acknowledged(void)
{
    long total = 0;
    for (int i = 0; i < WRITERS; i++)
        total += ledgers[i].total;
    return total;
}

static bool enough_written(void *arg)
{
    return total_acknowledged() >= *(long *)arg;
}

static void check_ledgers(int round)
{
    bobbin *b = harness_connect(&h, "plain");
    for (int writer = 0; writer < WRITERS; writer++) {
        for (int key = 0; key < KEYS; key++) {
            const struct ledger *ledger = &ledgers[writer];
            void *value = NULL;
            size_t len;
            char name[32];
            long found;
            key_of(writer, key, name);
            harness_ok(b, bobbin_get(b, "default", name, strlen(name), &value, &len));
            found = value ? strtol(value, NULL, 10) : 0;
            bobbin_free(value);
            ck_assert_msg(found >= ledger->acknowledged[key] && found <= ledger->tried[key],
                          "round %d: %s is %ld, acknowledged was %ld, tried %ld", round, name,
                          found, ledger->acknowledged[key], ledger->tried[key]);
        }
    }
    bobbin_close(b);
}

/* Have the app opened, which takes in what the crash left, and kill the daemon meanwhile. */
static void kill_while_it_mends(unsigned *seed)
{
    pid_t pid;
    harness_start(&h);
    fflush(NULL);
    pid = fork();
    if (!pid) {
        bobbin *b = NULL;
        void *value;
        size_t len;
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (!bobbin_connect(h.socket, &b) && !bobbin_attach(b, "plain"))
            bobbin_get(b, "default", "k", 1, &value, &len);
        _exit(0);
    }
    nanosleep(&(struct timespec){.tv_nsec = rand_r(seed) % 8000000}, NULL);
    harness_kill(&h);
    waitpid(pid, NULL, 0);
}

static void one_round(int round, unsigned *seed)
{
    pid_t writers[WRITERS];
    long goal = total_acknowledged() + 1 + rand_r(seed) % 400;
    for (int i = 0; i < WRITERS; i++)
        writers[i] = start_writer(i);
    ck_assert_msg(harness_wait(enough_written, &goal), "round %d: the writers do not get on",
                  round);
    nanosleep(&(struct timespec){.tv_nsec = rand_r(seed) % 3000000}, NULL);
    harness_kill(&h);
    for (int i = 0; i < WRITERS; i++)
        waitpid(writers[i], NULL, 0);
    for (int i = rand_r(seed) % 3; i > 0; i--)
        kill_while_it_mends(seed);
    harness_start(&h);
    check_ledgers(round);
}

static void check_survival(void)
{
    const char *asked = getenv("BOBBIN_KILLS");
    const char *seed_text = getenv("BOBBIN_SEED");
    int kills = asked ? atoi(asked) : KILLS_DEFAULT;
    unsigned seed = seed_text ? (unsigned)atoi(seed_text) : (unsigned)time(NULL);
    char dir[160];
    printf("BOBBIN_SEED=%u\n", seed);
    harness_start(&h);
    harness_register(&h, "plain", NULL, dir);
    for (int round = 0; round < kills; round++)
        one_round(round, &seed);
    printf("%d kills, %ld acknowledged writes, none lost\n", kills, total_acknowledged());
    ck_assert_int_eq(harness_stop(&h), 0);
}

START_TEST(test_acknowledged_writes_survive)
{
    check_survival();
}
END_TEST

START_TEST(test_acknowledged_writes_survive_with_small_limits)
{
    char path[120];
    FILE *f;
    snprintf(path, sizeof path, "%s/bobbin.toml", h.dir);
    f = fopen(path, "we");
    ck_assert_ptr_nonnull(f);
    fputs("commit_log_size = 8192\nfold_changes = 20\nwal_pages = 8\n", f);
    ck_assert_int_eq(fclose(f), 0);
    h.config = path;
    check_survival();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("kill");
    TCase *tc = tcase_create("kill");
    SRunner *runner;
    int failed;
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 3000);
    tcase_add_test(tc, test_acknowledged_writes_survive);
    tcase_add_test(tc, test_acknowledged_writes_survive_with_small_limits);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
