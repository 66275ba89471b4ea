#include "client/runner/sandbox.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "client/runner/landlock.h"
#include "client/runner/wasi_fds.h"

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#endif

/* Sanitizers make system calls and read files of their own. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#undef ARCHITECTURE
#define SANITIZED true
#else
#define SANITIZED false
#endif

#ifdef ARCHITECTURE

static const int allowed[] = {
    /* The program's descriptors. */
    SYS_read,
    SYS_write,
    SYS_readv,
    SYS_writev,
    SYS_pread64,
    SYS_pwrite64,
    SYS_preadv,
    SYS_pwritev,
    SYS_close,
    SYS_lseek,
    SYS_fstat,
    SYS_fcntl,
    SYS_fsync,
    SYS_fdatasync,
    SYS_ftruncate,
    SYS_fallocate,
    SYS_fadvise64,
    SYS_getdents64,
    /* Paths below its directories. */
    SYS_openat2,
    SYS_newfstatat,
    SYS_mkdirat,
    SYS_unlinkat,
    SYS_linkat,
    SYS_symlinkat,
    SYS_readlinkat,
    SYS_utimensat,
    SYS_renameat2,
#ifdef SYS_renameat
    SYS_renameat,
#endif
    /* Time, chance, waiting. */
    SYS_clock_gettime,
    SYS_clock_getres,
    SYS_clock_nanosleep,
    SYS_nanosleep,
    SYS_ppoll,
    SYS_getrandom,
    SYS_sched_yield,
    SYS_restart_syscall,
#ifdef SYS_poll
    SYS_poll,
#endif
    /* The connection to the daemon. */
    SYS_sendto,
    SYS_sendmsg,
    SYS_recvfrom,
    SYS_recvmsg,
    SYS_getsockopt,
    SYS_shutdown,
    /* Memory, and the end. */
    SYS_munmap,
    SYS_mremap,
    SYS_madvise,
    SYS_brk,
    SYS_futex,
    SYS_rt_sigaction,
    SYS_rt_sigprocmask,
    SYS_rt_sigreturn,
    SYS_getpid,
    SYS_gettid,
    SYS_tgkill,
    SYS_exit,
    SYS_exit_group,
};

/* To find the daemon and the app's directory. */
static const int allowed_to_connect[] = {
    SYS_connect, SYS_setsockopt, SYS_getcwd,    SYS_getuid,   SYS_geteuid,
    SYS_getgid,  SYS_getegid,    SYS_faccessat, SYS_statx,
#ifdef SYS_stat
    SYS_stat,    SYS_lstat,      SYS_access,    SYS_readlink,
#endif
};

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))
#define FIELD(name) ((uint32_t)offsetof(struct seccomp_data, name))
#define LOW_ARGUMENT(n) (FIELD(args) + 8 * (n)) /* both architectures are little-endian */

struct program {
    struct sock_filter code[256];
    unsigned short len;
};

static void add(struct program *p, struct sock_filter instruction)
{
    p->code[p->len++] = instruction;
}

static void add_load(struct program *p, uint32_t field)
{
    add(p, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, field));
}

static void add_return(struct program *p, uint32_t action)
{
    add(p, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, action));
}

/* "If this call, …" the next `skip` instructions, which end with a return. */
static void add_if(struct program *p, int call, uint8_t skip)
{
    add(p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)call, 0, skip));
}

static void add_allowed(struct program *p, const int *calls, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        add_if(p, calls[i], 1);
        add_return(p, SECCOMP_RET_ALLOW);
    }
}

/* Memory may be mapped and changed, but never become code. */
static void add_without_code(struct program *p, int call)
{
    add_if(p, call, 4);
    add_load(p, LOW_ARGUMENT(2));
    add(p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, PROT_EXEC, 0, 1));
    add_return(p, SECCOMP_RET_TRAP);
    add_return(p, SECCOMP_RET_ALLOW);
}

static void add_local_socket(struct program *p)
{
    add_if(p, SYS_socket, 4);
    add_load(p, LOW_ARGUMENT(0));
    add(p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_UNIX, 1, 0));
    add_return(p, SECCOMP_RET_TRAP);
    add_return(p, SECCOMP_RET_ALLOW);
}

static int filter_calls(bool connects, struct error *e)
{
    struct program p = {.len = 0};
    add_load(&p, FIELD(arch));
    add(&p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 1, 0));
    add_return(&p, SECCOMP_RET_KILL_PROCESS);
    add_load(&p, FIELD(nr));
    add_allowed(&p, allowed, COUNT(allowed));
    if (connects)
        add_allowed(&p, allowed_to_connect, COUNT(allowed_to_connect));
    add_without_code(&p, SYS_mmap);
    add_without_code(&p, SYS_mprotect);
    if (connects)
        add_local_socket(&p);
    add_return(&p, SECCOMP_RET_TRAP);

    struct sock_fprog program = {p.len, p.code};
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0 || errno == EINVAL ||
        errno == ENOSYS)
        return 0;
    return error_set(e, ERR_OTHER, "cannot restrict the process (seccomp): %s", strerror(errno));
}

#else

static int filter_calls(bool connects, struct error *e)
{
    (void)connects, (void)e;
    return 0;
}

#endif

int sandbox_enter(const struct host *h, bool connects, struct error *e)
{
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return error_set(e, ERR_OTHER, "cannot restrict the process: %s", strerror(errno));
    if (!SANITIZED)
        landlock_enter(h->fds);
    return filter_calls(connects, e);
}
