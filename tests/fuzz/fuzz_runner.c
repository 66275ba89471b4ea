/* The imports of a wasm program, called by a hostile one: any arguments, any memory, any realloc. Each
 * call ends in an answer or a trap; nothing is read or written outside the memory, nor outside the
 * directories that the program was given.
 *
 * Input: kind of the library's answers u8, then calls: import u8, flags u8 (1: a realloc that lies,
 * 2: write a block into the memory first), then nine arguments, each a selector u8 with what it needs. */
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <string.h>
#include <sys/resource.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "client/runner/cas.h"
#include "client/runner/imports.h"
#include "client/runner/stores.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/test_runner_fake_guest.h"
#include "tests/unit/test_runner_fake_library.h"

/* What only the host may see. */
static const char secret[] = "not for the guest: 5f0c";
enum { CALLS_MAX = 24, FILE_MAX = 1 << 20 };

static jmp_buf out_of_call;
static bool in_call;

/* The end of the program is the end of the call. */
void __real__exit(int status) __attribute__((noreturn));
void __wrap__exit(int status) __attribute__((noreturn));
void __wrap__exit(int status)
{
    if (in_call)
        longjmp(out_of_call, 1);
    __real__exit(status);
}

void __real_exit(int status) __attribute__((noreturn));
void __wrap_exit(int status) __attribute__((noreturn));
void __wrap_exit(int status)
{
    if (in_call)
        longjmp(out_of_call, 1);
    __real_exit(status);
}

/* Nobody waits for what a program would wait for. */
int __real_ppoll(struct pollfd *fds, nfds_t count, const struct timespec *timeout,
                 const sigset_t *mask);
int __wrap_ppoll(struct pollfd *fds, nfds_t count, const struct timespec *timeout,
                 const sigset_t *mask);
int __wrap_ppoll(struct pollfd *fds, nfds_t count, const struct timespec *timeout,
                 const sigset_t *mask)
{
    static const struct timespec none;
    return __real_ppoll(fds, count, in_call ? &none : timeout, mask);
}

/* Its name where the compiler knows the size of the array. */
int __wrap___ppoll_chk(struct pollfd *fds, nfds_t count, const struct timespec *timeout,
                       const sigset_t *mask, size_t size);
int __wrap___ppoll_chk(struct pollfd *fds, nfds_t count, const struct timespec *timeout,
                       const sigset_t *mask, size_t size)
{
    FUZZ_CHECK(count * sizeof *fds <= size);
    return __wrap_ppoll(fds, count, timeout, mask);
}

/* What a trap says is not of interest here. */
ssize_t __real_writev(int fd, const struct iovec *parts, int count);
ssize_t __wrap_writev(int fd, const struct iovec *parts, int count);
ssize_t __wrap_writev(int fd, const struct iovec *parts, int count)
{
    return in_call && fd == STDERR_FILENO ? 0 : __real_writev(fd, parts, count);
}

static uint64_t argument(struct fuzz *f)
{
    static const uint64_t numbers[] = {
        0,         1,           2,          3,          4,          5,         6,
        8,         16,          64,         FAKE_MEMORY - 1, FAKE_MEMORY, FAKE_MEMORY + 1,
        0x7fffffff, 0x80000000, 0xfffffff0, 0xffffffff, UINT64_MAX, INT64_MAX, UINT64_C(1) << 63};
    uint8_t selector = fuzz_u8(f);
    if (selector < sizeof numbers / sizeof *numbers)
        return numbers[selector];
    if (selector < 128) /* somewhere in the memory */
        return fuzz_u16(f) % (FAKE_MEMORY + 64);
    if (selector < 192)
        return fuzz_u8(f);
    return selector < 240 ? fuzz_u32(f) : fuzz_u64(f);
}

static void prepare_call(struct fuzz *f, uint8_t flags)
{
    if (flags & 1)
        fake_guest.next = fuzz_u32(f);
    if (flags & 2) {
        size_t at = fuzz_u16(f) % FAKE_MEMORY, len;
        const uint8_t *bytes = fuzz_block(f, &len);
        memcpy(fake_guest.memory + at, bytes, len < FAKE_MEMORY - at ? len : FAKE_MEMORY - at);
    }
}

/* What the import's code takes as 32 or 64 bits goes in the same registers. */
static void call(struct host *h, struct fuzz *f)
{
    typedef uint64_t (*any)(struct host *, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t,
                            uint64_t, uint64_t, uint64_t, uint64_t);
    const struct import *import = &imports[fuzz_u8(f) % imports_count];
    uint64_t a[9];
    prepare_call(f, fuzz_u8(f));
    for (size_t i = 0; i < 9; i++)
        a[i] = argument(f);
    if (!import->function)
        return;
    in_call = true;
    if (setjmp(out_of_call) == 0)
        ((any)import->function)(h, a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7], a[8]);
    in_call = false;
}

static void make_place(void)
{
    fuzz_remove(fuzz_path("guest"));
    fuzz_remove(fuzz_path("read-only"));
    FUZZ_CHECK(mkdir(fuzz_path("guest"), 0755) == 0 && mkdir(fuzz_path("guest/d"), 0755) == 0);
    fuzz_write(fuzz_path("guest/a"), "content", 7);
    FUZZ_CHECK(symlink("../outside/secret", fuzz_path("guest/l")) == 0);
    FUZZ_CHECK(symlink("..", fuzz_path("guest/d/u")) == 0);
    FUZZ_CHECK(mkdir(fuzz_path("read-only"), 0755) == 0);
    fuzz_write(fuzz_path("read-only/r"), "content", 7);
}

static struct stat outside_before, secret_before, given_before;
static int null_fd = -1;

static void prepare(void)
{
    static const struct rlimit size = {FILE_MAX, RLIM_INFINITY};
    setrlimit(RLIMIT_FSIZE, &size);
    signal(SIGXFSZ, SIG_IGN);
    null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    FUZZ_CHECK(mkdir(fuzz_path("outside"), 0755) == 0);
    fuzz_write(fuzz_path("outside/secret"), secret, sizeof secret - 1);
    FUZZ_CHECK(stat(fuzz_path("outside"), &outside_before) == 0);
    FUZZ_CHECK(stat(fuzz_path("outside/secret"), &secret_before) == 0);
}

static void check_same(const char *path, const struct stat *before)
{
    struct stat now;
    FUZZ_CHECK(lstat(path, &now) == 0 && now.st_ino == before->st_ino);
    FUZZ_CHECK(now.st_size == before->st_size && now.st_nlink == before->st_nlink);
    FUZZ_CHECK(now.st_mtim.tv_sec == before->st_mtim.tv_sec &&
               now.st_mtim.tv_nsec == before->st_mtim.tv_nsec);
    FUZZ_CHECK(now.st_ctim.tv_nsec == before->st_ctim.tv_nsec && now.st_mode == before->st_mode);
}

FUZZ_UNSEEN static bool knows_secret(void)
{
    for (uint64_t i = 0; i + sizeof secret - 1 <= fake_guest.size; i++) {
        size_t n = 0;
        while (n < sizeof secret - 1 && fake_guest.memory[i + n] == (uint8_t)secret[n])
            n++;
        if (n == sizeof secret - 1)
            return true;
    }
    return false;
}

static void start(struct host *h, uint8_t kind)
{
    struct error e;
    make_place();
    FUZZ_CHECK(stat(fuzz_path("read-only/r"), &given_before) == 0);
    fake_library = (struct fake_library){
        .value = kind & 1 ? "value" : NULL,
        .value_len = kind & 1 ? 5 : 0,
        .pages = kind >> 1 & 3,
        .key_len = 8,
        .refuse = kind & 8,
        .status = kind & 16 ? BOBBIN_ACCESS_DENIED : kind & 32 ? BOBBIN_OTHER : BOBBIN_OK,
    };
    fake_guest_init(h);
    h->stores = stores_new();
    h->cas = cas_table_new();
    for (uint32_t fd = 0; fd < 3; fd++)
        wasi_fds_find(h->fds, fd)->host = null_fd;
    FUZZ_CHECK(wasi_fds_give(h->fds, fuzz_path("guest"), "/", true, &e) == 0);
    FUZZ_CHECK(wasi_fds_give(h->fds, fuzz_path("read-only"), "/r", false, &e) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz f = {data, size};
    struct host h;
    if (null_fd < 0)
        prepare();
    start(&h, fuzz_u8(&f));
    for (unsigned n = 0; n < CALLS_MAX && f.left > 0; n++)
        call(&h, &f);
    FUZZ_CHECK(!knows_secret());
    stores_free(h.stores);
    cas_table_free(h.cas);
    fake_guest_fini();
    check_same(fuzz_path("outside"), &outside_before);
    check_same(fuzz_path("outside/secret"), &secret_before);
    check_same(fuzz_path("read-only/r"), &given_before);
    return 0;
}
