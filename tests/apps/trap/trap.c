/* Traps in the way that its argument names. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static __attribute__((noinline)) int trap_oob(void)
{
    return *(volatile int *)0x7fff0000;
}

static __attribute__((noinline)) int trap_unreachable(void)
{
    __builtin_trap();
}

static __attribute__((noinline)) int trap_divide(void)
{
    volatile int seven = 7, zero = 0;
    return seven / zero;
}

static __attribute__((noinline)) int trap_overflow(void)
{
    volatile int lowest = INT32_MIN, minus_one = -1;
    return lowest / minus_one;
}

/* Called through a pointer that may change, so that it stays a recursion and needs no more than the
 * host's stack. */
static int recurse(int depth);
static int (*volatile next)(int) = recurse;

static int recurse(int depth)
{
    return next(depth + 1) + depth;
}

static __attribute__((noinline)) int trap_stack(void)
{
    return recurse(0);
}

static __attribute__((noinline)) int trap_call(void)
{
    int (*volatile function)(int, int, int) = (int (*)(int, int, int))(uintptr_t)trap_divide;
    return function(1, 2, 3);
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    puts("before");
    fflush(stdout);
    if (strcmp(what, "oob") == 0)
        return trap_oob();
    if (strcmp(what, "unreachable") == 0)
        return trap_unreachable();
    if (strcmp(what, "divide") == 0)
        return trap_divide();
    if (strcmp(what, "overflow") == 0)
        return trap_overflow();
    if (strcmp(what, "stack") == 0)
        return trap_stack();
    if (strcmp(what, "call") == 0)
        return trap_call();
    if (strcmp(what, "abort") == 0)
        abort();
    return 0;
}
