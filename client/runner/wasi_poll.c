#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "client/runner/wasi.h"

/* In the program's memory: a subscription takes 48 bytes, an event 32. */
#define SUBSCRIPTION_SIZE 48
#define EVENT_SIZE 32
#define SUBSCRIPTIONS_MAX 64
#define NSEC 1000000000

enum event_type { EVENT_CLOCK, EVENT_FD_READ, EVENT_FD_WRITE };
enum { CLOCK_ABSOLUTE = 1 };

struct subscription {
    uint64_t userdata;
    enum event_type type;
    uint32_t error;      /* a WASI errno that is its event already */
    int64_t wait;        /* of a clock: nanoseconds from now, not below 0 */
    struct pollfd *poll; /* of a descriptor */
};

struct poll_set {
    struct subscription subscriptions[SUBSCRIPTIONS_MAX];
    struct pollfd polls[SUBSCRIPTIONS_MAX];
    nfds_t poll_count;
    int64_t wait; /* the shortest; -1: for ever */
    uint32_t count;
};

static int64_t now(int clock)
{
    struct timespec time = {0};
    clock_gettime(clock, &time);
    return (int64_t)time.tv_sec * NSEC + time.tv_nsec;
}

static void read_clock(const uint8_t *at, struct subscription *s)
{
    int clock = wasi_clock(host_load32(at + 16));
    uint64_t timeout = host_load64(at + 24);
    if (clock < 0) {
        s->error = WASI_EINVAL;
        return;
    }
    s->wait = timeout > INT64_MAX ? INT64_MAX : (int64_t)timeout;
    if (at[40] & CLOCK_ABSOLUTE) {
        int64_t passed = now(clock);
        s->wait = s->wait > passed ? s->wait - passed : 0;
    }
}

static void read_fd(const struct host *h, const uint8_t *at, struct poll_set *set,
                    struct subscription *s)
{
    const struct wasi_fd *fd = wasi_fd_with(h, host_load32(at + 16), RIGHT_POLL, &s->error);
    if (!fd)
        return;
    s->poll = &set->polls[set->poll_count++];
    *s->poll = (struct pollfd){fd->host, s->type == EVENT_FD_READ ? POLLIN : POLLOUT, 0};
}

static uint32_t read_subscriptions(const struct host *h, const uint8_t *in, struct poll_set *set)
{
    set->wait = -1;
    for (uint32_t i = 0; i < set->count; i++, in += SUBSCRIPTION_SIZE) {
        struct subscription *s = &set->subscriptions[i];
        *s = (struct subscription){.userdata = host_load64(in), .type = (enum event_type)in[8]};
        if (in[8] > EVENT_FD_WRITE)
            return WASI_EINVAL;
        s->wait = -1;
        if (s->type == EVENT_CLOCK)
            read_clock(in, s);
        else
            read_fd(h, in, set, s);
        if (s->error)
            s->wait = 0;
        if (s->wait >= 0 && (set->wait < 0 || s->wait < set->wait))
            set->wait = s->wait;
    }
    return WASI_OK;
}

/* Until a descriptor is ready or the shortest time is over, however often a signal comes between.
 */
static uint32_t wait_for(struct poll_set *set)
{
    int64_t until = set->wait < 0 ? 0 : now(CLOCK_MONOTONIC);
    until = set->wait > INT64_MAX - until ? INT64_MAX : until + set->wait;
    int64_t left = set->wait;
    for (;;) {
        struct timespec timeout = {left / NSEC, left % NSEC};
        int ready = ppoll(set->polls, set->poll_count, set->wait < 0 ? NULL : &timeout, NULL);
        if (ready >= 0)
            return WASI_OK;
        if (errno != EINTR)
            return wasi_errno(errno);
        if (set->wait >= 0) {
            left = until - now(CLOCK_MONOTONIC);
            left = left > 0 ? left : 0;
        }
    }
}

static bool is_due(const struct poll_set *set, const struct subscription *s, bool any_ready)
{
    if (s->error)
        return true;
    if (s->type != EVENT_CLOCK)
        return s->poll->revents != 0;
    return !any_ready && s->wait <= set->wait;
}

static uint32_t write_events(const struct poll_set *set, uint8_t *out)
{
    bool any_ready = false;
    uint32_t events = 0;
    for (nfds_t i = 0; i < set->poll_count; i++)
        any_ready = any_ready || set->polls[i].revents != 0;
    for (uint32_t i = 0; i < set->count; i++) {
        const struct subscription *s = &set->subscriptions[i];
        if (!is_due(set, s, any_ready))
            continue;
        uint8_t *event = out + (size_t)events++ * EVENT_SIZE;
        memset(event, 0, EVENT_SIZE);
        host_store64(event, s->userdata);
        host_store16(event + 8, (uint16_t)s->error);
        event[10] = (uint8_t)s->type;
        if (s->poll && s->poll->revents)
            host_store64(event + 16, 1);
        if (s->poll && (s->poll->revents & POLLHUP))
            host_store16(event + 24, 1);
    }
    return events;
}

uint32_t wasi_poll_oneoff(struct host *h, uint32_t in, uint32_t out, uint32_t count, uint32_t ret)
{
    const uint8_t *in_at = host_memory(h, in, (uint64_t)count * SUBSCRIPTION_SIZE);
    uint8_t *out_at = host_memory(h, out, (uint64_t)count * EVENT_SIZE);
    uint8_t *ret_at = host_memory(h, ret, 4);
    if (!in_at || !out_at || !ret_at)
        return WASI_EFAULT;
    if (count == 0 || count > SUBSCRIPTIONS_MAX)
        return WASI_EINVAL;
    struct poll_set set = {.count = count};
    uint32_t answer = read_subscriptions(h, in_at, &set);
    if (!answer)
        answer = wait_for(&set);
    if (!answer)
        host_store32(ret_at, write_events(&set, out_at));
    return answer;
}
