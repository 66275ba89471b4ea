#include "load.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "load_conn.h"
#include "place.h"

#define EVENTS 512
/* How long answers may be missing at the end, and how often ^C is looked for. */
#define DRAIN_NS (30 * BENCH_NS)
#define TURN_NS (BENCH_NS / 10)
#define FILL_DEPTH 64u
#define FILL_CONNECTIONS 4u
#define FILL_SAY_NS (5 * BENCH_NS)

enum load_state { LOAD_WARMUP, LOAD_MEASURE, LOAD_DRAIN, LOAD_DONE };

struct load {
    int epoll;
    enum load_state state;
    uint64_t boundary; /* when the state ends, whatever happens */
    struct load_time *time;
    struct load_group *groups;
    struct load_flow *flows; /* as many as groups */
    unsigned ngroups;
    struct load_conn *conns;
    unsigned nconns; /* that are connected */
    uint64_t began;  /* the measured time */
    uint64_t cpu;    /* of this thread, when it began */
    uint64_t *due;   /* by group: when the next request at a rate is due */
    unsigned *turn;  /* by group: whose turn it is then */
    struct place place;
};

static uint64_t own_cpu(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * BENCH_NS + (uint64_t)t.tv_nsec;
}

static uint64_t server_cpu(const struct load_group *g)
{
    return g->server->peer.pid ? peer_cpu(g->server->peer.pid) : 0;
}

static int flow_init(struct load_flow *f, struct load_group *g, uint64_t seed, struct error *e)
{
    int rc = values_init(&f->values, g->shape.value_len, seed, e);
    f->group = g;
    f->dialect = g->server->dialect;
    f->random = seed * 2654435761u + 1;
    for (int op = 0; !rc && op < OPS; op++)
        rc = template_init(&f->templates[op], f->dialect, (enum op)op, &g->shape, e);
    hist_clear(&g->hist);
    g->errors = 0;
    return rc;
}

static void flow_fini(struct load_flow *f)
{
    values_fini(&f->values);
    for (int op = 0; op < OPS; op++)
        template_fini(&f->templates[op]);
}

static int connect_all(struct load *l, struct error *e)
{
    int rc = 0;
    for (unsigned g = 0; g < l->ngroups; g++) {
        for (unsigned i = 0; !rc && i < l->groups[g].connections; i++) {
            struct load_conn *c = &l->conns[l->nconns];
            struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
            rc = load_conn_init(c, &l->flows[g], i, e);
            if (rc)
                break;
            l->nconns++;
            if (epoll_ctl(l->epoll, EPOLL_CTL_ADD, c->fd, &event))
                rc = error_set(e, ERR_OTHER, "cannot watch a socket: %m");
            if (!rc)
                rc = bench_check(e);
        }
    }
    return rc;
}

static int load_init(struct load *l, struct load_group *groups, unsigned n, struct load_time *time,
                     struct error *e)
{
    unsigned conns = 0;
    int rc = 0;
    *l = (struct load){.groups = groups, .ngroups = n, .time = time, .epoll = -1};
    for (unsigned g = 0; g < n; g++)
        conns += groups[g].connections;
    l->flows = calloc(n, sizeof *l->flows);
    l->conns = calloc(conns, sizeof *l->conns);
    l->due = calloc(n, sizeof *l->due);
    l->turn = calloc(n, sizeof *l->turn);
    if (!l->flows || !l->conns || !l->due || !l->turn)
        return error_set(e, ERR_OTHER, "out of memory");
    l->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (l->epoll < 0)
        return error_set(e, ERR_OTHER, "cannot make an epoll: %m");
    for (unsigned g = 0; !rc && g < n; g++)
        rc = flow_init(&l->flows[g], &groups[g], time->seed + g, e);
    return rc ? rc : connect_all(l, e);
}

static void load_fini(struct load *l)
{
    for (unsigned i = 0; i < l->nconns; i++)
        load_conn_fini(&l->conns[i]);
    for (unsigned g = 0; l->flows && g < l->ngroups; g++)
        flow_fini(&l->flows[g]);
    if (l->epoll >= 0)
        close(l->epoll);
    free(l->conns);
    free(l->flows);
    free(l->due);
    free(l->turn);
}

/* Send what there is, and have epoll watch for room where the socket did not take all. */
static int send_out(struct load *l, struct load_conn *c, struct error *e)
{
    int rc = load_conn_flush(c, e);
    bool wants = c->out_len != 0;
    if (!rc && wants != c->wants_write) {
        struct epoll_event event = {.events = wants ? EPOLLIN | EPOLLOUT : EPOLLIN, .data.ptr = c};
        if (epoll_ctl(l->epoll, EPOLL_CTL_MOD, c->fd, &event))
            rc = error_set(e, ERR_OTHER, "cannot watch a socket: %m");
        c->wants_write = wants;
    }
    return rc;
}

static int serve_conn(struct load *l, struct load_conn *c, uint32_t events, struct error *e)
{
    int rc = events & ~(uint32_t)EPOLLOUT ? load_conn_read(c, e) : 0;
    if (!rc && c->out_len && events & EPOLLOUT)
        rc = send_out(l, c, e);
    if (!rc && c->flow->group->rate == 0) {
        load_conn_refill(c);
        rc = send_out(l, c, e);
    }
    return rc;
}

/* Requests at a rate: send what has fallen due, as far as there are free slots; what finds none
 * stays due, and its waiting counts. */
static int send_due(struct load *l, unsigned g, uint64_t now, struct error *e)
{
    struct load_group *group = &l->groups[g];
    struct load_conn *first = l->conns;
    uint64_t interval = (uint64_t)((double)BENCH_NS / group->rate);
    int rc = 0;
    for (unsigned before = 0; before < g; before++)
        first += l->groups[before].connections;
    for (unsigned full = 0; !rc && l->due[g] <= now && full < group->connections;) {
        struct load_conn *c = &first[l->turn[g]];
        l->turn[g] = (l->turn[g] + 1) % group->connections;
        if (!load_conn_add(c, l->due[g])) {
            full++;
            continue;
        }
        full = 0;
        l->due[g] += interval;
        rc = send_out(l, c, e);
    }
    return rc;
}

static int send_all_due(struct load *l, uint64_t now, struct error *e)
{
    int rc = 0;
    for (unsigned g = 0; !rc && g < l->ngroups; g++)
        if (l->groups[g].rate > 0 && !l->flows[g].stopped)
            rc = send_due(l, g, now, e);
    return rc;
}

static int start_all(struct load *l, struct error *e)
{
    int rc = 0;
    for (unsigned g = 0; g < l->ngroups; g++)
        l->due[g] = bench_now();
    for (unsigned i = 0; !rc && i < l->nconns; i++) {
        if (l->conns[i].flow->group->rate > 0)
            continue;
        load_conn_refill(&l->conns[i]);
        rc = send_out(l, &l->conns[i], e);
    }
    return rc;
}

static uint64_t in_flight(const struct load *l)
{
    uint64_t n = 0;
    for (unsigned g = 0; g < l->ngroups; g++)
        n += l->flows[g].inflight;
    return n;
}

static void begin_measure(struct load *l, uint64_t now)
{
    for (unsigned g = 0; g < l->ngroups; g++) {
        hist_clear(&l->groups[g].hist);
        l->groups[g].server_cpu = server_cpu(&l->groups[g]);
    }
    l->cpu = own_cpu();
    l->began = now;
    l->boundary = now + (uint64_t)(l->time->seconds * (double)BENCH_NS);
    l->state = LOAD_MEASURE;
}

static void begin_drain(struct load *l, uint64_t now)
{
    l->time->elapsed = (double)(now - l->began) / (double)BENCH_NS;
    l->time->client_cpu = own_cpu() - l->cpu;
    for (unsigned g = 0; g < l->ngroups; g++) {
        if (l->groups[g].server_cpu)
            l->groups[g].server_cpu = server_cpu(&l->groups[g]) - l->groups[g].server_cpu;
        l->flows[g].stopped = true;
    }
    l->boundary = now + DRAIN_NS;
    l->state = LOAD_DRAIN;
}

/* A time in which a group got no answer at all would tell nothing: it goes on until there is one.
 */
static bool all_answered(const struct load *l)
{
    for (unsigned g = 0; g < l->ngroups; g++)
        if (!l->groups[g].hist.total && !l->groups[g].errors)
            return false;
    return true;
}

/* Latencies of answers that come while the load drains are not those of a loaded server: the
 * results are taken before. Returns whether the state has changed. */
static int advance(struct load *l, struct hist *kept, uint64_t now, struct error *e)
{
    if (l->state == LOAD_DRAIN && !in_flight(l))
        l->state = LOAD_DONE;
    if (l->state == LOAD_DONE || now < l->boundary)
        return 0;
    switch (l->state) {
    case LOAD_WARMUP:
        begin_measure(l, now);
        return 0;
    case LOAD_MEASURE:
        if (!all_answered(l) && now < l->boundary + DRAIN_NS)
            return 0;
        for (unsigned g = 0; g < l->ngroups; g++)
            kept[g] = l->groups[g].hist;
        begin_drain(l, now);
        return 0;
    default:
        return error_set(e, ERR_OTHER, "%s: %llu requests were not answered",
                         l->groups[0].server->dialect->name, (unsigned long long)in_flight(l));
    }
}

static int wait_events(struct load *l, uint64_t now, struct epoll_event *events, int *ret_n,
                       struct error *e)
{
    uint64_t until = now + TURN_NS;
    struct timespec timeout;
    if (l->boundary && l->boundary < until)
        until = l->boundary > now ? l->boundary : until;
    for (unsigned g = 0; g < l->ngroups; g++)
        if (l->groups[g].rate > 0 && !l->flows[g].stopped && l->due[g] < until)
            until = l->due[g];
    until = until > now ? until - now : 0;
    timeout = (struct timespec){.tv_sec = (time_t)(until / BENCH_NS),
                                .tv_nsec = (long)(until % BENCH_NS)};
    *ret_n = epoll_pwait2(l->epoll, events, EVENTS, &timeout, NULL);
    if (*ret_n < 0 && errno != EINTR)
        return error_set(e, ERR_OTHER, "cannot wait: %m");
    return bench_check(e);
}

/* One turn: wait, then serve group by group in their order. */
static int load_turn(struct load *l, uint64_t now, struct error *e)
{
    struct epoll_event events[EVENTS];
    int n, rc = wait_events(l, now, events, &n, e);
    for (unsigned g = 0; !rc && g < l->ngroups; g++) {
        for (int i = 0; !rc && i < n; i++) {
            struct load_conn *c = events[i].data.ptr;
            if (c->flow == &l->flows[g])
                rc = serve_conn(l, c, events[i].events, e);
        }
    }
    return rc;
}

/* The first wrong answer of any group. */
static int find_problem(const struct load *l, struct error *e)
{
    for (unsigned g = 0; g < l->ngroups; g++) {
        const struct load_group *group = &l->groups[g];
        if (group->errors)
            return error_set(e, ERR_OTHER, "%llu wrong answers, the first: %s",
                             (unsigned long long)group->errors, group->problem.text);
    }
    return 0;
}

int load_run(struct load_group *groups, unsigned n, struct load_time *time, struct error *e)
{
    struct load l;
    struct hist *kept = calloc(n, sizeof *kept);
    int rc = kept ? load_init(&l, groups, n, time, e) : error_set(e, ERR_OTHER, "out of memory");
    if (!kept)
        return rc;
    if (!rc && !time->anywhere && l.nconns == 1) {
        place_client(&l.place);
        for (unsigned g = 0; g < n; g++)
            place_server(&l.place, groups[g].server->peer.pid);
    }
    if (!rc)
        rc = start_all(&l, e);
    l.boundary = bench_now() + (uint64_t)(time->warmup * (double)BENCH_NS);
    while (!rc && l.state != LOAD_DONE) {
        uint64_t now = bench_now();
        rc = advance(&l, kept, now, e);
        if (!rc)
            rc = send_all_due(&l, now, e);
        if (!rc && l.state != LOAD_DONE)
            rc = load_turn(&l, now, e);
    }
    if (!rc)
        rc = find_problem(&l, e);
    for (unsigned g = 0; g < n; g++)
        place_free(&l.place, groups[g].server->peer.pid);
    place_restore(&l.place);
    for (unsigned g = 0; !rc && g < n; g++)
        groups[g].hist = kept[g];
    load_fini(&l);
    free(kept);
    return rc;
}

static void say_progress(const struct load *l, uint64_t total, uint64_t now, uint64_t *said)
{
    if (now - *said < FILL_SAY_NS)
        return;
    *said = now;
    bench_say("  filling %s: %llu of %llu keys", l->flows[0].dialect->name,
              (unsigned long long)l->flows[0].filled, (unsigned long long)total);
}

int load_fill(const struct load_group *group, uint64_t seed, struct error *e)
{
    struct load_group g = *group;
    struct load_time time = {.seed = seed};
    struct load l;
    uint64_t total = g.keys * g.apps, said = bench_now();
    int rc;
    g.op = OP_SET;
    g.reads = 100;
    g.rate = 0;
    g.window = true;
    g.shape.depth = g.shape.value_len > 16384 ? 4 : FILL_DEPTH;
    g.connections = g.apps > FILL_CONNECTIONS ? g.apps : FILL_CONNECTIONS / g.apps * g.apps;
    rc = load_init(&l, &g, 1, &time, e);
    if (!rc) {
        l.flows[0].fill = true;
        rc = start_all(&l, e);
    }
    while (!rc && !g.errors && in_flight(&l)) {
        uint64_t now = bench_now();
        rc = load_turn(&l, now, e);
        say_progress(&l, total, now, &said);
    }
    if (!rc)
        rc = find_problem(&l, e);
    if (!rc && l.flows[0].filled != total)
        rc = error_set(e, ERR_OTHER, "only %llu of %llu keys were filled",
                       (unsigned long long)l.flows[0].filled, (unsigned long long)total);
    load_fini(&l);
    return rc;
}
