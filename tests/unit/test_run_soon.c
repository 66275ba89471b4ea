/* Short turns are asked for while they are wanted, by each thread for itself. */
#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/run_soon.h"

/* What sched_getattr(2) says of this thread, from byte `at` on. */
static void attribute(size_t at, void *ret, size_t size)
{
    uint8_t bytes[48] = {0};

    ck_assert_int_eq(syscall(SYS_sched_getattr, 0, bytes, sizeof(bytes), 0), 0);
    memcpy(ret, bytes + at, size);
}

/* The length of its turns in nanoseconds; 0 before Linux 6.12. */
static uint64_t turn(void)
{
    uint64_t runtime;

    attribute(24, &runtime, sizeof(runtime));
    return runtime;
}

static int nice_now(void)
{
    int32_t value;

    attribute(16, &value, sizeof(value));
    return value;
}

/* Asked of the kernel, by a child: being root is not all that it takes in a container. */
static bool may_go_before(void)
{
    int status;
    pid_t child = fork();

    ck_assert_int_ge(child, 0);
    if (child == 0)
        _exit(setpriority(PRIO_PROCESS, 0, -10) != 0);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    return status == 0;
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
        run_soon(RUN_THEN);
        ck_assert_uint_eq(turn(), 400000);
        ck_assert_int_eq(pthread_create(&thread, NULL, of_another_thread, &other), 0);
        pthread_join(thread, NULL);
        ck_assert_uint_eq(other, 400000);
    }
    run_soon_want(false);
    run_soon(RUN_FIRST);
    ck_assert_uint_eq(turn(), usual);
}
END_TEST

START_TEST(who_has_little_to_do_goes_first_where_that_is_allowed)
{
    int usual = nice_now(), first = may_go_before() && usual == 0 ? -10 : usual;

    run_soon_want(true);
    run_soon(RUN_FIRST);
    ck_assert_int_eq(nice_now(), first);
    run_soon(RUN_THEN);
    ck_assert_int_eq(nice_now(), usual);
    run_soon(RUN_FIRST);
    run_soon(RUN_NEXT);
    ck_assert_int_eq(nice_now(), usual);
    run_soon(RUN_FIRST);
    run_soon_want(false);
    run_soon(RUN_FIRST);
    ck_assert_int_eq(nice_now(), usual);
}
END_TEST

START_TEST(without_rights_turns_are_short_all_the_same)
{
    uint64_t usual = turn();
    int before = nice_now();

    if (geteuid() == 0) {
        struct rlimit none = {0, 0};
        ck_assert_int_eq(setrlimit(RLIMIT_NICE, &none), 0);
        /* Where there is no other user there are no rights to lose either. */
        if (setresuid(65534, 65534, 65534) != 0)
            ck_assert_int_eq(errno, EINVAL);
    }
    run_soon_want(true);
    run_soon(RUN_FIRST);
    if (usual)
        ck_assert_uint_eq(turn(), 100000);
    if (!may_go_before())
        ck_assert_int_eq(nice_now(), before);
    run_soon_want(false);
    run_soon(RUN_FIRST);
    ck_assert_uint_eq(turn(), usual);
}
END_TEST

START_TEST(who_was_made_nice_stays_so)
{
    run_soon_want(true);
    run_soon(RUN_FIRST);
    ck_assert_int_eq(setpriority(PRIO_PROCESS, 0, 19), 0);
    run_soon(RUN_THEN);
    ck_assert_int_eq(nice_now(), 19);
    run_soon(RUN_FIRST);
    ck_assert_int_eq(nice_now(), 19);
    run_soon_want(false);
    run_soon(RUN_FIRST);
    ck_assert_int_eq(nice_now(), 19);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("run_soon");
    TCase *tc = tcase_create("run_soon");

    tcase_add_test(tc, turns_are_short_while_that_is_wanted);
    tcase_add_test(tc, who_has_little_to_do_goes_first_where_that_is_allowed);
    tcase_add_test(tc, without_rights_turns_are_short_all_the_same);
    tcase_add_test(tc, who_was_made_nice_stays_so);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
