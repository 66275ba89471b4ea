/* The first thread: runs what others ask for, one after the other, and its children outlive those
 * who asked. */
#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/leader.h"

#define CALLERS 8
#define CALLS 500

struct caller {
    struct leader *leader;
    pthread_t first; /* the thread that everything shall run on */
    unsigned *sum;   /* of all callers, without a lock */
    unsigned wrong;
    pid_t child;
};

static void add(void *arg)
{
    struct caller *c = arg;

    c->wrong += !pthread_equal(pthread_self(), c->first);
    ++*c->sum;
}

static void *call_often(void *arg)
{
    struct caller *c = arg;

    for (int i = 0; i < CALLS; i++)
        leader_call(c->leader, add, c);
    return NULL;
}

static void *join_all(void *arg)
{
    struct caller *callers = arg;
    pthread_t threads[CALLERS];

    for (int i = 0; i < CALLERS; i++)
        pthread_create(&threads[i], NULL, call_often, &callers[i]);
    for (int i = 0; i < CALLERS; i++)
        pthread_join(threads[i], NULL);
    leader_stop(callers[0].leader);
    return NULL;
}

START_TEST(test_calls_run_here_one_by_one)
{
    struct caller callers[CALLERS];
    struct leader *leader;
    struct error e;
    unsigned sum = 0;
    pthread_t thread;

    ck_assert_int_eq(leader_new(&leader, &e), 0);
    for (int i = 0; i < CALLERS; i++)
        callers[i] = (struct caller){.leader = leader, .first = pthread_self(), .sum = &sum};
    pthread_create(&thread, NULL, join_all, callers);
    leader_run(leader);
    pthread_join(thread, NULL);
    ck_assert_uint_eq(sum, CALLERS * CALLS);
    for (int i = 0; i < CALLERS; i++)
        ck_assert_uint_eq(callers[i].wrong, 0);
    leader_free(leader);
}
END_TEST

static void fork_child(void *arg)
{
    struct caller *c = arg;

    c->child = fork();
    if (c->child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
        for (;;)
            pause();
    }
}

static void *fork_and_end(void *arg)
{
    struct caller *c = arg;

    leader_call(c->leader, fork_child, c);
    leader_stop(c->leader);
    return NULL;
}

/* With the fork on its own thread, the child would go with that thread. */
START_TEST(test_child_outlives_its_caller)
{
    struct caller c = {0};
    struct error e;
    pthread_t thread;

    ck_assert_int_eq(leader_new(&c.leader, &e), 0);
    pthread_create(&thread, NULL, fork_and_end, &c);
    leader_run(c.leader);
    pthread_join(thread, NULL);
    ck_assert_int_gt(c.child, 0);
    usleep(100000);
    ck_assert_int_eq(waitpid(c.child, NULL, WNOHANG), 0);
    kill(c.child, SIGKILL);
    ck_assert_int_eq(waitpid(c.child, NULL, 0), c.child);
    leader_free(c.leader);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("leader");
    TCase *tc = tcase_create("leader");
    SRunner *runner;
    int failed;

    tcase_add_test(tc, test_calls_run_here_one_by_one);
    tcase_add_test(tc, test_child_outlives_its_caller);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
