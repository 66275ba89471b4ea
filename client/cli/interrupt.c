#include "client/cli/interrupt.h"

#include <signal.h>
#include <stddef.h>
#include <sys/signalfd.h>
#include <time.h>

/* nohup, and shells for what runs in the background, ignore signals on purpose: leave them so. */
static void add_unless_ignored(sigset_t *set, int signal_number)
{
    struct sigaction action;

    if (sigaction(signal_number, NULL, &action) == 0 && action.sa_handler != SIG_IGN)
        sigaddset(set, signal_number);
}

static sigset_t signals(void)
{
    sigset_t set;

    sigemptyset(&set);
    add_unless_ignored(&set, SIGINT);
    add_unless_ignored(&set, SIGTERM);
    add_unless_ignored(&set, SIGHUP);
    return set;
}

static volatile sig_atomic_t caught;

static void on_signal(int signal_number)
{
    (void)signal_number;
    caught = 1;
}

void interrupt_catch(void)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};

    sigaction(SIGINT, &action, NULL);
}

bool interrupt_caught(void)
{
    return caught;
}

void interrupt_forget(void)
{
    caught = 0;
}

void interrupt_block(void)
{
    sigset_t set = signals();

    sigprocmask(SIG_BLOCK, &set, NULL);
}

void interrupt_unblock(void)
{
    sigset_t set = signals();

    while (interrupt_wait(0))
        ;
    sigprocmask(SIG_UNBLOCK, &set, NULL);
}

int interrupt_fd(void)
{
    sigset_t set = signals();

    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

int interrupt_wait(int ms)
{
    const struct timespec timeout = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};
    sigset_t set = signals();
    int number = sigtimedwait(&set, NULL, &timeout);

    return number > 0 ? number : 0;
}
