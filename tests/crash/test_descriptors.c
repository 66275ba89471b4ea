/* A daemon that has no descriptors left, and clients that come by the hundred and die: service as
 * before when it is over. */
#include <check.h>
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "daemon/conn.h"
#include "harness.h"
#include "writers.h"

enum { LATE = 24, TURNED_AWAY = 3, BOMBS = 150, BOMB_MS = 4000 };

static struct harness h;
static struct writers writers;
static char app[160], other[160];

static void setup(void)
{
    harness_init(&h);
    writers_init(&writers, 100);
    harness_start(&h);
    harness_register(&h, "plain", NULL, app);
    harness_register(&h, "other", NULL, other);
}

static void teardown(void)
{
    harness_fini(&h);
}

/* How many descriptors the daemon has open. */
static int count_descriptors(void)
{
    char path[64];
    DIR *dir;
    int count = 0;

    snprintf(path, sizeof path, "/proc/%d/fd", h.pid);
    dir = opendir(path);
    ck_assert_ptr_nonnull(dir);
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;)
        count += entry->d_name[0] != '.';
    closedir(dir);
    return count;
}

static void limit_descriptors(rlim_t most, struct rlimit *before)
{
    struct rlimit limit;

    ck_assert_int_eq(prlimit(h.pid, RLIMIT_NOFILE, NULL, &limit), 0);
    if (before)
        *before = limit;
    limit.rlim_cur = most;
    ck_assert_int_eq(prlimit(h.pid, RLIMIT_NOFILE, &limit, NULL), 0);
}

/* Processor time of the daemon in milliseconds. */
static long processor_ms(void)
{
    char path[64];
    unsigned long user = 0, system = 0;

    snprintf(path, sizeof path, "/proc/%d/stat", h.pid);
    char *text = harness_read_file(path);
    ck_assert_ptr_nonnull(text);
    ck_assert_int_eq(sscanf(strrchr(text, ')') + 1,
                            " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system),
                     2);
    free(text);
    return (long)(user + system) * 1000 / sysconf(_SC_CLK_TCK);
}

/* Comes while there is no room: is turned away, or served when there is. */
static pid_t start_late_client(int i)
{
    char key[32];
    bobbin *b = NULL;
    fflush(NULL);
    pid_t pid = fork();

    ck_assert_int_ge(pid, 0);
    if (pid)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    snprintf(key, sizeof key, "late-%d", i);
    if (bobbin_connect_within(h.socket, HARNESS_PATIENCE_MS, &b) || bobbin_attach(b, "plain") ||
        bobbin_set(b, "default", key, strlen(key), "v", 1))
        _exit(TURNED_AWAY);
    bobbin_close(b);
    _exit(0);
}

/* How many were turned away; all others were served. */
static int wait_for_clients(const pid_t *clients)
{
    int status, turned_away = 0;

    for (int i = 0; i < LATE; i++) {
        ck_assert_int_eq(waitpid(clients[i], &status, 0), clients[i]);
        ck_assert(WIFEXITED(status));
        turned_away += WEXITSTATUS(status) == TURNED_AWAY;
        ck_assert(WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == TURNED_AWAY);
    }
    return turned_away;
}

START_TEST(no_descriptors_left)
{
    pid_t clients[LATE];
    struct rlimit before;
    bobbin *b = harness_connect(&h, "plain");
    bobbin *not_open = harness_connect(&h, "other");
    bobbin_status status;

    writers_start(&writers, &h, "plain");
    writers_await_written(&writers, 50);
    limit_descriptors((rlim_t)count_descriptors(), &before);
    for (int i = 0; i < LATE; i++)
        clients[i] = start_late_client(i);
    /* Those that are connected are served as ever. */
    writers_await_written(&writers, 200);
    harness_ok(b, bobbin_ping(b));
    /* What needs descriptors says so. */
    status = bobbin_set(not_open, "default", "k", 1, "v", 1);
    ck_assert_msg(status == BOBBIN_OK || strstr(bobbin_error(not_open), "open"), "%s",
                  bobbin_error(not_open));
    writers_stop(&writers);
    long used = processor_ms();
    nanosleep(&(struct timespec){.tv_sec = 1}, NULL);
    used = processor_ms() - used;
    ck_assert_msg(used <= 300, "%ld ms of a second in which nothing happens", used);
    limit_descriptors(before.rlim_cur, NULL);
    ck_assert_int_gt(wait_for_clients(clients), 0);
    for (int i = 0; i < LATE; i++)
        clients[i] = start_late_client(i);
    ck_assert_int_eq(wait_for_clients(clients), 0);
    harness_ok(not_open, bobbin_set(not_open, "default", "k", 1, "v", 1));
    bobbin_close(not_open);
    bobbin_close(b);
    writers_check(&writers, &h, "plain", true);
}
END_TEST

/* One of many: connects, does something, and is killed or leaves without a word. */
static void be_a_bomb(unsigned seed)
{
    bobbin *b = NULL;
    char key[32];
    unsigned calls = (unsigned)rand_r(&seed) % 6;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    snprintf(key, sizeof key, "bomb-%u", seed % 100);
    if (bobbin_connect_within(h.socket, 2000, &b) != BOBBIN_OK)
        _exit(0);
    for (unsigned i = 0; i < calls; i++)
        if (i == 0 ? bobbin_attach(b, "plain") : bobbin_set(b, "default", key, strlen(key), "v", 1))
            break;
    if (rand_r(&seed) % 2)
        raise(SIGKILL);
    _exit(0);
}

static int reap_any(int flags)
{
    int status;

    return waitpid(-1, &status, flags) > 0;
}

static bool descriptors_are_back(void *arg)
{
    return count_descriptors() <= *(int *)arg;
}

START_TEST(clients_by_the_hundred_that_die)
{
    bobbin *b = harness_connect(&h, "other");
    long deadline = harness_now_ms() + BOMB_MS, longest = 0, calls = 0;
    int running = 0, started = 0;

    harness_ok(b, bobbin_set(b, "default", "k", 1, "v", 1));
    int before = count_descriptors() + 8; /* what the store of "plain" takes */
    while (harness_now_ms() < deadline) {
        while (running < BOMBS) {
            pid_t pid = fork();
            ck_assert_int_ge(pid, 0);
            if (!pid)
                be_a_bomb((unsigned)++started * 7919u);
            started++;
            running++;
        }
        while (running && reap_any(WNOHANG))
            running--;
        void *value = NULL;
        size_t len;
        long began = harness_now_ms();
        harness_ok(b, bobbin_set(b, "default", "k", 1, "v", 1));
        harness_ok(b, bobbin_get(b, "default", "k", 1, &value, &len));
        bobbin_free(value);
        ck_assert_uint_eq(len, 1);
        calls++;
        if (harness_now_ms() - began > longest)
            longest = harness_now_ms() - began;
    }
    while (running && reap_any(0))
        running--;
    ck_assert_msg(harness_wait(descriptors_are_back, &before), "%d descriptors, %d before",
                  count_descriptors(), before);
    printf("%d clients came and died; %ld calls beside them, the longest took %ld ms\n", started,
           calls, longest);
    ck_assert_int_lt(longest, 5000);
    bobbin_close(b);
}
END_TEST

/* A sanitizer's allocator cannot be short of one size. */
#ifdef TEST_NO_BLOCK
static void set_missing(const char *path, uint64_t size)
{
    FILE *f = fopen(path, "r+e");

    ck_assert_ptr_nonnull(f);
    ck_assert_uint_eq(fwrite(&size, sizeof size, 1, f), 1);
    ck_assert_int_eq(fclose(f), 0);
}

/* Those that come meanwhile are turned away; who comes later is served. */
START_TEST(no_memory_for_a_connection)
{
    static const char *environment[] = {"LD_PRELOAD", TEST_NO_BLOCK, "BOBBIN_TEST_NO_BLOCK", NULL,
                                        NULL};
    char path[120];
    bobbin *b, *refused = NULL;

    snprintf(path, sizeof path, "%s/missing", h.dir);
    fclose(fopen(path, "we"));
    ck_assert_int_eq(truncate(path, 4096), 0);
    ck_assert_int_eq(harness_stop(&h), 0);
    environment[3] = path;
    h.environment = environment;
    harness_start(&h);
    b = harness_connect(&h, "plain");
    set_missing(path, sizeof(struct conn));
    for (int i = 0; i < 20; i++) {
        ck_assert_int_ne(bobbin_connect_within(h.socket, HARNESS_PATIENCE_MS, &refused), BOBBIN_OK);
        bobbin_close(refused);
    }
    harness_ok(b, bobbin_set(b, "default", "k", 1, "v", 1));
    set_missing(path, 0);
    for (int i = 0; i < 20; i++)
        bobbin_close(harness_connect(&h, "plain"));
    bobbin_close(b);
}
END_TEST
#endif

int main(void)
{
    Suite *suite = suite_create("descriptors");
    TCase *tc = tcase_create("descriptors");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 240);
    tcase_add_test(tc, no_descriptors_left);
    tcase_add_test(tc, clients_by_the_hundred_that_die);
#ifdef TEST_NO_BLOCK
    tcase_add_test(tc, no_memory_for_a_connection);
#endif
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
