/* Every import that the runner offers, called with arguments that point anywhere: each call ends in
 * an answer or a trap, never in another end of the process. */
#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client/runner/cas.h"
#include "client/runner/host.h"
#include "client/runner/imports.h"
#include "client/runner/stores.h"
#include "client/runner/wasi_fds.h"
#include "tests/unit/test_runner_fake_guest.h"
#include "tests/unit/test_runner_fake_library.h"

#define ROUNDS 60
/* What no call should take. */
#define SECONDS 10

static struct host h;

static void setup(void)
{
    struct error e;
    fake_library =
        (struct fake_library){.value = "value", .value_len = 5, .pages = 2, .key_len = 8};
    fake_guest_init(&h);
    h.stores = stores_new();
    h.cas = cas_table_new();
    ck_assert_int_eq(wasi_fds_give(h.fds, "/tmp", "/tmp", false, &e), 0);
}

static void teardown(void)
{
    stores_free(h.stores);
    cas_table_free(h.cas);
    fake_guest_fini();
}

/* Numbers that hostile programs like: the ends of the memory, of 32 and of 64 bits, and small ones,
 * which are descriptors, handles and flags. */
static uint64_t argument(unsigned *seed)
{
    static const uint64_t numbers[] = {
        0,          1,          3,         8, FAKE_MEMORY - 1, FAKE_MEMORY, FAKE_MEMORY + 1,
        0x7fffffff, 0xfffffff0, 0xffffffff};
    *seed = *seed * 1103515245 + 12345;
    return numbers[(*seed >> 16) % (sizeof(numbers) / sizeof(numbers[0]))];
}

/* What the import's code takes as 32 or 64 bits goes in the same registers. */
static void call(const struct import *import, unsigned seed)
{
    typedef uint64_t (*any)(struct host *, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t,
                            uint64_t, uint64_t, uint64_t, uint64_t);
    uint64_t a[9];
    for (size_t i = 0; i < 9; i++)
        a[i] = argument(&seed);
    /* To wait for a terminal, or a minute, is no fault. */
    if (strcmp(import->name, "poll_oneoff") == 0)
        fake_guest.memory[40] = 0;
    ((any)import->function)(&h, a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7], a[8]);
}

static int ends_well(int status, const struct import *import)
{
    if (!WIFEXITED(status))
        return 0;
    return WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == HOST_TRAP_STATUS ||
           strcmp(import->name, "proc_exit") == 0;
}

START_TEST(no_call_ends_badly)
{
    const struct import *import = &imports[_i];
    for (unsigned round = 0; import->function && round < ROUNDS; round++) {
        int status;
        pid_t pid = fork();
        if (pid == 0) {
            int null = open("/dev/null", O_RDWR);
            dup2(null, 0);
            dup2(null, 1);
            dup2(null, 2);
            alarm(SECONDS);
            call(import, round * 7919u + (unsigned)_i);
            _exit(0);
        }
        ck_assert_int_eq(waitpid(pid, &status, 0), pid);
        ck_assert_msg(ends_well(status, import), "%s %s, round %u: status %#x", import->module,
                      import->name, round, status);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("runner: hostile arguments");
    TCase *tc = tcase_create("hostile");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, no_call_ends_badly, 0, (int)imports_count);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
