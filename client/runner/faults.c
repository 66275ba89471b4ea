#include "client/runner/faults.h"

#include <signal.h>
#include <sys/resource.h>

/* wasm2c's runtime reserves so much for a memory: the largest address and the largest offset. */
#define RESERVED (UINT64_C(8) << 30)
#define STACK_MAX ((rlim_t)8 << 20)
/* A fault this far beyond the stack's end still is one of the stack. */
#define STACK_SLACK (1 << 20)

/* A signal handler gets no argument. */
static struct host *faults_host;
static uintptr_t stack_lowest, stack_highest;

static bool in_memory(uintptr_t address)
{
    uint64_t size;
    if (!faults_host->guest->memory)
        return false;
    uintptr_t start = (uintptr_t)faults_host->guest->memory(&size);
    return address >= start && address - start < RESERVED;
}

static void on_fault(int signal_number, siginfo_t *info, void *context)
{
    (void)context;
    uintptr_t address = (uintptr_t)info->si_addr;
    if (address >= stack_lowest && address <= stack_highest)
        host_trap(faults_host, "call stack exhausted");
    if (in_memory(address))
        host_trap(faults_host, "out of bounds memory access");
    /* Not the module's doing: let it happen again, unhandled. */
    signal(signal_number, SIG_DFL);
}

/* The number at the end of a text; no function that formats is safe here. */
static void on_forbidden_call(int signal_number, siginfo_t *info, void *context)
{
    static char text[] = "a system call that a program must not make (number     )";
    unsigned number = (unsigned)info->si_syscall % 10000;
    (void)signal_number, (void)context;
    for (char *digit = text + sizeof(text) - 3; number > 0; number /= 10)
        *digit-- = (char)('0' + number % 10);
    host_trap(faults_host, text);
}

/* Endless recursion must not take long to end, nor all of the memory. */
static rlim_t bound_stack(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_STACK, &limit) < 0)
        return STACK_MAX;
    if (limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur > STACK_MAX) {
        limit.rlim_cur = STACK_MAX;
        setrlimit(RLIMIT_STACK, &limit);
    }
    return limit.rlim_cur;
}

void faults_catch(struct host *h)
{
    static char stack[64 << 10];
    uintptr_t here = (uintptr_t)__builtin_frame_address(0);
    rlim_t size = bound_stack();
    faults_host = h;
    stack_highest = here;
    stack_lowest = here > size + STACK_SLACK ? here - size - STACK_SLACK : 0;

    stack_t alternative = {.ss_sp = stack, .ss_size = sizeof(stack)};
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    sigemptyset(&action.sa_mask);
    sigaltstack(&alternative, NULL);
    sigaction(SIGSEGV, &action, NULL);
    sigaction(SIGBUS, &action, NULL);
    action.sa_sigaction = on_forbidden_call;
    sigaction(SIGSYS, &action, NULL);
}
