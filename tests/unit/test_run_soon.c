/* Short turns are asked for while they are wanted, by each thread for itself. */
#include <check.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "daemon/run_soon.h"

/* The length of this thread's turns in nanoseconds, by sched_getattr(2). */
static uint64_t turn(void)
{
    uint8_t bytes[48] = {0};
    uint64_t runtime;

    ck_assert_int_eq(syscall(SYS_sched_getattr, 0, bytes, sizeof(bytes), 0), 0);
    __builtin_memcpy(&runtime, bytes + 24, sizeof(runtime));
    return runtime;
}

static void *of_another_thread(void *ret)
{
    run_soon(RUN_NEXT);
    *(uint64_t *)ret = turn();
    return NULL;
}

START_TEST(turns_are_short_while_that_is_wanted)
{
    uint64_t usual = turn(), other = 0;
    pthread_t thread;

    run_soon(RUN_FIRST);
    ck_assert_uint_eq(turn(), usual);
    run_soon_want(true);
    ck_assert_uint_eq(turn(), usual);
    run_soon(RUN_FIRST);
    if (usual) { /* Linux 6.12 or later */
        ck_assert_uint_eq(turn(), 100000);
        ck_assert_int_eq(pthread_create(&thread, NULL, of_another_thread, &other), 0);
        pthread_join(thread, NULL);
        ck_assert_uint_eq(other, 400000);
    }
    run_soon_want(false);
    run_soon(RUN_FIRST);
    ck_assert_uint_eq(turn(), usual);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("run_soon");
    TCase *tc = tcase_create("run_soon");

    tcase_add_test(tc, turns_are_short_while_that_is_wanted);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
