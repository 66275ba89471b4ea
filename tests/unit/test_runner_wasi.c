/* WASI's functions on a piece of memory: what they write, and that they never write beyond it. */
#include <check.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "client/runner/canonical.h"
#include "client/runner/wasi.h"
#include "tests/unit/test_runner_fake_guest.h"

static struct host h;

static void setup(void)
{
    fake_guest_init(&h);
}

static uint8_t *at(uint32_t address)
{
    return fake_guest.memory + address;
}

START_TEST(memory_has_an_end)
{
    ck_assert_ptr_eq(host_memory(&h, 0, FAKE_MEMORY), fake_guest.memory);
    ck_assert_ptr_eq(host_memory(&h, FAKE_MEMORY, 0), at(FAKE_MEMORY));
    ck_assert_ptr_null(host_memory(&h, 0, FAKE_MEMORY + 1));
    ck_assert_ptr_null(host_memory(&h, FAKE_MEMORY, 1));
    ck_assert_ptr_null(host_memory(&h, UINT32_MAX, 1));
    ck_assert_ptr_null(host_memory(&h, 1, UINT64_MAX));
    fake_guest.guest.memory = NULL;
    ck_assert_ptr_null(host_memory(&h, 0, 0));
}
END_TEST

START_TEST(arguments_and_environment)
{
    ck_assert_uint_eq(wasi_args_sizes_get(&h, 0, 4), WASI_OK);
    ck_assert_uint_eq(host_load32(at(0)), 2);
    ck_assert_uint_eq(host_load32(at(4)), 17);
    ck_assert_uint_eq(wasi_args_get(&h, 16, 100), WASI_OK);
    ck_assert_uint_eq(host_load32(at(16)), 100);
    ck_assert_uint_eq(host_load32(at(20)), 108);
    ck_assert_int_eq(memcmp(at(100), "program\0argument", 17), 0);
    ck_assert_uint_eq(wasi_environ_sizes_get(&h, 0, 4), WASI_OK);
    ck_assert_uint_eq(host_load32(at(0)), 1);
    ck_assert_uint_eq(wasi_environ_get(&h, 16, 100), WASI_OK);
    ck_assert_str_eq((char *)at(100), "NAME=value");
    ck_assert_uint_eq(wasi_args_sizes_get(&h, 0, FAKE_MEMORY - 3), WASI_EFAULT);
    ck_assert_uint_eq(wasi_args_get(&h, 16, FAKE_MEMORY - 16), WASI_EFAULT);
    ck_assert_uint_eq(wasi_args_get(&h, FAKE_MEMORY - 4, 0), WASI_EFAULT);
}
END_TEST

START_TEST(clocks_and_random)
{
    ck_assert_uint_eq(wasi_clock_time_get(&h, 0, 0, 8), WASI_OK);
    uint64_t seconds = host_load64(at(8)) / 1000000000;
    ck_assert_uint_le(seconds, (uint64_t)time(NULL) + 1);
    ck_assert_uint_ge(seconds + 60, (uint64_t)time(NULL));
    ck_assert_uint_eq(wasi_clock_time_get(&h, 4, 0, 8), WASI_EINVAL);
    ck_assert_uint_eq(wasi_clock_time_get(&h, 1, 0, FAKE_MEMORY - 7), WASI_EFAULT);
    ck_assert_uint_eq(wasi_clock_res_get(&h, 1, 8), WASI_OK);
    static const uint8_t zeros[64];
    ck_assert_uint_eq(wasi_random_get(&h, 0, 64), WASI_OK);
    ck_assert_int_ne(memcmp(at(0), zeros, 64), 0);
    ck_assert_uint_eq(wasi_random_get(&h, 1, FAKE_MEMORY), WASI_EFAULT);
}
END_TEST

START_TEST(writes_what_it_is_given)
{
    int pipes[2], saved = dup(1);
    char text[16] = "";
    ck_assert_int_eq(pipe(pipes), 0);
    memcpy(at(100), "hello world", 11);
    host_store32(at(0), 100), host_store32(at(4), 6);
    host_store32(at(8), 106), host_store32(at(12), 5);
    dup2(pipes[1], 1);
    uint32_t answer = wasi_fd_write(&h, 1, 0, 2, 64);
    dup2(saved, 1);
    ck_assert_uint_eq(answer, WASI_OK);
    ck_assert_uint_eq(host_load32(at(64)), 11);
    ck_assert_int_eq(read(pipes[0], text, sizeof(text)), 11);
    ck_assert_str_eq(text, "hello world");
    close(pipes[0]), close(pipes[1]), close(saved);
}
END_TEST

START_TEST(refuses_buffers_outside)
{
    host_store32(at(0), FAKE_MEMORY - 4), host_store32(at(4), 5);
    ck_assert_uint_eq(wasi_fd_write(&h, 1, 0, 1, 64), WASI_EFAULT);
    host_store32(at(0), 100), host_store32(at(4), UINT32_MAX);
    ck_assert_uint_eq(wasi_fd_write(&h, 1, 0, 1, 64), WASI_EFAULT);
    ck_assert_uint_eq(wasi_fd_write(&h, 1, FAKE_MEMORY - 4, 1, 64), WASI_EFAULT);
    ck_assert_uint_eq(wasi_fd_write(&h, 1, UINT32_MAX - 3, UINT32_MAX, 64), WASI_EFAULT);
    ck_assert_uint_eq(wasi_fd_write(&h, 1, 0, 0, FAKE_MEMORY - 3), WASI_EFAULT);
    ck_assert_uint_eq(wasi_fd_write(&h, 0, 0, 0, 64), WASI_EBADF);
    ck_assert_uint_eq(wasi_fd_write(&h, 3, 0, 0, 64), WASI_EBADF);
    ck_assert_uint_eq(wasi_fd_read(&h, 1, 0, 0, 64), WASI_EBADF);
    ck_assert_uint_eq(wasi_fd_fdstat_get(&h, 1, FAKE_MEMORY - 23), WASI_EFAULT);
    ck_assert_uint_eq(wasi_fd_fdstat_get(&h, 1, FAKE_MEMORY - 24), WASI_OK);
    ck_assert_uint_eq(wasi_fd_filestat_get(&h, 1, FAKE_MEMORY - 63), WASI_EFAULT);
    ck_assert_uint_eq(wasi_fd_close(&h, 2), WASI_OK);
    ck_assert_uint_eq(wasi_fd_close(&h, 2), WASI_EBADF);
    ck_assert_uint_eq(wasi_fd_write(&h, 2, 0, 0, 64), WASI_EBADF);
    ck_assert_uint_eq(wasi_fd_seek(&h, 1, 0, 0, 64), WASI_ESPIPE);
}
END_TEST

/* A subscription at `address`: of a clock, or of a descriptor. */
static void subscribe(uint32_t address, uint64_t userdata, uint8_t type, uint32_t what,
                      uint64_t timeout)
{
    memset(at(address), 0, 48);
    host_store64(at(address), userdata);
    at(address)[8] = type;
    host_store32(at(address + 16), what);
    host_store64(at(address + 24), timeout);
}

START_TEST(polls_clocks)
{
    struct timespec before, after;
    subscribe(0, 11, 0, 1, 3600000000000u);
    subscribe(48, 22, 0, 1, 2000000);
    clock_gettime(CLOCK_MONOTONIC, &before);
    ck_assert_uint_eq(wasi_poll_oneoff(&h, 0, 512, 2, 1024), WASI_OK);
    clock_gettime(CLOCK_MONOTONIC, &after);
    ck_assert_uint_eq(host_load32(at(1024)), 1);
    ck_assert_uint_eq(host_load64(at(512)), 22);
    ck_assert_uint_eq(at(522)[0], 0);
    ck_assert_int_ge((after.tv_sec - before.tv_sec) * 1000000000 + after.tv_nsec - before.tv_nsec,
                     2000000);
}
END_TEST

START_TEST(polls_descriptors)
{
    int pipes[2];
    ck_assert_int_eq(pipe(pipes), 0);
    ck_assert_int_eq(write(pipes[1], "x", 1), 1);
    dup2(pipes[0], 0);
    subscribe(0, 11, 0, 1, 3600000000000u);
    subscribe(48, 22, 1, 0, 0);
    ck_assert_uint_eq(wasi_poll_oneoff(&h, 0, 512, 2, 1024), WASI_OK);
    ck_assert_uint_eq(host_load32(at(1024)), 1);
    ck_assert_uint_eq(host_load64(at(512)), 22);
    ck_assert_uint_eq(at(522)[0], 1);
    /* What cannot be polled is an event at once. */
    subscribe(48, 33, 1, 9, 0);
    ck_assert_uint_eq(wasi_poll_oneoff(&h, 0, 512, 2, 1024), WASI_OK);
    ck_assert_uint_eq(host_load32(at(1024)), 1);
    ck_assert_uint_eq(host_load64(at(512)), 33);
    ck_assert_uint_eq(at(520)[0], WASI_EBADF);
}
END_TEST

START_TEST(refuses_to_poll_outside)
{
    ck_assert_uint_eq(wasi_poll_oneoff(&h, 0, 0, 0, 0), WASI_EINVAL);
    ck_assert_uint_eq(wasi_poll_oneoff(&h, FAKE_MEMORY - 47, 0, 1, 0), WASI_EFAULT);
    ck_assert_uint_eq(wasi_poll_oneoff(&h, 0, FAKE_MEMORY - 31, 1, 0), WASI_EFAULT);
    ck_assert_uint_eq(wasi_poll_oneoff(&h, 0, 0, UINT32_MAX, 0), WASI_EFAULT);
    ck_assert_uint_eq(wasi_poll_oneoff(&h, 0, 0, 1, FAKE_MEMORY - 3), WASI_EFAULT);
    ck_assert_uint_eq(wasi_poll_oneoff(&h, 0, 0, 65, 0), WASI_EINVAL);
}
END_TEST

START_TEST(errnos)
{
    ck_assert_uint_eq(wasi_errno(EPIPE), 64);
    ck_assert_uint_eq(wasi_errno(EBADF), 8);
    ck_assert_uint_eq(wasi_errno(EXDEV), 75);
    ck_assert_uint_eq(wasi_errno(EHOSTDOWN), WASI_EIO);
}
END_TEST

START_TEST(exits)
{
    wasi_proc_exit(&h, (uint32_t[]){0, 7, 256, 4294967295u}[_i]);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("runner: WASI");
    TCase *tc = tcase_create("wasi");
    tcase_add_checked_fixture(tc, setup, fake_guest_fini);
    tcase_add_test(tc, memory_has_an_end);
    tcase_add_test(tc, arguments_and_environment);
    tcase_add_test(tc, clocks_and_random);
    tcase_add_test(tc, writes_what_it_is_given);
    tcase_add_test(tc, refuses_buffers_outside);
    tcase_add_test(tc, polls_clocks);
    tcase_add_test(tc, polls_descriptors);
    tcase_add_test(tc, refuses_to_poll_outside);
    tcase_add_test(tc, errnos);
    tcase_add_loop_exit_test(tc, exits, 0, 0, 1);
    tcase_add_loop_exit_test(tc, exits, 7, 1, 2);
    tcase_add_loop_exit_test(tc, exits, 255, 2, 4);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
