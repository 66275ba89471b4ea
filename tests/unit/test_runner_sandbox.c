/* What is left to a process once it has entered the sandbox. Under sanitizers there is no filter of
 * system calls, and nothing to test. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client/runner/landlock.h"
#include "client/runner/sandbox.h"
#include "client/runner/wasi.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define FILTERED false
#else
#define FILTERED true
#endif

static struct host h;

static void setup(void)
{
    h.fds = wasi_fds_new();
}

static void teardown(void)
{
    wasi_fds_free(h.fds);
}

enum {
    NOTHING,
    MEMORY,
    OPEN,
    EXEC,
    FORK,
    NETWORK,
    LOCAL_SOCKET,
    CODE,
    TO_CODE,
    KILL,
};

static void act(int what)
{
    char *argv[] = {"true", NULL};
    switch (what) {
    case MEMORY:
        free(malloc(10 << 20));
        break;
    case OPEN:
        open("/etc/passwd", O_RDONLY);
        break;
    case EXEC:
        execv("/bin/true", argv);
        break;
    case FORK:
        fork();
        break;
    case NETWORK:
        socket(AF_INET, SOCK_STREAM, 0);
        break;
    case LOCAL_SOCKET:
        socket(AF_UNIX, SOCK_STREAM, 0);
        break;
    case CODE:
        mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        break;
    case TO_CODE:
        mprotect((void *)((uintptr_t)act & ~(uintptr_t)4095), 4096, PROT_READ | PROT_EXEC);
        break;
    case KILL:
        kill(getppid(), SIGKILL);
        break;
    default:
        break;
    }
}

/* Whether the process was ended for it. */
static bool is_forbidden(int what, bool connects)
{
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        struct error e;
        if (sandbox_enter(&h, connects, &e))
            _exit(1);
        act(what);
        _exit(0);
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert(WIFSIGNALED(status) ? WTERMSIG(status) == SIGSYS : WEXITSTATUS(status) == 0);
    return WIFSIGNALED(status);
}

START_TEST(calls_that_are_left)
{
    ck_assert(!is_forbidden(NOTHING, false));
    ck_assert(!is_forbidden(MEMORY, false));
    ck_assert(!is_forbidden(LOCAL_SOCKET, true));
}
END_TEST

START_TEST(calls_that_are_not)
{
    ck_assert(is_forbidden(_i, false));
    if (_i != LOCAL_SOCKET)
        ck_assert(is_forbidden(_i, true));
}
END_TEST

/* By itself: the filter would not let it be tried. */
START_TEST(files_that_are_left)
{
    struct error e;
    char directory[] = "/tmp/bobbin-sandbox-XXXXXX", path[64];
    ck_assert_ptr_nonnull(mkdtemp(directory));
    snprintf(path, sizeof(path), "%s/file", directory);
    close(open(path, O_WRONLY | O_CREAT, 0600));
    ck_assert_int_eq(wasi_fds_give(h.fds, directory, "/d", false, &e), 0);
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        landlock_enter(h.fds);
        bool left = open(path, O_RDONLY) >= 0;
        bool no_write = open(path, O_WRONLY) < 0 && errno == EACCES;
        bool no_other = open("/etc/passwd", O_RDONLY) < 0 && errno == EACCES;
        _exit(left && no_write && no_other ? 0 : 1);
    }
    int status;
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    unlink(path);
    rmdir(directory);
    ck_assert_int_eq(status, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("runner: sandbox");
    TCase *tc = tcase_create("sandbox");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, calls_that_are_left);
    if (FILTERED)
        tcase_add_loop_test(tc, calls_that_are_not, OPEN, KILL + 1);
    if (landlock_version() > 0)
        tcase_add_test(tc, files_that_are_left);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
